"""Metrics of models that start from a picture: does what they make of it keep what it should?

They judge a whole model, and return nothing of one they say nothing about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganzoo import metrics
from ganzoo.data import Pairs, Source
from ganzoo.errors import DataError
from ganzoo.evaluation import Figures, are_digits, pictures_of, some_of
from ganzoo.shown import drawn

if TYPE_CHECKING:
    from ganzoo.sampler import Sampler


class Reconstructed:
    """The share of digits that keep their class when an encoder takes them to latents and a generator back."""

    figure, sign, samples = "kept", 1, 1000
    opposed = ("error",)
    protocol = (
        "digits of the data, drawn at random, before and after, judged by digits-cnn by its likeliest class; error is "
        "the mean absolute difference of pixels in [0, 1]"
    )

    def __init__(self, source: Source) -> None:
        if not are_digits(source):
            shape = list(source.spec.shape)
            raise DataError(
                f"reconstructions are judged of digits of shape [1, 28, 28], 0 to 9; these data are others, {shape}"
            )
        found = some_of(source, 10_000)
        order = np.random.Generator(np.random.Philox(key=0)).permutation(len(found))
        self.images = found[order[: self.samples]]

    def of(self, sampler: Sampler) -> Figures:
        """As metrics of a whole model have it."""
        specs = [one.spec for one in sampler.generators.values()]
        if not any(spec.output.kind == "latent" and spec.of_kind("image") for spec in specs):
            return {}
        return self._figures(sampler.reconstruct(self.images, batch=250).images)

    def beside(self) -> dict[str, Figures]:
        """What is no reconstruction and must fail: another digit, and the mean of all."""
        mean = np.rint(self.images.mean(0)).astype(np.uint8)
        return {
            "another digit for each": self._figures(np.roll(self.images, 1, axis=0)),
            "the mean digit for each": self._figures(np.broadcast_to(mean, self.images.shape)),
        }

    def _figures(self, made: NDArray[np.uint8]) -> Figures:
        before, after = (metrics.classify(images)[0].argmax(1) for images in (self.images, np.ascontiguousarray(made)))
        error = np.abs(self.images.astype(np.float64) - made).mean() / 255
        return {"kept": float((before == after).mean()), "error": float(error)}


class ToTarget:
    """How far what is made of the inputs of pairs is from their targets."""

    figure, sign, samples = "l1", -1, 1000

    def __init__(self, source: Source) -> None:
        if not isinstance(source, Pairs):
            raise DataError("the metric 'l1' compares with targets, so it needs pairs, such as --data pairs:PATH")
        self.source = source.held_out or source
        self.targets = pictures_of(self.source, self.samples).astype(np.float64) / 255
        self.mean = pictures_of(source, 10_000).mean(0) / 255
        which = "pairs that are held out" if source.held_out else "the pairs themselves, none of which are held out"
        self.protocol = (
            f"the mean absolute difference of pixels in [0, 1] to the targets of {which} ({len(self.targets)}); "
            "of_mean is its share of what the mean target of the training pairs comes to"
        )

    def of(self, sampler: Sampler) -> Figures:
        """As metrics of a whole model have it."""
        wanted = {given.name for given in sampler.spec.of_kind("image")}
        if not wanted or not wanted <= self.source.spec.pictures.keys():
            return {}
        return self._figures(drawn(sampler, self.source, self.samples).images / 255)

    def beside(self) -> dict[str, Figures]:
        """What needs no model: the mean target, and the input itself where it looks like a target."""
        found = {"floor: the mean target for each": self._figures(self.mean)}
        shapes = self.source.spec.pictures
        for name, column in self.source.columns(self.samples).items():
            if shapes.get(name) == self.source.spec.shape:
                found[f"the {name} as it is"] = self._figures(column.numpy().transpose(0, 2, 3, 1) / 255)
        return found

    def _figures(self, made: NDArray[np.floating]) -> Figures:
        l1, floor = (float(np.abs(self.targets - one).mean()) for one in (made, self.mean))
        return {"l1": l1, "of_mean": l1 / floor}
