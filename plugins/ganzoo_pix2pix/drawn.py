"""Pairs that are drawn, not downloaded: a map of coloured shapes, and the picture it stands for."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Content, Pairs
from ganzoo.data.source import digest
from ganzoo.errors import DataError

KINDS = np.array([[0, 0, 255], [255, 0, 0], [255, 255, 0]], np.uint8)  # of a shape, in the map
PAINT = np.array([[0.9, 0.5, 0.2], [0.2, 0.7, 0.4], [0.5, 0.4, 0.9]])  # in the picture


def drawn_pairs(
    *,
    size: int = 64,
    count: int = 1000,
    split: Literal["train", "val"] = "train",
    flip: bool = False,
    jitter: int = 0,
) -> Pairs:
    """Coloured ellipses as flat maps, and the same lit from above on a sky; for a first try of models of pairs.

    size    pixels a side
    count   of pairs; a fifth as many are held out
    split   'train', or 'val': those held out
    flip    mirror pairs at random, both pictures alike
    jitter  pixels by which pairs are larger, to be cut to their size at random, both alike
    """
    if size < 4 or count < 5 or jitter < 0:
        raise DataError(f"size {size}, count {count} and jitter {jitter} make no pairs; 4, 5 and 0 are the least")
    card = {"origin": "drawn by ganzoo", "licence": "none needed", "note": f"{split}, maps of ellipses"}
    held_out = partial(drawn_pairs, size=size, count=count, split="val") if split == "train" else None
    number = count if split == "train" else count // 5
    load = partial(_load, size + jitter, number, split == "val")
    return Pairs("drawn-pairs", load, card, held_out=held_out, flip=flip, jitter=jitter)


def _load(size: int, count: int, held_out: bool) -> Content:
    random = np.random.Generator(np.random.Philox(key=int(held_out)))
    pairs = np.stack([_pair(size, random) for _ in range(count)])
    return Content(pairs, digest(pairs))


def _pair(size: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """A map and its picture, uint8 [6, size, size]."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    sky = np.stack([0.5 + 0.3 * y, 0.7 + 0.2 * y, np.full_like(y, 0.95)])
    flat = np.zeros((3, size, size), np.uint8)
    for _ in range(random.integers(2, 5)):
        kind = random.integers(len(KINDS))
        (cx, cy), (rx, ry) = random.uniform(0.2, 0.8, 2), random.uniform(0.1, 0.3, 2)
        across, down = (x - cx) / rx, (y - cy) / ry
        inside = across**2 + down**2 < 1
        light = 1 - 0.35 * (1 + down)
        sky = np.where(inside, PAINT[kind][:, None, None] * light, sky)
        flat = np.where(inside, KINDS[kind][:, None, None], flat)
    return np.concatenate([flat, np.rint(255 * sky.clip(0, 1)).astype(np.uint8)])
