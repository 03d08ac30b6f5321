"""How well a model classifies digits that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import ganzoo
from ganzoo.data import Source, embedded, open_source
from ganzoo.errors import DataError
from ganzoo.evaluation import are_digits

if TYPE_CHECKING:
    from ganzoo.evaluation import Figures


class Classified:
    """The share of MNIST's 10,000 test images whose class the model's generator `classifier` knows."""

    figure, sign = "accuracy", 1
    protocol = "the likeliest class of each of MNIST's 10,000 test images, which no model here is trained on"

    def __init__(self, source: Source, root: Path | None = None) -> None:
        self.root = root
        if not are_digits(source):
            raise DataError("the metric 'classified' tests classifiers of digits 0 to 9; these data are something else")

    def of(self, sampler: ganzoo.Sampler) -> Figures:
        """As metrics of a whole model have it; DataError where MNIST is not on this machine."""
        if "classifier" not in sampler.generators:
            return {}
        images, labels = mnist(self.root)
        said = sampler.generators["classifier"].sample(x=images, batch=250).points
        return {"accuracy": float((said.argmax(1) == labels).mean())}

    def beside(self) -> dict[str, Figures]:
        """The nearest of 100 labelled digits, ten of each, by distance of pixels; and chance."""
        images, labels = mnist(self.root)
        known, their = embedded()
        rows = np.concatenate([np.flatnonzero(their == c)[:10] for c in range(10)])
        known, their = known[rows].reshape(100, -1).astype(np.float64), their[rows]
        flat = images.reshape(len(images), -1).astype(np.float64)
        distances = (known**2).sum(1) - 2 * flat @ known.T
        nearest = float((their[distances.argmin(1)] == labels).mean())
        chance = float((np.random.Generator(np.random.Philox(key=0)).integers(0, 10, len(labels)) == labels).mean())
        return {"nearest of 100 labelled digits": {"accuracy": nearest}, "chance": {"accuracy": chance}}


def mnist(root: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's test images uint8 [10000, 28, 28, 1] and labels."""
    test = open_source("mnist", root, split="test")
    images: np.ndarray = test.all().numpy()
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), np.asarray(test.labels)  # type: ignore[attr-defined]
