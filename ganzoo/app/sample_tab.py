"""The tab **Sample**: seed, count, the inputs that the spec declares, and the pictures."""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from ganzoo.app import look
from ganzoo.app.snippets import card, snippets
from ganzoo.app.studio import Busy, Studio
from ganzoo.app.wishes import can_truncate
from ganzoo.errors import InputError
from ganzoo.feeds import DEFAULT_N, MAX_SEED, TRUNCATIONS
from ganzoo.sampler import Samples
from ganzoo.specs import GeneratorSpec, InputSpec

SHOWN = {"image": 64, "points": 4096}
"""On the page at most."""
FIRST = {"image": DEFAULT_N, "points": 1024}
SMOOTH = 128
"""Pictures of so many pixels and more are not shown as squares of pixels."""
ANY = "*"
Names = Sequence[tuple[str, list[str]]]
"""Of each model, the names of its inputs that have a widget."""
CLIP = "truncation"
PROGRAMS = (("Python", "python"), ("curl", "shell"), ("Command line", "shell"))


@dataclass(frozen=True)
class Controls:
    """The widgets of one model's inputs, by the name that a request gives them."""

    group: Any
    widgets: Mapping[str, Any]


def sample_tab(page: Any, studio: Studio, model: Any) -> None:
    """Fills the tab; `model` is the picker above the tabs."""
    first = studio.sampler(studio.default).spec
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_id="controls"):
            with gr.Group():
                info = "A number, or several: 3, 7, 20-25"
                seed = gr.Textbox("0", label="Seed", info=info, elem_id="seed", max_length=400)
                lock = gr.Checkbox(False, label="Keep this seed", elem_id="lock")
            new = gr.Button("New pictures", variant="primary", elem_id="new")
            count = gr.Slider(**_span(first), step=1, label="How many", elem_id="count")
            groups = [_controls(name, studio) for name in studio.samplers]
            with gr.Row():
                grid = gr.Button("Save picture (PNG)", size="sm", min_width=110, elem_id="save-png")
                archive = gr.Button(_SAVE_ALL[first.output.kind], size="sm", min_width=110, elem_id="save-all")
        with gr.Column(scale=2, min_width=280, elem_id="pictures"):
            gallery = gr.Gallery(
                label="Samples", show_label=False, format="png",
                elem_classes=_classes_of(first), elem_id="gallery", columns=4, height="auto",
                object_fit="contain", buttons=["download", "fullscreen"], interactive=False,
            )  # fmt: skip
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280):
            about = gr.HTML(card(studio, studio.default), elem_id="card")
        with (
            gr.Column(scale=2, min_width=280),
            gr.Accordion("The same from a program", open=False, elem_id="code"),
        ):
            python, curl, line = (_code(name, language) for name, language in PROGRAMS)
    asked = gr.Textbox(visible=False)

    widgets = [w for controls in groups for w in controls.widgets.values()]
    inputs = [model, seed, count, *widgets]
    outputs = [gallery, asked, python, curl, line]
    how: dict[str, Any] = {
        "outputs": outputs, "api_visibility": "private", "concurrency_id": "draw",
        "concurrency_limit": studio.pool.workers * 2, "show_progress": "hidden",
    }  # fmt: skip
    draw = _drawer(studio, [(name, list(c.widgets)) for name, c in zip(studio.samplers, groups)])

    async def switch(*values: Any) -> Any:
        name = values[0] if values[0] in studio.samplers else studio.default
        output = studio.sampler(name).spec.output
        shown = [gr.update(visible=name == other) for other in studio.samplers]
        span = gr.update(**_span(studio.sampler(name).spec))
        return [card(studio, name), span, gr.update(value=_SAVE_ALL[output.kind]), *shown]

    gr.on([page.load, seed.submit, count.input], draw, inputs, trigger_mode="always_last", **how)
    if widgets:
        gr.on([_changed(w) for w in widgets], draw, inputs, trigger_mode="always_last", **how)
    new.click(_other_seed, [seed, lock, count], seed, api_visibility="private", show_progress="hidden").then(
        draw, inputs, **how
    )
    seed.input(None, None, lock, js="() => true", api_visibility="private")
    model.change(
        switch, [model], [about, count, archive, *(c.group for c in groups)],
        api_visibility="private", show_progress="hidden",
    ).then(draw, inputs, **how)  # fmt: skip
    grid.click(None, [asked], None, js=look.download("png"), api_visibility="private")
    archive.click(None, [asked], None, js=look.download("all"), api_visibility="private")


