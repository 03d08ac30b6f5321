"""Suites of trials: isolated, resumable, named by their configuration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ganzoo import zoo
from ganzoo.bench import SUITES, Suite, bench, overview, report, runner, trials
from ganzoo.bench.display import Quiet
from ganzoo.bench.suites import on_ring, tiny
from ganzoo.bench.trial import main, moves, newest_step, run
from ganzoo.build import engine_of
from ganzoo.cli import cli
from ganzoo.data import open_source
from ganzoo.errors import RecipeError
from ganzoo.evaluation import sign
from ganzoo.files import read_json, write_json
from ganzoo.folder import RunFolder
from ganzoo.recipes import Recipe

SMALL = Suite("small", "tiny variants", tiny)
SETTLED = {"device": "cpu", "precision": "fp32", "threads": 1}


JUDGE = """import ganzoo


class Mine:
    figure, sign, samples, protocol = "one", 1, 10, "as a test says"

    def __init__(self, source):
        pass

    def __call__(self, samples):
        {}


@ganzoo.hookimpl
def ganzoo_register(zoo):
    zoo.metric("mine", Mine)
"""


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_a_suite_is_played_once(tmp_path: Path) -> None:
    done = bench(SMALL, ["vanilla"], [0, 1], out=tmp_path, slots=2)
    assert [row["status"] for row in done.rows] == ["done", "done"]
    assert done.played == 2
    row = done.rows[0]
    assert row["moves"] == {"D": 20, "G": 20}
    assert row["images"] == 20 * 8
    table = (tmp_path / "small.md").read_text()
    assert "| vanilla | 2 | 20 | 20 | 160 |" in table
    whole = len(trials(SMALL))
    assert f"{whole - 1} of {whole} trials are missing" in table
    assert str(tmp_path) not in table + (tmp_path / "small.json").read_text()
    assert not list((tmp_path / "small" / "unfinished").iterdir())
    again = bench(SMALL, ["vanilla"], [0, 1], out=tmp_path)
    assert again.played == 0
    assert [row["id"] for row in again.rows] == [row["id"] for row in done.rows]


def test_a_slot_has_its_share_of_the_cores_unless_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside other work two threads on two cores wait for each other."""

    def counts() -> set[str]:  # torch heeds MKL's too
        return {v for k, v in runner._environment(slot=0, threads=2, gpus=0).items() if k.endswith("_NUM_THREADS")}

    assert counts() == {"1"}
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert counts() == {"2"}


def test_a_trial_is_named_by_what_decides_its_figures() -> None:
    (trial,) = trials(SMALL, ["vanilla"])

    def named(recipe: Recipe) -> str:
        return replace(trial, recipe=recipe).hash

    assert named(trial.recipe.but(changes={"title": "other words", "log.every": 7})) == trial.hash
    assert named(trial.recipe.but(changes={"optimizers.D.lr": 0.1})) != trial.hash
    assert named(trial.recipe.but(changes={"seed": 1})) != trial.hash
    assert replace(trial, suite=replace(SMALL, metrics=("found",))).hash != trial.hash


def test_a_failed_trial_costs_only_itself(tmp_path: Path) -> None:
    def broken_for_one(recipe: Recipe) -> Recipe:
        return tiny(recipe).but(changes={"optimizers.D.lr": 1e30} if recipe.name == "vanilla-ns" else {})

    done = bench(replace(SMALL, plays=broken_for_one), ["vanilla", "vanilla-ns"], out=tmp_path, slots=2)
    found = {row["variant"]: row for row in done.rows}
    assert found["vanilla"]["status"] == "done"
    assert found["vanilla-ns"]["status"] == "failed"
    assert "D" in found["vanilla-ns"]["error"]
    assert found["vanilla-ns"]["error"] in (tmp_path / "small.md").read_text()


