"""How many samples there are, while they are made: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from ganzoo.cli.options import settings
from ganzoo.progress import SECONDS, Pace


@contextlib.contextmanager
def counting(total: int, stream: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """Within: a function to be told how many of `total` are done, shown as the stream and `--quiet` allow."""
    stream = stream or sys.stderr
    pace = Pace(time.monotonic)
    if settings().quiet:
        yield pace.stepped
    elif stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown"):
        with _bar(total, pace, stream) as show:
            yield show
    else:
        yield _lines(total, pace, stream)


def _lines(total: int, pace: Pace, stream: TextIO) -> Callable[[int], None]:
    last = pace.clock()

    def show(done: int) -> None:
        nonlocal last
        pace.stepped(done)
        if pace.clock() - last >= SECONDS:
            last = pace.clock()
            print("  ".join(pace.words(total)), file=stream, flush=True)

    return show


@contextlib.contextmanager
def _bar(total: int, pace: Pace, stream: TextIO) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=stream, force_terminal=True, highlight=False)
    columns = BarColumn(bar_width=None), TextColumn("{task.fields[words]}")
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False, transient=True) as bar:
        task = bar.add_task("", total=total, words="")

        def show(done: int) -> None:
            pace.stepped(done)
            bar.update(task, completed=done, words="  ".join(pace.words(total)))

        yield show
