"""The tab **Model**: what the model is, and the pictures that are shown as a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ganzoo.app.snippets import card
from ganzoo.app.studio import Studio

PROGRAMS = (("Python", "python"), ("curl", "shell"), ("Command line", "shell"))


def programs() -> list[Any]:
    """The boxes for the programs, which `sample_tab` fills and `model_tab` shows."""
    return [
        gr.Code(
            label=name, language=language, interactive=False, show_label=False, lines=1, wrap_lines=True, render=False
        )
        for name, language in PROGRAMS
    ]  # fmt: skip


def model_tab(page: Any, studio: Studio, model: Any, boxes: Sequence[Any]) -> None:
    """Fills the tab."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280):
            about = gr.HTML(card(studio, studio.default), elem_id="card", container=False)
        with gr.Column(scale=1, min_width=280, elem_id="code"):
            gr.HTML("<h2>The pictures of the tab Sample, from a program</h2>", container=False)
            for (name, _), box in zip(PROGRAMS, boxes):
                gr.HTML(f"<h3>{name}</h3>", container=False)
                box.render()

    async def switch(name: Any) -> str:
        return card(studio, name if name in studio.samplers else studio.default)

    # the page was built when the server started; since then models may have been loaded again
    gr.on(
        [page.load, model.change], switch, [model], about, api_visibility="private", show_progress="hidden",
        trigger_mode="always_last",
    )  # fmt: skip
