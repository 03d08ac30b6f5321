"""What somebody asks for, read from untrusted JSON.

Everything is checked here by type and size before a Sampler sees it. In particular a picture is only ever
bytes: a Sampler takes a file's name too, and a stranger must not name files.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzoo.errors import InputError
from ganzoo.feeds import DEFAULT_N, MAX_SEED, first_classes, parse_seeds, truncated_by
from ganzoo.files import canonical
from ganzoo.images import MAX_PIXELS, fitted
from ganzoo.sampler import Sampler
from ganzoo.specs import GIVEN, GeneratorSpec, InputSpec

MOST = {"image": 256, "points": 10_000}
"""Samples in one request, by kind."""
SUCH = 'one such as {"n": 4, "seed": 7} is needed'
RESERVED = ("model", "n", "seed", "seeds", "format")
FORMATS = {
    "png": "image/png",
    "npz": "application/x-npz",
    "json": "application/json",
    "zip": "application/zip",
}


def formats_of(spec: GeneratorSpec) -> list[str]:
    """In which formats samples are sent: points make no archive of pictures."""
    return [name for name in FORMATS if name != "zip" or spec.output.kind != "points"]


class Unknown(InputError):
    """A model that is not served."""


@dataclass(frozen=True)
class Wish:
    """A checked request.

    model       the name it is served under
    given       for `Sampler.sample`; in place of a picture what reads it
    asked       the same as plain JSON, everything that was left out filled in: it names the answer
    format      'png', 'npz', 'json' or 'zip', or None if the request does not say
    """

    model: str
    given: Mapping[str, Any]
    asked: Mapping[str, Any]
    format: str | None

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """For `Sampler.sample`; InputError for a picture that cannot be read. A worker's task: a small file can be many
        pixels, and the server would answer nobody meanwhile."""
        return {name: value() if callable(value) else value for name, value in self.given.items()}

    @classmethod
    def read(cls, asked: Any, spec_of: Callable[[str], GeneratorSpec], default: str) -> Wish:
        """Reads a JSON value; `spec_of` says what may be asked of a model. InputError, or its Unknown."""
        if not isinstance(asked, dict):
            raise InputError("body", f"the body is not a JSON object; {SUCH}")
        model = asked.get("model")
        if model is not None and not isinstance(model, str):
            raise InputError("model", "the model is not a name")
        model = default if model is None else model
        spec = spec_of(model)
        format_ = asked.get("format")
        if format_ is not None and (not isinstance(format_, str) or format_ not in FORMATS):
            raise InputError("format", f"the format is none of {', '.join(FORMATS)}")
        if format_ is not None and format_ not in formats_of(spec):
            raise InputError("format", "points make no archive of pictures; png, npz or json is needed")
        seeds = _seeds(asked, MOST[spec.output.kind])
        inputs = {
            name: _input(spec, name, value, len(seeds))
            for name, value in asked.items()
            if name not in RESERVED and value is not None
        }
        missing = [i.name for i in spec.of_kind("image") if i.name not in inputs]
        if missing:
            raise InputError(missing[0], f"this model starts from a picture; give '{missing[0]}' in base64")
        plain = {name: asked[name] for name in inputs}
        return cls(model, {"seeds": seeds, **inputs}, {"model": model, "seeds": seeds, **plain}, format_)

    def name(self) -> str:
        """One text for one answer: equal wishes have equal names."""
        return canonical(self.asked)


def asked_of(sampler: Sampler) -> GeneratorSpec:
    """What may be asked of a sampler: its own inputs, and those of the generator that makes its w."""
    inputs = {one.name: one for one in sampler.spec.inputs}
    for other in sampler.generators.values():
        output = other.spec.output
        made = output.kind == "latent" and not other.spec.of_kind("image")
        if made and any(i.name == output.gives and i.distribution == GIVEN for i in sampler.spec.inputs):
            inputs = {**{one.name: one for one in other.spec.inputs}, **inputs}
    return replace(sampler.spec, inputs=tuple(inputs.values()))


def whole(field: str, value: Any, least: int, most: int) -> int:
    """A whole number within bounds; InputError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON does not tell 4.0 from 4
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(field, f"'{field}' is not a whole number from {least} to {most}")
    return value


def fraction(field: str, value: Any, least: float, most: float) -> float:
    """A number within bounds; InputError."""
    number = _number(field, value)
    if not least <= number <= most:
        raise InputError(field, f"'{field}' is not a number from {least:g} to {most:g}")
    return number


def _seeds(asked: Mapping[str, Any], most: int) -> list[int]:
    """The seed of each sample."""
    n, seed, seeds = (asked.get(name) for name in ("n", "seed", "seeds"))
    count = None if n is None else whole("n", n, 1, most)
    if seeds is None:
        first = 0 if seed is None else whole("seed", seed, 0, MAX_SEED - 1)
        count = DEFAULT_N if count is None else count
        if first + count > MAX_SEED:
            raise InputError("seed", f"the last seed would be {first + count - 1}, beyond {MAX_SEED - 1}")
        return list(range(first, first + count))
    if seed is not None:
        raise InputError("seeds", "both 'seed' and 'seeds' are given; leave out one")
    if isinstance(seeds, str):
        found = seed_list(seeds, most)
    elif isinstance(seeds, list) and len(seeds) <= most:
        found = [whole("seeds", s, 0, MAX_SEED - 1) for s in seeds]
    else:
        raise InputError("seeds", f"'seeds' is no list of at most {most} seeds, nor a text such as 0-15,40")
    if not found:
        raise InputError("seeds", "'seeds' is empty; at least one is needed")
    if count not in (None, len(found)):
        raise InputError("n", f"'n' is {count} but {len(found)} seeds are given; leave out one of the two")
    return found