def test_a_run_that_cannot_be_judged_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its metric is mended, and running again judges what was trained."""
    plugin = tmp_path / "plugins" / "judge.py"
    plugin.parent.mkdir()
    plugin.write_text(JUDGE.format("raise ValueError('there is no such figure')"))
    suite = replace(SMALL, metrics=("mine",), shown=("mine/one",))
    zoo.configure(plugin.parent)
    try:
        (row,) = bench(suite, ["vanilla"], out=tmp_path).rows
        assert row["status"] == "failed"
        assert "there is no such figure" in row["error"]
        (folder,) = (tmp_path / "small" / "unfinished").iterdir()
        trained = RunFolder(folder / "run").read()["ended_at"]
        plugin.write_text(
            JUDGE.format(
                f"import json; return {{'one': json.load(open({str(folder / 'run' / 'run.json')!r}))['ended_at']}}"
            )
        )
        (row,) = bench(suite, ["vanilla"], out=tmp_path).rows
    finally:
        zoo.configure()
    assert row["figures"]["mine/one"] == trained, "it was not trained again"
    assert not folder.exists()


def test_a_killed_trial_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """The process of a trial is killed. Another goes on from its checkpoint, and what comes of it is that of a trial
    that was never stopped."""

    def longer(recipe: Recipe) -> Recipe:
        return tiny(recipe).but(changes={"steps": 400, "log.checkpoint": 50, "log.pictures": 1000})

    suite = replace(SMALL, plays=longer, metrics=("found",), shown=("found/confident",))
    (trial,) = trials(suite, ["vanilla"])
    folder = tmp_path / "small" / "unfinished" / trial.id
    folder.mkdir(parents=True)
    row = {"id": trial.id, "trial": trial.hash, "variant": "vanilla", "seed": 0, "data": "digits", "plugin": "ganzoo"}
    about = {"row": row, "recipe": trial.recipe.to_dict(), "protocol": suite.protocol, "partial": False}
    (folder / "trial.json").write_text(json.dumps(about))
    process = subprocess.Popen([sys.executable, "-m", "ganzoo.bench.trial", str(folder)], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not list(folder.glob("run/checkpoints/step-*.safetensors")) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed_at = newest_step(RunFolder(folder / "run"))
    assert 50 <= killed_at < 400
    assert main(folder) == 0  # as the process that `bench` starts
    assert f"steps {killed_at} to 400" in (folder / "run" / "log.txt").read_text()
    resumed = bench(suite, ["vanilla"], out=tmp_path)
    assert resumed.played == 0, "the result of a process that outlived its parent is taken in"
    whole = bench(suite, ["vanilla"], out=tmp_path / "whole")
    assert resumed.rows[0]["status"] == whole.rows[0]["status"] == "done"
    assert resumed.rows[0]["figures"] == whole.rows[0]["figures"]


def test_a_bench_that_is_stopped_saves_what_is_under_way(tmp_path: Path) -> None:
    def endless(recipe: Recipe) -> Recipe:
        return tiny(recipe).but(changes={"steps": 10_000_000, "log.checkpoint": 1_000_000})

    suite = replace(SMALL, plays=endless)
    (trial,) = trials(suite, ["vanilla"])
    run = RunFolder(tmp_path / "small" / "unfinished" / trial.id / "run")
    done = bench(suite, ["vanilla"], out=tmp_path, stop=lambda: signal.SIGTERM if run.metrics.exists() else None)
    assert done.rows[0]["status"] == "stopped"
    assert "run again" in done.rows[0]["error"]
    assert newest_step(run) > 0


def test_a_trial_is_played_in_fp32_unless_its_recipe_says_otherwise(tmp_path: Path) -> None:
    for asked, played in (("auto", "fp32"), ("bf16", "bf16")):
        recipe = tiny(zoo.variant("vanilla")).but(changes={"precision": asked, "steps": 1})
        about = {"row": {}, "recipe": recipe.to_dict(), "protocol": SMALL.protocol, "partial": False}
        (tmp_path / asked).mkdir()
        write_json(tmp_path / asked / "trial.json", about)
        run(tmp_path / asked)
        settled = read_json(tmp_path / asked / "run" / "run.json")["settled"]
        assert (settled["precision"], settled["why"]["precision"]) == (played, "asked for")


def test_a_trial_stops_at_its_limit_and_is_judged_as_it_is(tmp_path: Path) -> None:
    def endless(recipe: Recipe) -> Recipe:
        return tiny(recipe).but(changes={"steps": 10_000_000, "log.checkpoint": 1_000_000})

    done = bench(replace(SMALL, plays=endless, cpu_seconds=8.0), ["vanilla"], out=tmp_path)
    assert done.rows[0]["status"] == "done"
    assert 0 < done.rows[0]["steps"] < 10_000_000


def test_the_ring_suite_changes_networks_and_numbers_only() -> None:
    recipe = on_ring(zoo.variant("vanilla-ns"))
    assert recipe.parts["loss"] == "non-saturating"
    assert recipe.parts["generator"] == {"name": "pacgan-mlp"}
    assert recipe.data["name"] == "ring"
    engine = engine_of(recipe, open_source("ring"), SETTLED)
    engine.rehearse()
    assert moves(engine.game, 3) == {"D": 3, "G": 3}
    own = zoo.variant("vanilla-ns").but(changes={"suites": {"ring": {"optimizers.D.lr": 0.5}}})
    assert on_ring(own).optimizers["D"]["lr"] == 0.5


def test_without_pacgans_networks_the_ring_is_played_on_the_cores(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "none")
    zoo.configure()
    try:
        recipe = on_ring(zoo.variant("vanilla").but(changes={"discriminator.wrap": "some"}))
        assert recipe.parts["generator"] == {"name": "mlp"}
        assert recipe.parts["discriminator"] == {"name": "mlp", "wrap": "some"}
        assert "no plugin here has the network 'pacgan-mlp'" in caplog.text
        engine = engine_of(on_ring(zoo.variant("vanilla")), open_source("ring"), SETTLED)
        engine.rehearse()
    finally:
        monkeypatch.undo()
        zoo.configure()


def test_recipes_with_numbers_for_the_ring_can_be_played_on_it() -> None:
    played = [recipe for row in zoo.variants() if "ring" in (recipe := zoo.variant(row["name"])).suites]
    assert len(played) > 10
    for recipe in played:
        engine_of(on_ring(recipe), open_source("ring"), SETTLED).rehearse()


def test_suites_name_no_variant() -> None:
    names = {row["name"] for row in zoo.variants()}
    for suite in SUITES.values():
        assert {t.variant for t in trials(suite)} <= names
    with pytest.raises(RecipeError, match="there is no suite 'digit'; did you mean 'digits'"):
        bench("digit")
    with pytest.raises(RecipeError, match="no variant"):
        bench("smoke", ["vanila"])


def row_of(variant: str, **figures: float) -> dict[str, Any]:
    """A trial that is done."""
    about = {"processor": "a", "cores": 1, "system": "b"}
    return {
        "id": f"{variant}-0-0", "trial": "0", "variant": variant, "seed": 0, "data": "digits", "status": "done",
        "current": True, "steps": 20, "of": 20, "moves": {"D": 20, "G": 20}, "images": 160, "seconds": 1.0,
        "cpu_seconds": 1.0, "figures": figures, "versions": {}, "machine": about,
    }  # fmt: skip


def test_rows_are_sorted_as_their_metrics_say() -> None:
    """A distance is the better the smaller; an error beside a share that is the better the greater, too."""
    rows = [row_of("far", **{"swd/swd": 90.0}), row_of("near", **{"swd/swd": 10.0}), row_of("silent")]
    distances = replace(SMALL, metrics=("swd",), shown=("swd/swd",))
    assert [variant for variant, _ in report.ranked(distances, rows)] == ["near", "far"]
    shares = replace(SMALL, metrics=("reconstructed",), shown=("reconstructed/kept", "reconstructed/error"))
    named = {"blurred": (0.9, 0.2), "sharp": (0.9, 0.1), "others": (0.5, 0.0)}
    rows = [row_of(v, **{"reconstructed/kept": k, "reconstructed/error": e}) for v, (k, e) in named.items()]
    assert [variant for variant, _ in report.ranked(shares, rows)] == ["sharp", "blurred", "others"]
    signs = [sign(name) for name in ("found/classes", "fid/fid", "modes/covered", "modes/reverse_kl", "l1/of_mean")]
    assert signs == [1, -1, 1, -1, -1]


def test_a_trial_without_a_figure_is_shown_without_it(tmp_path: Path) -> None:
    """A metric may say nothing of a model."""
    suite = replace(SMALL, metrics=("found", "swd"), shown=("found/classes", "swd/swd"))
    (trial,) = trials(suite, ["vanilla"])
    row = {**row_of("vanilla", **{"found/classes": 3.0}), "id": trial.id}
    told = Quiet(suite, [trial], sys.stderr).outcome(row)
    assert told == "classes 3, 20 steps in 0:01"
    desk = runner.Desk(tmp_path / "bench", "small")
    desk.folder.mkdir(parents=True)
    write_json(desk.file(trial, "json"), row)
    (desk.folder / f"{trial.id}.png").write_bytes(b"")
    text = report.gallery(suite, [trial], desk, tmp_path / "docs").read_text()
    assert "\nclasses 3; 20 steps, seed 0\n" in text
    write_json(desk.out / "small.json", {"beside": {f"digits/{name}": BESIDE for name in suite.metrics}, "trials": []})
    written = report.write(suite, [trial], desk, "ganzoo bench small")
    assert {path.suffix for path in written} == {".json", ".md", ".csv"}, "there is nothing to plot"


BESIDE = {"samples": 0, "protocol": "judged whole", "figures": {}}


def test_on_the_command_line(tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(cli, ["bench", *words, "-o", str(tmp_path)])

    assert "smoke" in run("--list").stdout
    assert run().exit_code == 2
    played = run("smoke", "--variants", "vanilla", "--slots", "1")
    assert played.exit_code == 0, played.output
    assert {row["suite"]: row["done"] for row in overview(tmp_path)}["smoke"] == 1
