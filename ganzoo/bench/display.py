"""What a person sees of a bench: a live table on a terminal, a plain line for each trial elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TextIO

from ganzoo.bench.suites import Suite, Trial
from ganzoo.progress import duration

LINES = 20
"""How many rows a live table shows."""


def display(suite: Suite, trials: Sequence[Trial], quiet: bool = False, stream: TextIO | None = None) -> Quiet:
    """The display that suits the stream: stderr unless another is given."""
    stream = stream or sys.stderr
    if quiet:
        return Quiet(suite, trials, stream)
    terminal = stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    return Live(suite, trials, stream) if terminal else Lines(suite, trials, stream)


class Quiet:
    """Says which trials failed, and nothing else."""

    def __init__(self, suite: Suite, trials: Sequence[Trial], stream: TextIO) -> None:
        self.suite, self.trials, self.stream = suite, trials, stream
        self.started: dict[str, float] = {}
        self.steps: dict[str, int] = {}
        self.rows: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass

    def began(self, trial: Trial) -> None:
        """A trial's process was started."""
        self.started[trial.id] = time.monotonic()

    def stepped(self, trial: Trial, step: int) -> None:
        """About once a second: how far it is."""
        self.steps[trial.id] = step

    def ended(self, trial: Trial, row: dict[str, Any]) -> None:
        """Its process ended."""
        self.rows[trial.id] = row
        if row["status"] == "failed":
            self.write(self.sentence(trial, row))

    def sentence(self, trial: Trial, row: dict[str, Any]) -> str:
        """How a trial ended, in a line."""
        number = f"[{len(self.rows)}/{len(self.trials)}]"
        return f"{number} {trial.variant} seed {trial.seed}: {row['status']}, {self.outcome(row)}"

    def outcome(self, row: dict[str, Any]) -> str:
        """The figures of a row, or its error."""
        if row["status"] != "done":
            return str(row["error"])
        return ", ".join([*figures_of(self.suite, row), f"{row['steps']:,} steps in {duration(row['seconds'])}"])

    def write(self, text: str) -> None:
        """A line."""
        print(text, file=self.stream, flush=True)


class Lines(Quiet):
    """A line for each trial that ends, and how far the others are once a minute."""

    def __enter__(self) -> Lines:
        self.said = time.monotonic()
        self.write(f"{self.suite.name}: {len(self.trials)} trials to play")
        return self

    def stepped(self, trial: Trial, step: int) -> None:
        super().stepped(trial, step)
        if time.monotonic() - self.said > 60:
            self.said = time.monotonic()
            under_way = [t for t in self.trials if t.id in self.started and t.id not in self.rows]
            states = [f"{t.variant} seed {t.seed} at step {self.steps.get(t.id, 0):,}" for t in under_way]
            self.write(f"  {', '.join(states)}")

    def ended(self, trial: Trial, row: dict[str, Any]) -> None:
        self.rows[trial.id] = row
        self.write(self.sentence(trial, row))


class Live(Quiet):
    """A table that is drawn again as trials go on."""

    def __init__(self, suite: Suite, trials: Sequence[Trial], stream: TextIO) -> None:
        super().__init__(suite, trials, stream)
        from rich.console import Console
        from rich.live import Live as Screen

        console = Console(file=stream, force_terminal=True, highlight=False)
        self.screen = Screen(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Live:
        self.screen.start()
        self.draw()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.draw()
        self.screen.stop()

    def began(self, trial: Trial) -> None:
        super().began(trial)
        self.draw()

    def stepped(self, trial: Trial, step: int) -> None:
        super().stepped(trial, step)
        self.draw()

    def ended(self, trial: Trial, row: dict[str, Any]) -> None:
        self.rows[trial.id] = row
        self.draw()

    def draw(self) -> None:
        """The table as it stands: what is under way, then what ended last."""
        from rich.table import Table

        table = Table(title=f"{self.suite.name}: {len(self.rows)} of {len(self.trials)}", title_justify="left")
        for name in ("variant", "seed", "state", "step", "time", ""):
            side: Literal["left", "right"] = "right" if name in ("seed", "step", "time") else "left"
            table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis")
        under_way = [t for t in self.trials if t.id in self.started and t.id not in self.rows]
        for trial in under_way:
            past = duration(time.monotonic() - self.started[trial.id])
            step = f"{self.steps.get(trial.id, 0):,}/{trial.recipe.steps:,}"
            table.add_row(trial.variant, str(trial.seed), "running", step, past, "", style="bold")
        ended = [t for t in self.trials if t.id in self.rows]
        order = sorted(ended, key=lambda t: list(self.rows).index(t.id), reverse=True)
        for trial in order[: max(0, LINES - len(under_way))]:
            row = self.rows[trial.id]
            step = f"{row.get('steps', row.get('step', 0)):,}"
            past = duration(row["seconds"]) if "seconds" in row else ""
            colour = {"done": "green", "failed": "red"}.get(row["status"], "yellow")
            state = f"[{colour}]{row['status']}[/]"
            table.add_row(trial.variant, str(trial.seed), state, step, past, self.outcome(row))
        self.screen.update(table, refresh=True)


def number(value: float) -> str:
    """A figure as tables show it: whole numbers whole, others with three digits."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"


def title(name: str) -> str:
    """`found/classes` as the heading of a column; a figure named like its metric stands for it."""
    return name.partition("/")[2].replace("_", " ")


def figures_of(suite: Suite, row: Mapping[str, Any]) -> list[str]:
    """The figures of a row that its suite shows, of those it has: a metric may say nothing of a model."""
    return [f"{title(name)} {number(row['figures'][name])}" for name in suite.shown if name in row["figures"]]
