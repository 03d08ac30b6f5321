"""The tab **Walk**: a film from seed to seed and back to the first."""

from __future__ import annotations

import hashlib
import html
import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from ganzoo.app import look
from ganzoo.app.controls import AS_IN_SAMPLE, LACKING, Sheet, errors_said, of_noise, outputs_stay, which
from ganzoo.app.wishes import Wish, fraction, from_noise
from ganzoo.errors import InputError
from ganzoo.files import canonical, space_errors, write_bytes
from ganzoo.images import animation_bytes
from ganzoo.sampler import Sampler

FPS = 24
KEYS = 12
SECONDS = 20
PIXELS = 64_000_000
"""Of all frames of a film together: they are in memory at once."""
KINDS = ("mp4", "gif")
EMPTY = look.note("A film in which each picture turns slowly into the next. It is shown here, in a loop.")
Easing = Callable[[NDArray[np.float64]], NDArray[np.float64]]
EASINGS: dict[str, Easing] = {
    "Even": lambda t: t,
    "Slow at each seed": lambda t: t * t * (3 - 2 * t),
    "Rest at each seed": lambda t: np.clip(2 * t - 0.5, 0, 1) ** 2 * (3 - 2 * np.clip(2 * t - 0.5, 0, 1)),
}


def walk_tab(sheet: Sheet) -> None:
    """Fills the tab."""
    with of_noise(sheet), gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_classes="side"):
            info = f"Where it passes, 2 to {KEYS}: 3, 7, 20-25"
            keys = gr.Textbox("0-5", label="Seeds", info=info, elem_id="walk-keys", max_length=400)
            seconds = gr.Slider(1, SECONDS, 6, step=1, label="Seconds", elem_id="walk-seconds")
            easing = gr.Dropdown(list(EASINGS), value="Slow at each seed", label="Pace", elem_id="walk-easing")
            go = gr.Button("Make the film", variant="primary", elem_id="walk-go")
            gr.HTML(look.note(AS_IN_SAMPLE), container=False)
            with gr.Row():
                saves = [
                    gr.Button(f"Save {kind.upper()}", size="sm", min_width=110, elem_id=f"walk-{kind}")
                    for kind in KINDS
                ]
        with gr.Column(scale=2, min_width=280, elem_classes="results"):
            screen = gr.HTML(EMPTY, elem_id="film", container=False)
    where = gr.Textbox(visible=False)
    inputs = [sheet.model, keys, seconds, easing, *sheet.widgets]
    how: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "draw"}

    async def film(kind: str, model: Any, keys: Any, seconds: Any, easing: Any, *values: Any) -> str:
        """Makes the film unless it is there, and returns its address."""
        with errors_said():
            wish, frames = _asked(sheet, model, keys, seconds, values)
            if easing not in EASINGS:
                raise InputError("easing", f"the pace is none of {', '.join(EASINGS)}")
            name = canonical([sheet.studio.sampler(wish.model).checksum, wish.name(), frames, easing])
            path = sheet.scratch / hashlib.sha256(name.encode()).hexdigest()[:32] / f"walk.{kind}"
            try:
                os.utime(path)  # as if new: the server's folder is swept
            except FileNotFoundError:
                job = partial(_film, sheet.studio.sampler(wish.model), wish, frames, EASINGS[easing], path)
                await sheet.studio.pool.run(job)
        return f"{sheet.studio.root}/gradio_api/file={path}"

    @outputs_stay(1)
    async def show(*values: Any) -> str:
        address = html.escape(await film("mp4", *values))
        text = html.escape(f"A walk through seeds {str(values[1])[:60]}")
        return f'<video src="{address}" aria-label="{text}" loop autoplay muted playsinline controls></video>'

    go.click(show, inputs, screen, show_progress="full", show_progress_on=[screen], **how)
    sheet.model.change(None, None, screen, js=f"() => {json.dumps(EMPTY)}", api_visibility="private")
    for kind, button in zip(KINDS, saves):
        button.click(
            partial(film, kind), inputs, where, show_progress="full", show_progress_on=[screen], **how
        ).success(None, [where], None, js=look.save(f"walk.{kind}"), api_visibility="private")


def _asked(sheet: Sheet, model: Any, keys: Any, seconds: Any, values: Sequence[Any]) -> tuple[Wish, int]:
    """The request for the pictures at the seeds, and how many frames there are; InputError."""
    frames = round(FPS * fraction("seconds", seconds, 1, SECONDS))
    if sheet.lacks_picture(model, values):
        raise InputError("image", LACKING)
    wish = sheet.wish(model, values, **which(keys, 1))
    spec = sheet.studio.spec(wish.model)
    if not from_noise(spec):
        raise InputError("model", "only pictures that are made from noise can be walked through")
    if not 2 <= len(wish.asked["seeds"]) <= KEYS:
        raise InputError("seeds", f"a film passes 2 to {KEYS} seeds, such as 3, 7")
    most = PIXELS // (spec.output.shape[1] * spec.output.shape[2] * FPS)
    if frames > most * FPS:
        raise InputError("seconds", f"a film of pictures of this size has {most} seconds at most")
    return wish, frames


def _film(sampler: Sampler, wish: Wish, frames: int, easing: Easing, path: Path) -> None:
    given = dict(wish.arguments)
    keys = given.pop("seeds")
    at = np.arange(frames) * len(keys) / frames
    made = sampler.way(keys, np.floor(at) + easing(at % 1), FPS, **given)
    with space_errors(path):
        path.parent.mkdir(exist_ok=True)
    write_bytes(path, animation_bytes(made.images, path.suffix, FPS))
