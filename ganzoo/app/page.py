"""The page: Gradio, built from the specs of what is served. Nothing else imports Gradio.

Every event of Gradio can be called by anybody (private ones too), so each reads what it is given as
untrusted, by the same `Wish` as the HTTP API.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from ganzoo.app import look, recall
from ganzoo.app.events import PageEvents, Uploads
from ganzoo.app.guard import UPLOAD
from ganzoo.app.scratch import AGE, EVERY
from ganzoo.app.stubs import without_stubs
from ganzoo.app.studio import Studio
from ganzoo.app.wishes import from_noise

QUEUE = 32
SESSIONS = 512
"""Visitors that Gradio remembers, some 200 KB each; as many as can be connected at once. Its own choice is 10,000."""
LOOK, PROGRESS = 0.05, 0.25
"""Seconds between looks of Gradio's queue for events, and for what they say of their progress. Its own choice,
0.001 and 0.01, takes 8 % of a core while nobody asks for anything; 0.05 is what it does on Windows."""
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_RUN_HISTORY": "False",
}
"""Gradio looks hosts up when it starts unless all of this is said before it is imported."""


def mount(app: FastAPI, studio: Studio, scratch: Path, root_path: str) -> PageEvents:
    """Put the page at `/` of an application and return its events; its files go into `scratch`."""
    _set_environment(scratch)
    with without_stubs():
        import gradio as gr

    page = build(studio, scratch)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        root_path=root_path,  # never None: Gradio would take GRADIO_ROOT_PATH
        allowed_paths=[],
        show_error=False,
        max_file_size=UPLOAD,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=look.theme(),
        css=look.CSS,
        head=look.HEAD + look.CLOSE + recall.DROP,
    )
    page.has_launched = True  # only `launch()` sets it, and without it Gradio copies any file that a value names
    return _events(page)


def _set_environment(scratch: Path) -> None:
    """Give Gradio our settings and none of the user's: some of them open routes, folders or the network."""
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]
    # files in the folder for examples are served, and by default it is in the working directory
    folders = {"GRADIO_TEMP_DIR": str(scratch), "GRADIO_EXAMPLES_CACHE": str(scratch / "examples")}
    os.environ.update(QUIET, **folders)


def _events(page: Any) -> PageEvents:
    """The events that a browser may ask for; those without a function run in the browser alone."""
    from ganzoo.app.photo import Photo

    images = {
        number: [isinstance(one, Photo) for one in event.inputs] for number, event in page.fns.items() if event.fn
    }
    return PageEvents(images, page.upload_file_set)


def build(studio: Studio, scratch: Path) -> Any:
    """The page as Gradio Blocks: a picker of models, then a tab for each thing that they can do."""
    import gradio as gr

    from ganzoo.app.compare_tab import comparable, compare_tab
    from ganzoo.app.explore_tab import explore_tab
    from ganzoo.app.model_tab import model_tab, programs
    from ganzoo.app.sample_tab import sample_tab
    from ganzoo.app.snippets import in_short
    from ganzoo.app.training_tab import training_tab
    from ganzoo.app.walk_tab import walk_tab

    specs = [studio.spec(name) for name in studio.samplers]
    forget = (int(EVERY), int(AGE - EVERY))  # Gradio keeps a list of files, and has to forget those that are swept
    with gr.Blocks(title="ganzoo", analytics_enabled=False, fill_width=True, delete_cache=forget) as page:
        page.upload_file_set = Uploads()  # Gradio adds the path of each upload
        with gr.Row(elem_id="top"):
            gr.HTML(look.TITLE, elem_id="title", container=False, min_width=80)
            model = gr.Dropdown(
                list(studio.samplers), value=studio.default, label="Model", elem_id="model",
                visible=len(studio.samplers) > 1, scale=0, min_width=200, container=False,
            )  # fmt: skip
        summary = gr.HTML(look.note(in_short(studio, studio.default)), elem_id="about", container=False)
        boxes = programs()
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Sample", id="sample"):
                sheet = sample_tab(page, studio, model, boxes, scratch)
            if any(from_noise(spec) for spec in specs):
                with gr.Tab("Walk", id="walk"):
                    walk_tab(sheet)
                with gr.Tab("Explore", id="explore"):
                    explore_tab(sheet)
            if comparable(studio):
                with gr.Tab("Compare", id="compare"):
                    compare_tab(sheet)
            if studio.runs:
                with gr.Tab("Training", id="training") as tab:
                    training_tab(tab, studio, model)
            with gr.Tab("Model", id="model"):
                model_tab(page, studio, model, boxes)
        sheet.follow(tabs)

        async def switch(name: Any) -> str:
            return look.note(in_short(studio, name if name in studio.samplers else studio.default))

        gr.on(
            [page.load, model.change], switch, model, summary, api_visibility="private", show_progress="hidden",
            trigger_mode="always_last",
        )  # fmt: skip
    page.queue(max_size=QUEUE, api_open=False, default_concurrency_limit=studio.pool.workers * 2)
    page.state_session_capacity = SESSIONS
    page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free = LOOK, PROGRESS  # no public way
    return page
