"""Metrics as parts: what `evaluate.metric` names. Each is made for a source, and turns samples into figures.

`figure` is the one that picks the best checkpoint; `sign` is +1 where more of it is better, −1 where less is.
"""

from __future__ import annotations

from ganzoo.data import Points, Source
from ganzoo.errors import DataError
from ganzoo.metrics import found, modes
from ganzoo.samples import Samples


class FoundDigits:
    """Classes of digits found, and the share of samples that the judge is sure of."""

    figure, sign = "confident", 1

    def __init__(self, source: Source) -> None:
        if source.spec.shape != (1, 28, 28):
            shape = list(source.spec.shape)
            raise DataError(f"the metric 'found' judges digits of shape [1, 28, 28]; these data have shape {shape}")

    def __call__(self, samples: Samples) -> dict[str, float]:
        judged = found(samples.images)
        return {"confident": judged.confident, "classes": judged.classes, "least": min(judged.per_class)}


class CoveredModes:
    """Modes of a mixture that the samples reach, the share of good ones, and the reverse KL over modes."""

    figure, sign = "covered", 1

    def __init__(self, source: Source) -> None:
        if not isinstance(source, Points):
            raise DataError("the metric 'modes' needs a mixture of known modes, such as --data ring or --data grid")
        self.centres, self.sigma = source.centres, source.sigma

    def __call__(self, samples: Samples) -> dict[str, float]:
        seen = modes(samples.points, self.centres, self.sigma)
        return {"covered": seen.covered, "high_quality": seen.high_quality, "reverse_kl": seen.reverse_kl}
