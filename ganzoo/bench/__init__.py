"""`ganzoo bench`: variants × seeds on one protocol, each trial a process of its own.

    suites.py   what is played: suites, trials and their names
    trial.py    one trial, from its folder to its result; what a child process runs
    runner.py   the child processes: slots, what is missing, what was killed
    display.py  what a person sees meanwhile
    report.py   results as JSON, Markdown, CSV, a plot, a gallery

A trial is named by the hash of its configuration, so running again does what is missing and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.bench import report, runner, suites
from ganzoo.bench.display import display
from ganzoo.bench.runner import Desk, Row
from ganzoo.bench.suites import SUITES, Suite, Trial, trials
from ganzoo.cores import cores

__all__ = ["SUITES", "Done", "Suite", "Trial", "bench", "gallery", "overview", "trials"]


@dataclass(frozen=True)
class Done:
    """rows: of the trials that were asked for · played: how many were played now · files: the tables"""

    rows: list[Row]
    played: int
    files: list[Path]


def bench(
    suite: str | Suite,
    variants: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    *,
    out: str | Path = "runs/bench",
    slots: int | None = None,
    again: bool = False,
    quiet: bool = True,
    stop: Callable[[], int | None] = lambda: None,
) -> Done:
    """Play what is missing of a suite, and write its tables to `out`.

    slots  trials at a time; by default one for each core, or for each GPU if there is one
    again  play also what is done
    stop   asked all the time; a signal's number makes every trial save and end
    """
    chosen = suites.suite(suite) if isinstance(suite, str) else suite
    desk = Desk(Path(out), chosen.name)
    desk.folder.mkdir(parents=True, exist_ok=True)
    asked = trials(chosen, variants, seeds)
    for trial in asked:
        desk.take_in(trial)  # of a process that outlived the one that started it
    known = desk.rows()
    missing = [t for t in asked if again or known.get(t.id, {}).get("status") != "done"]
    ended: dict[str, Row] = {}
    if missing:
        gpus = _gpus()
        slots = slots or gpus or cores()
        with display(chosen, missing, quiet) as shown:
            runner.play(missing, desk, slots, max(1, cores() // slots), gpus, shown, stop)
            ended = shown.rows
    rows = desk.rows()
    seen = sorted({*chosen.seeds, *(seeds or ()), *(row["seed"] for row in rows.values())})
    files = report.write(chosen, trials(chosen, None, seen), desk, f"ganzoo bench {chosen.name}")
    told = {**{t.id: rows[t.id] for t in asked if t.id in rows}, **ended}
    return Done(list(told.values()), len(ended), files)


def overview(out: str | Path = "runs/bench", names: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """A row for each suite, or those named: what it is, how many trials it has and how many of them are done."""
    found = []
    for chosen in map(suites.suite, names or SUITES):
        rows, asked = Desk(Path(out), chosen.name).rows(), trials(chosen)
        states = [rows[t.id]["status"] for t in asked if t.id in rows]
        counts = {state: states.count(state) for state in ("done", "unfit", "failed")}
        found.append({"suite": chosen.name, "trials": len(asked), **counts, "what": chosen.what})
    return found


def gallery(suite: str | Suite, out: str | Path = "runs/bench", docs: str | Path = "docs") -> Path:
    """Write docs/gallery.md with a picture of each variant that a suite has played."""
    chosen = suites.suite(suite) if isinstance(suite, str) else suite
    return report.gallery(chosen, trials(chosen), Desk(Path(out), chosen.name), Path(docs))


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
