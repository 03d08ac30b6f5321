"""One trial, in a process of its own: `python -m ganzoo.bench.trial FOLDER`.

FOLDER holds `trial.json`, what to do. The run lies in FOLDER/run and is an ordinary one; a trial that was killed is
resumed from its newest checkpoint. What comes of it is `result.json` and `samples.png`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ganzoo
from ganzoo import shown
from ganzoo.bench.runner import BUSY
from ganzoo.build import game_of
from ganzoo.cli.group import verdict
from ganzoo.data import Source
from ganzoo.errors import DataError, Interrupted, RecipeError
from ganzoo.evaluation import Figures, fitting, judge, measure
from ganzoo.files import atomic, read_json, write_json, write_text
from ganzoo.folder import RunFolder
from ganzoo.game import Game
from ganzoo.parts import name_of
from ganzoo.recipes import Recipe
from ganzoo.run import open_data
from ganzoo.session import versions
from ganzoo.signals import finish_on_signals

SHOWN = 40


class Clock:
    """Seconds spent on a run, over all its processes; those after the last checkpoint of a killed one, whose steps
    are lost, are lost too. It is an observer of the run.

    limit  CPU seconds; 0 for none
    """

    def __init__(self, file: Path, limit: float) -> None:
        self.file, self.limit = file, limit
        before = read_json(file) if file.exists() else {"seconds": 0.0, "cpu_seconds": 0.0}
        self.wall = before["seconds"] - time.monotonic()
        self.cpu = before["cpu_seconds"] - time.process_time()

    def spent(self) -> dict[str, float]:
        """Wall and CPU seconds until now."""
        wall, cpu = self.wall + time.monotonic(), self.cpu + time.process_time()
        return {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1)}

    def over(self) -> bool:
        """Whether the limit is passed."""
        return bool(self.limit) and self.cpu + time.process_time() > self.limit

    def saved(self, step: int, path: Path) -> None:
        """A checkpoint was written."""
        write_json(self.file, self.spent())


def play(folder: Path, recipe: Recipe, clock: Clock, stop: Callable[[], int | None]) -> None:
    """Train the recipe in `folder`/run, or go on there; where the clock's limit is passed, the run ends, saved."""
    begun = RunFolder(folder / "run")
    step = newest_step(begun)
    if step and (step >= recipe.steps or clock.over()):
        return
    watch: dict[str, Any] = {
        "observers": [lambda run: clock],
        "stop": lambda: stop() or (signal.SIGXCPU if clock.over() else None),
    }
    try:
        if step:
            ganzoo.resume(begun.path, **watch)
        else:
            shutil.rmtree(begun.path, ignore_errors=True)
            write_text(folder / "recipe.toml", recipe.to_toml())
            ganzoo.train(folder / "recipe.toml", out=begun.path, **watch)
    except Interrupted as error:
        if error.exit_code != 128 + signal.SIGXCPU:
            raise


def newest_step(folder: RunFolder) -> int:
    """The step of a run's newest checkpoint; 0 where there is none. A run that was killed says no other."""
    paths = folder.checkpoints() if folder.run.exists() else []
    return int(paths[-1].stem.removeprefix("step-")) if paths else 0


def turns(game: Game, step: int) -> Iterator[tuple[str, int]]:
    """(player, how often it moves) for each turn of a step, as the engine takes them."""
    game.at(step)
    for taken in game.turns(step):
        together = [turn for turn in (taken if isinstance(taken, tuple) else (taken,)) if step % turn.every == 0]
        times = max((turn.repeat for turn in together), default=0)
        yield from ((turn.player, times) for turn in together)


def moves(game: Game, steps: int) -> dict[str, int]:
    """How often each player's optimiser has moved after so many steps."""
    counts: Counter[str] = Counter()
    for step in range(steps):
        for player, times in turns(game, step):
            counts[player] += times
    return dict(counts)


def run(folder: Path, stop: Callable[[], int | None] = lambda: None) -> dict[str, Any]:
    """Play the trial of a folder, or what is left of it, and judge it: the row of its table."""
    about = read_json(folder / "trial.json")
    recipe = Recipe.from_dict(about["recipe"])
    if recipe.precision == "auto":  # a table's figures are the same kind on every machine
        recipe = recipe.but(changes={"precision": "fp32"})
    try:
        source = open_data(recipe, None)
        game = game_of(recipe, source.spec)
        twice = max((times for _, times in turns(game, 0)), default=1) > 1
        clock = Clock(folder / "spent.json", about["protocol"]["cpu_seconds"] * (2 if twice else 1))
        play(folder, recipe, clock, stop)
    except (RecipeError, DataError) as error:
        if about["partial"] and not newest_step(RunFolder(folder / "run")):
            return {**about["row"], "status": "unfit", "error": str(error)}
        raise
    sampler = ganzoo.load(folder / "run")
    step = newest_step(RunFolder(folder / "run"))
    counts = moves(game, step)
    spent = read_json(clock.file)
    figures = judged(sampler, source, about["protocol"]["metrics"], recipe)
    picture(sampler, source, folder / "samples.png")
    return {
        **about["row"], "status": "done", "steps": step, "of": recipe.steps, "moves": counts,
        "images": counts.get("D", step) * recipe.batch * recipe.accumulate, **spent,
        "figures": {f"{metric}/{name}": value for metric, named in figures.items() for name, value in named.items()},
        "fingerprint": source.fingerprint, "versions": versions(), "machine": machine(), "code": commit(),
    }  # fmt: skip


def judged(sampler: ganzoo.Sampler, source: Source, names: Sequence[str], recipe: Recipe) -> dict[str, Figures]:
    """The figures of the suite's metrics, and of the one by which the recipe is evaluated, if it fits."""
    found = judge(sampler, source, fitting(source, names))
    own = recipe.evaluate.get("metric")
    if names and own and name_of(own) not in names:
        with contextlib.suppress(DataError):
            found |= judge(sampler, source, [measure(own, source)])
    return found


def picture(sampler: Any, source: Source, path: Path) -> None:
    """A small grid of the first samples, or a scatter of points over the data."""
    if sampler.spec.of_kind("image"):
        sheet = shown.sheet(sampler, source, SHOWN // 4, across=3)
    elif sampler.spec.output.kind == "points":
        sheet = sampler.sample(2500, seed=0).grid(data=source.all(2500).numpy()).resize((256, 256))
    else:
        sheet = sampler.sample(SHOWN, seed=0).grid(columns=10, seeds=False)
    with atomic(path) as aside:
        sheet.save(aside, format="PNG", optimize=True)


def commit() -> str:
    """The commit of ganzoo's own checkout, with a plus where files differ from it; empty where there is none."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return ""
    git = ["git", "-C", str(here)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + "+" * bool(changed.stdout.strip())


def machine() -> dict[str, Any]:
    """The kind of machine: processor, cores, system."""
    model = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        names = [line.partition(":")[2].strip() for line in facts.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {"processor": model, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def main(folder: Path) -> int:
    """Run the trial alone, write its result, and say the exit code; the last line on stderr is the error."""
    with open(folder / "trial.lock", "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return BUSY
        try:
            with finish_on_signals() as signals:
                write_json(folder / "result.json", run(folder, lambda: signals.requested))
        except BaseException as error:
            traceback.print_exception(error)
            code, sentence = verdict(error)
            print(sentence.removeprefix("ganzoo: "), file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
