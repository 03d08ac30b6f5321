"""The widgets that a spec declares, and from their values to a request: every tab asks in the same words."""

from __future__ import annotations

import base64
import contextlib
import html
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from ganzoo.app import look
from ganzoo.app.recall import ANY, EACH, in_turn
from ganzoo.app.studio import Busy, Studio
from ganzoo.app.wishes import Wish, can_truncate, fraction, from_noise
from ganzoo.errors import InputError, SpaceError
from ganzoo.feeds import DEFAULT_N, MAX_SEED, TRUNCATIONS
from ganzoo.specs import GeneratorSpec, InputSpec

CLIP = "truncation"
NEARER = "Less: more typical pictures, and more alike."
SHOWN = {"image": 64, "points": 4096}
"""On the page at most."""
DROP_HERE = "# Drop a picture here\nor click to choose one"
LACKING = "This model starts from a picture. Give it one in the tab Sample, and come back."


@dataclass(frozen=True)
class Controls:
    """The widgets of one model's inputs, by the name that a request gives them."""

    group: Any
    widgets: Mapping[str, Any]


class Sheet:
    """The picker of models and every model's widgets; made within the column that shows them.

    Pictures that the page shows lie in `scratch`; `here` is the name of the tab that is open.
    """

    def __init__(self, studio: Studio, model: Any, scratch: Path) -> None:
        self.studio = studio
        self.model = model
        self.scratch = scratch
        self.here = gr.State("Sample")
        self.controls = {name: _controls(name, studio) for name in studio.samplers}

    def follow(self, tabs: Any) -> None:
        """Keeps the name of the tab that is open in `here`."""

        async def named(event: gr.SelectData) -> str:
            return str(event.value)

        tabs.select(named, None, self.here, api_visibility="private", show_progress="hidden")

    @property
    def widgets(self) -> list[Any]:
        """All widgets, in the order in which `wish` is given their values."""
        return [w for controls in self.controls.values() for w in controls.widgets.values()]

    def wish(self, model: Any, values: Sequence[Any], **which: Any) -> Wish:
        """What is asked of a model, checked, as the HTTP API would; `which` says how many and from what seed.

        'Each class in turn' is a table of the tab Sample; elsewhere the class is then as the seed says.
        """
        given = {k: v for k, v in self._inputs(model, values).items() if v != EACH}
        return self.studio.wish({"model": model, **given, **which})

    def lacks_picture(self, model: Any, values: Sequence[Any]) -> bool:
        """Whether the model starts from a picture that the visitor has yet to give."""
        given = self._inputs(model, values)
        return any(i.name not in given for i in self.studio.spec(model).of_kind("image"))

    def sheet_wish(self, model: Any, seed: Any, count: Any, values: Sequence[Any]) -> Wish:
        """What is asked of a model for the tab Sample, where a class may be 'every class in turn'; InputError."""
        asked = {"model": model, **self._inputs(model, values), **which(seed, count)}
        spec = self.studio.spec(model)
        turns = [one for one in spec.of_kind("label") if asked.get(one.name) == EACH]
        for one in turns[1:]:
            raise InputError(one.name, f"only one of {turns[0].name} and {one.name} can be each class in turn")
        for one in turns:
            rows = self.studio.wish({**asked, one.name: None}).asked["seeds"]
            rows = rows[: max(1, SHOWN[spec.output.kind] // len(one.classes))]
            seeds, labels = in_turn(one.classes, rows)
            asked = {k: v for k, v in asked.items() if k not in ("seed", "n")}
            asked |= {"seeds": seeds, one.name: labels}
        wish = self.studio.wish(asked)
        if len(wish.asked["seeds"]) > SHOWN[spec.output.kind]:
            most = SHOWN[spec.output.kind]
            raise InputError("n", f"the page shows {most} at most; the HTTP API gives more")
        return wish

    def settings(self, model: Any, seed: Any, count: Any, values: Sequence[Any]) -> dict[str, Any]:
        """What an address says: the model, the seeds, and the widgets that are not at their defaults."""
        number = {"n": count} if str(seed).strip().isdecimal() else {}
        given = {k: v for k, v in self._inputs(model, values).items() if k not in self._pictures(model)}
        return {"model": model, "seed": str(seed).strip(), **number, **given}

    def recalled(self, settings: Mapping[str, Any]) -> list[Any]:
        """[model, seed, count, *values of all widgets] of settings; of others' names nothing. InputError."""
        model = str(settings.get("model", self.studio.default))
        spec = self.studio.spec(model)
        most = SHOWN[spec.output.kind]
        count = int(fraction("n", _number("n", settings.get("n", first_count(spec))), 1, most))
        values: list[Any] = []
        for name, controls in self.controls.items():
            own = self.studio.spec(name)
            given = settings if name == model else {}
            values += [_recalled(own, widget, given.get(widget)) for widget in controls.widgets]
        if not self._pictures(model):
            self.sheet_wish(model, settings.get("seed", "0"), count, values)
        return [model, str(settings.get("seed", "0")), count, *values]

    def _pictures(self, model: Any) -> set[str]:
        return {i.name for i in self.studio.spec(model).of_kind("image")}

    def _inputs(self, model: Any, values: Sequence[Any]) -> dict[str, Any]:
        """The values of this model's widgets."""
        left = list(values)
        for name, controls in self.controls.items():
            mine, left = left[: len(controls.widgets)], left[len(controls.widgets) :]
            if name == model:
                return _given(self.studio.spec(name), dict(zip(controls.widgets, mine)))
        return {}


def which(text: Any, count: Any) -> dict[str, Any]:
    """The seeds of a request, of what is in a box: one number is the first of `count`, several are a list."""
    plain = str(text).strip() or "0"
    return {"seed": min(int(plain[:12]), MAX_SEED), "n": count} if plain.isdecimal() else {"seeds": plain}


def first_count(spec: GeneratorSpec) -> int:
    """How many are shown at first; of a model without noise one, for all would be the same."""
    if spec.output.kind == "points":
        return 1024
    return DEFAULT_N if spec.of_kind("latent") else 1


@contextlib.contextmanager
def of_noise(sheet: Sheet) -> Iterator[None]:
    """Within: widgets for models that make pictures from noise. For others a sentence stands in their place."""
    fits = from_noise(sheet.studio.spec(sheet.studio.default))
    reason = gr.HTML(_other_than_noise(sheet.studio, sheet.studio.default), visible=not fits, container=False)
    with gr.Column(visible=fits) as widgets:
        yield

    async def switch(model: Any) -> list[Any]:
        with told():
            fits = from_noise(sheet.studio.spec(model))
            return [gr.update(value=_other_than_noise(sheet.studio, model), visible=not fits), gr.update(visible=fits)]

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    sheet.model.change(switch, sheet.model, [reason, widgets], **quiet)


def _other_than_noise(studio: Studio, model: str) -> str:
    makes = "makes points" if studio.spec(model).output.kind == "points" else "takes no noise"
    return look.note(f"This tab is for models that make pictures from noise; '{html.escape(model)}' {makes}.")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Within: what cannot be made is said to the visitor in a sentence."""
    try:
        yield
    except (InputError, Busy) as error:
        said = str(error)[:1].upper() + str(error)[1:]
        raise gr.Error(said, title="That cannot be drawn", print_exception=False, duration=6) from error
    except SpaceError as error:  # which names a path
        raise gr.Error("The server's disk is full; tell whoever runs it", print_exception=False) from error


def _controls(name: str, studio: Studio) -> Controls:
    """The widgets of one model: kind -> widget. Latents have none, seeds draw them."""
    spec = studio.spec(name)
    widgets: dict[str, Any] = {}
    with gr.Column(visible=name == studio.default, elem_classes="inputs") as group:
        for one in spec.inputs:
            if one.kind != "latent":
                widgets[one.name] = _WIDGETS[one.kind](one)
        widest = can_truncate(spec)
        if widest and not any(i.name in TRUNCATIONS for i in spec.inputs):
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


def _upload(spec: InputSpec) -> Any:
    named = {k: v for k, v in _named(spec).items() if k != "info"}
    return gr.Image(type="pil", sources=["upload"], format="png", placeholder=DROP_HERE, **named)


_WIDGETS: dict[str, Callable[[InputSpec], Any]] = {"scalar": _slider, "label": _classes, "image": _upload}


def titled(spec: InputSpec) -> str:
    """What an input is called on the page."""
    if spec.kind == "label" and (len(spec.name) < 3 or spec.name == "label"):
        return "Class"
    return "Truncation" if spec.name in TRUNCATIONS else spec.name.replace("_", " ").capitalize()


def _named(spec: InputSpec) -> dict[str, Any]:
    info = spec.doc or (NEARER if spec.name in TRUNCATIONS else None)
    return {"label": titled(spec), "info": info, "elem_id": f"input-{spec.name}"}


def _recalled(spec: GeneratorSpec, name: str, value: Any) -> Any:
    """A widget's value of what an address or a picture says, or its default; InputError."""
    if name == CLIP and not any(i.name == name for i in spec.inputs):
        widest = can_truncate(spec) or 1.0
        return widest if value is None else fraction(name, _number(name, value), 0, widest)
    one = spec.input(name)
    if one.kind == "scalar":
        low, high = one.range or (0.0, 1.0)
        return one.default if value is None else fraction(name, _number(name, value), low, high)
    if one.kind == "label":
        if isinstance(value, int) and 0 <= value < len(one.classes):
            value = one.classes[value]
        if value is not None and value not in (ANY, EACH, *one.classes):
            raise InputError(name, f"'{name}' has no class '{str(value)[:40]}'")
        return ANY if value is None else value
    return None


def _number(name: str, value: Any) -> Any:
    """A text of an address as a number; InputError."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(name, f"'{name}' is not a number") from None


def _given(spec: GeneratorSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, so that the request shown stays short."""
    defaults: dict[str, Any] = {i.name: i.default for i in spec.of_kind("scalar")}
    defaults |= {i.name: ANY for i in spec.of_kind("label")} | {CLIP: can_truncate(spec)}
    found = {k: v for k, v in values.items() if v is not None and (k not in defaults or v != defaults[k])}
    for one in spec.of_kind("image"):
        if isinstance(found.get(one.name), Image.Image):
            out = io.BytesIO()
            small = ImageOps.fit(
                found[one.name].convert("L" if one.shape[0] == 1 else "RGB"), (one.shape[2], one.shape[1])
            )
            small.save(out, "PNG")
            found[one.name] = base64.b64encode(out.getvalue()).decode()
    return found
