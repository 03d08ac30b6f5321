"""What three minutes of `vanilla` come to: `python benchmarks/vanilla.py [--seeds 0 1 2] [--longer 40000]`.

Trains the recipe's own number of steps on `digits` with each seed, then prints classes found and the
confident share of 1,000 samples, beside real digits and the three controls that must fail. With --longer each
run is resumed to that step and measured again. `--out` keeps the runs, which are resumed if they are there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import ganzoo
from ganzoo.data import embedded
from ganzoo.metrics import controls, found_table

SAMPLES_SEED = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="vanilla")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--longer", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-vanilla"))
    options = parser.parse_args()
    images, labels = embedded()
    rows: dict[str, np.ndarray[Any, Any]] = {}
    for seed in options.seeds:
        folder = options.out / f"{options.variant}-seed-{seed}"
        start = time.perf_counter()
        fresh = not folder.exists()
        run = ganzoo.train(options.variant, data="digits", seed=seed, out=folder, precision="fp32") if fresh else None
        seconds = f", {time.perf_counter() - start:.0f} s" if run else ""
        steps = run.until if run else ""
        rows[f"{options.variant}, seed {seed}, {steps} steps{seconds}"] = sample(folder)
        if options.longer:
            ganzoo.resume(folder, steps=options.longer)
            rows[f"{options.variant}, seed {seed}, {options.longer} steps"] = sample(folder)
    rows |= controls(images, labels)
    print(found_table(rows))


def sample(folder: Path) -> np.ndarray[Any, Any]:
    """1,000 samples uint8 [1000, 28, 28, 1] of the newest checkpoint."""
    samples: np.ndarray[Any, Any] = ganzoo.load(folder).sample(1000, seed=SAMPLES_SEED).images
    return samples


if __name__ == "__main__":
    main()
