"""Karras et al. 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation (arXiv:1710.10196),
section 5: the sliced Wasserstein distance between patches of the levels of a Laplacian pyramid.

It needs no network, so it fits pictures of any kind, in colour or grey. It sees colours and textures of 7 pixels at
each scale, and not what the picture shows. The floor and the controls stand beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import ganzoo
from ganzoo.data import Source
from ganzoo.errors import DataError
from ganzoo.evaluation import Figures, some_of

Array = NDArray[np.float32]

SMALLEST = 16  # sides of the last level
SIDE = 7  # of a patch
PATCHES = 32  # of each picture, at each level
DIRECTIONS = 128
TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


class SlicedWasserstein:
    """The distance between patches of samples and of the data, at each scale (Karras et al. 2018, arXiv:1710.10196).

    swd is the mean of swd_H over the levels of the pyramid, H the height of a level.
    """

    figure, sign, samples = "swd", -1, 2048

    def __init__(self, source: Source) -> None:
        if source.spec.kind != "image" or min(source.spec.shape[1:]) < SMALLEST:
            raise DataError(
                f"the metric 'swd' compares pictures of {SMALLEST} pixels a side or more; these data have shape "
                f"{list(source.spec.shape)}"
            )
        found = some_of(source, 10_000).transpose(0, 3, 1, 2)
        order = np.random.Generator(np.random.Philox(key=0)).permutation(len(found))
        self.count = min(self.samples, len(found) // 2)
        self.images, self.others = found[order[: self.count]], found[order[self.count : 2 * self.count]]
        self.data = [Level(level) for level in pyramid(self.images)]
        self.protocol = (
            f"sliced Wasserstein distance, times 1,000, to {self.count:,} of {len(found):,} training images by "
            f"{SIDE}x{SIDE} patches of a Laplacian pyramid, {PATCHES} of a picture, {DIRECTIONS} directions; colours "
            "are in the data's deviations, where the paper takes those of each set"
        )

    def __call__(self, samples: ganzoo.Samples) -> Figures:
        return self._figures(samples.images.transpose(0, 3, 1, 2))

    def beside(self) -> dict[str, Figures]:
        """A floor, other images of the data; and controls that must fail."""
        noise = np.random.Generator(np.random.Philox(key=1)).standard_normal(self.images.shape, np.float32)
        mean, deviation = self.images.mean(0), self.images.std(0)
        controls = {
            "floor: other training images": self.others,
            "averages of two": (self.images + self.others.astype(np.float64)) / 2,
            "blurred": lowpass(self.others.astype(np.float32)),
            "noise of the mean and deviation of each pixel": (mean + deviation * noise).clip(0, 255),
        }
        return {name: self._figures(np.rint(images).astype(np.uint8)) for name, images in controls.items()}

    def _figures(self, images: NDArray[np.uint8]) -> Figures:
        levels = list(zip(self.data, pyramid(images[: self.count])))
        found = {f"swd_{level.shape[2]}": 1000 * data.distance(level) for data, level in levels}
        return {"swd": float(np.mean(list(found.values()))), **found}


class Level:
    """One level of the data's pyramid: what patches of others are compared with."""

    def __init__(self, level: Array) -> None:
        self.mean = level.mean((0, 2, 3), keepdims=True)
        self.deviation = np.maximum(level.std((0, 2, 3), keepdims=True), 1e-8)
        self.sorted = self._sorted(level)

    def distance(self, level: Array) -> float:
        """The mean over directions of the Wasserstein distance of order 1 in one dimension; of fewer pictures, to as
        many quantiles of the data."""
        found = self._sorted(level)
        rows = ((np.arange(len(found)) + 0.5) * len(self.sorted) / len(found)).astype(np.int64)
        return float(np.abs(found - self.sorted[rows]).mean())

    def _sorted(self, level: Array) -> Array:
        """Patches, in the data's deviations, projected and sorted: [patches, DIRECTIONS]."""
        flat = patches((level - self.mean) / self.deviation)
        directions = np.random.Generator(np.random.Philox(key=2)).standard_normal(
            (flat.shape[1], DIRECTIONS), np.float32
        )
        found: Array = flat @ (directions / np.linalg.norm(directions, axis=0))
        found.sort(0)
        return found


def patches(pictures: Array) -> Array:
    """PATCHES squares of each picture [N, C, H, W], at places drawn once and for all: [N · PATCHES, C · SIDE²]."""
    n, channels, height, breadth = pictures.shape
    random = np.random.Generator(np.random.Philox(key=3))
    top, left = (random.integers(0, side - SIDE + 1, n * PATCHES) for side in (height, breadth))
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (SIDE, SIDE), (2, 3))
    return windows[np.repeat(np.arange(n), PATCHES), :, top, left].reshape(n * PATCHES, channels * SIDE**2)


def pyramid(images: NDArray[np.uint8]) -> list[Array]:
    """The Laplacian pyramid of pictures [N, C, H, W] in [0, 1]: what each level has that the next has not, and the last
    (Burt and Adelson 1983). Sides halve while they are even and not below SMALLEST."""
    level: Array = (images / 255).astype(np.float32)
    found: list[Array] = []
    while all(side % 2 == 0 and side // 2 >= SMALLEST for side in level.shape[2:]):
        coarse: Array = lowpass(level)[:, :, ::2, ::2]
        spread: Array = np.zeros_like(level)
        spread[:, :, ::2, ::2] = 4 * coarse
        found.append(level - lowpass(spread))
        level = coarse
    return [*found, level]


def lowpass(pictures: Array) -> Array:
    """Pictures [N, C, H, W] convolved with the binomial filter of 5 taps each way, mirrored at the edges."""
    for axis in (2, 3):
        side = pictures.shape[axis]
        wide = np.pad(pictures, [(2, 2) if a == axis else (0, 0) for a in range(4)], mode="reflect")
        rows = np.moveaxis(wide, axis, 0)
        pictures = np.moveaxis(sum(t * rows[k : k + side] for k, t in enumerate(TAPS)), 0, axis)  # type: ignore[arg-type]
    return pictures
