"""The tab **Sample**: seed, count, the inputs that the spec declares, and the pictures."""

from __future__ import annotations

import io
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from ganzoo.app import look
from ganzoo.app.controls import Sheet, told, which
from ganzoo.app.snippets import snippets
from ganzoo.app.studio import Studio
from ganzoo.errors import InputError
from ganzoo.feeds import DEFAULT_N
from ganzoo.sampler import Samples
from ganzoo.specs import GeneratorSpec

SHOWN = {"image": 64, "points": 4096}
"""On the page at most."""
FIRST = {"image": DEFAULT_N, "points": 1024}
SMOOTH = 128
"""Pictures of so many pixels and more are not shown as squares of pixels."""


def sample_tab(page: Any, studio: Studio, model: Any, programs: Sequence[Any]) -> Sheet:
    """Fills the tab and returns its widgets; `programs` show the same request in other languages."""
    first = studio.sampler(studio.default).spec
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_id="controls"):
            with gr.Group():
                info = "A number, or several: 3, 7, 20-25"
                seed = gr.Textbox("0", label="Seed", info=info, elem_id="seed", max_length=400)
                lock = gr.Checkbox(False, label="Keep this seed", elem_id="lock")
            new = gr.Button("New pictures", variant="primary", elem_id="new")
            count = gr.Slider(**_span(first), step=1, label="How many", elem_id="count")
            sheet = Sheet(studio, model)
            with gr.Row():
                grid = gr.Button("Save picture (PNG)", size="sm", min_width=110, elem_id="save-png")
                archive = gr.Button(_SAVE_ALL[first.output.kind], size="sm", min_width=110, elem_id="save-all")
        with gr.Column(scale=2, min_width=280, elem_id="pictures"):
            gallery = gr.Gallery(
                label="Samples", show_label=False, format="png",
                elem_classes=classes_of(first), elem_id="gallery", columns=4, height="auto",
                object_fit="contain", buttons=["download", "fullscreen"], interactive=False,
            )  # fmt: skip
    asked = gr.Textbox(visible=False)

    inputs = [model, seed, count, *sheet.widgets]
    outputs = [gallery, asked, *programs]
    how: dict[str, Any] = {
        "outputs": outputs, "api_visibility": "private", "concurrency_id": "draw",
        "concurrency_limit": studio.pool.workers * 2, "show_progress": "hidden",
    }  # fmt: skip
    draw = _drawer(sheet)

    async def switch(*values: Any) -> Any:
        name = values[0] if values[0] in studio.samplers else studio.default
        output = studio.sampler(name).spec.output
        shown = [gr.update(visible=name == other) for other in studio.samplers]
        span = gr.update(**_span(studio.sampler(name).spec))
        return [span, gr.update(value=_SAVE_ALL[output.kind]), *shown]

    gr.on([page.load, seed.submit, count.input], draw, inputs, trigger_mode="always_last", **how)
    if sheet.widgets:
        gr.on([_changed(w) for w in sheet.widgets], draw, inputs, trigger_mode="always_last", **how)
    new.click(_other_seed, [seed, lock, count], seed, api_visibility="private", show_progress="hidden").then(
        draw, inputs, **how
    )
    seed.input(None, None, lock, js="() => true", api_visibility="private")
    model.change(
        switch, [model], [count, archive, *(c.group for c in sheet.controls.values())],
        api_visibility="private", show_progress="hidden",
    ).then(draw, inputs, **how)  # fmt: skip
    grid.click(None, [asked], None, js=look.download("png"), api_visibility="private")
    archive.click(None, [asked], None, js=look.download("all"), api_visibility="private")
    return sheet


_SAVE_ALL = {"image": "Save all (ZIP)", "points": "Save numbers (NPZ)"}


def _span(spec: GeneratorSpec) -> dict[str, int]:
    """How many there may be, and are at first."""
    return {"minimum": 1, "maximum": SHOWN[spec.output.kind], "value": FIRST[spec.output.kind]}


def classes_of(spec: GeneratorSpec) -> list[str]:
    """What the style sheet must know of an output."""
    if spec.output.kind == "points":
        return ["gallery", "one", "smooth"]
    return ["gallery", "smooth"] if min(spec.output.shape[1:]) >= SMOOTH else ["gallery"]


def _changed(widget: Any) -> Any:
    """The event of a widget that only a person causes."""
    return widget.change if isinstance(widget, gr.Image) else widget.input


def _other_seed(seed: str, lock: bool, count: int) -> str:
    """A seed that nobody chose, unless the one that is there is to be kept."""
    return seed if lock else str(secrets.randbelow(1_000_000))


def _drawer(sheet: Sheet) -> Callable[..., Awaitable[Any]]:
    """The function behind every event: from the values of all widgets to pictures and snippets."""
    studio = sheet.studio

    async def draw(request: gr.Request, model: Any, seed: Any, count: Any, *values: Any) -> Any:
        with told():
            if sheet.lacks_picture(model, values):  # nothing is wrong: the visitor has yet to give one
                return [gr.update(value=[]), "", "", "", ""]
            wish = sheet.wish(model, values, **which(seed, count))
            most = SHOWN[studio.sampler(wish.model).spec.output.kind]
            if len(wish.asked["seeds"]) > most:
                raise InputError("n", f"the page shows {most} at most; the HTTP API gives more")
            pictures = await studio.draw(wish, _pictures)
        spec = studio.sampler(wish.model).spec
        columns = 1 if spec.output.kind == "points" else min(8, max(4, round(len(pictures) ** 0.5)))
        shown = gr.update(value=pictures, columns=columns, elem_classes=classes_of(spec))
        return [shown, *snippets(studio, wish, request)]

    return draw


def _pictures(samples: Samples) -> list[tuple[Image.Image, str]]:
    """What the gallery shows: each picture over its seed; points as one scatter plot."""
    if samples.spec.output.kind == "points":
        return [(samples.grid(), f"{len(samples)} points")]
    return [(Image.open(io.BytesIO(samples.png(k))), str(s)) for k, s in enumerate(samples.seeds)]
