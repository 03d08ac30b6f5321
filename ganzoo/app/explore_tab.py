"""The tab **Explore**: what lies around a favourite, between two, and along the model's directions."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.app import album, look, places
from ganzoo.app.album import classes_of
from ganzoo.app.controls import LACKING, Sheet, errors_said, of_noise, outputs_stay
from ganzoo.app.places import Place
from ganzoo.app.studio import Busy
from ganzoo.app.wishes import Wish, fraction, from_noise, whole
from ganzoo.errors import InputError
from ganzoo.sampler import Sampler, Samples

VARIATIONS = 16
DIRECTIONS = 8
STEPS = 7
KEPT = 24
"""Favourites of one visitor."""
FARTHEST = 5.0
"""Standard deviations of the latent."""
Shown = tuple[str, list[str]]
"""The model of a gallery, and the place of each of its pictures."""


def explore_tab(sheet: Sheet) -> None:
    """Fills the tab."""
    studio = sheet.studio
    with of_noise(sheet), gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_classes="side"):
            info = "A seed that you like, or the picture that you clicked, here or in Sample"
            seed = gr.Textbox("0", label="From", info=info, max_length=places.LONGEST, elem_id="explore-seed")
            strength = gr.Slider(0, 1, 0.3, step=0.05, label="Strength", info="0: the same; 1: any other",
                                 elem_id="explore-strength")  # fmt: skip
            near = gr.Button("Variations", variant="primary", elem_id="explore-near")
            keep = gr.Button("Keep as a favourite", elem_id="explore-keep")
            parents = gr.Dropdown(
                [], value=[], multiselect=True, max_choices=2, allow_custom_value=True, label="Parents",
                info="Two favourites, or two seeds; their children lie between them", elem_id="explore-parents",
            )  # fmt: skip
            breed = gr.Button("Breed", elem_id="explore-breed")
            text = "The ways in which this model's pictures differ most. Finding them draws 2,048 pictures, once."
            gr.HTML(look.note(text), container=False)
            find = gr.Button("Find directions", elem_id="explore-find")
            with gr.Column(visible=False) as steer:
                which = gr.Slider(1, DIRECTIONS, 1, step=1, label="Direction", elem_id="explore-direction")
                far = gr.Slider(0.5, FARTHEST, 3, step=0.5, label="How far", elem_id="explore-far")
        with gr.Column(scale=2, min_width=280, elem_classes="results"):
            title = gr.HTML(look.note(AROUND), container=False)
            around = album.gallery("around", 4, "Variations")
            with gr.Column(visible=False) as shelf:
                gr.HTML(look.note("Favourites of this visit"), container=False)
                liked = album.row("favourites", 8, "Favourites")
            with gr.Column(visible=False) as strip:
                gr.HTML(look.note(ALONG), container=False)
                along = album.row("along", STEPS, "Along a direction")
    shown, favourites = gr.State(("", [])), gr.State(("", []))
    begun = gr.State()  # what the seed was last set to from outside of this tab
    quiet: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "draw", "trigger_mode": "always_last"}
    finding: dict[str, threading.Lock] = defaultdict(threading.Lock)  # by the checksum of the model that is studied

    def said(what: str, model: Any, values: Sequence[Any], own: Mapping[str, Any]) -> str:
        """What is shown, and under which settings of the tab Sample."""
        return look.note(f"{what} {sheet.said(model, values, own)}")

    @outputs_stay(3)
    async def vary(model: Any, seed: Any, strength: Any, own: Any, *values: Any) -> Any:
        with errors_said():
            wish, place = _asked(sheet, model, seed, values, own)
            amount = fraction("strength", strength, 0, 1)
            around = places.variations(place, amount, VARIATIONS)
            made = await _made(sheet, wish, around, [f"to {p.end}" for p in around])
        return [made, (wish.model, [str(p) for p in around]), said(AROUND, model, values, _belonging(own, place))]

    @outputs_stay(3)
    async def opened(model: Any, seed: Any, strength: Any, own: Any, *values: Any) -> Any:
        """As `vary`; what the model cannot, or not yet, is no error of who only looks."""
        with errors_said():
            if not from_noise(studio.spec(model)):
                return [gr.skip()] * 3
            if sheet.lacks_picture(model, values):
                return [gr.update(value=[]), ("", []), look.note(LACKING)]
        return await vary(model, seed, strength, own, *values)

    async def again(here: Any, *values: Any) -> Any:
        """For who came here, or for another model or seed while somebody looks."""
        return await opened(*values) if here[0] == "Explore" else [gr.skip()] * 3

    @outputs_stay(3)
    async def cross(model: Any, parents: Any, own: Any, *values: Any) -> Any:
        with errors_said():
            if not isinstance(parents, list) or len(parents) != 2:
                raise InputError("parents", "choose two parents: keep two favourites, or type two seeds")
            a, b = (places.read(parent) for parent in parents)
            wish, place = _asked(sheet, model, str(a), values, own)
            children = places.children(a, b, VARIATIONS)
            made = await _made(sheet, wish, children, [f"child {k + 1}" for k in range(VARIATIONS)])
        return [made, (wish.model, [str(p) for p in children]), said(CHILDREN, model, values, _belonging(own, place))]

    @outputs_stay(4)
    async def like(model: Any, seed: Any, favourites: Shown, own: Any, *values: Any) -> Any:
        with errors_said():
            wish, place = _asked(sheet, model, seed, values, own)
            before = favourites[1] if favourites[0] == wish.model else []
            if len(before) >= KEPT and str(place) not in before:
                raise InputError("favourites", f"{KEPT} favourites are kept; save them and reload the page for more")
            now = list(dict.fromkeys([*before, str(place)]))
            made = await _made(sheet, wish, [places.read(p) for p in now], [str(k + 1) for k in range(len(now))])
        named = [(f"favourite {k + 1}", p) for k, p in enumerate(now)]
        return [made, (wish.model, now), gr.update(visible=True), gr.update(choices=named, value=now[-2:])]

    async def begin(model: Any, start: Any) -> Any:
        """From the picture that Sample or the address says, unless it is another model's."""
        return [start[1], start] if start[0] == model else [gr.skip()] * 2

    async def chosen(shown: Shown, event: gr.EventData) -> Any:
        found = shown[1]
        return found[event.index] if isinstance(event.index, int) and 0 <= event.index < len(found) else gr.skip()

    @outputs_stay(4)
    async def move(model: Any, seed: Any, which: Any, far: Any, own: Any, *values: Any) -> Any:
        with errors_said():
            wish, place = _asked(sheet, model, seed, values, own)
            number = whole("direction", which, 1, DIRECTIONS)
            reach = fraction("far", far, 0.5, FARTHEST)
            sampler = studio.sampler(wish.model)
            job = partial(_move, sampler, wish, place, number, reach, finding[sampler.checksum])
            found, amounts, share = await studio.pool.run(job)
        label = gr.update(
            maximum=len(share), info=f"{share[number - 1]:.0%} of the differences", visible=len(share) > 1
        )
        pictures = [(found.picture(k), f"{a:+.1f}" if a else "0") for k, a in enumerate(amounts)]
        return [
            gr.update(value=pictures, elem_classes=classes_of(found.spec)),
            gr.update(visible=True),
            gr.update(visible=True),
            label,
        ]

    async def switch(model: Any, start: Any) -> Any:
        hidden, empty = gr.update(visible=False), gr.update(value=[])
        seed = start[1] if start[0] == model else "0"
        return [empty, hidden, hidden, hidden, ("", []), ("", []), gr.update(choices=[], value=[]), seed, (model, seed)]

    inputs, out = [sheet.own, *sheet.widgets], [around, shown, title]
    gr.on([near.click, seed.submit, strength.input], vary, [sheet.model, seed, strength, *inputs], out, **quiet)
    # one event for both: as two, what was asked for first may come last
    gr.on([sheet.here.change, begun.change], again, [sheet.here, sheet.model, seed, strength, *inputs], out, **quiet)
    breed.click(cross, [sheet.model, parents, *inputs], out, **quiet)
    keep.click(like, [sheet.model, seed, favourites, *inputs], [liked, favourites, shelf, parents], **quiet)
    seen: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    sheet.start.change(begin, [sheet.model, sheet.start], [seed, begun], **seen)
    around.select(chosen, shown, seed, **seen)
    liked.select(chosen, favourites, seed, **seen)
    far_inputs = [sheet.model, seed, which, far, *inputs]
    gr.on([find.click, which.input, far.input], move, far_inputs, [along, strip, steer, which], **quiet)
    cleared = [around, strip, steer, shelf, shown, favourites, parents, seed, begun]
    sheet.model.change(switch, [sheet.model, sheet.start], cleared, **seen)


