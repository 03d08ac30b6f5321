"""The picture of InfoGAN's codes in docs/generation.md: `python docs/pictures/codes.py MODEL [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import ganzoo

SEED = 5


def main(model: str, folder: Path) -> None:
    """Writes one PNG: a row for each value of c1, along it c2 on the left and c3 on the right, z the same in all."""
    sampler = ganzoo.load(model)
    kinds = next(spec for spec in sampler.spec.inputs if spec.name == "c1").classes
    values = np.linspace(-1, 1, 9, dtype=np.float32)
    asked = {"c1": np.repeat(kinds, len(values)).tolist(), "c2": np.zeros(1), "c3": np.zeros(1)}
    moved = np.tile(values, len(kinds))[:, None]
    seeds = [SEED] * len(moved)
    halves = [sampler.sample(seeds=seeds, **{**asked, code: moved}) for code in ("c2", "c3")]
    left, right = (samples.grid(columns=len(values), seeds=False) for samples in halves)
    page = Image.new("L", (left.width + 12 + right.width, left.height), 255)
    page.paste(left, (0, 0))
    page.paste(right, (left.width + 12, 0))
    page.save(folder / "codes.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
