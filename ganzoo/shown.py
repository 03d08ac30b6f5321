"""Pictures of models that start from pictures: what they are given, what they make of it, and what it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzoo import images
from ganzoo.data import Source
from ganzoo.samples import Samples
from ganzoo.specs import GeneratorSpec

if TYPE_CHECKING:
    from ganzoo.sampler import Sampler

Uint8 = NDArray[np.uint8]


def starts(spec: GeneratorSpec, source: Source, n: int) -> dict[str, Uint8]:
    """What a generator starts from for the first n samples of the data, or as many as there are: uint8 [n, H, W, C] by
    the name of the input. Empty for one that takes no picture."""
    names = [given.name for given in spec.of_kind("image")]
    return {name: pixels for name, pixels in _columns(source, n).items() if name in names} if names else {}


def drawn(sampler: Sampler, source: Source, n: int, seed: int = 0, batch: int = 64) -> Samples:
    """The samples of n seeds from `seed` on; of a model that starts from pictures, of those of the data, as many as
    there are at most."""
    given: dict[str, Any] = starts(sampler.spec, source, n)
    count = min([n, *(len(pixels) for pixels in given.values())])
    return sampler.sample(count, seed=seed, batch=batch, **given)


def sheet(sampler: Sampler, source: Source, n: int, across: int) -> Image.Image:
    """n samples of the data as they are given, made and meant: input, output, target, side by side, `across` of these
    in a row."""
    made = drawn(sampler, source, n)
    columns = _columns(source, len(made))
    shown = [*(columns[given.name] for given in made.spec.of_kind("image")), made.images, columns["x"]]
    alike = [_alike(pixels, made.images.shape[1:]) for pixels in shown]
    return images.grid(np.stack(alike, 1).reshape(-1, *made.images.shape[1:]), columns=across * len(alike))


def _columns(source: Source, n: int) -> dict[str, Uint8]:
    """The columns of pictures of the first n samples, uint8 [n, H, W, C]."""
    found = {name: column.numpy() for name, column in source.columns(n).items()}
    return {name: np.ascontiguousarray(c.transpose(0, 2, 3, 1)) for name, c in found.items() if c.ndim == 4}


def _alike(pixels: Uint8, shape: tuple[int, ...]) -> Uint8:
    """Pictures [n, H, W, C] in another shape (H, W, C): enlarged or reduced, grey in each channel."""
    height, width, channels = shape
    if pixels.shape[1:3] != (height, width):
        whole = [images.picture(one).resize((width, height), Image.Resampling.NEAREST) for one in pixels]
        pixels = np.stack([np.asarray(one).reshape(height, width, -1) for one in whole])
    return pixels if pixels.shape[3] == channels else np.repeat(pixels[..., :1], channels, axis=3)
