"""Metrics as parts, and `evaluate`: what a model's samples come to, beside what the same figures are of other things.

A metric is made for a source and turns samples into figures. `figure` is the one that picks the best checkpoint;
`sign` is +1 where more of it is better, −1 where less is, and so for its other figures but those it names in `opposed`,
for which it is turned. It may also have `samples`, how many it is meant for; `protocol`, a sentence on the rule; and
`beside()`, the figures of what its own stand beside: a floor, and controls that must fail. Of samples that it says
nothing about it returns no figures. One that judges a model by more than the samples of one generator has a method
`of(sampler)`, which is called instead. One that reads other data than the source asks for `root`, where data sets lie,
if that is known. Nothing here imports torch for digits, for points and for models in ONNX.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzoo import metrics, zoo
from ganzoo.data import Points, Source, embedded, open_source
from ganzoo.data import Samples as Arrays
from ganzoo.data.digits import CLASSES
from ganzoo.errors import DataError, GanzooError, InputError
from ganzoo.parts import Use, name_of
from ganzoo.samples import Samples

if TYPE_CHECKING:
    from ganzoo.sampler import Sampler

SEED = 1_000_000
"""Evaluations look at other samples than pictures show."""
SAMPLES = 1000
"""How many samples a metric gets that does not say."""

Figures = dict[str, float]


class DigitsCnn:
    """The 128 features under the last layer of digits-cnn, of grey pictures 28×28.

    held_out  the Gaussian of its features of MNIST's 10,000 test images, which took no part in its training
    """

    def __init__(self) -> None:
        with np.load(metrics.JUDGE.with_name("digits-cnn-test.npz"), allow_pickle=False) as file:
            self.held_out: metrics.Gaussian = (file["mean"], file["covariance"])

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return metrics.classify(images)[1]


class FoundDigits:
    """Classes of digits found, and the share of samples that the judge is sure of."""

    figure, sign, samples = "confident", 1, 1000
    protocol = (
        "judged by digits-cnn; a sample counts at a probability of 0.95 or more, a class is found when 20 count for it"
    )

    def __init__(self, source: Source) -> None:
        if not are_digits(source):
            shape, classes = list(source.spec.shape), ", ".join(source.spec.classes[:3]) or "none"
            raise DataError(
                f"the metric 'found' judges digits of shape [1, 28, 28] and classes 0 to 9; these data have shape "
                f"{shape} and the classes {classes}{', ...' * (len(source.spec.classes) > 3)}: choose another metric"
            )

    def __call__(self, samples: Samples) -> Figures:
        return self._figures(samples.images)

    def beside(self) -> dict[str, Figures]:
        """Real digits, and three controls that must fail."""
        return {name: self._figures(images) for name, images in metrics.controls(*embedded()).items()}

    def _figures(self, images: NDArray[np.uint8]) -> Figures:
        judged = metrics.found(images)
        return {"confident": judged.confident, "classes": judged.classes, "least": min(judged.per_class)}


class FrechetDistance:
    """The Frechet distance between features of the samples and of the data (Heusel et al. 2017, arXiv:1706.08500).

    extractor  what makes features of pictures; figures of different extractors are never compared
    """

    figure, sign, samples = "fid", -1, 10_000

    def __init__(self, source: Source, *, extractor: str = "digits-cnn") -> None:
        if source.spec.kind != "image":
            raise DataError("the metric 'fid' compares pictures; these data are points")
        self.extract = zoo.part("extractor", extractor).build(extractor, {})
        self.digits = are_digits(source)
        self.images = some_of(source, 10_000)
        self.features = self.extract(self.images)
        self.data = metrics.gaussian(self.features)
        self.protocol = (
            f"Frechet distance on features of '{extractor}' to {len(self.images):,} training images; "
            "never to be compared with a distance on Inception"
        )

    def __call__(self, samples: Samples) -> Figures:
        return self._figures(samples.images)

    def beside(self) -> dict[str, Figures]:
        """Floors: what other real images come to; and for digits test images and three controls that must fail."""
        found = {}
        held_out: metrics.Gaussian | None = getattr(self.extract, "held_out", None)
        if held_out is not None and self.digits:
            found["floor: training against test images"] = {"fid": metrics.frechet(self.data, held_out)}
        halves = metrics.frechet(self.features[::2], self.features[1::2])
        found["floor: every second training image against the others"] = {"fid": halves}
        if self.digits:
            made = metrics.controls(*embedded())
            made.pop("real digits")  # most of them are among the data
            found |= {name: self._figures(images[..., None]) for name, images in made.items()}
        return found

    def _figures(self, images: NDArray[np.uint8]) -> Figures:
        return {"fid": metrics.frechet(self.data, metrics.gaussian(self.extract(images)))}


class CoveredModes:
    """Modes of a mixture that the samples reach, the share of good ones, and the reverse KL over modes."""

    figure, sign, samples = "covered", 1, 2500
    opposed = ("reverse_kl",)
    protocol = (
        "a point is of high quality within 3 sigma of its nearest mode, a mode is covered by one such point, the "
        "reverse KL is log K − H over them (the rule of PacGAN, arXiv:1712.04086)"
    )

    def __init__(self, source: Source) -> None:
        if not isinstance(source, Points):
            raise DataError("the metric 'modes' needs a mixture of known modes, such as --data ring or --data grid")
        self.source = source

    def __call__(self, samples: Samples) -> Figures:
        return self._figures(samples.points)

    def beside(self) -> dict[str, Figures]:
        """Points of the data themselves, and two controls that must fail."""
        points = np.asarray(self.source.content.samples[: self.samples])
        noise = np.random.Generator(np.random.Philox(key=0)).standard_normal(points.shape)
        return {
            "floor: points of the data": self._figures(points),
            "averages of two points": self._figures((points[0::2] + points[1::2]) / 2),
            "standard normal noise": self._figures(noise),
        }

    def _figures(self, points: NDArray[Any]) -> Figures:
        seen = metrics.modes(points, self.source.centres, self.source.sigma)
        return {"covered": seen.covered, "high_quality": seen.high_quality, "reverse_kl": seen.reverse_kl}


def are_digits(source: Source) -> bool:
    """Whether digits-cnn knows what these data show."""
    return source.spec.shape == (1, 28, 28) and source.spec.classes == CLASSES


def some_of(source: Source, limit: int) -> NDArray[np.uint8]:
    """Pictures of a source, uint8 [N, H, W, C]: all, or of more arrays than `limit` some at random, always the same,
    since they may be sorted by class."""
    if not isinstance(source, Arrays) or len(source.content.samples) <= limit:
        return pictures_of(source, limit)
    rows = np.random.Generator(np.random.Philox(key=0)).permutation(len(source.content.samples))[:limit]
    return np.ascontiguousarray(source.content.samples.take(np.sort(rows), axis=0).transpose(0, 2, 3, 1))


def pictures_of(source: Source, limit: int) -> NDArray[np.uint8]:
    """The first pictures of a source, uint8 [N, H, W, C]; without torch where they are arrays."""
    first = source.content.samples[:limit] if isinstance(source, Arrays) else source.all(limit).numpy()
    return np.ascontiguousarray(np.asarray(first).transpose(0, 2, 3, 1))


@dataclass(frozen=True)
class Measure:
    """A metric that is ready: its name, how many samples it takes (0: it judges a whole model), its rule, what its
    figures stand beside, and how it judges a whole model if it does."""

    name: str
    metric: Callable[[Samples], Mapping[str, float]]
    samples: int
    protocol: str
    beside: Callable[[], Mapping[str, Figures]]
    of: Callable[[Sampler], Mapping[str, float]] | None = None

    def figures(self, sampler: Sampler, first: First) -> Figures:
        """Of a model, of which samples are had by their number; GanzooError if the metric fails or gives no figures."""
        try:
            found = self.metric(first(self.samples)) if self.of is None else self.of(sampler)
        except GanzooError:
            raise
        except Exception as error:  # a plugin's code may raise anything
            raise GanzooError(f"metric '{self.name}' failed: {type(error).__name__}: {error}") from error
        picks = getattr(self.metric, "figure", None)
        if not isinstance(found, Mapping) or (found and picks and picks not in found):
            what = f"figures {', '.join(found)}" if isinstance(found, Mapping) else f"a {type(found).__name__}"
            raise GanzooError(f"metric '{self.name}' gave {what}; a dictionary with '{picks}' is expected")
        return {name: float(value) for name, value in found.items()}


First = Callable[[int], Samples]  # the first n samples


def measure(use: Use, source: Source, root: Path | None = None) -> Measure:
    """The metric that is used, for a source; what a stranger's leaves out is filled in. Errors are the metric's."""
    name = name_of(use)
    made = zoo.part("metric", name).build(use, {"source": source, "root": root})
    of = getattr(made, "of", None)
    samples = getattr(made, "samples", SAMPLES) if of is None else 0
    return Measure(name, made, samples, getattr(made, "protocol", ""), getattr(made, "beside", dict), of)


def sign(name: str) -> int:
    """Of a figure `metric/figure`: +1 where more of it is better, −1 where less is."""
    metric, _, figure = name.partition("/")
    make = zoo.part("metric", metric).factory()
    return getattr(make, "sign", 1) * (-1 if figure in getattr(make, "opposed", ()) else 1)


def fitting(source: Source, names: Sequence[str] | None = None, root: Path | None = None) -> list[Measure]:
    """The metrics of these names, or every one that fits the data; DataError if none does."""
    if names is not None:
        return [measure(name, source, root) for name in names]
    found = []
    for name, _, _ in zoo.zoo().names("metric"):
        try:
            found.append(measure(name, source, root))
        except DataError:
            continue  # it is for other data
        except (GanzooError, ImportError, OSError) as error:
            logging.getLogger("ganzoo").warning(f"the metric '{name}' is left out: {error}")
    if not found:
        raise DataError("no metric fits these data; ganzoo parts metric lists what there is")
    return found


def judge(sampler: Sampler, source: Source, measures: Sequence[Measure], seed: int = SEED) -> dict[str, Figures]:
    """The figures of each metric, of the samples of seeds `seed`, `seed` + 1, ... as many as it takes; a model that
    starts from pictures is given those of the source, and makes no more than there are."""
    first = _samples(sampler, source, measures, seed)
    return {m.name: m.figures(sampler, first) for m in measures}


def _samples(sampler: Sampler, source: Source, measures: Sequence[Measure], seed: int) -> First:
    """Samples as `judge` says, drawn once and for all metrics, when the first of them asks for some."""
    from ganzoo.shown import drawn

    most = max((m.samples for m in measures), default=0)
    whole = cache(lambda: drawn(sampler, source, most, seed, batch=250))
    return lambda n: _first(whole(), n)


def _first(drawn: Samples, n: int) -> Samples:
    inputs = {
        i.name: drawn.inputs[i.name] if i.kind == "scalar" else drawn.inputs[i.name][:n] for i in drawn.spec.inputs
    }
    return Samples(drawn.spec, drawn.output[:n], inputs, drawn.seeds[:n])


def evaluate(
    model: str | os.PathLike[str] | Sampler,
    names: Sequence[str] | None = None,
    *,
    data: str | None = None,
    data_root: str | Path | None = None,
    seed: int = SEED,
    generator: str | None = None,
    raw: bool = False,
) -> dict[str, Any]:
    """What a model's samples come to by these metrics, or by every one that fits its data; plain data.

    model  a run, a checkpoint, an .onnx file, or a Sampler
    data   what they are compared with; by default what the model was trained on
    seed   of the first sample; repetitions take ranges that do not overlap
    """
    from ganzoo.loading import load
    from ganzoo.sampler import Sampler

    sampler = model if isinstance(model, Sampler) else load(model, generator=generator, raw=raw)
    own = str(sampler.card.get("data", ""))
    name = data or own
    if not name:
        raise InputError("data", "this model does not say what it was trained on; name it with --data")
    elsewhere = data is not None and ":" in own and data.partition(":")[0] == own.partition(":")[0]
    options = sampler.card.get("data_options", {}) if data is None or elsewhere else {}
    root = Path(data_root) if data_root else None
    try:
        source = open_source(str(name), root, **options)
    except DataError as error:
        if data is not None:
            raise
        # an exported file does not say where its data lie
        raise DataError(f"{error}, or name what it is compared with by --data") from error
    if source.spec.shape != sampler.spec.output.shape:
        made, held = list(sampler.spec.output.shape), list(source.spec.shape)
        raise InputError("data", f"the model makes samples of shape {made} and '{name}' has {held}; name other --data")
    found = _judged(sampler, fitting(source, names, root), source, seed, strict=names is not None)
    return {
        "variant": sampler.card.get("variant", ""),
        "generator": sampler.spec.name,
        "data": name,
        "split": "the data it was trained on" if data in (None, sampler.card.get("data")) else "as named by --data",
        "seed": seed,
        "metrics": found,
    }


def _judged(
    sampler: Sampler, measures: Sequence[Measure], source: Source, seed: int, strict: bool
) -> dict[str, dict[str, Any]]:
    """What each metric says, by its name. One that says nothing of this model, or whose data are not here, is left out;
    DataError instead if it is `strict`."""
    first = _samples(sampler, source, measures, seed)
    found = {}
    for m in measures:
        try:
            about = _about(m, sampler, first)
        except DataError as error:
            if strict:
                raise
            logging.getLogger("ganzoo").warning(f"the metric '{m.name}' is left out: {error}")
            continue
        if about["figures"]:
            found[m.name] = about
        elif strict:
            raise DataError(f"the metric '{m.name}' says nothing of samples such as this model's; leave it out")
    return found


def _about(m: Measure, sampler: Sampler, first: First) -> dict[str, Any]:
    """The figures of a metric, of how many samples (None: of the whole model), by what rule, and what they stand
    beside, if there are any."""
    figures = m.figures(sampler, first)
    return {
        "samples": len(first(m.samples)) if m.samples else None, "protocol": m.protocol, "figures": figures,
        "beside": {label: dict(values) for label, values in m.beside().items()} if figures else {},
    }  # fmt: skip
