"""The features of MNIST's test images, as a Gaussian: `python benchmarks/make_digits_test.py MNIST_FOLDER`.

Writes ganzoo/assets/digits-cnn-test.npz, the mean [128] and covariance [128, 128] of digits-cnn's features of the
10,000 test images: what the Frechet distance of training images has as its floor. It holds no image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ganzoo.data.idx import find_idx, read_idx
from ganzoo.metrics import JUDGE, classify, gaussian


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path, help="the folder with MNIST's IDX files")
    parser.add_argument("-o", "--out", type=Path, default=JUDGE.with_name("digits-cnn-test.npz"))
    options = parser.parse_args()
    path = find_idx([options.mnist], "t10k-images-idx3-ubyte")
    if path is None:
        raise SystemExit(f"{options.mnist} does not hold MNIST's test images")
    mean, covariance = gaussian(classify(read_idx(path, 3))[1])
    np.savez_compressed(options.out, mean=mean, covariance=covariance)
    print(f"{options.out.name}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
