"""What a person sees while a run trains: a bar on a terminal, a plain line now and then elsewhere.

Three observers of a run, one for each place it may talk to: `Bar`, `Lines` and `Quiet`. They write to
stderr and touch nothing of the run.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from types import TracebackType

SECONDS = 10.0
"""Least time between two plain lines."""
WINDOW = 20.0
"""The speed shown is that of the last so many seconds."""
SHOWN = 6
"""How many numbers fit beside the speed."""


def progress(quiet: bool = False, stream: TextIO | None = None) -> Quiet:
    """The display that suits the stream: stderr unless another is given."""
    stream = stream or sys.stderr
    if quiet:
        return Quiet(stream)
    terminal = stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    return Bar(stream) if terminal else Lines(stream)


class Quiet:
    """Says warnings and nothing else; what the other displays have in common."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.clock = clock
        self.pace = Pace(clock)
        self.until = 0
        self.run: Any = None
        self.warnings = Warnings(self)
        self.metrics: Mapping[str, Any] = {}

    def __enter__(self) -> Quiet:
        logging.getLogger("ganzoo").addHandler(self.warnings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("ganzoo").removeHandler(self.warnings)
        self.close()

    def watch(self, run: Any) -> Quiet:
        """What `train` and `resume` take as an observer: from now on this shows that run."""
        self.run = run
        return self

    def started(self) -> None:
        """The run begins, or goes on."""
        self.until = self.run.until
        self.metrics = {}
        self.pace = Pace(self.clock)

    def stepped(self, step: int) -> None:
        """A few times a second: the step that was finished."""
        self.pace.stepped(step)

    def measured(self, step: int, metrics: Mapping[str, Any]) -> None:
        """A row of `metrics.jsonl`."""
        self.metrics = {**self.metrics, **metrics}

    def said(self, text: str) -> None:
        """A message of the run, of which only warnings are shown here."""
        if text.lower().startswith("warning"):
            self.write(text)

    def ended(self, status: str) -> None:
        """The run ended: done, interrupted or failed."""

    def write(self, text: str) -> None:
        """One line of text."""
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the terminal as it was; called on any way out."""


class Warnings(logging.Handler):
    """What the library logs, as lines of the display."""

    def __init__(self, display: Quiet) -> None:
        super().__init__(logging.WARNING)
        self.display = display

    def emit(self, record: logging.LogRecord) -> None:
        self.display.write(f"{record.levelname.lower()}: {record.getMessage()}")


class Lines(Quiet):
    """One plain line at most every ten seconds, for files and pipes."""

    def started(self) -> None:
        super().started()
        self.last = self.clock()
        self.write(heading(self.run))

    def stepped(self, step: int) -> None:
        super().stepped(step)
        if self.clock() - self.last >= SECONDS:
            self.last = self.clock()
            self.write("  ".join(["step", *self.pace.words(self.until), numbers(self.metrics)]).rstrip())

    def said(self, text: str) -> None:
        self.write(text)

    def ended(self, status: str) -> None:
        self.write(closing(status, self.pace))


class Bar(Quiet):
    """A bar with step, speed and time left; the newest losses stand under it."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream, clock)
        from rich.console import Console
        from rich.live import Live

        self.console = Console(file=stream, force_terminal=True, highlight=False)
        self.live = Live(console=self.console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def started(self) -> None:
        super().started()
        self.write(heading(self.run))
        self.live.start()

    def stepped(self, step: int) -> None:
        super().stepped(step)
        self.live.update(self.picture(), refresh=True)

    def picture(self) -> Any:
        """The two lines on the screen."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        done, share, *rest = self.pace.words(self.until)
        line = Table.grid(padding=(0, 2), expand=False)
        width = max(8, self.console.width // 4)
        bar = ProgressBar(max(1, self.until), self.pace.step, width, complete_style="cyan", finished_style="green")
        line.add_row(bar, Text(share, style="bold"), *(Text(word) for word in [done, *rest]))
        below = Text(numbers(self.metrics), style="dim", no_wrap=True, overflow="ellipsis")
        return Group(line, below)

    def said(self, text: str) -> None:
        self.write(text)

    def write(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def ended(self, status: str) -> None:
        self.close()
        self.write(closing(status, self.pace))

    def close(self) -> None:
        if self.live.is_started:
            self.live.stop()


class Pace:
    """How fast it goes: from the steps of the last seconds, so a slow start or a sleep is soon forgotten."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.began = clock()
        self.first: int | None = None
        self.step = 0
        self.seen: deque[tuple[float, int]] = deque()

    def stepped(self, step: int) -> None:
        """Note that this step is done now."""
        now = self.clock()
        if self.first is None:
            self.first, self.began = step, now
        self.step = step
        self.seen.append((now, step))
        while len(self.seen) > 2 and now - self.seen[0][0] > WINDOW:
            self.seen.popleft()

    @property
    def rate(self) -> float:
        """Steps a second; 0 while unknown."""
        if len(self.seen) < 2:
            return 0.0
        (then, before), (now, after) = self.seen[0], self.seen[-1]
        return (after - before) / (now - then) if now > then else 0.0

    def words(self, until: int) -> list[str]:
        """Step, share, speed and time left."""
        found = [f"{self.step:,}/{until:,}", f"{100 * self.step // max(1, until)}%"]
        rate = self.rate
        if rate > 0:
            speed = f"{rate:.0f} it/s" if rate >= 10 else f"{rate:.2f} it/s"
            found += [speed, f"ETA {duration(max(0, until - self.step) / rate)}"]
        return found


def duration(seconds: float) -> str:
    """`1:05`, `2:03:10`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def numbers(metrics: Mapping[str, Any]) -> str:
    """The losses and V of a row; gradient norms are for the curves."""
    left_out = ("step", "images")
    shown = [
        f"{name} {value:.3g}"
        for name, value in metrics.items()
        if name not in left_out and not name.endswith("/grad_norm") and isinstance(value, int | float)
    ]
    return "  ".join(shown[:SHOWN])


def heading(run: Any) -> str:
    """What trains, and where it is kept."""
    return f"{run.recipe.name} in {Path(run.path)}"


def closing(status: str, pace: Pace) -> str:
    """How it ended and how long that took."""
    return f"{status} at step {pace.step:,} after {duration(pace.clock() - pace.began)}"
