"""The widgets that a spec declares, and from their values to a request: every tab asks in the same words."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from ganzoo.app.studio import Busy, Studio
from ganzoo.app.wishes import Wish, can_truncate
from ganzoo.errors import InputError
from ganzoo.feeds import MAX_SEED, TRUNCATIONS
from ganzoo.specs import GeneratorSpec, InputSpec

ANY = "*"
CLIP = "truncation"


@dataclass(frozen=True)
class Controls:
    """The widgets of one model's inputs, by the name that a request gives them."""

    group: Any
    widgets: Mapping[str, Any]


class Sheet:
    """The picker of models and every model's widgets; made within the column that shows them."""

    def __init__(self, studio: Studio, model: Any) -> None:
        self.studio = studio
        self.model = model
        self.controls = {name: _controls(name, studio) for name in studio.samplers}

    @property
    def widgets(self) -> list[Any]:
        """All widgets, in the order in which `wish` is given their values."""
        return [w for controls in self.controls.values() for w in controls.widgets.values()]

    def wish(self, model: Any, values: Sequence[Any], **which: Any) -> Wish:
        """What is asked of a model, checked, as the HTTP API would; `which` says how many and from what seed."""
        return self.studio.wish({"model": model, **self._inputs(model, values), **which})

    def lacks_picture(self, model: Any, values: Sequence[Any]) -> bool:
        """Whether the model starts from a picture that the visitor has yet to give."""
        given = self._inputs(model, values)
        return any(i.name not in given for i in self.studio.sampler(model).spec.of_kind("image"))

    def _inputs(self, model: Any, values: Sequence[Any]) -> dict[str, Any]:
        """The values of this model's widgets."""
        left = list(values)
        for name, controls in self.controls.items():
            mine, left = left[: len(controls.widgets)], left[len(controls.widgets) :]
            if name == model:
                return _given(self.studio.sampler(name).spec, dict(zip(controls.widgets, mine)))
        return {}


def which(text: Any, count: Any) -> dict[str, Any]:
    """The seeds of a request, of what is in a box: one number is the first of `count`, several are a list."""
    plain = str(text).strip() or "0"
    return {"seed": min(int(plain[:12]), MAX_SEED), "n": count} if plain.isdecimal() else {"seeds": plain}


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Within: what cannot be made is said to the visitor in a sentence."""
    try:
        yield
    except (InputError, Busy) as error:
        said = str(error)[:1].upper() + str(error)[1:]
        raise gr.Error(said, title="That cannot be drawn", print_exception=False, duration=6) from error


def _controls(name: str, studio: Studio) -> Controls:
    """The widgets of one model: kind -> widget. Latents have none, seeds draw them."""
    spec = studio.sampler(name).spec
    widgets: dict[str, Any] = {}
    with gr.Column(visible=name == studio.default, elem_classes="inputs") as group:
        for one in spec.inputs:
            if one.kind != "latent":
                widgets[one.name] = _WIDGETS[one.kind](one)
        widest = can_truncate(spec)
        if widest and not any(i.name in TRUNCATIONS for i in spec.inputs):
            about = {"label": "Truncation", "info": "Less: nearer the mean, less varied.", "elem_id": CLIP}
            widgets[CLIP] = gr.Slider(widest / 40, widest, widest, **about)
    return Controls(group, widgets)


def _slider(spec: InputSpec) -> Any:
    low, high = spec.range or (0.0, 1.0)
    return gr.Slider(low, high, spec.default, **_named(spec))


def _classes(spec: InputSpec) -> Any:
    return gr.Dropdown([("any", ANY), *((c, c) for c in spec.classes)], value=ANY, **_named(spec))


def _upload(spec: InputSpec) -> Any:
    named = {k: v for k, v in _named(spec).items() if k != "info"}
    return gr.Image(type="pil", sources=["upload"], format="png", **named)


_WIDGETS: dict[str, Callable[[InputSpec], Any]] = {"scalar": _slider, "label": _classes, "image": _upload}


def _named(spec: InputSpec) -> dict[str, Any]:
    title = spec.name.replace("_", " ").capitalize()
    return {"label": title, "info": spec.doc or None, "elem_id": f"input-{spec.name}"}


def _given(spec: GeneratorSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, so that the request shown stays short."""
    defaults: dict[str, Any] = {i.name: i.default for i in spec.of_kind("scalar")}
    defaults |= {i.name: ANY for i in spec.of_kind("label")} | {CLIP: can_truncate(spec)}
    found = {k: v for k, v in values.items() if v is not None and (k not in defaults or v != defaults[k])}
    for one in spec.of_kind("image"):
        if isinstance(found.get(one.name), Image.Image):
            out = io.BytesIO()
            found[one.name].convert("RGB").save(out, "PNG")
            found[one.name] = base64.b64encode(out.getvalue()).decode()
    return found
