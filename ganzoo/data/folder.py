"""Pictures of one's own: a folder, a .zip or a .tar, decoded once into a cache in the user's cache folder."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import platformdirs
from numpy.typing import NDArray

from ganzoo.data.archive import Files, open_files, read
from ganzoo.data.decode import Unfit, decode
from ganzoo.data.labels import classes_of, ordered, pictures_in
from ganzoo.data.root import data_root
from ganzoo.data.source import Content, Samples
from ganzoo.errors import DataError, SpaceError
from ganzoo.files import atomic, canonical, read_json, write_json

log = logging.getLogger("ganzoo.data")

IN_MEMORY = 512 * 2**20  # bytes of pixels; more stay in the mapped file
MOST_BAD = 0.01  # share of pictures that may be unfit


class FolderSamples(Samples):
    """Pictures of a folder; `describe` puts another origin, licence and note on the card."""

    def describe(self, **lines: str) -> None:
        """Set lines of the card."""
        self._card.update(lines)


@dataclass(frozen=True)
class Reading:
    """How a folder is read: everything its cache depends on, beside its files."""

    channels: int
    size: int | None
    crop: str
    labels: str
    under: str
    only: frozenset[str] | None


def folder(
    argument: str,
    root: Path | None = None,
    only: frozenset[str] | None = None,
    *,
    size: int | None = None,
    crop: Literal["centre", "none"] = "centre",
    channels: int = 3,
    labels: str = "folders",
    under: str = "",
    flip: bool = False,
    balanced: bool = False,
    limit: int = 0,
) -> FolderSamples:
    """The pictures of `folder:PATH`: a folder, .zip or .tar; classes by sub-folder or by a CSV.

    size      resize to size x size; without it all pictures must be of one size
    crop      'centre': cut the largest square first · 'none': squeeze
    channels  1 grey, 3 RGB
    labels    'folders': the first sub-folder is the class · 'none' · the path of a CSV of file and class
    only      use only the files of these names (for sources built on this one)
    under     use only what lies below this folder inside (`train`)
    """
    if channels not in (1, 3):
        raise DataError(f"option channels is {channels}; 1 (grey) or 3 (RGB) is expected")
    if size is not None and size < 1:
        raise DataError(f"option size is {size}; at least 1 is expected")
    if crop not in ("centre", "none"):
        raise DataError(f"option crop is '{crop}'; 'centre' or 'none' is expected")
    path = found_at(argument, root)
    files = open_files(path)
    reading = Reading(channels, size, crop, labels, under.strip("/"), only)
    note = f"{channels} channels, size {size or 'as it is'}"
    card = {"origin": path.name, "licence": "not known to ganzoo", "note": note}
    load = partial(_load, files, path, reading)
    return FolderSamples(f"folder:{argument}", load, card, flip=flip, balanced=balanced, limit=limit)


def found_at(argument: str, root: Path | None) -> Path:
    """The path that is named; one that is not below the working directory may be below the root of the data."""
    path = Path(argument).expanduser()
    if not path.exists() and not path.is_absolute() and (data_root(root) / path).exists():
        return data_root(root) / path
    return path


def _load(files: Files, path: Path, reading: Reading) -> Content:
    """From the cache if these very files were decoded in this way before, else decoded into it."""
    names = pictures_in(files, path, reading.under, reading.only)
    classes = classes_of(files, path, names, reading.labels)
    if classes is not None:
        names = list(classes)
    key = key_of(files, names, [1, reading.channels, reading.size, reading.crop], classes)
    pixels, kept, skipped = decoded(
        path,
        key,
        names,
        lambda name: decode(bytes_of(files, name), reading.channels, reading.size, reading.crop),
    )
    notes = {"skipped": skipped}
    if classes is None:
        return Content(pixels, key, notes=notes)
    known = ordered(set(classes.values()))
    labels = np.array([known.index(classes[name]) for name in kept], dtype=np.int64)
    return Content(pixels, key, labels, known, notes)


def decoded(
    path: Path, key: str, names: Sequence[str], picture: Callable[[str], NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], list[str], list[Sequence[str]]]:
    """The pictures [N, C, H, W] of `path` by their names, from the cache of that key, else decoded into it; the names
    kept, and those skipped with the reason. DataError if more than 1 % are unfit or sizes differ."""
    cache = platformdirs.user_cache_path("ganzoo") / "decoded"
    stored, about = cache / f"{key}.npy", cache / f"{key}.json"
    if not (stored.is_file() and about.is_file()):
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpaceError(
                f"the folder {cache} for decoded pictures cannot be made ({error.strerror}); "
                "make it, or name another cache folder by XDG_CACHE_HOME"
            ) from error
        kept, unfit = _decode(path, names, picture, stored)
        write_json(about, {"kept": kept, "skipped": unfit})
    facts = read_json(about)
    skipped = facts["skipped"]
    if skipped:
        log.warning("%s: %d of %d pictures skipped (%s)", path.name, len(skipped), len(names), _listed(skipped))
    pixels = np.load(stored, mmap_mode="r", allow_pickle=False)
    if pixels.nbytes <= IN_MEMORY:
        pixels = np.array(pixels)
    return pixels, facts["kept"], skipped


def key_of(files: Files, names: Sequence[str], reading: Sequence[Any], classes: Mapping[str, str] | None = None) -> str:
    """SHA-256 over names, classes, sizes and bytes of the pictures and over how they are read."""
    total = hashlib.sha256(canonical(reading).encode())
    for name in names:
        try:
            content = read(files, name)
        except Exception:  # damaged archives raise anything; decoding will name the file
            content = b""
        facts = [name, classes and classes[name], len(content), hashlib.sha256(content).hexdigest()]
        total.update(canonical(facts).encode())
    return total.hexdigest()


def _decode(
    path: Path, names: Sequence[str], picture: Callable[[str], NDArray[np.uint8]], stored: Path
) -> tuple[list[str], list[tuple[str, str]]]:
    """Writes the pixels [N, C, H, W] to `stored`; the names kept, and those skipped with the reason."""
    kept: list[str] = []
    skipped: list[tuple[str, str]] = []
    shape: tuple[int, ...] = ()
    with atomic(stored) as temporary, open(temporary, "wb") as file:
        for name in names:
            try:
                pixels = picture(name)
            except Unfit as reason:
                skipped.append((name, str(reason)))
                continue
            if not kept:
                shape = pixels.shape
                _header(file, 0, shape)
            if pixels.shape != shape:
                raise DataError(
                    f"{path.name} holds pictures of different sizes ({kept[0]} "
                    f"{_measure(shape)}, {name} {_measure(pixels.shape)}); "
                    f"set size=N (--set data.size=N) to resize them all"
                )
            file.write(pixels.tobytes())
            kept.append(name)
        if len(skipped) > MOST_BAD * len(names):
            raise DataError(
                f"{path.name} has {len(skipped)} unfit pictures of {len(names)} ({_listed(skipped)}), "
                "more than 1 %; repair or remove them"
            )
        file.seek(0)
        _header(file, len(kept), shape)
    return kept, skipped


def _listed(skipped: Sequence[Sequence[str]]) -> str:
    """The first few that were skipped, with the reasons."""
    first = [f"{name}: {reason}" for name, reason in skipped[:5]]
    return "; ".join(first + ["..."] * (len(skipped) > 5))


def bytes_of(files: Files, name: str) -> bytes:
    """The bytes of one file; Unfit when it cannot be read."""
    try:
        return read(files, name)
    except Exception as error:  # damaged archives raise anything
        raise Unfit(f"cannot be read: {error}") from error


def _header(file: Any, count: int, shape: tuple[int, ...]) -> None:
    """The header of a .npy file; numpy leaves room in it, so its length does not depend on the count."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)})


def _measure(shape: tuple[int, ...]) -> str:
    return f"{shape[2]}x{shape[1]}"
