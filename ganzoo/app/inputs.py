"""The widgets that a spec declares, and what their values mean in a request."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ganzoo.app.photo import Photo
from ganzoo.app.recall import ANY, EACH
from ganzoo.app.studio import Studio
from ganzoo.app.wishes import fraction, picture_of, truncations
from ganzoo.errors import InputError
from ganzoo.feeds import TRUNCATIONS, truncated_by
from ganzoo.specs import GIVEN, GeneratorSpec, InputSpec

CLIP = "truncation"
NEARER = "Less: more typical pictures, and more alike."
DROP_HERE = "# Drop a picture here\nor click to choose one"
CODES = 9
"""Values of a code to choose from."""
SHOWN = {"image": 64, "points": 4096}
"""On the page at most."""


@dataclass(frozen=True)
class Controls:
    """The widgets of one model's inputs, by the name that a request gives them."""

    group: Any
    widgets: Mapping[str, Any]


def controls_of(name: str, studio: Studio) -> Controls:
    """The widgets of one model: name -> widget. Latents have none but for codes, seeds draw them."""
    spec = studio.spec(name)
    widgets: dict[str, Any] = {}
    with gr.Column(visible=name == studio.default, elem_classes="inputs") as group:
        for one in spec.inputs:
            if one.kind != "latent" or is_code(one):
                widgets[one.name] = _WIDGETS[one.kind](one)
        if widest := clip_of(spec):
            about = {"label": "Truncation", "info": NEARER, "elem_id": CLIP}
            widgets[CLIP] = gr.Slider(widest / 40, widest, widest, **about)
    return Controls(group, widgets)


def _slider(spec: InputSpec) -> Any:
    low, high = spec.range or (0.0, 1.0)
    return gr.Slider(low, high, spec.default, **_named(spec))


def _classes(spec: InputSpec) -> Any:
    turns = [("each in turn", EACH)] if len(spec.classes) <= SHOWN["image"] else []
    choices = [("any", ANY), *turns, *((c, c) for c in spec.classes)]
    return gr.Dropdown(choices, value=ANY, **_named(spec))


def _codes(spec: InputSpec) -> Any:
    choices = [("any", ANY), *((text, text) for text in (f"{value:g}" for value in values_within(spec, CODES)))]
    return gr.Dropdown(choices, value=ANY, allow_custom_value=True, **_named(spec))


def _upload(spec: InputSpec) -> Any:
    named = {k: v for k, v in _named(spec).items() if k != "info"}
    return Photo(type="pil", sources=["upload"], format="png", placeholder=DROP_HERE, **named)


_WIDGETS: dict[str, Callable[[InputSpec], Any]] = {
    "scalar": _slider, "label": _classes, "latent": _codes, "image": _upload,
}  # fmt: skip


def clip_of(spec: GeneratorSpec) -> float | None:
    """The widest truncation where no input is one but latents have a bound: it has a widget of its own then."""
    found = truncated_by(spec)
    return found.range[1] if found and found.range and found.kind == "latent" else None


def clips_within(spec: GeneratorSpec, count: int) -> list[float]:
    """Truncations up to the widest. The least is none of them: at 0 all pictures are one, or there are none."""
    low, high = truncations(spec) or (0.0, 1.0)
    found: list[float] = np.linspace(low, high, count + 1)[1:].tolist()
    return found


def is_code(spec: InputSpec) -> bool:
    """Whether a latent is one number within bounds, as InfoGAN's codes are: then it can be chosen too."""
    return spec.kind == "latent" and spec.shape == (1,) and spec.range is not None and spec.distribution != GIVEN


def values_within(spec: InputSpec, count: int) -> list[float]:
    """Values of a number or a code, from the least to the greatest."""
    low, high = spec.range or (0.0, 1.0)
    return [round(float(value), 6) for value in np.linspace(low, high, count)]


def titled(spec: InputSpec) -> str:
    """What an input is called on the page."""
    if spec.kind == "label" and (len(spec.name) < 3 or spec.name == "label"):
        return "Class"
    return "Truncation" if spec.name in TRUNCATIONS else spec.name.replace("_", " ").capitalize()


def _named(spec: InputSpec) -> dict[str, Any]:
    info = spec.doc or (NEARER if spec.name in TRUNCATIONS else None)
    return {"label": titled(spec), "info": info, "elem_id": f"input-{spec.name}"}


def recalled(spec: GeneratorSpec, name: str, value: Any) -> Any:
    """A widget's value of what an address or a picture says, or its default; InputError."""
    if name == CLIP and not any(i.name == name for i in spec.inputs):
        widest = clip_of(spec) or 1.0
        return widest if value is None else fraction(name, as_number(name, value), 0, widest)
    one = spec.input(name)
    if one.kind == "scalar":
        low, high = one.range or (0.0, 1.0)
        return one.default if value is None else fraction(name, as_number(name, value), low, high)
    if one.kind == "label":
        if isinstance(value, int) and 0 <= value < len(one.classes):
            value = one.classes[value]
        if value is not None and value not in (ANY, EACH, *one.classes):
            raise InputError(name, f"'{name}' has no class '{str(value)[:40]}'")
        return ANY if value is None else value
    if one.kind == "latent" and one.range is not None:
        value = plain(value)
        return ANY if value in (None, ANY) else f"{fraction(name, as_number(name, value), *one.range):g}"
    return None


def as_number(name: str, value: Any) -> Any:
    """A text of an address as a number; InputError."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(name, f"'{name}' is not a number") from None


def requested(spec: GeneratorSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, so that the request shown stays short."""
    defaults: dict[str, Any] = {CLIP: clip_of(spec)} | {i.name: i.default for i in spec.of_kind("scalar")}
    defaults |= {i.name: ANY for kind in ("label", "latent") for i in spec.of_kind(kind)}
    found = {k: v for k, v in values.items() if v is not None and (k not in defaults or v != defaults[k])}
    for one in spec.of_kind("latent"):
        if one.name in found and one.range is not None:
            found[one.name] = [fraction(one.name, as_number(one.name, found[one.name]), *one.range)]
    for one in spec.of_kind("image"):
        if isinstance(found.get(one.name), bytes):
            found[one.name] = base64.b64encode(found[one.name]).decode()
    return found


def seen_by(spec: InputSpec, photo: bytes) -> Any:
    """What a model is given of a photo: a picture of the input's size; InputError if it cannot be read."""
    pixels = picture_of(spec, photo)
    return Image.fromarray(pixels[..., 0] if spec.shape[0] == 1 else pixels)


def plain(value: Any) -> Any:
    """A code as one number; everything else as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def worded(value: Any) -> str:
    value = plain(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
