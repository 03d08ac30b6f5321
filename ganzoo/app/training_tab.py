"""The tab **Training**: how a run got where it is, live while it goes on."""

from __future__ import annotations

import html
import json
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ganzoo.app import look
from ganzoo.app.controls import errors_said
from ganzoo.app.studio import Studio
from ganzoo.app.wishes import whole
from ganzoo.curves import OPTIMUM
from ganzoo.errors import GanzooError, InputError
from ganzoo.folder import RunFolder

EVERY = 2.0
"""Seconds between looks at a run that goes on."""
TAIL = 16384
"""Bytes of the metrics that are read for the last row."""
NO_RUN = "How this model was trained is not in its file. Of a run folder that is served, it is shown here."


def training_tab(tab: Any, studio: Studio, model: Any) -> None:
    """Fills the tab."""
    status = gr.HTML(elem_id="run", container=False)
    with gr.Row(equal_height=False, visible=False) as row:
        with gr.Column(scale=2, min_width=280, elem_classes="side"):
            which = gr.Slider(1, 2, 1, step=1, label="Stage", info="1 is before any training", elem_id="run-grid")
            grid = _picture("Pictures of the same seeds at this step", "run-picture")
        with gr.Column(scale=3, min_width=280):
            curves = _picture(
                "By step, what was measured of G, which generates, and D, which tells real from generated",
                "run-curves",
            )
    timer, known = gr.Timer(EVERY, active=False), gr.State(0)

    async def look_at(model: Any, which: Any) -> Any:
        """A grid, the curves and the status; with `which` None, the newest grid."""
        with errors_said():
            run = studio.runs.get(model) if isinstance(model, str) else None
            if run is None:
                hidden = gr.update(visible=False)
                return [look.note(NO_RUN), hidden, gr.update(), None, None, gr.update(active=False), 0]
            number = None if which is None else whole("grid", which, 1, 1_000_000)
            about, going, count, at, pictures = await studio.pool.run(partial(_read, run, number))
        slider = gr.update(maximum=max(count, 2), value=at, visible=count > 1)
        return [about, gr.update(visible=True), slider, *pictures, gr.update(active=going), count]

    async def newest(model: Any) -> Any:
        return await look_at(model, None)

    async def again(model: Any, which: Any, known: int) -> Any:
        """Who looks at the newest grid is shown newer ones; who went back stays there."""
        return await look_at(model, None if which == max(known, 1) else which)

    outputs = [status, row, which, grid, curves, timer, known]
    quiet: dict[str, Any] = {
        "api_visibility": "private", "show_progress": "hidden", "concurrency_id": "draw", "trigger_mode": "always_last",
    }  # fmt: skip
    gr.on([tab.select, model.change], newest, model, outputs, **quiet)
    which.input(look_at, [model, which], outputs, **quiet)
    timer.tick(again, [model, which, known], outputs, **quiet)


def _picture(text: str, name: str) -> Any:
    gr.HTML(look.note(text), container=False)
    return gr.Image(
        type="pil", format="png", interactive=False, label=text, show_label=False, elem_id=name,
        buttons=["download", "fullscreen"],
    )  # fmt: skip


def _read(run: RunFolder, number: int | None) -> tuple[str, bool, int, int, list[Image.Image | None]]:
    """The status as HTML, whether it goes on, how many grids there are, which one, and both pictures.

    A run that goes on replaces its files whole, so each is read as it is at this moment.
    """
    try:
        about, grids = run.read(), run.samples()
    except GanzooError as error:
        raise InputError("model", "the folder of this run cannot be read") from error
    at = min(number or len(grids), len(grids))
    going = about.get("status") == "running"
    row, until = _newest(run), about.get("until")
    step = row.get("step", about.get("step", 0)) if going else about.get("step")
    parts = [str(about.get("variant", "")), str(about.get("status", ""))]
    parts += [f"step {step:,} of {until:,}"] if isinstance(step, int) and isinstance(until, int) else []
    parts += [f"grid of step {int(grids[at - 1].stem.removeprefix('step-')):,}"] if grids else []
    if isinstance(row.get("V"), float):
        parts += [f"V {row['V']:.3f} ({OPTIMUM:.3f} where D cannot tell real from generated)"]
    text = look.note(html.escape(" · ".join(parts)))
    return text, going, len(grids), max(at, 1), [_open(grids[at - 1]) if grids else None, _open(run.curves)]


def _newest(run: RunFolder) -> dict[str, Any]:
    """The last whole row that was measured; empty if there is none."""
    try:
        with run.metrics.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            lines = file.read().split(b"\n")[:-1]
        row = json.loads(lines[-1])
    except (OSError, ValueError, IndexError):
        return {}
    return row if isinstance(row, dict) else {}


def _open(path: Path) -> Image.Image | None:
    """A picture of the run; None if it is not there (yet)."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.copy()
    except (OSError, ValueError, SyntaxError):
        return None
