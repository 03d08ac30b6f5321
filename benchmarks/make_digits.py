"""Makes the embedded digits: `make_digits.py MNIST_FOLDER` writes the same bytes every time.

1,000 training images of each class, drawn by the raw words of Philox (which no version of numpy changes):
every image gets a word, each class keeps its 1,000 smallest, and the words are also the order in the file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ganzoo.data.idx import find_idx, read_idx
from ganzoo.data.source import digest

ASSETS = Path(__file__).parents[1] / "ganzoo" / "assets"
SEED, EACH = 2014, 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path, help="the folder with MNIST's IDX files, plain or gzipped")
    parser.add_argument("-o", "--out", type=Path, default=ASSETS / "digits.npz")
    options = parser.parse_args()
    paths = [find_idx([options.mnist], f"train-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]
    if paths[0] is None or paths[1] is None:
        raise SystemExit(f"{options.mnist} does not hold the two IDX files of MNIST's training split")
    images, labels = read_idx(paths[0], 3), read_idx(paths[1], 1)
    words = np.random.Philox(key=SEED).random_raw(len(labels))
    order = np.argsort(words, kind="stable")
    index = np.sort(np.concatenate([np.flatnonzero(labels[order] == c)[:EACH] for c in range(10)]))
    index = order[index].astype(np.uint16)
    np.savez_compressed(options.out, images=images[index], labels=labels[index], index=index)
    card = {
        "name": "digits",
        "origin": "10,000 of the 60,000 training images of MNIST (Yann LeCun, Corinna Cortes, "
        "Christopher J.C. Burges; http://yann.lecun.com/exdb/mnist), "
        "themselves made from NIST Special Databases 1 and 3",
        "licence": "CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/)",
        "note": f"1,000 images of each class, drawn without replacement (Philox, seed {SEED}); "
        "the images are unchanged: 28x28, grey, light on black; "
        "`index` in the file is their place in MNIST's training split",
        "content": digest(images[index], labels[index].astype(np.int64)),
        "command": "python benchmarks/make_digits.py MNIST_FOLDER",
    }
    options.out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"{options.out.name}: {len(index)} images, {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
