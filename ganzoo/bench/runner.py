"""Plays trials as child processes, a few at a time. A trial that dies costs only itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ganzoo import zoo
from ganzoo.bench.suites import Trial
from ganzoo.files import read_json, write_json
from ganzoo.folder import RunFolder

BUSY = 75
"""The exit code of a trial that another process is at."""
GRACE = 60.0
"""Seconds for children to save when everything is stopped."""

Row = dict[str, Any]


class Watcher(Protocol):
    """What sees a bench go on."""

    def began(self, trial: Trial) -> None: ...
    def stepped(self, trial: Trial, step: int) -> None: ...
    def ended(self, trial: Trial, row: Row) -> None: ...


@dataclass
class Work:
    """A trial under way."""

    trial: Trial
    folder: Path
    process: subprocess.Popen[bytes]
    looked: float = field(default_factory=time.monotonic)


class Desk:
    """Where the trials of a suite lie: DIR/<suite>/ID.json and ID.png; DIR/<suite>/unfinished/ID/ meanwhile."""

    def __init__(self, out: Path, suite: str) -> None:
        self.out, self.suite = out, suite
        self.folder = out / suite

    def unfinished(self, trial: Trial) -> Path:
        """The folder of a trial under way."""
        return self.folder / "unfinished" / trial.id

    def file(self, trial: Trial, suffix: str) -> Path:
        """A file that is kept of a trial."""
        return self.folder / f"{trial.id}.{suffix}"

    def rows(self) -> dict[str, Row]:
        """The newest row of each trial by its id: those of the summary, then those of the trials' own files."""
        summary = self.out / f"{self.suite}.json"
        found = {row["id"]: row for row in read_json(summary)["trials"]} if summary.exists() else {}
        for path in sorted(self.folder.glob("[!.]*.json")):
            row = read_json(path)
            found[row["id"]] = row
        return found

    def take_in(self, trial: Trial) -> Row | None:
        """The result of a trial that has one, moved to its place."""
        folder = self.unfinished(trial)
        if not (folder / "result.json").exists():
            return None
        row: Row = read_json(folder / "result.json")
        if (folder / "samples.png").exists():
            (folder / "samples.png").replace(self.file(trial, "png"))
        write_json(self.file(trial, "json"), row)
        shutil.rmtree(folder)
        return row


def play(
    trials: Sequence[Trial],
    desk: Desk,
    slots: int,
    threads: int,
    gpus: int,
    watcher: Watcher,
    stop: Callable[[], int | None] = lambda: None,
    program: Sequence[str] = ("-m", "ganzoo.bench.trial"),
) -> None:
    """Play these trials, `slots` at a time. When `stop` gives a signal, each is told to save and end. `program` is what
    Python runs for one, given its folder."""
    waiting = deque(trials)
    places: dict[int, Work] = {}
    try:
        while (waiting and not stop()) or places:
            for slot in range(slots):
                if slot not in places and waiting and not stop():
                    places[slot] = _start(waiting.popleft(), desk, slot, threads, gpus, program)
                    watcher.began(places[slot].trial)
            for slot, work in list(places.items()):
                code = work.process.poll()
                if code is not None:
                    del places[slot]
                    watcher.ended(work.trial, _collect(work, desk, code))
                elif time.monotonic() - work.looked > 1:
                    work.looked = time.monotonic()
                    watcher.stepped(work.trial, _step(work.folder))
            if stop() and places:
                _end(list(places.values()))
            time.sleep(0.05)
    finally:
        for work in places.values():
            work.process.kill()
            work.process.wait()


def _start(trial: Trial, desk: Desk, slot: int, threads: int, gpus: int, program: Sequence[str]) -> Work:
    folder = desk.unfinished(trial)
    folder.mkdir(parents=True, exist_ok=True)
    row = {"id": trial.id, "trial": trial.hash, "variant": trial.variant, "seed": trial.seed}
    row |= {"data": trial.recipe.data["name"], "plugin": zoo.owner("variant", trial.variant).name}
    about = {"row": row, "recipe": trial.recipe.to_dict(), "protocol": trial.suite.protocol}
    write_json(folder / "trial.json", {**about, "partial": trial.suite.partial})
    with open(folder / "log.txt", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, *program, str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, **_environment(slot, threads, gpus)},
        )  # fmt: skip
    return Work(trial, folder, process)


def _environment(slot: int, threads: int, gpus: int) -> dict[str, str]:
    """What a slot's process is given: its threads, unless the environment says how many, its GPU, the same plugins."""
    count = os.environ.get("OMP_NUM_THREADS", str(threads))
    given = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count)
    if gpus:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = seen.split(",") if seen else [str(number) for number in range(gpus)]
        given["CUDA_VISIBLE_DEVICES"] = names[slot % len(names)]
    if zoo.folder() is not None:
        given["GANZOO_PLUGINS_DIR"] = str(zoo.folder())
    return given


def _collect(work: Work, desk: Desk, code: int) -> Row:
    """The row of a process that ended: its result; or what became of it, with the last line it wrote."""
    if code == 0:
        desk.take_in(work.trial)
        taken: Row = read_json(desk.file(work.trial, "json"))  # perhaps by another bench on the same folder
        return taken
    about: Row = read_json(work.folder / "trial.json")["row"]
    if code == BUSY:
        return {**about, "status": "elsewhere", "error": "another process is at it"}
    number = -code if code < 0 else code - 128
    if number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):  # any other is a crash
        name = signal.Signals(number).name
        return {**about, "status": "stopped", "error": f"stopped by {name}; run again to go on"}
    row = {**about, "status": "failed", "step": _step(work.folder), "error": _last_line(work.folder / "log.txt")}
    write_json(desk.file(work.trial, "json"), row)
    (work.folder / "log.txt").replace(desk.file(work.trial, "log"))
    if not _trained(RunFolder(work.folder / "run")):  # of a run that could not be judged nothing is thrown away
        shutil.rmtree(work.folder)
    return row


def _trained(run: RunFolder) -> bool:
    """Whether it was played to its end, or to the end of its time."""
    return run.run.exists() and run.read()["status"] in ("done", "interrupted")


def _last_line(log: Path) -> str:
    """The last line of a log, without the folders of this machine."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return re.sub(r"(?<![\w.])(?:/[\w.@+-]+)+/", "", lines[-1].strip()) if lines else "it said nothing"


def _step(folder: Path) -> int:
    """The step of the newest row of its metrics."""
    path = RunFolder(folder / "run").metrics
    if not path.exists():
        return 0
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        steps = re.findall(rb'"step": (\d+)', file.read())
    return int(steps[-1]) if steps else 0


def _end(works: Sequence[Work]) -> None:
    """Tell each process to save and end, and wait for it."""
    for work in works:
        work.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + GRACE
    for work in works:
        try:
            work.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            work.process.kill()
            work.process.wait()
