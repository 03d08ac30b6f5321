"""Mixtures of Gaussians in the plane, by the protocol of PacGAN (Lin et al. 2018, arXiv:1712.04086).

100,000 points are drawn once and stay; every mode is equally likely.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.source import Content, Points, digest
from ganzoo.errors import DataError

COUNT = 100_000


def ring(*, modes: int = 8, sigma: float = 0.01, seed: int = 0) -> Points:
    """Gaussians on a circle of radius 1: points float32 [N, 2]."""
    if modes < 1:
        raise DataError(f"a ring of {modes} modes has no points; set modes to at least 1")
    angle = 2 * np.pi * np.arange(modes) / modes  # linspace(0, 2 pi, modes) would put two modes on one place
    return _mixture("ring", np.stack([np.cos(angle), np.sin(angle)], axis=1), sigma, seed)


def grid(*, modes: int = 25, sigma: float = 0.05, seed: int = 0) -> Points:
    """Gaussians on a square grid of spacing 2 around 0: points float32 [N, 2]; `modes` is a square number."""
    across = math.isqrt(max(modes, 0))
    if across < 1 or across**2 != modes:
        raise DataError(f"a grid of {modes} modes is no square; set modes to a square number such as 25")
    side = 2.0 * np.arange(across) - (across - 1)
    return _mixture("grid", np.array([(a, b) for a in side for b in side]), sigma, seed)


def beneath(card: Mapping[str, Any], count: int = 2000) -> NDArray[np.float32] | None:
    """The data points [count, 2] to draw beneath those of a model with this card; None if they are not known.

    They are if the card is that of `ring` or `grid` without options: nothing that a card names is opened.
    """
    if card.get("data") not in ("ring", "grid"):
        return None
    source = _plain(card["data"])
    samples: NDArray[np.float32] = source.content.samples
    return samples[:count] if card.get("data_card") == source.card else None


@cache
def _plain(name: str) -> Points:
    return {"ring": ring, "grid": grid}[name]()


def _mixture(name: str, centres: NDArray[np.float64], sigma: float, seed: int) -> Points:
    card = {
        "origin": "drawn by ganzoo; the protocol of PacGAN (Lin et al. 2018)",
        "licence": "none needed",
        "note": f"{COUNT} fixed points, {len(centres)} equally likely modes, sigma {sigma}, seed {seed}",
    }
    return Points(name, partial(_draw, centres, sigma, seed), card, centres=centres, sigma=sigma)


def _draw(centres: NDArray[np.float64], sigma: float, seed: int) -> Content:
    random = np.random.Generator(np.random.Philox(key=seed))
    mode = random.integers(0, len(centres), COUNT)
    points = (centres[mode] + sigma * random.standard_normal((COUNT, 2))).astype(np.float32)
    return Content(points, digest(points))
