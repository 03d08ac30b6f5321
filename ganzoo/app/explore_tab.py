"""The tab **Explore**: what lies around a favourite seed."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.app import look
from ganzoo.app.controls import Sheet, told
from ganzoo.app.sample_tab import classes_of
from ganzoo.app.studio import Busy
from ganzoo.app.wishes import Wish, fraction, whole
from ganzoo.errors import InputError
from ganzoo.sampler import Sampler, Samples

VARIATIONS = 16
DIRECTIONS = 8
STEPS = 7
FARTHEST = 5.0
"""Standard deviations of the latent."""


def explore_tab(tab: Any, sheet: Sheet) -> None:
    """Fills the tab."""
    studio = sheet.studio
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_classes="side"):
            seed = gr.Textbox("0", label="Seed", info="A picture that you like", max_length=12, elem_id="explore-seed")
            strength = gr.Slider(0, 1, 0.3, step=0.05, label="Strength", info="0: the same; 1: any other",
                                 elem_id="explore-strength")  # fmt: skip
            near = gr.Button("Variations", variant="primary", elem_id="explore-near")
            text = "The ways in which this model's pictures differ most. Finding them draws 2,048 pictures, once."
            gr.HTML(look.note(text), container=False)
            find = gr.Button("Find directions", elem_id="explore-find")
            with gr.Column(visible=False) as steer:
                which = gr.Slider(1, DIRECTIONS, 1, step=1, label="Direction", elem_id="explore-direction")
                far = gr.Slider(0.5, FARTHEST, 3, step=0.5, label="How far", elem_id="explore-far")
        with gr.Column(scale=2, min_width=280):
            around = _gallery("around", 4)
            with gr.Column(visible=False) as strip:
                along = _gallery("along", STEPS)
    place = [sheet.model, seed]
    quiet: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "draw", "trigger_mode": "always_last"}
    finding = threading.Lock()

    async def vary(model: Any, seed: Any, strength: Any, *values: Any) -> Any:
        with told():
            wish = _asked(sheet, model, seed, values)
            amount = fraction("strength", strength, 0, 1)
            made = await studio.pool.run(partial(_vary, studio.sampler(wish.model), wish, amount))
        return _shown(made, ["" for _ in range(len(made))])

    async def move(model: Any, seed: Any, which: Any, far: Any, *values: Any) -> Any:
        with told():
            wish = _asked(sheet, model, seed, values)
            number = whole("direction", which, 1, DIRECTIONS)
            reach = fraction("far", far, 0.5, FARTHEST)
            job = partial(_move, studio.sampler(wish.model), wish, number, reach, finding)
            found, amounts, share = await studio.pool.run(job)
        label = gr.update(
            maximum=len(share), info=f"{share[number - 1]:.0%} of the differences", visible=len(share) > 1
        )
        return [
            _shown(found, [f"{a:+.1f}" if a else "0" for a in amounts]),
            gr.update(visible=True),
            gr.update(visible=True),
            label,
        ]

    async def switch(model: Any) -> Any:
        return gr.update(value=[]), gr.update(visible=False), gr.update(visible=False)

    near_inputs, far_inputs = [*place, strength, *sheet.widgets], [*place, which, far, *sheet.widgets]
    gr.on([near.click, seed.submit, strength.input, tab.select], vary, near_inputs, around, **quiet)
    gr.on([find.click, which.input, far.input], move, far_inputs, [along, strip, steer, which], **quiet)
    sheet.model.change(switch, sheet.model, [around, strip, steer], api_visibility="private", show_progress="hidden")


def _gallery(name: str, columns: int) -> Any:
    return gr.Gallery(
        label=name.capitalize(), show_label=False, format="png", columns=columns, height="auto", interactive=False,
        object_fit="contain", elem_id=name, elem_classes="gallery", buttons=["download", "fullscreen"],
    )  # fmt: skip


def _asked(sheet: Sheet, model: Any, seed: Any, values: Any) -> Wish:
    """The request for the one picture of a seed; InputError."""
    if sheet.lacks_picture(model, values):
        raise InputError("image", "this model starts from a picture; give one in the tab Sample")
    wish = sheet.wish(model, values, seeds=str(seed).strip() or "0")
    spec = sheet.studio.sampler(wish.model).spec
    if spec.output.kind != "image" or not spec.of_kind("latent"):
        raise InputError("model", "only pictures that are made from noise can be explored")
    whole("seed", len(wish.asked["seeds"]), 1, 1)
    return wish


def _vary(sampler: Sampler, wish: Wish, amount: float) -> Samples:
    given = {k: v for k, v in wish.arguments.items() if k != "seeds"}
    return sampler.vary(wish.asked["seeds"][0], amount, VARIATIONS, **given)


def _move(
    sampler: Sampler, wish: Wish, number: int, reach: float, finding: threading.Lock
) -> tuple[Samples, list[float], list[float]]:
    """The pictures along a direction, how far each is, and what share of the variance each direction has."""
    if not finding.acquire(blocking=False):
        raise Busy("directions are being found; ask again in a moment")
    try:
        share = _shares(sampler)
    finally:
        finding.release()
    if number > len(share):
        raise InputError("direction", f"this model has directions 1 to {len(share)}")
    amounts = np.linspace(-reach, reach, STEPS).tolist()
    given = {k: v for k, v in wish.arguments.items() if k != "seeds"}
    return sampler.along(number - 1, amounts, wish.asked["seeds"][0], **given), amounts, share


def _shares(sampler: Sampler) -> list[float]:
    """What share each direction has, the greatest first."""
    for count in range(DIRECTIONS, 0, -1):
        try:
            return [float(s) for s in sampler.directions(count).share]
        except InputError:
            continue  # of a small latent there are fewer
    raise InputError("model", "this model has no directions")


def _shown(samples: Samples, captions: list[str]) -> Any:
    pictures = [(samples.picture(k), text or None) for k, text in enumerate(captions)]
    return gr.update(value=pictures, elem_classes=classes_of(samples.spec))
