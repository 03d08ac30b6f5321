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
from ganzoo.app.wishes import can_truncate, seed_list
from ganzoo.errors import InputError
from ganzoo.feeds import DEFAULT_N, MAX_SEED, TRUNCATIONS
from ganzoo.sampler import Samples
from ganzoo.specs import GeneratorSpec, InputSpec

SHOWN = 64
"""Pictures on the page at most."""
ANY = "*"
CLIP = "truncation"


@dataclass(frozen=True)
class Controls:
    """The widgets of one model's inputs, by the name that a request gives them."""

    group: Any
    widgets: Mapping[str, Any]


def sample_tab(page: Any, studio: Studio, model: Any) -> None:
    """Fills the tab; `model` is the picker above the tabs."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=290, elem_id="controls"):
            with gr.Group():
                seed = gr.Textbox("0", label="Seed", info="A number, or several: 3, 7, 20-25", elem_id="seed", max_length=400)
                lock = gr.Checkbox(False, label="Keep this seed", elem_id="lock")
            new = gr.Button("New pictures", variant="primary", elem_id="new")
            count = gr.Slider(1, SHOWN, DEFAULT_N, step=1, label="How many", elem_id="count")
            groups = [_controls(name, studio) for name in studio.samplers]
            with gr.Row():
                grid = gr.Button("Save grid (PNG)", size="sm", elem_id="save-png")
                archive = gr.Button("Save all (ZIP)", size="sm", elem_id="save-zip")
            about = gr.HTML(card(studio, studio.default), elem_id="card", container=False)
        with gr.Column(scale=3, min_width=320):
            gallery = gr.Gallery(
                label="Samples", show_label=False, format="png", elem_id="gallery", columns=4, height="auto",
                object_fit="contain", buttons=["download", "fullscreen"], interactive=False,
            )  # fmt: skip
            with gr.Accordion("The same pictures from a program", open=False, elem_id="code"):
                with gr.Tab("Python"):
                    python = gr.Code(language="python", interactive=False, show_label=False)
                with gr.Tab("curl"):
                    curl = gr.Code(language="shell", interactive=False, show_label=False)
                with gr.Tab("Command line"):
                    line = gr.Code(language="shell", interactive=False, show_label=False)
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
        shown = [gr.update(visible=values[0] == name) for name in studio.samplers]
        found = studio.wish({"model": values[0]} if isinstance(values[0], str) else {}).model
        return [card(studio, found), *shown]

    gr.on([page.load, seed.submit, count.input], draw, inputs, trigger_mode="always_last", **how)
    if widgets:
        gr.on([_changed(w) for w in widgets], draw, inputs, trigger_mode="always_last", **how)
    new.click(
        _other_seed, [seed, lock, count], seed, api_visibility="private", queue=False, show_progress="hidden"
    ).then(draw, inputs, **how)
    seed.input(None, None, lock, js="() => true", api_visibility="private")
    model.change(
        switch, [model], [about, *(c.group for c in groups)],
        api_visibility="private", queue=False, show_progress="hidden",
    ).then(draw, inputs, **how)  # fmt: skip
    grid.click(None, [asked], None, js=look.download("png"), api_visibility="private")
    archive.click(None, [asked], None, js=look.download("zip"), api_visibility="private")


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
            info = "Less: nearer the mean, less varied."
            widgets[CLIP] = gr.Slider(widest / 40, widest, widest, label="Truncation", info=info, elem_id=CLIP)
    return Controls(group, widgets)


def _slider(spec: InputSpec) -> Any:
    low, high = spec.range or (0.0, 1.0)
    return gr.Slider(low, high, spec.default, label=_title(spec), info=spec.doc or None, elem_id=f"input-{spec.name}")


def _classes(spec: InputSpec) -> Any:
    return gr.Dropdown(
        [("any", ANY), *((c, c) for c in spec.classes)], value=ANY, label=_title(spec), info=spec.doc or None, elem_id=f"input-{spec.name}"
    )


def _upload(spec: InputSpec) -> Any:
    return gr.Image(label=_title(spec), type="pil", sources=["upload"], format="png", elem_id=f"input-{spec.name}")


_WIDGETS: dict[str, Callable[[InputSpec], Any]] = {"scalar": _slider, "label": _classes, "image": _upload}


def _title(spec: InputSpec) -> str:
    return spec.name.replace("_", " ").capitalize()


def _other_seed(seed: str, lock: bool, count: int) -> str:
    """A seed that nobody chose, unless the one that is there is to be kept."""
    return seed if lock else str(secrets.randbelow(1_000_000))


def _drawer(studio: Studio, names: Sequence[tuple[str, list[str]]]) -> Callable[..., Awaitable[Any]]:
    """The function behind every event: from the values of all widgets to pictures and snippets."""

    async def draw(model: str, seed: str, count: float, *values: Any, request: gr.Request) -> Any:
        try:
            wish = studio.wish(_asked(studio, names, model, seed, count, values))
            pictures = await studio.draw(wish, _pictures)
        except (InputError, Busy) as error:
            raise gr.Error(str(error), print_exception=False, duration=6) from error
        columns = 1 if len(pictures) == 1 and wish.arguments["seeds"][1:] else min(8, max(4, round(len(pictures) ** 0.5)))
        return [gr.update(value=pictures, columns=columns), *snippets(studio, wish, request)]

    return draw


def _asked(
    studio: Studio, names: Sequence[tuple[str, list[str]]], model: Any, seed: Any, count: Any, values: Sequence[Any]
) -> dict[str, Any]:
    """The request, as the HTTP API would get it."""
    asked: dict[str, Any] = {"model": model}
    text = str(seed).strip() or "0"
    if text.isdecimal():
        asked |= {"seed": min(int(text[:12]), MAX_SEED), "n": min(int(count), SHOWN)}
    else:
        asked["seeds"] = text
        if len(seed_list(text)) > SHOWN:
            raise InputError("seeds", f"the page shows {SHOWN} pictures at most; the HTTP API gives more")
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