ALONG = "Along the direction, to both sides; in the middle the picture you come from."
AROUND = "Variations: each a part of the way to another seed. Click one to start from it."
CHILDREN = "Children of both parents. Click one to start from it, or keep it."


def _asked(sheet: Sheet, model: Any, place: Any, values: Sequence[Any], own: Mapping[str, Any]) -> tuple[Wish, Place]:
    """The request for the picture of a place's first seed, and the place; InputError."""
    found = places.read(place)
    if sheet.lacks_picture(model, values):
        raise InputError("image", LACKING)
    wish = sheet.wish(model, values, _belonging(own, found), seeds=str(found.seed))
    spec = sheet.studio.spec(wish.model)
    if not from_noise(spec):
        raise InputError("model", "only pictures that are made from noise can be explored")
    return wish, found


def _belonging(own: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """The inputs that the picture that was clicked has for itself, if this is a place near it."""
    found: Mapping[str, Any] = own["inputs"] if own and own["seed"] == place.seed else {}
    return found


async def _made(sheet: Sheet, wish: Wish, found: list[Place], captions: list[str]) -> Any:
    """The pictures of places, for a gallery."""
    job = partial(_pictures, sheet, wish, found, captions)
    made = await sheet.studio.pool.run(job)
    # what was enlarged is gone
    return gr.update(value=made, elem_classes=classes_of(sheet.studio.spec(wish.model)), selected_index=None)


def _pictures(sheet: Sheet, wish: Wish, found: list[Place], captions: list[str]) -> list[tuple[str, str]]:
    sampler = sheet.studio.sampler(wish.model)
    samples = places.drawn(sampler, found, _given(wish))
    pictures = {i.name for i in sampler.spec.of_kind("image")}
    told_of = {k: v for k, v in wish.asked.items() if k not in ("model", "seeds", *pictures)}
    return album.placed(sheet.scratch, samples, [str(p) for p in found], told_of, captions)


def _given(wish: Wish) -> dict[str, Any]:
    return {k: v for k, v in wish.arguments.items() if k != "seeds"}


def _move(
    sampler: Sampler, wish: Wish, place: Place, number: int, reach: float, finding: threading.Lock
) -> tuple[Samples, list[float], list[float]]:
    """The pictures along a direction, how far each is, and what share of the variance each direction has."""
    if not finding.acquire(timeout=0.5):  # enough where they have been found
        raise Busy("directions are being found; ask again in a moment")
    try:
        share = _shares(sampler)
    finally:
        finding.release()
    if number > len(share):
        raise InputError("direction", f"this model has directions 1 to {len(share)}")
    amounts = np.linspace(-reach, reach, STEPS).tolist()
    latents = places.latents(sampler, place, _given(wish)) if place.start else {}
    return sampler.along(number - 1, amounts, place.seed, **{**_given(wish), **latents}), amounts, share


def _shares(sampler: Sampler) -> list[float]:
    """What share each direction has, the greatest first."""
    for count in range(DIRECTIONS, 0, -1):
        try:
            return [float(s) for s in sampler.directions(count).share]
        except InputError:
            continue  # of a small latent there are fewer
    raise InputError("model", "this model has no directions")
