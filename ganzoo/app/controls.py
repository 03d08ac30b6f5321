"""The widgets that a spec declares, and from their values to a request: every tab asks in the same words."""

from __future__ import annotations

import contextlib
import functools
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ganzoo.app import look
from ganzoo.app.inputs import SHOWN, as_number, controls_of, plain, recalled, requested, titled, worded
from ganzoo.app.photo import Photo
from ganzoo.app.recall import EACH, in_turn
from ganzoo.app.studio import Busy, Studio
from ganzoo.app.wishes import Wish, fraction, from_noise
from ganzoo.errors import InputError, SpaceError
from ganzoo.feeds import DEFAULT_N, MAX_SEED
from ganzoo.specs import GeneratorSpec, InputSpec

AS_IN_SAMPLE = "What is set in the tab Sample holds here too."
LACKING = "This model starts from a picture. Give it one in the tab Sample, and come back."


class Sheet:
    """The picker of models and every model's widgets; made within the column that shows them.

    Pictures that the page shows lie in `scratch`; `here` is (the tab that is open, when it was opened).
    """

    def __init__(self, studio: Studio, model: Any, scratch: Path) -> None:
        self.studio = studio
        self.model = model
        self.scratch = scratch
        self.here = gr.State(("Sample", 0.0))
        self.start = gr.State(("", "0", 0))
        """Where Explore starts: (model, place, when it was chosen)."""
        self.own = gr.State({})
        """The inputs that the picture that was clicked has for itself: {"seed": its seed, "inputs": by name}."""
        self.controls = {name: controls_of(name, studio) for name in studio.samplers}

    def follow(self, tabs: Any) -> None:
        """Keeps the name of the tab that is open in `here`. Whoever hurries through the tabs is followed to the last:
        the browser says when each was opened, for it may be heard of them in another order."""
        names = [tab.label for tab in tabs.children]

        async def named(when: Any, here: tuple[str, float], event: gr.EventData) -> tuple[str, float]:
            valid = event.index in range(len(names)) and isinstance(when, (int, float))
            return (names[event.index], when) if valid and when > here[1] else here

        tabs.select(
            named, [gr.Number(visible=False), self.here], self.here, js="(_, here) => [performance.now(), here]",
            api_visibility="private", show_progress="hidden", trigger_mode="multiple", concurrency_limit=1,
        )  # fmt: skip

    @property
    def widgets(self) -> list[Any]:
        """All widgets, in the order in which `wish` is given their values."""
        return [w for controls in self.controls.values() for w in controls.widgets.values()]

    @property
    def photos(self) -> list[tuple[InputSpec, Any]]:
        """The pictures that models start from: (what the model takes, widget)."""
        named = [(name, key, w) for name, controls in self.controls.items() for key, w in controls.widgets.items()]
        return [(self.studio.spec(name).input(key), w) for name, key, w in named if isinstance(w, Photo)]

    def wish(self, model: Any, values: Sequence[Any], own: Mapping[str, Any] | None = None, **which: Any) -> Wish:
        """What is asked of a model, checked, as the HTTP API would; `which` says how many and from what seed.

        'Each class in turn' is a table of the tab Sample; elsewhere the class is then as the seed says, or that of the
        picture that was clicked, which is in `own`.
        """
        given = {k: v for k, v in self._inputs(model, values).items() if v != EACH}
        return self.studio.wish({"model": model, **given, **(own or {}), **which})

    def said(self, model: Any, values: Sequence[Any], own: Mapping[str, Any]) -> str:
        """What was set in the tab Sample and holds in every tab, as HTML; empty if nothing was."""
        titles = {one.name: titled(one) for one in self.studio.spec(model).inputs}
        parts = [
            f"{titles.get(name, 'Truncation')} {'as the seed says' if value == EACH else worded(value)}"
            for name, value in {**self._inputs(model, values), **own}.items()
            if name not in self._pictures(model)
        ]
        return html.escape(f"{', '.join(parts)}, as in the tab Sample.") if parts else ""

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
        given = {k: plain(v) for k, v in self._inputs(model, values).items() if k not in self._pictures(model)}
        return {"model": model, "seed": str(seed).strip(), **number, **given}

    def recalled(self, settings: Mapping[str, Any]) -> list[Any]:
        """[model, seed, count, *values of all widgets] of settings; of others' names nothing. InputError."""
        model = str(settings.get("model", self.studio.default))
        spec = self.studio.spec(model)
        most = SHOWN[spec.output.kind]
        count = int(fraction("n", as_number("n", settings.get("n", first_count(spec))), 1, most))
        values: list[Any] = []
        for name, controls in self.controls.items():
            own = self.studio.spec(name)
            given = settings if name == model else {}
            values += [recalled(own, widget, given.get(widget)) for widget in controls.widgets]
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
                return requested(self.studio.spec(name), dict(zip(controls.widgets, mine)))
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
        with errors_said():
            fits = from_noise(sheet.studio.spec(model))
            return [gr.update(value=_other_than_noise(sheet.studio, model), visible=not fits), gr.update(visible=fits)]

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    sheet.model.change(switch, sheet.model, [reason, widgets], **quiet)


def _other_than_noise(studio: Studio, model: str) -> str:
    makes = "makes points" if studio.spec(model).output.kind == "points" else "takes no noise"
    return look.note(f"This tab is for models that make pictures from noise; '{html.escape(model)}' {makes}.")


@contextlib.contextmanager
def errors_said() -> Iterator[None]:
    """Within: what cannot be made is said to the visitor in a sentence."""
    try:
        yield
    except (InputError, Busy) as error:
        raise gr.Error(sentence(error), title="That cannot be drawn", print_exception=False, duration=6) from error
    except SpaceError as error:  # which names a path
        raise gr.Error("The server's disk is full; tell whoever runs it", print_exception=False) from error


def outputs_stay(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Of an event: what cannot be drawn is said, and its outputs stay as they are; Gradio would cover them."""

    def wrap(act: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(act)
        async def kept_act(*values: Any) -> Any:
            try:
                return await act(*values)
            except gr.Error as error:
                gr.Warning(str(error.message), title=error.title, duration=6)
                return [gr.skip()] * count if count > 1 else gr.skip()

        return kept_act

    return wrap


def sentence(error: Exception) -> str:
    """What an error says, as a sentence for the visitor, in HTML: Gradio shows it as that."""
    return html.escape(str(error)[:1].upper() + str(error)[1:], quote=False)
