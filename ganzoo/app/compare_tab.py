"""The tab **Compare**: a table of pictures, a seed in each column."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import gradio as gr
from PIL import Image

from ganzoo.app import look
from ganzoo.app.controls import AS_IN_SAMPLE, LACKING, Sheet, errors_said, outputs_stay, which
from ganzoo.app.inputs import clips_within, titled
from ganzoo.app.studio import Studio
from ganzoo.app.wishes import Wish, by_seed, truncations, whole
from ganzoo.errors import InputError
from ganzoo.feeds import TRUNCATIONS
from ganzoo.sampler import Sampler, Samples
from ganzoo.specs import GIVEN

CELLS = 64
SEEDS = 16
SIDE = 160
"""Larger pictures are made smaller for the table."""
MODELS, CLIPS, CLASSES, STYLES, STEPS = "Models", "Truncation", "Classes", "Styles", "Training steps"
ROWS = 8
MOST_CLASSES = 20
Row: TypeAlias = tuple[str, Wish, Callable[[Studio, Wish], Samples]]
"""What stands before a row, what is asked, and how it is drawn."""


def compare_tab(sheet: Sheet) -> None:
    """Fills the tab."""
    studio = sheet.studio
    names = _drawing(studio)
    by_seeds = any(by_seed(studio.spec(name)) for name in names)
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_classes="side"):
            kinds = _kinds(studio, studio.default)
            what = gr.Radio(kinds, value=kinds[0], label="Rows", elem_id="compare-what")
            ready = [name for name in names if not studio.spec(name).of_kind("image")]
            chosen = gr.CheckboxGroup(
                names, value=(ready or names)[:4], label="Models", visible=kinds[0] == MODELS, elem_id="compare-models"
            )
            info = f"One in each column, at most {CELLS} pictures in all"
            seeds = gr.Textbox(
                "0-5", label="Seeds", info=info, max_length=400, visible=by_seeds, elem_id="compare-seeds"
            )
            go = gr.Button("Compare", variant="primary", elem_id="compare-go")
            gr.HTML(look.note(AS_IN_SAMPLE), container=False)
        with gr.Column(scale=2, min_width=280, elem_classes="results"):
            table = gr.HTML(elem_id="compare", container=False)
    switched = gr.State()  # the model that the rows are of
    inputs = [sheet.model, what, chosen, seeds, *sheet.widgets]
    how: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "draw"}

    @outputs_stay(1)
    async def compare(model: Any, what: Any, chosen: Any, seeds: Any, *values: Any) -> str:
        with errors_said():
            asked = _models(model, chosen) if what == MODELS else [model]
            lacking = [name for name in asked if sheet.lacks_picture(name, values)]
            named = f"{html.escape(str(lacking[0]))}: " if lacking and len(studio.samplers) > 1 else ""
            note = look.note(named + LACKING) if lacking else ""
            if not (ready := [name for name in asked if name not in lacking]):
                return note
            rows = _rows(sheet, model, what, ready, which(seeds, 6), values)
            made = await studio.pool.run(partial(_draw, studio, [_once(studio, row) for row in rows]))
        shown = max(len(samples) for _, samples in made)
        return note + _table([str(s) for s in rows[0][1].asked["seeds"]][:shown], made)

    async def switch(model: Any) -> Any:
        kinds = _kinds(studio, model)
        return gr.update(choices=kinds, value=kinds[0]), gr.update(visible=kinds[0] == MODELS), "", model

    async def again(here: Any, *values: Any) -> Any:
        """For who came here, or for another model while somebody looks."""
        return await compare(*values) if here[0] == "Compare" else gr.skip()

    async def shown(what: Any) -> Any:
        return gr.update(visible=what == MODELS)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([go.click, seeds.submit], compare, inputs, table, show_progress="full", **how)
    what.input(shown, what, chosen, **quiet).then(compare, inputs, table, **how)
    sheet.model.change(switch, sheet.model, [what, chosen, table, switched], **quiet)
    # one event for both: as two, what was asked for first may come last
    gr.on([sheet.here.change, switched.change], again, [sheet.here, *inputs], table, trigger_mode="always_last", **how)


def _kinds(studio: Studio, model: Any) -> list[str]:
    """What can be compared of a model."""
    drawing = _drawing(studio)
    kinds = [MODELS] if len(drawing) > 1 or model not in drawing else []
    if model in drawing:
        kinds += [STEPS] if studio.steps(model) else []
        kinds += [CLASSES] if studio.spec(model).of_kind("label") else []
        kinds += [STYLES] if mixes(studio.sampler(model)) else []
        kinds += [CLIPS] if truncations(studio.spec(model)) else []
    return kinds


def comparable(studio: Studio) -> bool:
    """Whether any of the models that are served can be compared with anything."""
    return any(_kinds(studio, name) for name in _drawing(studio))


def _drawing(studio: Studio) -> list[str]:
    """The models whose samples are pictures."""
    return [name for name, sampler in studio.samplers.items() if sampler.spec.output.kind == "image"]


def _rows(sheet: Sheet, model: Any, what: Any, chosen: Any, seeds: dict[str, Any], values: Sequence[Any]) -> list[Row]:
    """The rows that are asked for; InputError."""
    studio = sheet.studio
    rows: list[Row]
    if what == MODELS:
        rows = [(str(name), sheet.wish(name, values, **seeds), _sample) for name in _models(model, chosen)]
    elif what in _MAKERS:
        wish = sheet.wish(model, values, **seeds)
        if what not in _kinds(studio, model):
            raise InputError("rows", f"'{wish.model}' has nothing to compare by {what.lower()}")
        rows = _MAKERS[what](studio, wish)
    else:
        raise InputError("rows", f"the rows are none of {', '.join((MODELS, *_MAKERS))}")
    for _, wish, _ in rows:
        if studio.spec(wish.model).output.kind != "image":
            raise InputError("model", f"'{wish.model}' makes no pictures; only pictures are compared")
    whole("seeds", len(rows[0][1].asked["seeds"]), 1, SEEDS)
    if len(rows) * len(rows[0][1].asked["seeds"]) > CELLS:
        raise InputError("seeds", f"at most {CELLS} pictures are compared; take fewer seeds or rows")
    return rows


def _once(studio: Studio, row: Row) -> Row:
    """The row, with one picture where another seed would be the same again."""
    name, wish, make = row
    return row if by_seed(studio.spec(wish.model)) else (name, studio.wish({**wish.asked, "seeds": [0]}), make)


def _models(model: Any, chosen: Any) -> list[Any]:
    """The models that are compared: those that are ticked, or the one that is picked."""
    return chosen[: CELLS + 1] if isinstance(chosen, list) and chosen else [model]


def _sample(studio: Studio, wish: Wish) -> Samples:
    return studio.sampler(wish.model).sample(**wish.arguments)


def _clips(studio: Studio, wish: Wish) -> list[Row]:
    """A row for each of five truncations."""
    asked = {k: v for k, v in wish.asked.items() if k not in TRUNCATIONS}
    parts = clips_within(studio.spec(wish.model), 5)
    return [(f"{part:g}", studio.wish({**asked, "truncation": part}), _sample) for part in parts]


def _classes(studio: Studio, wish: Wish) -> list[Row]:
    """A row for each class, or for the first of many."""
    one = studio.spec(wish.model).of_kind("label")[0]
    title = titled(one).lower()
    return [
        (f"{title} {name}" if name.isdecimal() else name, studio.wish({**wish.asked, one.name: name}), _sample)
        for name in one.classes[:MOST_CLASSES]
    ]


def _steps(studio: Studio, wish: Wish) -> list[Row]:
    """A row for some of the steps of training that were kept."""

    def at(step: int, studio: Studio, wish: Wish) -> Samples:
        return studio.snapshot(wish.model, step).sample(**wish.arguments)

    return [(f"step {step:,}", wish, partial(at, step)) for step in _some(studio.steps(wish.model))]


def mixes(sampler: Sampler) -> bool:
    """Whether a generator of the model takes a w of several layers, so that styles can be mixed."""
    return any(
        one.distribution == GIVEN and len(one.shape) > 1
        for other in sampler.generators.values()
        for one in other.spec.of_kind("latent")
    )


def _styles(studio: Studio, wish: Wish) -> list[Row]:
    """A row for each seed, whose coarse styles it has; the fine ones are the column's (Karras et al. 2019)."""

    def mixed(seed: int, studio: Studio, wish: Wish) -> Samples:
        given = {k: v for k, v in wish.arguments.items() if k != "seeds"}
        return studio.sampler(wish.model).mix(seed, list(wish.asked["seeds"]), **given)

    return [(f"coarse {seed}", wish, partial(mixed, seed)) for seed in wish.asked["seeds"]]


