"""The digits that come with ganzoo: 10,000 of MNIST's training images, 1,000 of each class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.source import Content, Samples, digest

ASSETS = Path(__file__).parents[1] / "assets"
CLASSES = tuple("0123456789")


def digits(*, flip: bool = False, balanced: bool = False, limit: int = 0) -> Samples:
    """10,000 handwritten digits of MNIST's training split, 1,000 of each; embedded, no download."""
    card = json.loads((ASSETS / "digits.json").read_text(encoding="utf-8"))
    return Samples("digits", _load, card, flip=flip, balanced=balanced, limit=limit)


def embedded() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 [10000, 28, 28] and labels int64 [10000]."""
    with np.load(ASSETS / "digits.npz", allow_pickle=False) as file:
        return file["images"], file["labels"].astype(np.int64)


def _load() -> Content:
    images, labels = embedded()
    return Content(images[:, None], digest(images, labels), labels, CLASSES)
