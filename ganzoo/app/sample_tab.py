"""The tab **Sample**: seed, count, the inputs that the spec declares, and the pictures."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import gradio as gr

from ganzoo.app import album, look, places, recall
from ganzoo.app.controls import Sheet, errors_said, first_count, sentence, which
from ganzoo.app.inputs import CLIP, SHOWN, clip_of, clips_within, is_code, seen_by, titled, values_within
from ganzoo.app.photo import Photo
from ganzoo.app.scratch import stored
from ganzoo.app.snippets import snippets
from ganzoo.app.studio import Busy, Studio
from ganzoo.app.wishes import Wish, by_seed, seed_list
from ganzoo.errors import GanzooError, InputError
from ganzoo.feeds import TRUNCATIONS
from ganzoo.images import png_bytes
from ganzoo.specs import GeneratorSpec, InputSpec

STRIP = 7
"""Values of a number in a strip."""
CLASSES = 20
HINT = "This model starts from a picture. Give it one, and what it makes of it is shown here."
CARRIED = (
    "The address of this page carries all settings, and so does every picture that it saves: "
    "drop such a picture here, and they are back."
)
LATER = "# First give the model a picture in the tab Sample."


def sample_tab(page: Any, studio: Studio, model: Any, programs: Sequence[Any], scratch: Path) -> Sheet:
    """Fills the tab and returns its widgets; `programs` show the same request in other languages."""
    first = studio.spec(studio.default)
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_id="controls"):
            with gr.Group(visible=by_seed(first)) as seeds:
                info = "Each number is one picture, the same every time. One or several: 3, 7, 20-25"
                seed = gr.Textbox("0", label="Seed", info=info, elem_id="seed", max_length=recall.SEEDS)
                lock = gr.Checkbox(
                    False, label="Keep this seed", info="New pictures leaves it as it is", elem_id="lock"
                )
            new = gr.Button("New pictures", variant="primary", elem_id="new", visible=by_seed(first))
            count = gr.Slider(**_span(first), step=1, label="How many", elem_id="count")
            sheet = Sheet(studio, model, scratch)
            with gr.Row(visible=not first.of_kind("image")) as saves:
                grid = gr.Button("Save sheet (PNG)", size="sm", min_width=110, elem_id="save-png")
                archive = gr.Button(_SAVE_ALL[first.output.kind], size="sm", min_width=110, elem_id="save-all")
            with gr.Column(visible=by_seed(first)) as recalls:
                back = gr.Button("Settings from a picture", size="sm", elem_id="recall")
                gr.HTML(look.note(CARRIED), container=False)
        with gr.Column(scale=2, min_width=280, elem_id="pictures"):
            hint = gr.HTML(look.note(HINT), visible=bool(first.of_kind("image")), elem_id="hint", container=False)
            gallery = album.gallery("gallery", 4, "Samples")
            with gr.Column(visible=bool(sweeps(first)), elem_id="strip-box") as below:
                what = gr.Dropdown(
                    _choices(first),
                    value=_first(first),
                    label="The first picture, at other values of",
                    elem_id="strip-what",
                    min_width=120,
                )
                strip = album.row("strip", STRIP, "One seed at several values")
    asked, address, text = (gr.Textbox(visible=False) for _ in range(3))

    settings = [model, seed, count, *sheet.widgets]
    shown = [hint, saves, gallery, asked, address, *programs, count]
    groups = [c.group for c in sheet.controls.values()]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    how: dict[str, Any] = {
        **quiet, "concurrency_id": "draw", "concurrency_limit": studio.pool.workers * 2, "trigger_mode": "always_last",
    }  # fmt: skip
    view = [seeds, new, recalls, archive, below, what, *groups]

    async def draw(request: gr.Request, model: Any, seed: Any, count: Any, *values: Any) -> Any:
        """From the values of all widgets to pictures and snippets."""
        with errors_said():
            if sheet.lacks_picture(model, values):  # nothing is wrong: the visitor has yet to give one
                here, gone, none = (gr.update(visible=v) for v in (True, False, False))
                address = recall.to_address({"model": model})
                return [here, gone, none, "", address, *[LATER] * len(programs), gr.update()]
            wish = sheet.sheet_wish(model, seed, count, values)
            found = await studio.draw(wish, partial(album.pictures, scratch))
        spec = studio.spec(wish.model)
        query = recall.to_address(sheet.settings(wish.model, seed, count, values))
        columns, classes = _columns(spec, wish, len(found)), album.classes_of(spec, len(found))
        update = gr.update(value=found, columns=columns, elem_classes=classes, visible=True)
        said, *in_programs = snippets(studio, wish, request)
        many = _many(spec, wish, seed, count)
        return [gr.update(visible=False), gr.update(visible=True), update, said, query, *in_programs, many]

    async def sweep(model: Any, seed: Any, count: Any, what: Any, *values: Any) -> Any:
        """The first seed at several values of an input."""
        with errors_said():
            if sheet.lacks_picture(model, values) or what is None:
                return gr.update(value=[])
            wish = sheet.sheet_wish(model, seed, count, values)
            spec = studio.spec(wish.model)
            if what not in range(len(sweeps(spec))):
                return gr.update(value=[])
            name = sweeps(spec)[what]
            start = {**wish.asked, **_own(wish, 0), "seeds": wish.asked["seeds"][:1]}
            wishes = [(said, studio.wish({**start, name: v})) for said, v in values_of(spec, name)]
            made = await studio.pool.run(partial(_strip, studio, scratch, wishes))
        return gr.update(value=made, columns=min(len(made), 10), elem_classes=album.classes_of(spec))

    def views(name: str) -> list[Any]:
        spec = studio.spec(name)
        return [
            *(gr.update(visible=by_seed(spec)) for _ in (seeds, new, recalls)),
            gr.update(value=_SAVE_ALL[spec.output.kind]),
            gr.update(visible=bool(sweeps(spec))),
            gr.update(choices=_choices(spec), value=_first(spec)),
            *(gr.update(visible=name == other) for other in studio.samplers),
        ]

    async def switch(model: Any) -> Any:
        name = model if model in studio.samplers else studio.default
        return [gr.update(**_span(studio.spec(name))), *views(name)]

    async def given(one: InputSpec, photo: Any) -> Any:
        """Shows what the model is given of a photo; a file that is none is put away, and the visitor told why."""
        if not isinstance(photo, bytes):
            return None
        try:
            with errors_said():
                path = await studio.pool.run(partial(_stored_view, scratch, one, photo))
        except gr.Error as error:
            gr.Warning(str(error.message), title="That cannot be read", duration=6)
            return None
        page.upload_file_set.update([path])  # the browser sends it back as the image
        return path

    async def restored(request: gr.Request, settings: Any, place: Any = None) -> list[Any]:
        """Everything that settings say, and their pictures; InputError before anything is changed."""
        found = sheet.recalled(settings)
        model, seed, count, *values = found
        *drawn, many = await draw(request, *found)
        many = {**gr.update(**_span(studio.spec(model))), "value": count, **many}
        start = (model, place or _first_seed(seed), time.time_ns())
        return [model, seed, *values, *views(model), *drawn, many, start, {}]

    async def opened(request: gr.Request) -> list[Any]:
        """What the address asks for; if that cannot be, why not, and the default. A busy server changes nothing."""
        asked = {k: str(v) for k, v in list(request.query_params.items())[:50]}
        try:
            return await restored(request, asked)
        except (gr.Error, GanzooError) as error:
            if isinstance(error.__cause__, Busy):
                raise
            why = error.message if isinstance(error, gr.Error) else sentence(error)
            gr.Warning(f"The address of this page asks for what is not here: {why}")
            return await restored(request, {})

    async def recalled(request: gr.Request, text: Any) -> list[Any]:
        if text is None:
            return [gr.skip() for _ in all_outputs]
        with errors_said():
            found = recall.from_picture(studio, text)
            place = found.pop("place", None)
            if place is None:
                return await restored(request, found)
            first = places.read(place).seed
            gr.Info("This is a picture of the tab Explore: there it is where you start from.", duration=6)
            return await restored(request, {**found, "seed": str(first)}, str(place))

    async def picked(asked: Any, event: gr.EventData) -> Any:
        """Explore starts from the picture that was clicked, with the inputs that it has for itself."""
        wish = _read(studio, asked)
        if wish is None or event.index not in range(len(wish.asked["seeds"])):
            return [gr.skip()] * 2
        seed, own = wish.asked["seeds"][event.index], _own(wish, event.index)
        return [(wish.model, str(seed), time.time_ns()), {"seed": seed, "inputs": own}]

    async def picked_of_strip(asked: Any, what: Any, event: gr.EventData) -> Any:
        """The same of the first picture at another value."""
        wish = _read(studio, asked)
        names = sweeps(studio.spec(wish.model)) if wish else []
        if wish is None or what not in range(len(names)):
            return [gr.skip()] * 2
        values = [value for _, value in values_of(studio.spec(wish.model), names[what])]
        if event.index not in range(len(values)):
            return [gr.skip()] * 2
        seed, own = wish.asked["seeds"][0], {**_own(wish, 0), names[what]: values[event.index]}
        return [(wish.model, str(seed), time.time_ns()), {"seed": seed, "inputs": own}]

    all_outputs = [model, seed, *sheet.widgets, *view, *shown, sheet.start, sheet.own]
    look_up = {"fn": recalled, "inputs": [text], "outputs": all_outputs, "js": recall.READ}
    events = [
        page.load(opened, None, all_outputs, **how),
        gr.on([seed.submit, count.input], draw, settings, shown, **how),
        new.click(_other_seed, [seed, lock, address], seed, **quiet).then(draw, settings, shown, **how),
        model.input(switch, [model], [count, *view], **quiet).then(draw, settings, shown, **how),
        back.click(**look_up, **how),
    ]
    for one, widget in sheet.photos:
        read = widget.upload(partial(given, one), widget, widget, **quiet, concurrency_id="draw")
        events.append(read.then(draw, settings, shown, **how))
    if changed := [e for w in sheet.widgets for e in _changes(w)]:
        events.append(gr.on(changed, draw, settings, shown, **how))
        gr.on(changed, dict, None, sheet.own, **quiet)  # what is set now holds for the picture that was clicked, too
    for event in events:
        event.success(None, [address], None, js=recall.ADDRESS, api_visibility="private")
        event.success(sweep, [model, seed, count, what, *sheet.widgets], strip, **how)
    gallery.select(picked, asked, [sheet.start, sheet.own], **quiet)
    strip.select(picked_of_strip, [asked, what], [sheet.start, sheet.own], **quiet)
    what.input(sweep, [model, seed, count, what, *sheet.widgets], strip, **how)
    grid.click(None, [asked], None, js=look.download("png"), api_visibility="private")
    archive.click(None, [asked], None, js=look.download("all"), api_visibility="private")
    return sheet


_SAVE_ALL = {"image": "Save all (ZIP)", "points": "Save numbers (NPZ)"}


def _span(spec: GeneratorSpec) -> dict[str, Any]:
    """How many there may be, and are at first."""
    most = SHOWN[spec.output.kind]
    return {"minimum": 1, "maximum": most, "value": first_count(spec), "visible": bool(spec.of_kind("latent"))}


def _many(spec: GeneratorSpec, wish: Wish, seed: Any, count: Any) -> Any:
    """How many there are: each seed's classes are one, and a list of seeds says it itself."""
    turns = [one for one in spec.of_kind("label") if isinstance(wish.asked.get(one.name), list)]
    most = min([SHOWN[spec.output.kind], *(max(1, SHOWN["image"] // len(one.classes)) for one in turns)])
    label = "How many of each class" if turns else "How many"
    listed = "seeds" in which(seed, count)
    fewer = {"value": most} if isinstance(count, int | float) and count > most else {}  # else it is being moved, maybe
    return gr.update(label=label, maximum=most, visible=bool(spec.of_kind("latent")) and not listed, **fewer)


def sweeps(spec: GeneratorSpec) -> list[str]:
    """What a strip can go through: numbers first, then classes; of points nothing."""
    if spec.output.kind != "image":
        return []
    wide = [i.name for i in spec.inputs if i.kind == "scalar" or is_code(i)]
    clips = [CLIP] if clip_of(spec) else [n for n in wide if n in TRUNCATIONS]
    return [*clips, *[n for n in wide if n not in TRUNCATIONS], *(i.name for i in spec.of_kind("label"))]


def _first(spec: GeneratorSpec) -> int | None:
    return 0 if sweeps(spec) else None


def _choices(spec: GeneratorSpec) -> list[tuple[str, int]]:
    """The same as (title, place); by its name Gradio would look up what 'label' is in the visitor's language."""
    titles = {one.name: titled(one) for one in spec.inputs}
    return [(titles.get(name, "Truncation"), place) for place, name in enumerate(sweeps(spec))]


def values_of(spec: GeneratorSpec, name: str) -> list[tuple[str, Any]]:
    """(caption, value) of a strip."""
    for one in spec.inputs:
        if one.name == name and one.kind == "label":
            return [(text, text) for text in one.classes[:CLASSES]]
        if one.name == name:
            return [(f"{v:.2g}", [v] if one.kind == "latent" else v) for v in values_within(one, STRIP)]
    return [(f"{v:.2g}", v) for v in clips_within(spec, STRIP)]


def _own(wish: Wish, k: int) -> dict[str, Any]:
    """The inputs of picture k that each picture has for itself."""
    return {
        n: v[k]
        for n, v in wish.asked.items()
        if isinstance(v, list) and len(v) == len(wish.asked["seeds"]) > 1 and n != "seeds"
    }


def _first_seed(text: Any) -> str:
    """The first of the seeds in a box, which have been drawn."""
    return str(seed_list(str(text).strip() or "0", SHOWN["points"])[0])


def _stored_view(scratch: Path, one: InputSpec, photo: bytes) -> str:
    """Store the image that a model receives of a photo as a PNG and return its path; InputError, SpaceError."""
    return stored(scratch, "image.png", png_bytes(seen_by(one, photo)))


def _read(studio: Studio, asked: Any) -> Wish | None:
    """The request that is shown, or None: what comes from a browser may be anything."""
    try:
        return studio.wish(json.loads(asked))
    except (TypeError, ValueError, RecursionError, InputError):
        return None


def _strip(studio: Studio, scratch: Path, wishes: Sequence[tuple[str, Wish]]) -> list[tuple[str, str]]:
    made = [(text, studio.sampler(wish.model).sample(**wish.arguments)) for text, wish in wishes]
    return [(album.pictures(scratch, samples)[0][0], text) for text, samples in made]


def _columns(spec: GeneratorSpec, wish: Wish, count: int) -> int:
    """Pictures in a row: all classes of a seed where there is one each, else nearly a square."""
    if spec.output.kind == "points":
        return 1
    for one in spec.of_kind("label"):
        if isinstance(wish.asked.get(one.name), list):
            return min(len(one.classes), 12)
    return min(8, max(4, round(count**0.5)))


def _changes(widget: Any) -> list[Any]:
    """The events of a widget that only a person causes."""
    return [widget.clear] if isinstance(widget, Photo) else [widget.input]


def _other_seed(seed: str, lock: bool, address: str) -> str:
    """A seed that nobody chose, unless the one that is there is to be kept, or was typed and is not shown yet."""
    shown = parse_qs(str(address).removeprefix("?")).get("seed", ["0"])[0]
    return seed if lock or str(seed).strip() != shown else str(secrets.randbelow(1_000_000))