_MAKERS: dict[str, Callable[[Studio, Wish], list[Row]]] = {
    CLIPS: _clips, CLASSES: _classes, STYLES: _styles, STEPS: _steps,
}  # fmt: skip


def _some(steps: Sequence[int]) -> list[int]:
    """At most so many steps, the first and the last among them."""
    if len(steps) <= ROWS:
        return list(steps)
    return [steps[round(k * (len(steps) - 1) / (ROWS - 1))] for k in range(ROWS)]


def _draw(studio: Studio, rows: Sequence[Row]) -> list[tuple[str, Samples]]:
    return [(name, make(studio, wish)) for name, wish, make in rows]


def _table(seeds: Sequence[str], rows: Sequence[tuple[str, Samples]]) -> str:
    """The pictures as a table in HTML."""
    head = "".join(f'<th scope="col">{seed}</th>' for seed in seeds)
    lines = [
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f"<td>{_image(samples, k, f'{name}, seed {seeds[k]}')}</td>" for k in range(len(samples)))
        + "</tr>"
        for name, samples in rows
    ]
    return f'<div class="cells"><table><tr><th scope="row">seed</th>{head}</tr>{"".join(lines)}</table></div>'


def _image(samples: Samples, k: int, text: str) -> str:
    picture = samples.picture(k)
    kind = "smooth" if min(picture.size) > SIDE else "pixels"
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "PNG")
    data = base64.b64encode(out.getvalue()).decode()
    return f'<img class="{kind}" alt="{html.escape(text)}" src="data:image/png;base64,{data}">'
