"""The pictures of docs/generation.md: `python docs/pictures/make.py MODEL [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

import ganzoo
from ganzoo.sampler import Samples


def main(model: str, folder: Path) -> None:
    """Writes four PNGs."""
    sampler = ganzoo.load(model)
    save(sampler.sample(32), folder / "grid.png")
    save(sampler.interpolate(8, 10, steps=8), folder / "interpolate.png")
    save(sampler.vary(10, amount=0.3, n=8), folder / "vary.png")
    save(sampler.along(0, [-3, -2, -1, 0, 1, 2, 3, 4], seed=18), folder / "along.png")


def save(samples: Samples, path: Path) -> None:
    """Eight in a row, at twice their size."""
    image = samples.grid(columns=8, seeds=False)
    image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
