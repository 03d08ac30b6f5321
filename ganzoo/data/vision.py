"""Known sets of colour pictures: CIFAR-10 and -100, SVHN, CelebA."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.folder import folder
from ganzoo.data.root import data_root, download
from ganzoo.data.source import Content, Samples, digest
from ganzoo.errors import DataError

SVHN_URL = "http://ufldl.stanford.edu/housenumbers/"
CELEBA_FILES = "img_align_celeba.zip and list_eval_partition.txt"


def cifar10(
    root: Path | None = None,
    *,
    split: Literal["train", "test"] = "train",
    flip: bool = False,
    balanced: bool = False,
    limit: int = 0,
) -> Samples:
    """Ten kinds of things, 32x32 RGB: 50,000 for training, 10,000 for tests (Krizhevsky 2009)."""
    card = {
        "origin": "CIFAR-10 (Krizhevsky 2009, from 80 Million Tiny Images)",
        "licence": "none stated",
        "note": f"{split} split",
    }
    dataset = _cifar("cifar10", "CIFAR10", "cifar-10-python.tar.gz", root, split)
    return Samples("cifar10", partial(_load_cifar, dataset), card, flip=flip, balanced=balanced, limit=limit)


def cifar100(
    root: Path | None = None,
    *,
    split: Literal["train", "test"] = "train",
    flip: bool = False,
    balanced: bool = False,
    limit: int = 0,
) -> Samples:
    """A hundred kinds of things, 32x32 RGB: 50,000 for training, 10,000 for tests (Krizhevsky 2009)."""
    card = {
        "origin": "CIFAR-100 (Krizhevsky 2009, from 80 Million Tiny Images)",
        "licence": "none stated",
        "note": f"{split} split",
    }
    dataset = _cifar("cifar100", "CIFAR100", "cifar-100-python.tar.gz", root, split)
    return Samples("cifar100", partial(_load_cifar, dataset), card, flip=flip, balanced=balanced, limit=limit)


def svhn(
    root: Path | None = None,
    *,
    split: Literal["train", "test", "extra"] = "train",
    flip: bool = False,
    balanced: bool = False,
    limit: int = 0,
) -> Samples:
    """House numbers, 32x32 RGB, cropped to one digit (Netzer et al. 2011)."""
    base, file = data_root(root), f"{split}_32x32.mat"
    paths = [p for p in (base / "svhn" / file, base / file) if p.is_file()]
    if not paths:

        def fetch() -> None:
            from torchvision.datasets import SVHN
            from torchvision.datasets.utils import download_url

            with tempfile.TemporaryDirectory(dir=base / "svhn", prefix=".tmp-") as aside:  # a part of it is no file
                download_url(SVHN_URL + file, aside, file, SVHN.split_list[split][2])
                os.replace(Path(aside) / file, base / "svhn" / file)

        download("svhn", base / "svhn", file, fetch)
        paths = [base / "svhn" / file]
    card = {
        "origin": "SVHN (Netzer et al. 2011)",
        "licence": "non-commercial use only",
        "note": f"{split} split",
    }
    return Samples("svhn", partial(_load_svhn, paths[0]), card, flip=flip, balanced=balanced, limit=limit)


def celeba(
    root: Path | None = None,
    *,
    split: Literal["train", "valid", "test", "all"] = "train",
    size: int = 64,
    crop: Literal["centre", "none"] = "centre",
    flip: bool = False,
    limit: int = 0,
) -> Samples:
    """Faces of celebrities, aligned, RGB, cropped to a square and resized to `size` (Liu et al. 2015)."""
    base = data_root(root) / "celeba"
    places = [base / "img_align_celeba", base / "img_align_celeba.zip"]
    partition = base / "list_eval_partition.txt"

    def whole() -> bool:
        return any(p.exists() for p in places) and (split == "all" or partition.is_file())

    def fetch() -> None:
        from torchvision.datasets import CelebA

        CelebA(str(base.parent), download=True)

    if not whole():
        download("celeba", base, CELEBA_FILES, fetch)
    if not whole():
        raise DataError(f"'celeba' is not whole in {base}; put {CELEBA_FILES} there")
    only = None
    if split != "all":
        wanted = str(("train", "valid", "test").index(split))
        rows = [line.split() for line in partition.read_text().splitlines()]
        only = frozenset(row[0] for row in rows if len(row) == 2 and row[1] == wanted)
    place = next(p for p in places if p.exists())
    faces = folder(str(place), only=only, size=size, crop=crop, labels="none", flip=flip, limit=limit)
    faces.name = "celeba"
    faces.describe(
        origin="CelebA (Liu et al. 2015, MMLAB)",
        licence="for non-commercial research only",
        note=f"{split} split, {size}x{size}, crop {crop}",
    )
    return faces


def _cifar(name: str, torchvision_name: str, archive: str, root: Path | None, split: str) -> Any:
    """torchvision's data set (which checks every file's MD5 before it unpickles), found or downloaded."""
    from torchvision import datasets

    if split not in ("train", "test"):
        raise DataError(f"'{name}' has no split '{split}'; choose train or test")
    base, make = data_root(root), partial(getattr(datasets, torchvision_name), train=split == "train")
    for place in (base / name, base):
        try:
            return make(str(place))
        except RuntimeError:  # its files are not there, or damaged
            continue
    download(name, base / name, archive, lambda: make(str(base / name), download=True))
    return make(str(base / name))


def _load_cifar(dataset: Any) -> Content:
    images = np.ascontiguousarray(dataset.data.transpose(0, 3, 1, 2))
    labels = np.asarray(dataset.targets, dtype=np.int64)
    return Content(images, digest(images, labels), labels, tuple(dataset.classes))


def _load_svhn(path: Path) -> Content:
    arrays = read_mat(path)
    images, labels = arrays.get("X"), arrays.get("y")
    if (
        images is None
        or labels is None
        or images.ndim != 4
        or images.shape[:3] != (32, 32, 3)
        or (labels.size != images.shape[3])
    ):
        raise DataError(f"{path} does not hold X of 32x32x3xN and y of N; fetch the file again")
    images = np.ascontiguousarray(images.transpose(3, 2, 0, 1))
    digits = labels.reshape(-1).astype(np.int64) % 10  # the file calls the digit 0 ten
    return Content(images, digest(images, digits), digits, tuple("0123456789"))


def read_mat(path: Path) -> dict[str, NDArray[np.uint8]]:
    """The uint8 arrays of a MATLAB 5 file by name; DataError if it is not one.

    Source: "MAT-File Format", MathWorks.
    """
    arrays: dict[str, NDArray[np.uint8]] = {}
    try:
        content = memoryview(path.read_bytes())
        if bytes(content[126:128]) != b"IM":
            raise DataError(f"{path} is not a MATLAB 5 file; fetch the file again")
        at = 128
        while at < len(content):
            kind, size = struct.unpack_from("<II", content, at)
            block = content[at + 8 : at + 8 + size]
            if kind == 15:  # compressed: one element within
                block = memoryview(zlib.decompress(block))[8:]
            flags, dims, name, data = _elements(block)
            if flags[0] == 9:  # a matrix of uint8
                shape = struct.unpack(f"<{len(dims) // 4}i", dims)
                arrays[bytes(name).decode()] = np.frombuffer(data, np.uint8).reshape(shape, order="F")
            at += 8 + size
    except (OSError, struct.error, zlib.error, ValueError) as error:
        raise DataError(f"{path} is no MATLAB 5 file ({error}); fetch the file again") from error
    return arrays


def _elements(block: memoryview) -> list[memoryview]:
    """The first four elements of a matrix: flags, sizes, name, data. Each begins on a multiple of 8."""
    found: list[memoryview] = []
    at = 0
    while len(found) < 4:
        kind, size = struct.unpack_from("<II", block, at)
        if kind >> 16:  # small: size and type share a word, four bytes of data follow
            found.append(block[at + 4 : at + 4 + (kind >> 16)])
            at += 8
        else:
            found.append(block[at + 8 : at + 8 + size])
            at += 8 + -(-size // 8) * 8
    return found
