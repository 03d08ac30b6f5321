"""From what somebody asks for to the arrays a generator takes.

Everything a request may get wrong is found here, before anything runs, as an `InputError` that names the
input at fault.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import GanzooError, InputError, PluginError, did_you_mean
from ganzoo.images import read_picture, to_float
from ganzoo.priors import MAX_SEED, PRIORS, Prior, labels, noise, pushed, truncated
from ganzoo.specs import GIVEN, GeneratorSpec, InputSpec

DEFAULT_N = 16
MOST = 10_000_000
LAST_SEED = MAX_SEED - 1
TRUNCATIONS = ("truncation", "psi")  # the names a scalar input of that meaning may have


def find_prior(name: str) -> Prior:
    """The prior of that name: one of ganzoo's own, else a plugin's; PluginError if no plugin has it."""
    if name in PRIORS:
        return PRIORS[name]
    from ganzoo import zoo  # which looks for plugins, as most models need none

    try:
        return zoo.prior(name)
    except GanzooError as error:
        message = f"this model draws its latents from the prior '{name}', which no installed plugin provides ({error})"
        raise PluginError(f"{message}; install the plugin, or give the latents yourself") from error


def geometry(spec: InputSpec) -> str:
    """How to walk between two latents of an input: as its prior says; straight where a generator makes them."""
    return "lerp" if spec.distribution == GIVEN else find_prior(spec.distribution).geometry


@dataclass(frozen=True)
class Request:
    """A checked request: which seeds, and what was given instead of drawn.

    given   latents float32 [N, *shape], labels int64 [N], images float32 [N, C, H, W], scalars float32 []
    clip    normal latents lie within [-clip, clip], as if they were drawn again until they do
    makers  of latents that another generator makes: seeds int64 [N] -> float32 [N, *shape]
    """

    spec: GeneratorSpec
    seeds: NDArray[np.int64]
    given: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    clip: float | None = None
    makers: Mapping[str, Callable[[NDArray[np.int64]], NDArray[np.float32]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.seeds)

    def rows(self, start: int, stop: int) -> dict[str, NDArray[Any]]:
        """What the generator is fed for pictures `start` to `stop`, by input name, in the spec's order."""
        return {i.name: self.value(i, slice(start, stop)) for i in self.spec.inputs}

    def part(self, start: int, stop: int) -> Request:
        """Pictures `start` to `stop`, as a request of their own."""
        rows = {
            name: value if self.spec.input(name).kind == "scalar" else value[start:stop]
            for name, value in self.given.items()
        }
        return replace(self, seeds=self.seeds[start:stop], given=rows)

    def but(self, **given: NDArray[Any]) -> Request:
        """The same request with these inputs given."""
        return replace(self, given={**self.given, **given})

    def from_seeds(self) -> bool:
        """Whether a seed names each picture: its first latent was not given by hand, as codes beside it may be."""
        return not any(i.name in self.given for i in self.spec.of_kind("latent")[:1])

    def drawn(self, spec: InputSpec, seeds: NDArray[np.int64]) -> NDArray[np.float32]:
        """The latents [len(seeds), *shape] of these seeds, truncated as the request says."""
        if spec.name in self.makers:
            return self.makers[spec.name](seeds)
        if spec.distribution == GIVEN:
            raise InputError(spec.name, f"another generator of the model makes '{spec.name}'; load both, or give it")
        return self.pushed(spec, noise(spec, seeds, find_prior(spec.distribution)))

    def pushed(self, spec: InputSpec, base: NDArray[np.float64]) -> NDArray[np.float32]:
        """The latents of base noise [N, *shape], truncated as the request says."""
        found = pushed(spec, base, find_prior(spec.distribution))
        if self.clip is None or spec.distribution != "normal" or spec.range is None:
            return found
        return truncated(found, self.clip).astype(np.float32)

    def value(self, spec: InputSpec, rows: slice = slice(None)) -> NDArray[Any]:
        """What these rows of an input are, given or drawn."""
        if spec.name in self.given:
            value = self.given[spec.name]
            return value if spec.kind == "scalar" else value[rows]
        if spec.kind == "latent":
            return self.drawn(spec, self.seeds[rows])
        if spec.kind == "label":
            return labels(spec, self.seeds[rows])
        return np.asarray(spec.default, dtype=np.float32)


