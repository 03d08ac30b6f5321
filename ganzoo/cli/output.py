"""What commands print: results on stdout, talk on stderr."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from ganzoo.cli.options import settings


def say(text: str = "") -> None:
    """A line of talk, which `--quiet` leaves out."""
    if not settings().quiet:
        click.echo(text, err=True)


def result(text: object) -> None:
    """A line of the result."""
    click.echo(str(text))


def quoted(path: object) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def emit(data: Any) -> None:
    """The result as JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> Any:
    """What JSON has no word for: a mapping or a sequence of another type, else its text."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return str(value)


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows in aligned columns under a heading; a terminal cuts the last column at its edge."""
    lines = [[_cell(row.get(column)) for column in columns] for row in rows]
    if not lines:
        say("there is none")
        return
    body = [list(columns), *lines]
    widths = [max(len(line[i]) for line in body) for i in range(len(columns) - 1)]
    edge = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for number, line in enumerate(body):
        text = "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[-1]]).rstrip()
        if edge is not None and len(text) > edge:
            text = text[: max(1, edge - 1)] + "…"
        click.echo(click.style(text, bold=True) if number == 0 and edge is not None else text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return " ".join(str(value).split())
