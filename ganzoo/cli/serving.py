"""`ganzoo serve`."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import click

from ganzoo.cli.options import command


@command("serve", example="ganzoo serve vanilla.onnx --open")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Beyond this machine it needs GANZOO_PASSWORD.")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0: any free one.")
@click.option("--root-path", default="", metavar="PATH", help="The path a proxy serves it under.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
def serve(models: tuple[Path, ...], host: str, port: int, root_path: str, open_browser: bool) -> None:
    """Serve models as a web page and an HTTP API."""
    from ganzoo.app import serve as run
    from ganzoo.app.studio import DRAWING

    run(list(models), host=host, port=port, root_path=root_path, open_browser=open_browser)
    if any(thread.name.startswith(DRAWING) for thread in threading.enumerate()):
        sys.stdout.flush()
        os._exit(0)  # a job was given up, and Python would wait for its thread
