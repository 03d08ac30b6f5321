"""The adversarial game of Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661).

    min_G max_D  V(D, G) = E_x [log D(x)] + E_z [log(1 − D(G(z)))]                       (Eq. 1)

D(x) = σ(score) is the probability that x is data. With D at its optimum p/(p + q) the game is worth
C(G) = −log 4 + 2·JSD(p ‖ q), least when the generated density q is the data's p (Theorem 1).
The costs are written with the score: log D = −softplus(−score) and log(1 − D) = −softplus(score),
which are finite for every finite score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzoo.specs import InputSpec, OutputSpec
from ganzoo.two_player import GeneratorNet, Round, Term, one_hot


class Minimax(Term):
    """Algorithm 1 to the letter: D ascends V, G descends V.

    discriminator_scale  multiplies D's cost; the code released with the paper has ½
    """

    centred = True  # the score is 0 where D cannot tell

    def __init__(self, *, discriminator_scale: float = 1.0) -> None:
        super().__init__()
        self.scale = self.targets = discriminator_scale

    def discriminator(self, round: Round) -> Tensor:
        """−V(D, G), the negative of what D ascends."""
        return -self.scale * value(*round.pair())

    def generator(self, round: Round) -> Tensor:
        """E[log(1 − D(G(z)))]: the part of V that depends on G."""
        return -softplus(round.fake.score).mean()

    def report(self, round: Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"V": value(real, fake), "D(x)": real.sigmoid().mean(), "D(G(z))": fake.sigmoid().mean()}


class NonSaturating(Minimax):
    """Section 3's advice: G ascends E[log D(G(z))] instead, which has the same fixed point and a much
    stronger gradient while D is confident."""

    def generator(self, round: Round) -> Tensor:
        """−E[log D(G(z))]."""
        return softplus(-round.fake.score).mean()


def value(real: Tensor, fake: Tensor) -> Tensor:
    """V(D, G) of the scores of real and of fake, float [N] each: a scalar, −log 4 at scores 0."""
    return -softplus(-real).mean() - softplus(fake).mean()


# The networks. The paper has ReLU and sigmoid generators, and maxout discriminators with dropout.


class MlpGenerator(GeneratorNet):
    """ReLU layers from all inputs to tanh pixels, or to points.

    widths  of the hidden layers
    """

    def __init__(
        self, inputs: tuple[InputSpec, ...], output: OutputSpec, *, widths: tuple[int, ...] = (256, 512)
    ) -> None:
        super().__init__(inputs, output)
        sizes = (self.width, *widths)
        layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
        last: list[nn.Module] = [nn.Tanh()] if output.kind == "image" else []
        self.body = nn.Sequential(*layers, nn.Linear(sizes[-1], math.prod(output.shape)), *last)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.body(self.joined(*inputs)).reshape(-1, *self.spec.output.shape)


class Maxout(nn.Module):
    """The greatest of `pieces` linear functions, for each of `units` (Goodfellow et al. 2013, arXiv:1302.4389):
    float [N, inputs] -> [N, units]."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (self.pieces, -1)).amax(1)


class MaxoutDiscriminator(nn.Module):
    """Maxout layers with dropout before each, to one score. Conditions stand beside the pixels.

    units, pieces  of each of the two hidden layers
    keep           share of a layer's inputs that dropout keeps: of the pixels, of the hidden units
    """

    separable = True  # D(x) of one sample does not depend on the others

    def __init__(
        self,
        sample: OutputSpec,
        conditions: tuple[InputSpec, ...] = (),
        *,
        units: int = 128,
        pieces: int = 5,
        keep: tuple[float, ...] = (1.0, 0.7),
    ) -> None:
        super().__init__()
        self.features = units
        self.told = conditions
        self.conditions = tuple(spec.name for spec in conditions)
        self.body = nn.Sequential(
            nn.Dropout(1 - keep[0]),
            Maxout(math.prod(sample.shape) + sum(len(spec.classes) for spec in conditions), units, pieces),
            nn.Dropout(1 - keep[1]),
            Maxout(units, units, pieces),
        )
        self.score = nn.Sequential(nn.Dropout(1 - keep[1]), nn.Linear(units, 1))

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        told = [one_hot(y, spec) for y, spec in zip(conditions, self.told)]
        features = self.body(torch.cat([x.flatten(1), *told], 1) if told else x.flatten(1))
        return {"score": self.score(features).squeeze(1), "features": features}


class Mlp2014Generator(GeneratorNet):
    """The released MNIST generator: two layers of 1200 ReLUs and a sigmoid, weights U(±0.05), the
    output's bias at the inverse sigmoid of the pixels' means."""

    def __init__(
        self,
        inputs: tuple[InputSpec, ...],
        output: OutputSpec,
        marginals: Callable[[], Tensor | None],
        *,
        width: int = 1200,
    ) -> None:
        super().__init__(inputs, OutputSpec(output.kind, output.shape, range=(0.0, 1.0)))
        last = nn.Linear(width, math.prod(output.shape))
        self.body = nn.Sequential(nn.Linear(self.width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), last)
        uniform_(self, 0.05)
        mean = marginals()
        if mean is not None:
            with torch.no_grad():
                last.bias.copy_(mean.flatten().clamp(1e-7, 1 - 1e-7).logit())

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.body(self.joined(*inputs)).sigmoid().reshape(-1, *self.spec.output.shape)


class Mlp2014Discriminator(MaxoutDiscriminator):
    """The released MNIST discriminator: two maxout layers of 240 units of 5 pieces, weights U(±0.005)."""

    def __init__(
        self,
        sample: OutputSpec,
        conditions: tuple[InputSpec, ...] = (),
        *,
        units: int = 240,
        pieces: int = 5,
        keep: tuple[float, ...] = (0.8, 0.5),
    ) -> None:
        super().__init__(sample, conditions, units=units, pieces=pieces, keep=keep)
        uniform_(self, 0.005)


def uniform_(network: nn.Module, bound: float) -> None:
    """Weights U(−bound, bound), biases 0."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.uniform_(parameter, -bound, bound)
