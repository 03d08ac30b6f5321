"""What a source of data is, and the two kinds there are: pictures and points.

A minibatch is a pure function of (seed, step, draw): without replacement inside it, independent of every
other. Nothing is read before it is asked for, and this module imports torch only where tensors are made.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray

from ganzoo.errors import DataError
from ganzoo.files import canonical
from ganzoo.seeds import mix
from ganzoo.specs import DataSpec

if TYPE_CHECKING:
    from torch import Tensor


class Source(Protocol):
    """Where training data comes from.

    spec         what a minibatch holds
    fingerprint  SHA-256 over the content and every option that changes what is dealt
    card         plain data for people: `origin`, `licence`, `note`; of folders `skipped` too
    """

    @property
    def spec(self) -> DataSpec: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def card(self) -> dict[str, Any]: ...

    def minibatch(self, seed: int, step: int, draw: int, size: int) -> dict[str, Tensor]:
        """`x`: uint8 [size, C, H, W] or float32 [size, d]; with classes also `label`: int64 [size].

        DataError when `size` is more than there is.
        """

    def all(self, limit: int | None = None) -> Tensor:
        """The first `limit` samples in their order (all by default), as `x` of a minibatch."""

    def columns(self, limit: int | None = None) -> dict[str, Tensor]:
        """The same with what belongs to them, as a minibatch has it; asked of data of pairs only."""


@dataclass(frozen=True)
class Content:
    """What a loader read.

    samples  uint8 [N, C, H, W] or float32 [N, d]; anything that indexes like such an array
    digest   SHA-256 of the content
    labels   int64 [N]; None without classes
    classes  names in the order of the labels
    notes    what the card says beside the loader's: `skipped`
    """

    samples: Any
    digest: str
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


def digest(*arrays: NDArray[Any] | None) -> str:
    """SHA-256 over the types, shapes and bytes of arrays."""
    total = hashlib.sha256()
    for array in arrays:
        if array is not None:
            total.update(f"{array.dtype.str}{array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def few(content: Content, limit: int, name: str) -> Content:
    """`limit` of the samples, at random but always the same, in their order; all of them if it is 0. A smaller limit
    takes some of what a greater one takes. DataError if there are not as many."""
    if limit == 0:
        return content
    count = len(content.samples)
    if not 0 < limit <= count:
        raise DataError(f"option limit is {limit}; a number from 1 up to the {count} samples of '{name}' is expected")
    rows = np.sort(generator_at(0, 0, 0).permutation(count)[:limit])
    total = hashlib.sha256(content.digest.encode() + rows.tobytes()).hexdigest()
    labels = None if content.labels is None else content.labels[rows]
    return replace(content, samples=content.samples.take(rows, axis=0), digest=total, labels=labels)


def generator_at(seed: int, step: int, draw: int) -> np.random.Generator:
    """The numbers that belong to one minibatch: Philox under a mix of the three."""
    return np.random.Generator(np.random.Philox(Key(mix(seed, step, draw))))  # type: ignore[arg-type]


class Key(ISeedSequence):
    """What makes Philox(Key(k)) Philox(key=k), which would gather entropy from the system first, in vain."""

    def __init__(self, key: int) -> None:
        self.key = key

    def generate_state(self, n_words: int, dtype: Any = np.uint64) -> NDArray[Any]:
        """The two words of the key."""
        return np.array([self.key, 0], dtype)


class Samples:
    """The Source over a loader: pictures or points, read when first needed.

    load      reads everything; called once, by the first property or minibatch that needs it
    card      origin, licence, note
    flip      every second picture, at random, is mirrored left to right
    balanced  every class is dealt equally often, whatever the data's frequencies
    limit     how many of the samples there are: a random choice that is always the same; 0: all
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Content],
        card: Mapping[str, Any],
        *,
        flip: bool = False,
        balanced: bool = False,
        limit: int = 0,
    ) -> None:
        self.name, self._load, self._card = name, load, dict(card)
        self.flip, self.balanced, self.limit = flip, balanced, limit

    @cached_property
    def content(self) -> Content:
        """What the loader read, or `limit` of it; DataError if the options do not fit it."""
        content = few(self._load(), self.limit, self.name)
        if self.balanced and content.labels is None:
            raise DataError(f"'{self.name}' has no classes, so none to balance; leave out balanced=true")
        if self.flip and len(content.samples.shape) != 4:
            raise DataError(f"'{self.name}' holds points, which cannot be flipped; leave out flip=true")
        return content

    @cached_property
    def spec(self) -> DataSpec:
        """Shapes, classes, frequencies (as dealt) and size."""
        content, shape = self.content, self.content.samples.shape
        share: tuple[float, ...] = ()
        if content.labels is not None:
            counts = np.bincount(content.labels, minlength=len(content.classes))
            counts = np.minimum(counts, 1) if self.balanced else counts
            share = tuple(float(c) for c in counts / counts.sum())
        return DataSpec("image" if len(shape) == 4 else "points", tuple(shape[1:]), content.classes, share, shape[0])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the content, the classes and the options."""
        parts = [self.content.digest, self.content.classes, self.flip, self.balanced]
        return hashlib.sha256(canonical(parts).encode()).hexdigest()

    @cached_property
    def card(self) -> dict[str, Any]:
        """Origin, licence, note, and what the loader noted."""
        return {**self._card, **self.content.notes}

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """int64 [N] in the order of `all`; None without classes."""
        return self.content.labels

    def minibatch(self, seed: int, step: int, draw: int, size: int) -> dict[str, Tensor]:
        """As the protocol says."""
        import torch

        content, random = self.content, generator_at(seed, step, draw)
        if size > len(content.samples):
            raise DataError(
                f"'{self.name}' has {len(content.samples)} samples where a minibatch needs "
                f"{size}; choose a smaller batch or more data"
            )
        rows = (
            self._balanced(random, size)
            if self.balanced
            else (random.choice(len(content.samples), size, replace=False))
        )
        x = content.samples.take(rows, axis=0)
        if self.flip:
            mirrored = random.integers(0, 2, size).astype(bool)
            x[mirrored] = x[mirrored, ..., ::-1]
        columns = {"x": torch.from_numpy(x)}
        if content.labels is not None:
            columns["label"] = torch.from_numpy(content.labels.take(rows))
        return columns

    def all(self, limit: int | None = None) -> Tensor:
        """As the protocol says."""
        import torch

        samples = self.content.samples
        count = len(samples) if limit is None else min(limit, len(samples))
        return torch.from_numpy(samples.take(np.arange(count), axis=0))

    def columns(self, limit: int | None = None) -> dict[str, Tensor]:
        """As the protocol says."""
        import torch

        found = {"x": self.all(limit)}
        if self.content.labels is not None:
            found["label"] = torch.from_numpy(self.content.labels[: len(found["x"])].copy())
        return found

    @cached_property
    def _members(self) -> list[NDArray[np.int64]]:
        """The rows of each class that has any."""
        labels = self.content.labels
        assert labels is not None  # `content` refuses to balance what has no classes
        rows = [np.flatnonzero(labels == c) for c in range(len(self.content.classes))]
        return [r for r in rows if len(r)]

    def _balanced(self, random: np.random.Generator, size: int) -> NDArray[np.int64]:
        """Rows with as many of each class; what does not divide goes to classes drawn at random."""
        members = self._members
        counts = np.full(len(members), size // len(members))
        counts[random.permutation(len(members))[: size % len(members)]] += 1
        short = [len(m) for m, c in zip(members, counts) if c > len(m)]
        if short:
            raise DataError(
                f"a class of '{self.name}' has {min(short)} samples where a balanced minibatch "
                f"of {size} needs {math.ceil(size / len(members))}; choose a smaller batch"
            )
        rows = [m[random.choice(len(m), c, replace=False)] for m, c in zip(members, counts)]
        return random.permutation(np.concatenate(rows))


class Points(Samples):
    """Points of a mixture of round Gaussians: `centres` [K, d] and `sigma` serve metrics and plots."""

    def __init__(
        self,
        name: str,
        load: Callable[[], Content],
        card: Mapping[str, Any],
        *,
        centres: NDArray[np.float64],
        sigma: float,
    ) -> None:
        super().__init__(name, load, card)
        self.centres, self.sigma = centres, sigma


def prepare(x: Tensor, range: tuple[float, float]) -> Tensor:
    """uint8 pictures as float32 within `range` (of an OutputSpec), on their device; points pass unchanged."""
    if x.is_floating_point():
        return x
    low, high = range
    return x.float().mul_((high - low) / 255.0).add_(low)