def request(
    spec: GeneratorSpec,
    n: int | None = None,
    seed: int = 0,
    seeds: Sequence[int] | NDArray[np.integer] | None = None,
    label: Any = None,
    truncation: float | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Request:
    """Checks a request against a spec; the arguments are those of `Sampler.sample`."""
    wanted = {name: value for name, value in (inputs or {}).items() if value is not None}
    if label is not None:
        wanted[_only_label(spec, wanted)] = label
    clip = _truncate(spec, truncation, wanted) if truncation is not None else None
    names = [i.name for i in spec.inputs]
    for name in wanted:
        if name not in names:
            message = f"generator '{spec.name}' has no input named '{name}'"
            raise InputError(name, message + did_you_mean(name, names))
    count = _count(spec, n, seeds, wanted)
    chosen = check_seeds(count, seed, seeds)
    given = {name: _given(spec.input(name), value, count) for name, value in wanted.items()}
    for image in spec.of_kind("image"):
        if image.name not in given:
            message = f"generator '{spec.name}' starts from a picture; give one as {image.name}="
            raise InputError(image.name, message)
    return Request(spec, chosen, given, clip)


def _count(spec: GeneratorSpec, n: int | None, seeds: Any, wanted: Mapping[str, Any]) -> int:
    """How many pictures: as said, else as many as there are seeds or rows given, else 16; 1 where nothing is drawn."""
    count = n
    if seeds is not None:
        count = len(seeds)
        if n is not None and n != count:
            raise InputError("n", f"n is {n} but {count} seeds are given; leave out one of the two")
    if count is None:
        rows = [rows_of(spec.input(k), v) for k, v in wanted.items()]
        drawn = any(i.kind in ("latent", "label") and i.name not in wanted for i in spec.inputs)
        count = next((r for r in rows if r is not None), DEFAULT_N if drawn else 1)
    try:
        count = operator.index(count)
    except TypeError:
        raise InputError("n", f"n is {count!r}; a whole number from 1 up is needed") from None
    if not 1 <= count <= MOST:
        raise InputError("n", f"{count} pictures were asked for; a number between 1 and {MOST:,} is needed")
    return count


def rows_of(spec: InputSpec, value: Any) -> int | None:
    """How many rows are given for an input, in an array or a list of files; None if it is one value for all."""
    if spec.kind == "image" and _files(value):
        return len(value)
    if spec.kind == "label":
        return len(value) if isinstance(value, list | tuple) or np.ndim(value) == 1 else None
    axes = {"latent": len(spec.shape), "image": 3}.get(spec.kind, math.inf)
    return len(value) if isinstance(value, list | tuple | np.ndarray) and np.ndim(value) == axes + 1 else None


def check_seeds(count: int, seed: Any, seeds: Any) -> NDArray[np.int64]:
    """The seeds int64 [count], each at least 0 and below 2^32."""
    field_name, span = "seed", "a whole number from 0 up to 4294967295"
    try:
        if seeds is None:
            first = operator.index(seed)
            ends: Sequence[int] = (first, first + count - 1)
            chosen = np.arange(count, dtype=np.int64) + first if 0 <= first < MAX_SEED else None
        else:
            field_name = "seeds"
            whole = [operator.index(s) for s in seeds]
            ends = (min(whole), max(whole))
            chosen = np.asarray(whole, dtype=np.int64) if ends[0] >= 0 and ends[1] < MAX_SEED else None
    except TypeError:
        said = seed if seeds is None else seeds
        raise InputError(field_name, f"{field_name} is {said!r}; {span} is needed") from None
    if chosen is None or ends[1] > LAST_SEED:
        bad = ends[0] if ends[0] < 0 else ends[1]
        raise InputError(field_name, f"seed {bad} is out of range; {span} is needed")
    return chosen


def _only_label(spec: GeneratorSpec, wanted: Mapping[str, Any]) -> str:
    """The input that `label=` means."""
    found = [i.name for i in spec.of_kind("label")]
    if not found:
        raise InputError("label", f"generator '{spec.name}' has no classes; leave out the label")
    if len(found) > 1:
        raise InputError("label", f"this generator has several labels; give {', '.join(found)} by name")
    if found[0] in wanted:
        raise InputError("label", f"the label is given twice, as label and as {found[0]}; leave out one")
    return found[0]


def _truncate(spec: GeneratorSpec, truncation: Any, wanted: dict[str, Any]) -> float | None:
    """Puts `truncation` into the scalar input that declares it; else the bound of normal latents."""
    found = truncated_by(spec)
    if found is None or found.range is None:
        raise InputError("truncation", f"generator '{spec.name}' declares no truncation; leave it out")
    if found.kind == "scalar":
        wanted[found.name] = truncation
        return None
    value = _number("truncation", truncation)
    if not 0 < value <= found.range[1]:
        raise InputError("truncation", f"truncation {value:g} is not above 0 and up to {found.range[1]:g}")
    return value


def truncated_by(spec: GeneratorSpec) -> InputSpec | None:
    """The input that a truncation goes to: the scalar of that meaning, else the normal latent of the widest bound."""
    scalars = [i for i in spec.of_kind("scalar") if i.name in TRUNCATIONS]
    bounded = {i.range[1]: i for i in spec.of_kind("latent") if i.distribution == "normal" and i.range}
    return next(iter(scalars), bounded[max(bounded)] if bounded else None)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(name, f"'{name}' is {str(value)[:40]}; a number is needed") from None
    if not math.isfinite(number):
        raise InputError(name, f"'{name}' is {number}; a finite number is needed")
    return number


def _given(spec: InputSpec, value: Any, count: int) -> NDArray[Any]:
    """What was given for an input, checked and spread over all pictures."""
    if spec.kind == "scalar":
        number = _number(spec.name, value)
        least, greatest = spec.range or (-math.inf, math.inf)
        if not np.float32(least) <= np.float32(number) <= np.float32(greatest):  # a float32 of ours comes back
            message = f"'{spec.name}' is {number:g}; a number from {least:g} to {greatest:g} is needed"
            raise InputError(spec.name, message)
        return np.asarray(number, dtype=np.float32)
    if spec.kind == "label":
        return _labels(spec, value, count)
    if spec.kind == "image":
        value = _image(spec, value)
    return spread(spec, value, count)


def _labels(spec: InputSpec, value: Any, count: int) -> NDArray[np.int64]:
    if not isinstance(value, list | tuple) and np.ndim(value) == 0:
        return np.full(count, label_index(spec, value), dtype=np.int64)
    if len(value) != count:
        message = f"{len(value)} labels are given for {count} pictures; give one, or one each"
        raise InputError(spec.name, message)
    return np.asarray([label_index(spec, v) for v in value], dtype=np.int64)


def label_index(spec: InputSpec, value: Any) -> int:
    """The number of a class given by name or number (a name goes first, so '3' may be either)."""
    if isinstance(value, str) and value in spec.classes:
        return spec.classes.index(value)
    last = len(spec.classes) - 1
    try:
        number = int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        message = f"there is no class named '{value}'"
        raise InputError(spec.name, message + did_you_mean(str(value), spec.classes)) from None
    if isinstance(value, bool) or not 0 <= number <= last:
        message = f"there is no class {value}; choose from {first_classes(spec)}, numbered from 0 to {last}"
        raise InputError(spec.name, message)
    return number


def first_classes(spec: InputSpec) -> str:
    """The names of a label's classes for a sentence, of many the first."""
    return ", ".join(spec.classes[:12]) + (", ..." if len(spec.classes) > 12 else "")


def _files(value: Any) -> bool:
    """Whether it is a list of paths."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(v, str | Path) for v in value)


def _image(spec: InputSpec, value: Any) -> Any:
    """Picture files, or uint8 [H, W, C] or [N, H, W, C], as floats [N, C, H, W] in the input's range."""
    if _files(value):
        return np.stack([_image(spec, one) for one in value])
    if isinstance(value, str | Path):
        value = read_picture(value, spec.shape)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        pixels = value[None] if value.ndim == 3 else value
        needed = (*spec.shape[1:], spec.shape[0])
        if pixels.shape[1:] != needed:
            message = f"pictures for '{spec.name}' have the shape {pixels.shape[1:]}"
            raise InputError(spec.name, f"{message}; {needed} is needed")
        floats = to_float(pixels, spec.range or (-1.0, 1.0))
        return floats[0] if len(floats) == 1 else floats
    return value


def spread(spec: InputSpec, value: Any, count: int) -> NDArray[np.float32]:
    """float32 [count, *shape] of an array [count, *shape], or of one [*shape] repeated; a number alone will do where
    the shape holds one number."""
    shape = spec.shape
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError):
        message = f"'{spec.name}' is not an array of numbers; shape {shape} is needed"
        raise InputError(spec.name, message) from None
    if array.ndim == 0 and math.prod(shape) == 1:
        array = array.reshape(shape)
    if array.shape == shape:
        array = np.broadcast_to(array, (count, *shape))
    if array.shape != (count, *shape):
        needed = f"{(count, *shape)}, or {shape} for all pictures alike, is needed"
        raise InputError(spec.name, f"'{spec.name}' has the shape {array.shape}; {needed}")
    if not np.isfinite(array).all():
        raise InputError(spec.name, f"'{spec.name}' contains NaN or infinity; finite numbers are needed")
    return np.ascontiguousarray(array)


