"""Runs: what is stopped and resumed is what was never stopped, to the bit."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import signal
import subprocess
import sys

import pytest
import torch

import ganzoo
import ganzoo.inspect
import ganzoo.run
from ganzoo import zoo
from ganzoo.checkpoint import generators
from ganzoo.errors import DamagedFile, DataError, GanzooError, Interrupted, NonFiniteError, PluginError, RecipeError
from ganzoo.inspect import inspect
from ganzoo.parts import Part
from ganzoo.recipes import Recipe
from ganzoo.signals import Stopped

VARIANTS = [row["name"] for row in zoo.variants() if row["plugin"] in ("ganzoo", "networks")]


def tiny(variant="vanilla", **changes):
    return {**zoo.variant(variant).tiny, **changes}


def train(out, variant="vanilla", steps=20, changes=None, **options):
    changes = {**tiny(variant), "steps": steps, **(changes or {})}
    return ganzoo.train(variant, steps=steps, out=out, set=changes, **options)


def newest(run):
    return sorted((run.path / "checkpoints").glob("*.safetensors"))[-1].read_bytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_stopped_and_resumed_equals_never_stopped(variant, tmp_path):
    whole = train(tmp_path / "whole", variant)
    train(tmp_path / "parts", variant, steps=7)
    parts = ganzoo.resume(tmp_path / "parts", steps=20)
    # the recipe's `steps` differ, so compare everything but it
    from ganzoo.state import read_state

    a, b = (read_state(run.path / "checkpoints" / "step-00000020.safetensors") for run in (whole, parts))
    assert a.tensors.keys() == b.tensors.keys()
    assert all(a.tensors[name].equal(b.tensors[name]) for name in a.tensors)
    assert a.meta["optimizers"] == b.meta["optimizers"]
    assert a.meta["card"] == b.meta["card"]
    assert (whole.path / "metrics.jsonl").read_bytes() == (parts.path / "metrics.jsonl").read_bytes()
    assert len(whole.metrics) == 4
    for name in ("step-00000010.png", "step-00000020.png"):
        pictures = [run.sampler(step=20).sample(4, seed=1).images for run in (whole, parts)]
        assert (pictures[0] == pictures[1]).all()
        assert (whole.path / "samples" / name).exists()


def test_rows_have_what_lazy_turns_measured_whenever_the_run_was_stopped(tmp_path):
    """A term at steps 0, 4, 8, ... and rows after steps 5, 10, 15 and 20; stopped after 7 and 9."""
    changes = {"terms.r1": {"name": "r1", "every": 4, "precision": "any"}}
    whole = train(tmp_path / "whole", "r1gan", changes=changes)
    parts = train(tmp_path / "parts", "r1gan", steps=7, changes=changes)
    for until in (9, 20):
        parts = ganzoo.resume(parts.path, steps=until)
    assert all("D/r1" in row for row in whole.metrics)
    assert (whole.path / "metrics.jsonl").read_bytes() == (parts.path / "metrics.jsonl").read_bytes()


def test_a_run_that_is_resumed_is_nobody_elses_meanwhile(tmp_path, monkeypatch):
    run = train(tmp_path / "run")
    once = []

    def meanwhile(*given):
        if not once:
            once.append(True)
            with pytest.raises(GanzooError, match="in use by process"):
                ganzoo.resume(run.path, steps=30)
        return open_data(*given)

    from ganzoo.run import open_data

    monkeypatch.setattr("ganzoo.run.open_data", meanwhile)
    assert ganzoo.resume(run.path, steps=25).metrics[-1]["step"] == 25
    assert once


def test_a_run_that_cannot_begin_has_failed(tmp_path, monkeypatch):
    def picture(session):
        raise DataError("no picture can be drawn")

    monkeypatch.setattr("ganzoo.session.Session._picture", picture)
    with pytest.raises(DataError, match="no picture"):
        train(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"


def test_a_recipe_and_a_run_are_given_as_they_are(tmp_path):
    recipe = ganzoo.recipe("vanilla").but("mine", dict(zoo.variant("vanilla").tiny))
    run = ganzoo.train(recipe, out=tmp_path / "run")
    assert run.recipe.name == "mine"
    assert ganzoo.load(run).checksum == run.sampler().checksum
    assert ganzoo.resume(run, steps=run.until + 1).path == run.path


def test_looking_at_a_step_makes_no_folder(tmp_path):
    run = train(tmp_path / "run", changes={"log.snapshot": 0})
    before = sorted(run.path.rglob("*"))
    run.sampler(step=20)
    with pytest.raises(GanzooError, match="keeps nothing of step 7; it keeps"):
        run.sampler(step=7)
    assert sorted(run.path.rglob("*")) == before


def test_a_metric_has_options(tmp_path):
    changes = {"evaluate.metric": "fid", "evaluate.metric.extractor": "digits-cnn", "evaluate.every": 20,
               "evaluate.samples": 64}  # fmt: skip
    run = train(tmp_path / "run", changes=changes)
    assert run.metrics[-1]["fid/fid"] > 0
    with pytest.raises(RecipeError, match="metric 'fid' has no option 'extracter'; did you mean 'extractor'"):
        train(tmp_path / "other", changes={**changes, "evaluate.metric": {"name": "fid", "extracter": "digits-cnn"}})
    with pytest.raises(RecipeError, match="extractor is set of a part that has no name"):
        train(tmp_path / "other", changes={"evaluate.metric.extractor": "digits-cnn"})


def test_the_same_seed_is_the_same_run_and_another_is_not(tmp_path):
    a, b, c = (train(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert newest(a) == newest(b)
    assert newest(a) != newest(c)


def test_a_runs_recipe_repeats_it(tmp_path):
    first = train(tmp_path / "first")
    again = ganzoo.train(first.path / "recipe.toml", out=tmp_path / "again")
    assert newest(first) == newest(again)
    assert Recipe.read(first.path / "recipe.toml") == first.recipe


def test_a_run_says_what_was_set_for_it(tmp_path):
    """What is not the recipe's is told with what is not the paper's; how long and on what it is played is neither."""
    changes = {**zoo.variant("vanilla").tiny, "loss": "non-saturating", "log.every": 5}
    run = ganzoo.train("vanilla", steps=2, seed=3, out=tmp_path / "run", set=changes)
    *before, told = ganzoo.load(run.path).card["deviations"]
    assert before == list(zoo.variant("vanilla").deviations)
    assert told.startswith("set for this run: ")
    assert told.endswith("loss=non-saturating")
    plain = ganzoo.train("vanilla", steps=2, out=tmp_path / "plain", set={"log.every": 5})
    assert ganzoo.load(plain.path).card["deviations"] == before


def test_looking_changes_nothing(tmp_path):
    plain = train(tmp_path / "plain")
    changes = {"evaluate.every": 5, "evaluate.metric": "found", "evaluate.samples": 50, "log.pictures": 3}
    watched = train(tmp_path / "watched", changes=changes)
    from ganzoo.state import read_state

    a, b = (read_state(run.path / "checkpoints" / "step-00000020.safetensors").tensors for run in (plain, watched))
    assert all(a[name].equal(b[name]) for name in a)
    assert "found/classes" in watched.metrics[0]


def test_the_best_checkpoint_is_kept(tmp_path, monkeypatch):
    figures = iter([0.1, 0.9, 0.3, 0.2, 0.25, 0.1, 0.2, 0.3])

    class Metric:
        figure, sign = "score", 1

        def __call__(self, samples):
            return {"score": next(figures)}

    part = zoo.part
    fake = type("Fake", (), {"build": lambda *_: Metric()})()
    monkeypatch.setattr(zoo, "part", lambda kind, name: fake if kind == "metric" else part(kind, name))
    run = train(tmp_path / "run", steps=40, changes={"evaluate.every": 5, "log.checkpoint": 5})
    kept = [int(p.stem[5:]) for p in sorted((run.path / "checkpoints").iterdir())]
    assert kept == [10, 30, 35, 40]


@pytest.mark.parametrize(("asked", "samples"), [(0, 77), (9, 9)])
def test_a_metric_gets_as_many_samples_as_it_is_meant_for(tmp_path, monkeypatch, asked, samples):
    counts = []

    class Metric:
        figure, sign, samples = "score", 1, 77

        def __call__(self, samples):
            counts.append(len(samples))
            return {"score": 0.0}

    part = zoo.part
    mine = Part("metric", "mine", lambda source: Metric())
    monkeypatch.setattr(zoo, "part", lambda kind, name: mine if name == "mine" else part(kind, name))
    monkeypatch.setattr(zoo, "owner", lambda kind, name: zoo.zoo().by_name["ganzoo"])
    train(tmp_path / "run", steps=5, changes={"evaluate": {"every": 5, "metric": "mine", "samples": asked}})
    assert counts == [samples]


def test_weights_of_other_networks_are_a_sentence(tmp_path, monkeypatch):
    """A plugin that was changed since."""
    run = train(tmp_path / "run", steps=5)
    recipe = Recipe.from_dict

    def changed(document):
        return recipe({**document, "generator": {**document["generator"], "widths": [24]}})

    monkeypatch.setattr(Recipe, "from_dict", changed)
    for use in (lambda: ganzoo.load(run), lambda: ganzoo.resume(run, steps=10), lambda: run.sampler(raw=True)):
        with pytest.raises(GanzooError, match=r"^these are weights of other networks .* and \[24.* expected"):
            use()


@pytest.mark.parametrize(
    ("path", "value"), [("augment", True), ("generator.wrap", True), ("loss", 5), ("optimizers.D", 5), ("clip.D", [1])]
)
def test_what_is_no_part_is_a_sentence(tmp_path, path, value):
    with pytest.raises(RecipeError, match=r"is given where a part is expected; write its name|clip\.D"):
        train(tmp_path / "run", changes={path: value})
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_s_recipe_says_what_was_set(tmp_path):
    run = train(tmp_path / "run", steps=5)
    ganzoo.resume(run, steps=10, set={"log.every": 1})
    assert Recipe.read(tmp_path / "run" / "recipe.toml").section("log")["every"] == 1


def test_a_checkpoint_comes_after_all_else_of_its_step(tmp_path, monkeypatch):
    """A run that is killed goes on after its newest checkpoint, and makes nothing of that step again."""
    order, synced = [], os.fsync

    def sync(descriptor):
        path = os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path / "run")
        order.append(re.sub(r"\.tmp-\d+-\w+-\d+-", "", path))
        synced(descriptor)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not say which file is open")
    monkeypatch.setattr(os, "fsync", sync)
    changes = {"evaluate.every": 5, "log.pictures": 5, "log.snapshot": 5, "log.checkpoint": 100}
    train(tmp_path / "run", steps=6, changes=changes)
    at = [path for path in order if "00000005" in path or path == "metrics.jsonl"]
    assert at[:4] == [
        "samples/step-00000005.png", "snapshots/step-00000005.safetensors",
        "metrics.jsonl", "checkpoints/step-00000005.safetensors",
    ]  # fmt: skip


def test_ctrl_c_in_a_notebook_is_no_failure(tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", stop=interrupted)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"


def test_a_run_of_a_device_that_is_not_here(tmp_path):
    run = train(tmp_path / "run", steps=5)
    from ganzoo.state import read_state, write_state

    path = run.folder.checkpoints()[-1]
    state = read_state(path)
    write_state(path, state.tensors, {**state.meta, "settled": {**state.meta["settled"], "device": "cuda"}})
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    with pytest.raises(GanzooError, match=r"device 'cuda' cannot be used here; '.*run' was begun on it"):
        ganzoo.resume(run, steps=10)
    assert run.sampler().sample(1).images.shape[0] == 1


def test_a_signal_finishes_the_step_and_saves(tmp_path):
    whole = train(tmp_path / "whole")
    seen = []

    def stop():
        seen.append(1)
        return signal.SIGTERM if len(seen) == 8 else None

    with pytest.raises(Interrupted, match="stopped at step 8, saved; go on with: ganzoo resume") as caught:
        train(tmp_path / "parts", stop=stop)
    assert caught.value.exit_code == 143
    assert json.loads((tmp_path / "parts" / "run.json").read_text())["status"] == "interrupted"
    parts = ganzoo.resume(tmp_path / "parts")
    assert newest(parts) == newest(whole)
    assert parts.metrics == whole.metrics


def test_resuming_goes_where_the_run_was_going(tmp_path):
    run = train(tmp_path / "run")
    asked = iter([None] * 4 + [signal.SIGINT])
    with pytest.raises(Interrupted, match="at step 25"):
        ganzoo.resume(run.path, steps=30, stop=lambda: next(asked))
    assert ganzoo.resume(run.path).until == 30
    assert run.folder.checkpoints()[-1].stem == "step-00000030"


def test_a_run_is_saved_by_the_clock_too(tmp_path, monkeypatch):
    monkeypatch.setattr("ganzoo.session.AT_LEAST_EVERY", -1.0)
    saved = []
    watch = type("Watch", (), {"saved": lambda self, step, path: saved.append(step)})()
    train(tmp_path / "run", steps=4, changes={"log.checkpoint": 1000}, observers=[lambda run: watch])
    assert saved == [1, 2, 3, 4]


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, caplog):
    whole = train(tmp_path / "whole")
    parts = train(tmp_path / "parts")
    last = parts.path / "checkpoints" / "step-00000020.safetensors"
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data)
    with pytest.raises(DamagedFile, match="step-00000020"):
        ganzoo.load(last)
    with caplog.at_level(logging.WARNING):
        resumed = ganzoo.resume(parts.path)
    assert "step-00000020" in caplog.text
    assert newest(resumed) == newest(whole)
    assert (parts.path / "metrics.jsonl").read_bytes() == (whole.path / "metrics.jsonl").read_bytes()


def test_a_card_says_who_played_in_what_order_and_what_was_measured_last(tmp_path):
    changes = {"evaluate.every": 10, "evaluate.metric": "swd", "evaluate.samples": 32, "k": 3}
    run = train(tmp_path / "run", steps=15, changes=changes)
    card = ganzoo.load(run.path).card
    G = generators(run.path)[0]["generator"]
    assert card["players"].keys() == {"D", "G"}
    assert card["players"]["G"].endswith(f", {sum(p.numel() for p in G.parameters()):,} parameters")
    assert card["turns"] == ["D, 3 times", "G"]
    rows = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    judged = {name for name in rows[1] if name.startswith("swd/")}
    assert judged
    assert card["figures"] == rows[-1]
    assert card["evaluated"] == {"step": 10, **{name: rows[1][name] for name in judged}}
    assert ganzoo.inspect.inspect(run.path)["card"] == card
    ganzoo.export(run, tmp_path / "g.onnx")
    assert ganzoo.load(tmp_path / "g.onnx").card.items() >= card.items()


def test_a_card_says_who_plays_later(tmp_path):
    """MAGAN's G rests at first."""
    run = train(tmp_path / "run", "magan", steps=2)
    first = ganzoo.load(run.path).card["turns"]
    assert first == ["D", "G"]
    assert ganzoo.load(ganzoo.resume(run.path, steps=4).path).card["turns"] == first


