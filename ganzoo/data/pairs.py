"""Pairs of pictures, input and target: halves of one file side by side, or files of one name in two folders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzoo.data.archive import Files, open_files
from ganzoo.data.decode import Unfit, decode
from ganzoo.data.folder import bytes_of, decoded, found_at, key_of
from ganzoo.data.labels import pictures_in
from ganzoo.data.source import Content, few, generator_at
from ganzoo.errors import DataError, did_you_mean
from ganzoo.files import canonical
from ganzoo.specs import DataSpec

if TYPE_CHECKING:
    from torch import Tensor

SPLITS = ("train", "val", "test")
INPUT = "input"  # the column beside x


class Pairs:
    """The Source over a loader of pairs: `x` is the target, the column `input` the picture it belongs to.

    load      reads everything: samples uint8 [N, 2 C, H, W], input before target
    card      origin, licence, note
    held_out  gives the pairs that were kept from this source, to judge by; None where there are none
    flip      every second pair, at random, is mirrored left to right, both alike
    jitter    pixels by which pairs are larger than they are dealt: each is cut out at random, both alike
    limit     how many of the pairs there are: a random choice that is always the same; 0: all
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Content],
        card: Mapping[str, Any],
        *,
        held_out: Callable[[], Pairs] | None = None,
        flip: bool = False,
        jitter: int = 0,
        limit: int = 0,
    ) -> None:
        self.name, self._load, self._card, self._held_out = name, load, dict(card), held_out
        self.flip, self.jitter, self.limit = flip, jitter, limit

    @cached_property
    def content(self) -> Content:
        """What the loader read, or `limit` of it; DataError if an option does not fit it."""
        content = few(self._load(), self.limit, self.name)
        if not 0 <= self.jitter < min(content.samples.shape[2:]):
            raise DataError(f"option jitter is {self.jitter}; less than the side of a picture, from 0 up, is expected")
        return content

    @cached_property
    def spec(self) -> DataSpec:
        """Shapes as they are dealt, and how many pairs there are."""
        count, both, height, width = self.content.samples.shape
        shape = (both // 2, height - self.jitter, width - self.jitter)
        return DataSpec("image", shape, size=count, pictures={INPUT: shape})

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the content and the options."""
        return hashlib.sha256(canonical([self.content.digest, self.flip, self.jitter]).encode()).hexdigest()

    @cached_property
    def card(self) -> dict[str, Any]:
        """Origin, licence, note, and what the loader noted."""
        return {**self._card, **self.content.notes}

    @cached_property
    def held_out(self) -> Pairs | None:
        """Pairs to judge by that are no part of these; None where there are none."""
        return self._held_out() if self._held_out else None

    def minibatch(self, seed: int, step: int, draw: int, size: int) -> dict[str, Tensor]:
        """`x` and `input`, uint8 [size, C, H, W], flipped and cut alike; a pure function of (seed, step, draw)."""
        content, random = self.content, generator_at(seed, step, draw)
        if size > len(content.samples):
            raise DataError(
                f"'{self.name}' has {len(content.samples)} pairs where a minibatch needs {size}; choose a smaller "
                "batch or more data"
            )
        both = content.samples.take(random.choice(len(content.samples), size, replace=False), axis=0)
        if self.flip:
            mirrored = random.integers(0, 2, size).astype(bool)
            both[mirrored] = both[mirrored, ..., ::-1]
        if self.jitter:
            height, width = self.spec.shape[1:]
            corners = random.integers(0, self.jitter + 1, (size, 2)).tolist()
            both = np.stack(
                [one[:, top : top + height, left : left + width] for one, (top, left) in zip(both, corners)]
            )
        return _columns(both)

    def columns(self, limit: int | None = None) -> dict[str, Tensor]:
        """The first `limit` pairs in their order (all by default), as a minibatch has them, cut out of the middle."""
        samples = self.content.samples
        count = len(samples) if limit is None else min(limit, len(samples))
        height, width = self.spec.shape[1:]
        edge = self.jitter // 2
        return _columns(samples.take(np.arange(count), axis=0)[:, :, edge : edge + height, edge : edge + width])

    def all(self, limit: int | None = None) -> Tensor:
        """The targets of `columns`."""
        return self.columns(limit)["x"]


def _columns(both: NDArray[np.uint8]) -> dict[str, Tensor]:
    import torch

    inputs, targets = np.split(both, 2, axis=1)
    return {"x": torch.from_numpy(np.ascontiguousarray(targets)), INPUT: torch.from_numpy(np.ascontiguousarray(inputs))}


def pairs(
    argument: str,
    root: Path | None = None,
    *,
    size: int | None = None,
    channels: int = 3,
    direction: Literal["a-to-b", "b-to-a"] = "a-to-b",
    split: Literal["train", "val", "test", "all"] = "train",
    flip: bool = False,
    jitter: int = 0,
    limit: int = 0,
) -> Pairs:
    """The pairs of `pairs:PATH`, a folder, .zip or .tar: pictures side by side, or two folders of equal names.

    size       resize each picture to size x size; without it all must be of one size
    channels   1 grey, 3 RGB
    direction  'a-to-b': the left half, or the first of the two folders, is the input and the other the target
    split      'train', 'val' or 'test': what lies in folders of that name; everything where no folder has such a name
    flip       mirror pairs at random, both pictures alike
    jitter     pixels by which pictures are enlarged, to be cut back to their size at random, both alike
    """
    if channels not in (1, 3):
        raise DataError(f"option channels is {channels}; 1 (grey) or 3 (RGB) is expected")
    if size is not None and size < 1:
        raise DataError(f"option size is {size}; at least 1 is expected")
    if jitter < 0 or (jitter and size is None):
        raise DataError(f"option jitter is {jitter}, which needs size=N and a number from 0 up")
    path = found_at(argument, root)
    files = open_files(path)
    whole = None if size is None else size + jitter
    note = f"{split}, {direction}, size {size or 'as it is'}"
    card = {"origin": path.name, "licence": "not known to ganzoo", "note": note}

    def of(split: str, flip: bool, jitter: int, whole: int | None, limit: int) -> Pairs:
        load = partial(_load, files, path, split, channels, whole, direction)
        return Pairs(f"pairs:{argument}", load, card, held_out=held_out, flip=flip, jitter=jitter, limit=limit)

    def rest() -> Pairs:
        return of(kept[0], False, 0, size, 0)

    there = splits_in(files.names)
    kept = [name for name in ("val", "test") if name in there and split == "train"]
    held_out = rest if kept else None
    return of(split, flip, jitter, whole, limit)


def splits_in(names: list[str]) -> tuple[str, ...]:
    """Which splits have a folder of their name."""
    folders = {part for name in names for part in PurePosixPath(name).parts[:-1]}
    return tuple(split for split in SPLITS if split in folders)


def paired(names: list[str], split: str, place: str) -> list[tuple[str, ...]]:
    """The files of each pair of a split: one that holds both side by side, or one of each of two folders.

    DataError if the split is not there, or a picture in one of two folders has no partner.
    """
    there = splits_in(names)
    if split != "all" and there:
        if split not in there:
            raise DataError(f"{place} has no folder '{split}'{did_you_mean(split, there)}; choose data.split")
        names = [name for name in names if split in PurePosixPath(name).parts[:-1]]
    folders: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        at = PurePosixPath(name)
        where = tuple(part for part in at.parts[:-1] if split == "all" or part != split)
        folders.setdefault(where, {})[at.stem] = name
    if len(folders) != 2:
        return [(name,) for name in names]
    first, second = (folders[where] for where in sorted(folders))
    if not first.keys() & second.keys():
        return [(name,) for name in names]
    if alone := sorted(first.keys() ^ second.keys()):
        raise DataError(
            f"{place} has {len(alone)} pictures that are in one of its two folders only ({alone[0]} is one); give each "
            "a partner of the same name, or remove them"
        )
    return [(first[stem], second[stem]) for stem in sorted(first)]


def _load(files: Files, path: Path, split: str, channels: int, size: int | None, direction: str) -> Content:
    """From the cache if these very pairs were decoded in this way before, else decoded into it."""
    found = {members[0]: members for members in paired(pictures_in(files, path, "", None), split, str(path))}
    names = [name for members in found.values() for name in members]
    key = key_of(files, names, ["pairs", 1, channels, size, direction])

    def both(first: str) -> NDArray[np.uint8]:
        members = found[first]
        if len(members) == 2:
            one, other = (decode(bytes_of(files, name), channels, size, "none") for name in members)
        else:
            one, other = (
                resized(half, size) for half in halves(decode(bytes_of(files, first), channels, None, "none"))
            )
        if one.shape != other.shape:
            raise Unfit("its two pictures differ in size; set size=N to resize them")
        return np.concatenate([one, other] if direction == "a-to-b" else [other, one])

    samples, _, skipped = decoded(path, key, list(found), both)
    return Content(samples, key, notes={"skipped": skipped})


def halves(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The left and the right half of a picture [C, H, W]; Unfit if its width is odd."""
    width = picture.shape[2]
    if width % 2:
        raise Unfit(f"{width} pixels wide, which has no two halves")
    return picture[:, :, : width // 2], picture[:, :, width // 2 :]


def resized(picture: NDArray[np.uint8], size: int | None) -> NDArray[np.uint8]:
    """A picture [C, H, W] of size x size; without size as it is."""
    if size is None or picture.shape[1:] == (size, size):
        return picture
    planes = [Image.fromarray(plane).resize((size, size), Image.Resampling.LANCZOS) for plane in picture]
    return np.stack([np.asarray(plane) for plane in planes])
