"""`ganzoo new-plugin`."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.options import command
from ganzoo.cli.output import quoted, result, say
from ganzoo.scaffold import KINDS


@command("new-plugin", example="ganzoo new-plugin my-loss --kind loss")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="loss", show_default=True, help="What it brings.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help="Its folder (default: NAME).")
def new_plugin(name: str, kind: str, out: Path | None) -> None:
    """Write a plugin to start from.

    It is a distribution with one module and its test, ready to install.
    """
    from ganzoo.scaffold import new_plugin as write

    folder = write(name, kind, out)
    result(folder)
    say(f"\nTry next:\n  cd {quoted(folder)} && pip install -e . pytest && pytest")
