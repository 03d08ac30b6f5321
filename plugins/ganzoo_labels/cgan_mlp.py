"""The networks of Mirza and Osindero 2014, Conditional Generative Adversarial Nets (arXiv:1411.1784), section 4.1.

What is made or judged and its label each have a layer of their own; a joint layer sees both. Without labels only the
first is there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.vanilla import Maxout


class Generator(ganzoo.GeneratorNet):
    """ReLUs over the noise, others over the labels, a joint layer of them, and a sigmoid: pixels in [0, 1].
    Points have no sigmoid.

    widths  units over the noise, units over the labels
    joint   units of the joint layer
    """

    def __init__(
        self,
        inputs: tuple[ganzoo.InputSpec, ...],
        output: ganzoo.OutputSpec,
        *,
        widths: tuple[int, int] = (200, 1000),
        joint: int = 1200,
    ) -> None:
        super().__init__(inputs, ganzoo.OutputSpec(output.kind, output.shape, range=(0.0, 1.0)))
        self.labels = tuple(spec for spec in inputs if spec.kind == "label")
        classes = sum(len(spec.classes) for spec in self.labels)
        self.noise = nn.Sequential(nn.Linear(self.width - classes, widths[0]), nn.ReLU())
        self.label = nn.Sequential(nn.Linear(classes, widths[1]), nn.ReLU()) if classes else None
        seen = widths[0] + (widths[1] if classes else 0)
        last: list[nn.Module] = [nn.Sigmoid()] if output.kind == "image" else []
        self.body = nn.Sequential(
            nn.Linear(seen, joint), nn.ReLU(), nn.Linear(joint, math.prod(output.shape)), *last
        )  # fmt: skip

    def forward(self, *inputs: Tensor) -> Tensor:
        kinds = [(spec.kind, t) for spec, t in zip(self.spec.inputs, inputs)]
        hidden = [self.noise(torch.cat([t.flatten(1) for kind, t in kinds if kind == "latent"], 1))]
        if self.label is not None:
            hidden.append(self.label(_told([t for kind, t in kinds if kind == "label"], self.labels)))
        return self.body(torch.cat(hidden, 1)).reshape(-1, *self.spec.output.shape)


class Discriminator(nn.Module):
    """A maxout layer over the sample, another over the labels, a joint one of both, one score.

    units   over the sample, over the labels; of 5 pieces each
    joint   units of the joint layer, of 4 pieces
    keep    share of what the joint and the last layer see that dropout keeps
    """

    separable = True

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        units: tuple[int, int] = (240, 50),
        joint: int = 240,
        keep: float = 0.5,
    ) -> None:
        super().__init__()
        self.told = conditions
        self.conditions = tuple(spec.name for spec in conditions)
        self.sample = Maxout(math.prod(sample.shape), units[0], 5)
        self.label = Maxout(sum(len(spec.classes) for spec in conditions), units[1], 5) if conditions else None
        drop, seen = nn.Dropout(1 - keep), units[0] + (units[1] if conditions else 0)
        self.body = nn.Sequential(drop, Maxout(seen, joint, 4))
        self.features = joint
        self.score = nn.Sequential(drop, nn.Linear(joint, 1))

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        hidden = [self.sample(x.flatten(1))]
        if self.label is not None:
            hidden.append(self.label(_told(conditions, self.told)))
        features = self.body(torch.cat(hidden, 1))
        return {"score": self.score(features).squeeze(1), "features": features}


def _told(labels: Sequence[Tensor], specs: Sequence[ganzoo.InputSpec]) -> Tensor:
    """Labels int64 [N] of several specs, one-hot, side by side: float [N, classes of all]."""
    return torch.cat([ganzoo.one_hot(y, spec) for y, spec in zip(labels, specs)], 1)
