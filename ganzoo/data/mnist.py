"""MNIST and the sets that took over its files: Fashion-MNIST, KMNIST; and stacks of three digits."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.digits import CLASSES, embedded
from ganzoo.data.idx import find_idx, read_idx
from ganzoo.data.root import data_root, download
from ganzoo.data.source import Content, Samples, digest
from ganzoo.errors import DataError

Split = Literal["train", "test"]

FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "ankle boot")  # fmt: skip
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def mnist(
    root: Path | None = None, *, split: Split = "train", flip: bool = False, balanced: bool = False, limit: int = 0
) -> Samples:
    """Handwritten digits, 28x28 grey: 60,000 for training, 10,000 for tests (LeCun, Cortes and Burges)."""
    card = {"origin": "MNIST (LeCun, Cortes, Burges)", "licence": "CC BY-SA 3.0", "note": f"{split} split"}
    load = partial(_load, "mnist", _find("mnist", "MNIST", root, split), CLASSES)
    return Samples("mnist", load, card, flip=flip, balanced=balanced, limit=limit)


def fashion_mnist(
    root: Path | None = None, *, split: Split = "train", flip: bool = False, balanced: bool = False, limit: int = 0
) -> Samples:
    """Pieces of clothing in MNIST's format, 28x28 grey (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747)."""
    card = {"origin": "Fashion-MNIST (Zalando Research)", "licence": "MIT", "note": f"{split} split"}
    load = partial(_load, "fashion-mnist", _find("fashion-mnist", "FashionMNIST", root, split), FASHION)
    return Samples("fashion-mnist", load, card, flip=flip, balanced=balanced, limit=limit)


def kmnist(
    root: Path | None = None, *, split: Split = "train", flip: bool = False, balanced: bool = False, limit: int = 0
) -> Samples:
    """Cursive Japanese characters in MNIST's format, 28x28 grey (Clanuwat et al. 2018, arXiv:1812.01718)."""
    card = {
        "origin": "KMNIST (CODH, from the Kuzushiji dataset of NIJL)",
        "licence": "CC BY-SA 4.0",
        "note": f"{split} split",
    }
    load = partial(_load, "kmnist", _find("kmnist", "KMNIST", root, split), KANA)
    return Samples("kmnist", load, card, flip=flip, balanced=balanced, limit=limit)


def stacked_mnist(
    root: Path | None = None, *, of: Literal["mnist", "digits"] = "mnist", count: int = 128_000, seed: int = 0
) -> Samples:
    """Stacks of three random digits as the channels of one picture: 1,000 modes.

    of     whose digits: MNIST's training split, or the embedded ones
    count  how many stacks; which digits make each is drawn once, from `seed`
    Source: Srivastava et al. 2017 (arXiv:1705.07761), section 4.2, which stacks all 70,000 digits.
    """
    if of == "digits":
        load = embedded
    else:
        paths = _find("mnist", "MNIST", root, "train")
        load = partial(_read, "mnist", paths)
    card = {
        "origin": f"stacks of three digits of {of}",
        "licence": "CC BY-SA 3.0",
        "note": f"{count} stacks, seed {seed}",
    }
    return Samples("stacked-mnist", partial(_stack, load, count, seed), card)


class Stacks:
    """Pictures [N, 3, 28, 28] that are put together when taken: channel c of stack k is digit table[k, c]."""

    def __init__(self, digits: NDArray[np.uint8], table: NDArray[np.int64]) -> None:
        self.digits, self.table = digits, table
        self.shape = (len(table), table.shape[1], *digits.shape[1:])

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: NDArray[np.int64], axis: int) -> NDArray[np.uint8]:
        """The stacks of these rows, along axis 0."""
        return self.digits.take(self.table.take(rows, axis=axis), axis=axis)


def _stack(load: Any, count: int, seed: int) -> Content:
    digits, labels = load()
    table = np.random.Generator(np.random.Philox(key=seed)).integers(0, len(digits), (count, 3))
    modes = labels[table] @ np.array([100, 10, 1])
    names = tuple(f"{k:03d}" for k in range(1000))
    return Content(Stacks(digits, table), digest(digits, table), modes, names)


def _find(name: str, torchvision_name: str, root: Path | None, split: str) -> tuple[Path, Path]:
    """The files of images and labels where they lie, or after a download; DataError when neither works."""
    if split not in ("train", "test"):
        raise DataError(f"'{name}' has no split '{split}'; choose train or test")
    base, part = data_root(root), {"train": "train", "test": "t10k"}[split]
    names = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
    raw = Path(torchvision_name) / "raw"
    folders = [base / name, base / raw, base / name / raw]

    def found() -> list[Path]:
        return [path for path in (find_idx(folders, n) for n in names) if path is not None]

    def fetch() -> None:
        from torchvision import datasets

        getattr(datasets, torchvision_name)(str(base / name), download=True)

    if len(found()) < 2:
        download(name, base / name, " and ".join(f"{n}.gz" for n in names), fetch)
    images, labels = found()
    return images, labels


def _read(name: str, paths: tuple[Path, Path]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = read_idx(paths[0], 3), read_idx(paths[1], 1)
    if images.shape != (len(labels), 28, 28) or not len(labels) or labels.max() > 9:
        raise DataError(
            f"{paths[0]} holds images of shape {images.shape} and {paths[1].name} {len(labels)} "
            f"labels; '{name}' is as many 28x28 images as labels from 0 to 9; fetch both files again"
        )
    return images, labels.astype(np.int64)


def _load(name: str, paths: tuple[Path, Path], classes: tuple[str, ...]) -> Content:
    images, labels = _read(name, paths)
    return Content(images[:, None], digest(images, labels), labels, classes)
