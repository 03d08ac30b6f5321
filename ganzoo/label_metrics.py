"""Metrics of generators that are given labels: does the label that is asked for come out? Judged by digits-cnn.

They return nothing of samples they say nothing about, those of a generator without labels for instance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganzoo import metrics
from ganzoo.data import Source, embedded
from ganzoo.data.digits import CLASSES
from ganzoo.errors import DataError
from ganzoo.evaluation import Figures, are_digits
from ganzoo.samples import Samples


class _Judged:
    """What both metrics have in common: samples of ten digits, and their class as digits-cnn sees it, sure or not."""

    sign, samples = 1, 1000

    def __init__(self, source: Source) -> None:
        if not are_digits(source):
            raise DataError(
                f"classes are judged of digits 0 to 9 of shape [1, 28, 28]; these data have shape "
                f"{list(source.spec.shape)} and {len(source.spec.classes)} classes"
            )

    def __call__(self, samples: Samples) -> Figures:
        for spec in samples.spec.of_kind("label"):
            if self.fits(spec.classes):
                return self.figures(samples.inputs[spec.name], metrics.classify(samples.images)[0].argmax(1))
        return {}

    def beside(self) -> dict[str, Figures]:
        """Real digits with their labels, and with those of other digits, which must fail."""
        images, labels = embedded()
        order = np.random.Generator(np.random.Philox(key=0)).permutation(len(images))[: self.samples]
        seen, labels = metrics.classify(images[order])[0].argmax(1), labels[order]
        others = np.random.Generator(np.random.Philox(key=1)).permutation(labels)
        return {
            "real digits with their labels": self.figures(labels, seen),
            "real digits with labels of others": self.figures(others, seen),
        }

    def fits(self, classes: tuple[str, ...]) -> bool:
        """Whether it judges a label of these classes."""
        raise NotImplementedError

    def figures(self, labels: NDArray[np.int64], seen: NDArray[np.int64]) -> Figures:
        """From labels given and classes seen, int64 [N] each."""
        raise NotImplementedError


class Asked(_Judged):
    """The share of samples whose class is the one that was asked for: of all, and of the class that does worst."""

    figure = "asked"
    protocol = (
        "samples of labels as often as in the data, judged by digits-cnn by its likeliest class, however sure it is"
    )

    def fits(self, classes: tuple[str, ...]) -> bool:
        """As the parent says: the label names digits."""
        return classes == CLASSES

    def figures(self, labels: NDArray[np.int64], seen: NDArray[np.int64]) -> Figures:
        """As the parent says."""
        right = labels == seen
        return {"asked": float(right.mean()), "worst": float(min(right[labels == c].mean() for c in np.unique(labels)))}


class Purity(_Judged):
    """How well a code that was learnt without labels tells digits apart: the share of samples whose digit is the one
    that their code stands for, codes standing for digits, no two for one, as it is best."""

    figure = "purity"
    protocol = (
        "judged by digits-cnn by its likeliest class; each value of the code stands for one digit at most, no two for "
        "the same, as gives the greatest share (best assignment)"
    )

    def fits(self, classes: tuple[str, ...]) -> bool:
        """As the parent says: the label names something other than digits."""
        return classes != CLASSES

    def figures(self, labels: NDArray[np.int64], seen: NDArray[np.int64]) -> Figures:
        """As the parent says."""
        counts = np.zeros((int(labels.max()) + 1, len(CLASSES)), np.int64)
        np.add.at(counts, (labels, seen), 1)
        return {"purity": assigned(counts) / len(labels)}


def assigned(counts: NDArray[np.int64]) -> int:
    """The greatest sum of entries [K, C] of which no two share a row or a column, for C up to about 16.

    Row by row, the best sum for each set of columns that are taken: exact, in K · C · 2^C steps.
    """
    columns = counts.shape[1]
    best = {0: 0}
    for row in counts.tolist():
        found = dict(best)
        for taken, total in best.items():
            for c in range(columns):
                if not taken >> c & 1:
                    key = taken | 1 << c
                    found[key] = max(found.get(key, 0), total + row[c])
        best = found
    return max(best.values())