def _code(name: str, language: str) -> Any:
    """A tab with a program to copy."""
    with gr.Tab(name):
        return gr.Code(language=language, interactive=False, show_label=False, lines=2, wrap_lines=True)


_SAVE_ALL = {"image": "Save all (ZIP)", "points": "Save numbers (NPZ)"}


def _span(spec: GeneratorSpec) -> dict[str, int]:
    """How many there may be, and are at first."""
    return {"minimum": 1, "maximum": SHOWN[spec.output.kind], "value": FIRST[spec.output.kind]}


def _classes_of(spec: GeneratorSpec) -> list[str]:
    """What the style sheet must know of an output."""
    if spec.output.kind == "points":
        return ["one", "smooth"]
    return ["smooth"] if min(spec.output.shape[1:]) >= SMOOTH else []


def _changed(widget: Any) -> Any:
    """The event of a widget that only a person causes."""
    return widget.change if isinstance(widget, gr.Image) else widget.input


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


def _other_seed(seed: str, lock: bool, count: int) -> str:
    """A seed that nobody chose, unless the one that is there is to be kept."""
    return seed if lock else str(secrets.randbelow(1_000_000))


def _drawer(studio: Studio, names: Names) -> Callable[..., Awaitable[Any]]:
    """The function behind every event: from the values of all widgets to pictures and snippets."""

    async def draw(request: gr.Request, model: str, seed: str, count: float, *values: Any) -> Any:
        try:
            asked = _asked(studio, names, model, seed, count, values)
            if any(i.name not in asked for i in studio.sampler(model).spec.of_kind("image")):
                return [
                    gr.update(value=[]),
                    "",
                    "",
                    "",
                    "",
                ]  # nothing is wrong: the visitor has yet to give one
            wish = studio.wish(asked)
            most = SHOWN[studio.sampler(wish.model).spec.output.kind]
            if len(wish.asked["seeds"]) > most:
                raise InputError("n", f"the page shows {most} at most; the HTTP API gives more")
            pictures = await studio.draw(wish, _pictures)
        except (InputError, Busy) as error:
            said = str(error)[:1].upper() + str(error)[1:]
            raise gr.Error(said, title="That cannot be drawn", print_exception=False, duration=6) from error
        spec = studio.sampler(wish.model).spec
        columns = 1 if spec.output.kind == "points" else min(8, max(4, round(len(pictures) ** 0.5)))
        return [
            gr.update(value=pictures, columns=columns, elem_classes=_classes_of(spec)),
            *snippets(studio, wish, request),
        ]

    return draw


def _asked(studio: Studio, names: Names, model: Any, seed: Any, count: Any, values: Sequence[Any]) -> dict[str, Any]:
    """The request, as the HTTP API would get it."""
    asked: dict[str, Any] = {"model": model}
    text = str(seed).strip() or "0"
    if text.isdecimal():
        asked |= {"seed": min(int(text[:12]), MAX_SEED), "n": count}
    else:
        asked["seeds"] = text
    left = list(values)
    for name, widgets in names:
        mine, left = left[: len(widgets)], left[len(widgets) :]
        if name == model:
            asked |= _inputs(studio.sampler(name).spec, dict(zip(widgets, mine)))
    return asked


def _inputs(spec: GeneratorSpec, values: Mapping[str, Any]) -> dict[str, Any]:
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


def _pictures(samples: Samples) -> list[tuple[Image.Image, str]]:
    """What the gallery shows: each picture over its seed; points as one scatter plot."""
    if samples.spec.output.kind == "points":
        return [(samples.grid(), f"{len(samples)} points")]
    return [(Image.open(io.BytesIO(samples.png(k))), str(s)) for k, s in enumerate(samples.seeds)]
