"""Data of which few are labelled: minibatches without labels, and beside each a labelled one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import ganzoo
from ganzoo.data import Content, Samples, open_source
from ganzoo.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor


def semi(argument: str, root: Path | None = None, *, labelled: int = 100, seed: int = 0) -> SemiLabelled:
    """Another source of which only some samples keep their label, as many of each class: semi:digits, for instance.

    labelled  how many keep it
    seed      which ones
    """
    return SemiLabelled(open_source(argument, root), labelled, seed)


class SemiLabelled:
    """A Source whose minibatches are `x`, unlabelled and of all samples, and `x_labelled` with `label_labelled` int64,
    drawn from the samples that keep their label."""

    def __init__(self, whole: Any, labelled: int, seed: int) -> None:
        if not isinstance(whole, Samples) or whole.labels is None:
            raise DataError("a semi-labelled source takes labels away from data that have some; choose digits or mnist")
        self.whole, self.number, self.seed = whole, labelled, seed
        samples, labels, classes = whole.content.samples, whole.labels, whole.spec.classes
        each, left = divmod(labelled, len(classes))
        if left or each < 1 or each > np.bincount(labels, minlength=len(classes)).min():
            raise DataError(
                f"labelled is {labelled}; as many of each of the {len(classes)} classes are expected, "
                f"from {len(classes)} up, and no more than there are"
            )
        random = np.random.Generator(np.random.Philox(key=seed))
        members = [random.choice(np.flatnonzero(labels == c), each, replace=False) for c in range(len(classes))]
        self.rows = np.concatenate(members)
        kept = Content(samples.take(self.rows, axis=0), "", labels[self.rows], classes)
        self.few = Samples(f"the labelled samples of {whole.name}", lambda: kept, {})

    @property
    def spec(self) -> ganzoo.DataSpec:
        """That of the whole source."""
        return self.whole.spec

    @property
    def fingerprint(self) -> str:
        """Of the whole source and of which samples keep their label."""
        return hashlib.sha256(self.whole.fingerprint.encode() + self.rows.tobytes()).hexdigest()

    @property
    def card(self) -> dict[str, Any]:
        """That of the whole source, and how many labels are left."""
        return {**self.whole.card, "labelled": self.number}

    def minibatch(self, seed: int, step: int, draw: int, size: int) -> dict[str, Tensor]:
        """`x`, `x_labelled` and `label_labelled`, each of `size`; DataError where one has fewer samples."""
        few = self.few.minibatch(seed, step, draw, size)
        x = self.whole.minibatch(seed, step, draw, size)["x"]
        return {"x": x, "x_labelled": few["x"], "label_labelled": few["label"]}

    def all(self, limit: int | None = None) -> Tensor:
        """As the whole source has them."""
        return self.whole.all(limit)