def test_a_report_that_is_not_finite_is_saved_between_rows(tmp_path, monkeypatch):
    """Rows have null for it, and so has what a checkpoint carries for the next row."""
    monkeypatch.setattr(
        "ganzoo.engine.Engine._report", lambda self, *_: self.measured.update(odd=torch.tensor(math.nan))
    )
    monkeypatch.setattr("ganzoo.engine.Engine._heard", lambda *_: True)
    run = train(tmp_path / "run", steps=7)
    assert run.metrics[-1]["odd"] is None
    assert ganzoo.resume(run.path, steps=10).metrics[-1]["odd"] is None


def test_lazy_turns_and_turns_together_are_told():
    from ganzoo.card import _line, measured
    from ganzoo.game import Turn

    assert _line(Turn("D", lambda seen: {}, every=16)) == "D, every 16 steps"
    assert measured([{"step": 5, "V": None}], "found") == {"figures": {"step": 5, "V": None}}
    assert measured([], "found") == {}


def test_another_version_is_said(tmp_path, caplog, monkeypatch):
    run = train(tmp_path / "run")
    real = ganzoo.run.versions()
    monkeypatch.setattr(ganzoo.run, "versions", lambda: {**real, "torch": "9.9"})
    with caplog.at_level(logging.WARNING):
        ganzoo.resume(run.path, steps=25)
    assert f"may differ from here on: torch {real['torch']} is now 9.9" in caplog.text


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    """A limit on the size of files stands for a full disk; exit code 3."""
    code = (
        "import resource, sys, ganzoo; from ganzoo import zoo; from ganzoo.errors import SpaceError\n"
        "tiny = {**zoo.variant('vanilla').tiny, 'log.checkpoint': 5}\n"
        "run = ganzoo.train('vanilla', out=sys.argv[1], steps=10, set=tiny | {'steps': 10})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: ganzoo.resume(run.path, steps=20)\n"
        "except SpaceError as error: print(error); sys.exit(error.exit_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "run"], capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("\n") == 1
    kept = sorted((tmp_path / "run" / "checkpoints").iterdir())
    assert [p.name for p in kept] == ["step-00000005.safetensors", "step-00000010.safetensors"]
    assert ganzoo.load(tmp_path / "run").card["step"] == 10


def test_what_is_not_finite_stops_the_run_and_keeps_the_last_good(tmp_path):
    with pytest.raises(NonFiniteError, match=r"step \d+ .*(last good checkpoint is|no checkpoint had been)"):
        train(tmp_path / "run", changes={"optimizers.D.lr": 1e38, "optimizers.G.lr": 1e38})
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "non-finite"


@pytest.mark.parametrize(("error", "text"), [(ValueError("no"), "ValueError: no"), (SystemExit(3), "SystemExit: 3")])
def test_an_observer_that_fails_is_named_once_and_left_out(tmp_path, caplog, error, text):
    rows = []

    class Broken:
        def measured(self, step, metrics):
            rows.append(step)
            raise error

    class Good:
        def __init__(self, run):
            self.run = run

        def measured(self, step, metrics):
            rows.append(-step)

    def broken(run):
        return Broken()

    train(tmp_path / "run", observers=[Good, broken])
    assert caplog.messages == [f"observer 'broken' failed and is left out: {text}"]
    assert (tmp_path / "run" / "log.txt").read_text().count(f"warning: {caplog.messages[0]}") == 1
    assert rows == [-5, 5, -10, -15, -20]


def test_an_observer_swallows_no_second_signal(tmp_path):
    class Watching:
        def measured(self, step, metrics):
            raise Stopped(130)

    with pytest.raises(Stopped):
        train(tmp_path / "run", observers=[lambda run: Watching()])
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"


METRIC = """
import ganzoo
class Grey:
    figure, sign = "mean", 1
    def __init__(self, source): pass
    def __call__(self, samples): return {"mean": samples.images.mean()}
@ganzoo.hookimpl
def ganzoo_register(zoo):
    zoo.metric("grey", Grey)
    zoo.loss("mine", ganzoo.vanilla.NonSaturating)
"""


def test_generators_are_made_without_the_plugin_of_a_metric(tmp_path):
    (tmp_path / "greys.py").write_text(METRIC.replace("import ganzoo", "import ganzoo.vanilla", 1))
    metric = {"evaluate.every": 10, "evaluate.metric": "grey"}
    zoo.configure(tmp_path)
    try:
        train(tmp_path / "run", changes=metric)
        train(tmp_path / "lost", changes={**metric, "loss": "mine"})
    finally:
        zoo.configure()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["plugins"] == [
        {"name": "greys", "distribution": "", "version": "", "parts": ["metric grey"]}
    ]
    assert len(ganzoo.load(tmp_path / "run").sample(2)) == 2
    assert inspect(tmp_path / "run")["card"]["step"] == 20
    missing = "this was made with plugin 'greys', which is not here; name the folder of its file with --plugins-dir"
    with pytest.raises(PluginError, match=missing):
        ganzoo.load(tmp_path / "lost")
    for run in ("run", "lost"):
        with pytest.raises(PluginError, match=missing):
            ganzoo.resume(tmp_path / run, steps=30)


@pytest.mark.parametrize(
    ("figure", "answer", "text"),
    [
        (
            None,
            {"a": 1.0},
            "^metric 'mine' has no 'figure', by which the best checkpoint is picked; write figure, sign",
        ),
        ("a", 1.0, "^metric 'mine' gave a float; a dictionary with 'a' is expected$"),
        ("b", {"a": 1.0}, "^metric 'mine' gave figures a; a dictionary with 'b' is expected$"),
        ("a", ZeroDivisionError("no"), "^metric 'mine' failed: ZeroDivisionError: no$"),
    ],
)
def test_a_metric_that_is_none_is_said(tmp_path, monkeypatch, figure, answer, text):
    def metric(samples):
        if isinstance(answer, Exception):
            raise answer
        return answer

    metric.figure, metric.sign = figure, 1
    plain = zoo.part
    mine = Part("metric", "mine", lambda source: metric)
    monkeypatch.setattr(zoo, "part", lambda kind, name: mine if name == "mine" else plain(kind, name))
    monkeypatch.setattr(zoo, "owner", lambda kind, name: zoo.zoo().by_name["ganzoo"])
    with pytest.raises(GanzooError, match=text):
        train(tmp_path / "run", changes={"evaluate.every": 5, "evaluate.metric": "mine", "evaluate.samples": 4})


def test_snapshots_and_steps_can_be_sampled(tmp_path):
    run = train(tmp_path / "run", changes={"log.snapshot": 5})
    assert [int(p.stem[5:]) for p in sorted((run.path / "snapshots").iterdir())] == [5, 10, 20]
    early, late = (run.sampler(step=step).sample(4).images for step in (5, 20))
    assert (early != late).any()
    raw = run.sampler(raw=True).sample(4).images
    assert (raw != late).any()
    with pytest.raises(GanzooError, match="keeps nothing of step 7; it keeps 5, 10, 20"):
        run.sampler(step=7)
    _, card = generators(run.path)
    assert card["variant"] == "vanilla"
    assert "Goodfellow" in card["paper"]


def test_wrong_requests_are_one_sentence_and_lose_nothing(tmp_path):
    run = train(tmp_path / "run")
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    wrong = [
        (lambda: ganzoo.resume(run.path), RecipeError, "is at step 20 already"),
        (lambda: ganzoo.resume(run.path, steps=20), RecipeError, "is at step 20 already"),
        (lambda: ganzoo.resume(run.path, steps=30, set={"batch": 4}), RecipeError, "cannot change in a run"),
        (lambda: ganzoo.resume(tmp_path / "none"), GanzooError, "none"),
        (lambda: train(run.path), GanzooError, "is not empty"),
        (lambda: train(tmp_path / "x", "vanila"), RecipeError, "did you mean 'vanilla'?"),
        (lambda: train(tmp_path / "x", changes={"batch": 100_000}), DataError, "a batch of 100000"),
        (lambda: train(tmp_path / "x", data="digts"), RecipeError, "did you mean 'digits'?"),
        (lambda: train(tmp_path / "x", device="cuda:9"), GanzooError, "try --device cpu"),
        (lambda: train(tmp_path / "x", changes={"evaluate.every": 7}), RecipeError, "a multiple of log.every"),
        (lambda: train(tmp_path / "x", changes={"evaluate.metric": "fond"}), RecipeError, "did you mean 'found'?"),
        *(
            (lambda k=key: train(tmp_path / "x", changes={k: 0}), RecipeError, f"{key} is 0; at least 1 is expected")
            for key in ("log.every", "log.pictures", "log.checkpoint")
        ),
    ]
    for action, kind, words in wrong:
        with pytest.raises(kind) as caught:
            action()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
    assert before == {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    assert not (tmp_path / "x").exists()


def test_metrics_say_what_the_game_is_worth(tmp_path):
    row = train(tmp_path / "run").metrics[-1]
    assert list(row)[:5] == ["step", "images", "V", "D(x)", "D(G(z))"]
    assert list(row)[5:] == ["D/minimax", "D/grad_norm", "G/minimax", "G/grad_norm"]
    assert row["images"] == 160
    assert row["V"] == pytest.approx(-row["D/minimax"])
    assert -3 < row["V"] < 0
    assert 0 < row["D(x)"] < 1
    assert all(math.isfinite(v) for v in row.values())


def test_points_train_too(tmp_path):
    run = train(tmp_path / "run", data="ring")
    assert run.sampler().sample(10).points.shape == (10, 2)
