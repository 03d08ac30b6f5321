"""Arrays of one's own: `npz:PATH`."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.root import data_root
from ganzoo.data.source import Content, Samples, digest
from ganzoo.errors import DataError

KEYS = ("x", "images", "labels", "y", "classes")


def npz(
    argument: str, root: Path | None = None, *, flip: bool = False, balanced: bool = False, limit: int = 0
) -> Samples:
    """The arrays of `npz:PATH`: pictures or points under `x` or `images`, classes under `labels` or `y`.

    pictures  uint8 [N, H, W], [N, H, W, C] or [N, C, H, W] with C 1 or 3
    points    floats [N, d]
    labels    whole numbers [N]; their names, in order, may lie under `classes`
    """
    path = Path(argument).expanduser()
    if not path.exists() and not path.is_absolute():
        path = data_root(root) / path
    if not path.is_file():
        raise DataError(f"there is no file {argument}; check the path")
    card = {"origin": path.name, "licence": "not known to ganzoo", "note": "arrays"}
    return Samples(f"npz:{argument}", partial(_load, path), card, flip=flip, balanced=balanced, limit=limit)


def _load(path: Path) -> Content:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in KEYS if key in file.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no .npz free of pickles ({error}); write it with numpy.savez") from error
    found = arrays.get("x", arrays.get("images"))
    if found is None:
        raise DataError(f"{path} holds neither 'x' nor 'images'; save pictures or points as one of them")
    samples = _samples(path, found)
    given = arrays.get("labels", arrays.get("y"))
    if given is None:
        return Content(samples, digest(samples))
    labels, classes = _labels(path, given, len(samples), arrays.get("classes"))
    return Content(samples, digest(samples, labels), labels, classes)


def _samples(path: Path, x: NDArray[Any]) -> NDArray[Any]:
    """Pictures as uint8 [N, C, H, W], points as float32 [N, d]; DataError for anything else."""
    if x.size and x.dtype.kind == "f" and x.ndim == 2:
        if not np.isfinite(x).all():
            raise DataError(f"{path} holds points that are not finite; remove them")
        return x.astype(np.float32)
    if x.size and x.dtype == np.uint8 and x.ndim == 3:
        return x[:, None]
    if x.size and x.dtype == np.uint8 and x.ndim == 4 and x.shape[3] in (1, 3):
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    if x.size and x.dtype == np.uint8 and x.ndim == 4 and x.shape[1] in (1, 3):
        return x
    raise DataError(
        f"{path} holds {x.dtype} of shape {x.shape}; pictures uint8 [N, H, W], [N, H, W, C] or "
        "[N, C, H, W] with C 1 or 3, or points of floats [N, d] are expected"
    )


def _labels(
    path: Path, given: NDArray[Any], count: int, names: NDArray[Any] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels from 0 on, and their names; DataError if they do not fit."""
    if given.shape != (count,) or given.dtype.kind not in "iu":
        raise DataError(
            f"{path} holds labels {given.dtype} of shape {given.shape}; whole numbers of shape ({count},) are expected"
        )
    if names is None:
        values, labels = np.unique(given, return_inverse=True)
        return labels.astype(np.int64), tuple(str(v) for v in values)
    if names.ndim != 1 or int(given.min()) < 0 or int(given.max()) >= len(names):
        raise DataError(
            f"{path} holds labels from {given.min()} to {given.max()} but {names.size} names in "
            "'classes'; save one name for each label from 0 on"
        )
    return given.astype(np.int64), tuple(str(n) for n in names)
