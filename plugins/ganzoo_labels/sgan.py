"""Semi-supervised learning with a GAN: D is a classifier of K classes and of one more, 'fake'.

Odena 2016 (arXiv:1606.01583) and Salimans et al. 2016 (arXiv:1606.03498), section 5. The logit of 'fake' is 0 without
loss of generality; then with logits l of the classes and Z = Σ exp l_k

    D(x) = Z / (Z + 1) = σ(log Z),

so the score is log Z and any loss of two players is the unsupervised part of the cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.flatten import Flatten


class Discriminator(nn.Module):
    """Two convolutions 4×4 of stride 2 and a linear layer with leaky ReLU and dropout, logits of the classes at
    the end; the score is the logarithm of the sum of their exponentials.

    width  channels of the first convolution; the second has 2, the linear layer 8 times as many units
    keep   share of a hidden layer's inputs that dropout keeps
    """

    separable = True

    def __init__(self, sample: ganzoo.OutputSpec, data: ganzoo.DataSpec, *, width: int = 32, keep: float = 0.7) -> None:
        super().__init__()
        if sample.kind != "image" or not data.classes:
            raise RecipeError(
                "sgan judges pictures and their classes; choose pictures with labels, such as semi:digits"
            )
        channels, height, breadth = sample.shape
        drop, slope = nn.Dropout(1 - keep), nn.LeakyReLU(0.2)
        self.features = 8 * width
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), slope, drop, nn.Conv2d(width, 2 * width, 4, 2, 1), slope, drop,
            Flatten(), nn.Linear(2 * width * (height // 4) * (breadth // 4), self.features), slope,
        )  # fmt: skip
        self.classes = nn.Sequential(drop, nn.Linear(self.features, len(data.classes)))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.body(x)
        logits = self.classes(features)
        return {"score": logits.logsumexp(1), "class_logits": logits, "features": features}


class Labelled(ganzoo.Round):
    """A round with labelled samples: `labelled`, what D said of them, and their `labels` int64 [N]."""

    def __init__(self, game: ganzoo.TwoPlayer, minibatch: ganzoo.Minibatch, watch: tuple[str, ...]) -> None:
        super().__init__(game, minibatch, watch)
        self.dealt = minibatch

    @cached_property
    def labelled(self) -> ganzoo.Judgement:
        return self.judge(self.dealt.real(self.G.spec.output, "x_labelled"), {})

    @cached_property
    def labels(self) -> Tensor:
        return self.dealt["label_labelled"]


class SemiSupervised(ganzoo.TwoPlayer):
    """Two players, and labelled samples beside; D without 'fake' is a second generator, `classifier`: x -> logits."""

    labelled = True

    def __init__(self, build: ganzoo.Builder, **options: Any) -> None:
        super().__init__(build, **options)
        self.K = len(build.data.classes)

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Labelled:
        return Labelled(self, minibatch, turn.watch)

    def generators(self) -> Mapping[str, nn.Module]:
        return {**super().generators(), "classifier": Classifier(self.D, self.G.spec.output, self.K)}


class Classifier(nn.Module):
    """What D says of the class of a picture: logits float [N, K]."""

    def __init__(self, D: nn.Module, sample: ganzoo.OutputSpec, K: int) -> None:
        super().__init__()
        x = ganzoo.InputSpec(
            "x", "image", sample.shape, "given", range=sample.range, doc="the picture to be classified"
        )
        self.spec = ganzoo.GeneratorSpec("classifier", (x,), ganzoo.OutputSpec("points", (K,)))
        self.D = D

    def forward(self, x: Tensor) -> Tensor:
        return self.D(x)["class_logits"]


class Supervised(ganzoo.Term):
    """Cross entropy of the labelled samples among the K classes, for D."""

    needs = ("labelled", "a game with labelled samples beside the others, game=semi-supervised")

    def discriminator(self, round: Labelled) -> Tensor:  # type: ignore[override]
        """L_supervised = −E[log p(y | x, y < K + 1)] (Salimans et al. 2016, section 5)."""
        return cross_entropy(round.labelled.class_logits, round.labels)

    def report(self, round: Labelled) -> Mapping[str, Tensor]:  # type: ignore[override]
        """The share of the labelled samples that D gets right."""
        return {"accuracy": (round.labelled.class_logits.argmax(1) == round.labels).float().mean()}