def cut(arguments: Mapping[str, Any], start: int, stop: int) -> dict[str, Any]:
    """The arguments of a request, as they are for its pictures `start` to `stop`: lists have one value for each."""
    return {k: v[start:stop] if isinstance(v, list | tuple) else v for k, v in arguments.items()}


def seed_ranges(seeds: Sequence[int] | NDArray[np.integer]) -> str:
    """[0, 1, 2, 7] -> '0-2,7': short to write down; `parse_seeds` is its inverse."""
    whole = np.asarray(seeds, dtype=np.int64)
    starts = np.flatnonzero(np.diff(whole, prepend=-2) != 1)
    ends = np.append(starts[1:], len(whole))[: len(starts)] - 1
    pieces = [str(a) if a == b else f"{a}-{b}" for a, b in zip(whole[starts].tolist(), whole[ends].tolist())]
    return ",".join(pieces)


def parse_seeds(text: str) -> list[int]:
    """'0-2,7' -> [0, 1, 2, 7]; InputError for anything else."""
    found: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        short = len(first) <= 10 >= len(last)  # a longer one is above 2^32 anyway
        if not short or not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError("seeds", f"'{text}' is not a list of seeds; one such as 0-99,3,7 is needed")
        low, high = int(first), int(last or first)
        if not low <= high < MAX_SEED or len(found) + high - low >= MOST:
            raise InputError("seeds", f"'{piece.strip()}' is no range of seeds from 0 up to {MAX_SEED - 1}")
        found.extend(range(low, high + 1))
    return found