def seed_list(text: str, most: int) -> list[int]:
    """'0-15, 40' as seeds, at most so many; InputError."""
    piece = r"\s*[0-9]{1,10}\s*(-\s*[0-9]{1,10}\s*)?"
    if len(text) > 12 * most:
        raise InputError("seeds", f"the list of seeds is longer than {12 * most} characters")
    if not re.fullmatch(f"{piece}(,{piece})*", text, re.ASCII):
        raise InputError("seeds", "the seeds are not numbers and ranges such as 0-15,40")
    total = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
        if total > most:
            raise InputError("seeds", f"more than {most} samples are asked for at once")
    return parse_seeds(re.sub(r"\s", "", text))


def _input(spec: GeneratorSpec, name: str, value: Any, count: int) -> Any:
    """The value of an input, of `label` or of `truncation`, as a Sampler takes it."""
    known = {i.name: i for i in spec.inputs}
    if name in known:
        return _READ[known[name].kind](known[name], value, count)
    if name == "label" and spec.of_kind("label"):
        return _label(spec.of_kind("label")[0], value, count)
    if name == "truncation" and truncations(spec):
        return _number(name, value)
    names = [*known, *(["truncation"] if truncations(spec) else [])]
    raise InputError(name[:100], f"this model has no such input; it has {', '.join(names)}")


def by_seed(spec: GeneratorSpec) -> bool:
    """Whether another seed is another sample."""
    return bool(spec.of_kind("latent") or spec.of_kind("label"))


def from_noise(spec: GeneratorSpec) -> bool:
    """Whether a model makes pictures from noise, between which there is a way."""
    return spec.output.kind == "image" and bool(spec.of_kind("latent"))


def truncations(spec: GeneratorSpec) -> tuple[float, float] | None:
    """Between what a truncation lies: as the scalar says that means it, else from 0 to the latents' bound, if any."""
    found = truncated_by(spec)
    if found is None or found.range is None:
        return None
    return found.range if found.kind == "scalar" else (0.0, found.range[1])


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
        raise InputError(name, f"'{name}' is not a finite number")
    return float(value)


def _scalar(spec: InputSpec, value: Any, _: int) -> float:
    return _number(spec.name, value)


def _label(spec: InputSpec, value: Any, count: int) -> Any:
    """A class by name or number, or a list of them."""
    if isinstance(value, list):
        if len(value) != count:
            raise InputError(spec.name, f"{len(value)} labels are given for {count} pictures; give one each")
        if any(isinstance(v, list) for v in value):
            raise _no_label(spec)
        return [_label(spec, v, 0) for v in value]
    if isinstance(value, str) and value in spec.classes:
        return value
    if isinstance(value, str) and re.fullmatch("[0-9]{1,6}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(spec.classes):
        raise _no_label(spec)
    return value


def _no_label(spec: InputSpec) -> InputError:
    return InputError(spec.name, f"'{spec.name}' is none of the classes {first_classes(spec)}, nor a number, from 0")


def _latent(spec: InputSpec, value: Any, count: int) -> NDArray[np.float32]:
    """Numbers nested as [count, *shape], or as [*shape] for all pictures alike."""
    for shape in ((count, *spec.shape), spec.shape):
        if _nested(value, shape):
            return np.asarray(value, dtype=np.float32)
    message = f"'{spec.name}' is not an array of finite numbers of shape {list(spec.shape)}"
    raise InputError(spec.name, f"{message} or {[count, *spec.shape]}")


def _nested(value: Any, shape: tuple[int, ...]) -> bool:
    if not shape:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and abs(value) < 1e30 and not math.isnan(value)
    return isinstance(value, list) and len(value) == shape[0] and all(_nested(v, shape[1:]) for v in value)


def _picture(spec: InputSpec, value: Any, _: int) -> Callable[[], NDArray[np.uint8]]:
    """What reads a PNG, JPEG or WebP in base64, fitted to the input's size, uint8 [H, W, C]."""
    try:
        data = base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InputError(spec.name, f"'{spec.name}' is not a picture in base64") from None
    return partial(picture_of, spec, data)


def picture_of(spec: InputSpec, data: bytes) -> NDArray[np.uint8]:
    """A picture file's bytes as uint8 [H, W, C] of the input's size; InputError if it is none."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(spec.name, f"'{spec.name}' has over 16 megapixels; give a smaller picture")
            return fitted(image, spec.shape)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        text = f"'{spec.name}' is no picture that can be read; a PNG, JPEG or WebP is needed"
        raise InputError(spec.name, text) from None


_READ: dict[str, Callable[[InputSpec, Any, int], Any]] = {
    "scalar": _scalar, "label": _label, "latent": _latent, "image": _picture,
}  # fmt: skip
