"""The command line: what it passes on, prints and never imports, and one sentence for every mistake."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import ganzoo
from ganzoo import errors
from ganzoo.cli import COMMANDS, cli, group, values
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec

ROOT = Path(__file__).resolve().parents[1]
SHELL = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="ganzoo")


def fresh(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    command = [sys.executable, "-m", "ganzoo", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**SHELL, **env})


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """`train` and `resume` that only note how they were called, and go through the events of a run."""
    calls: list[dict[str, Any]] = []

    def play(what: Any, **options: Any) -> SimpleNamespace:
        calls.append({"what": str(what), **options})
        out = options.get("out") or tmp_path / "runs" / f"it's {len(calls)}"
        (out / "samples").mkdir(parents=True, exist_ok=True)
        for step in (500, 1000):
            (out / "samples" / f"step-{step:08}.png").touch()
        photos = [SimpleNamespace(name="photo")] if "pairs" in str(options.get("data")) else []
        named = SimpleNamespace(name="vanilla")
        run = SimpleNamespace(path=out, until=1000, recipe=named, spec=SimpleNamespace(of_kind={"image": photos}.get))
        watcher = options["observers"][0](run)
        watcher.started()
        watcher.said("on cpu")
        watcher.stepped(1000)
        watcher.ended("done")
        return run

    monkeypatch.setattr(ganzoo, "train", play, raising=False)
    monkeypatch.setattr(ganzoo, "resume", play, raising=False)
    return calls


def test_train_passes_on_what_was_asked(trained: list[dict[str, Any]], tmp_path: Path) -> None:
    done = run(
        "train", "--variant", "vanilla", "--data", "digits", "--steps", "10", "--device", "cpu",
        "--set", "loss=hinge", "--set", "generator.width=64", "--set", "optimizers.D.lr=4e-4",
        "-o", str(tmp_path / "r"),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (call,) = trained
    assert call["set"] == {"loss": "hinge", "generator.width": 64, "optimizers.D.lr": 4e-4}
    assert (call["what"], call["data"], call["steps"], call["seed"]) == ("vanilla", "digits", 10, None)
    assert call["stop"]() is None
    picture = tmp_path / "r" / "samples" / "step-00001000.png"
    assert done.stdout.split() == [str(picture), str(tmp_path / "r")]
    for command in ("sample", "export", "serve", "resume"):
        assert f"ganzoo {command} {tmp_path / 'r'}" in done.stderr


def test_a_model_that_starts_from_a_picture_is_told_so(trained: list[dict[str, Any]], tmp_path: Path) -> None:
    done = run("train", "--variant", "vanilla", "--data", "pairs:x", "-o", str(tmp_path / "r"))
    assert f"  ganzoo sample {tmp_path / 'r'} --input photo=picture.png -o samples.png\n" in done.stderr


def test_several_seeds_are_several_runs_in_one_folder(trained: list[dict[str, Any]], tmp_path: Path) -> None:
    assert run("train", "--variant", "vanilla", "--seed", "0-2", "-o", str(tmp_path / "r")).exit_code == 0
    assert [(c["seed"], c["out"]) for c in trained] == [(s, tmp_path / "r" / f"seed-{s}") for s in range(3)]


def test_quiet_leaves_the_final_paths(trained: list[dict[str, Any]]) -> None:
    for args in (("-q", "train", "--variant", "vanilla"), ("train", "--variant", "vanilla", "-q")):
        done = run(*args)
        assert done.stderr == ""
        assert len(done.stdout.splitlines()) == 2


def test_the_whole_way_on_real_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["--set", "batch=8", "--set", "log.every=2", "--set", "generator.widths=[8]"]
    done = run("train", "--variant", "vanilla", "--steps", "4", "--seed", "3", *small)
    assert done.exit_code == 0, done.stderr
    picture, folder = done.stdout.split()
    assert picture == str(Path("runs/vanilla-digits-1/samples/step-00000004.png"))
    assert run("resume", folder, "--steps", "4").exit_code == 1
    assert run("resume", folder, "--steps", "6", "-q").stdout.split()[-1] == folder
    exported = run("export", folder, "-o", "v.onnx")
    assert exported.stdout == "v.onnx\n", exported.stderr
    for model, out in ((folder, "a.npz"), ("v.onnx", "b.npz")):
        assert run("sample", model, "--seeds", "0-3,9", "-o", out).stdout == f"{out}\n"
    a, b = np.load("a.npz"), np.load("b.npz")
    assert a["seeds"].tolist() == [0, 1, 2, 3, 9]
    assert np.abs(a["images"].astype(int) - b["images"]).max() <= 1
    assert run("sample", "v.onnx", "-n", "3", "-o", "c.png").exit_code == 0
    assert run("sample", "v.onnx", "--like", "c.png", "-o", "d.png").exit_code == 0
    assert Path("c.png").read_bytes() == Path("d.png").read_bytes()
    for made_by, model in (("v.onnx", folder), (folder, "v.onnx")):  # what was exported is the same model
        assert run("sample", made_by, "-n", "3", "-o", "e.png").exit_code == 0
        assert run("sample", model, "--like", "e.png", "-o", "f.png").exit_code == 0
        e, f = (np.asarray(Image.open(name)).astype(int) for name in ("e.png", "f.png"))
        assert np.abs(e - f).max() <= 1
    assert run("sample", folder, "--like", picture, "-o", "f.png").stderr.startswith(
        f"ganzoo: {picture} was made at step 4 (checksum "
    )
    assert run("sample", folder, "--like", picture, "--step", "4", "-o", "f.png").exit_code == 0
    assert Path("f.png").read_bytes() == Path(picture).read_bytes()
    film = run("sample", "v.onnx", "-n", "3", "-o", "c.gif")
    assert (film.stdout, film.stderr) == ("c.gif\n", "a closed walk through 3 seeds, 54 frames\n")
    assert Path("c.gif").read_bytes()[:3] == b"GIF"
    assert run("export", folder, "-o", "half.onnx", "--half").exit_code == 0  # other weights, other pictures
    refusals = (
        ("sample half.onnx --like c.png", 1, "another model, of checksum"),
        ("sample v.onnx -n 1 -o d.gif", 1, "not 1"),
        ("sample v.onnx -o /proc/d.png", 3, "keeps no file"),
        ("sample v.onnx -o /proc/d.gif", 3, "keeps no file"),
        ("sample v.onnx -o /proc/d", 3, "no folder"),
        ("sample v.onnx --shards 2 -o /proc/d", 3, "no folder"),
        (f"export {folder} -o /proc/d", 3, "no folder"),
        ("train --variant vanilla --steps 1 -o /proc/d", 3, "no folder"),
    )
    for refused, code, words in refusals:
        failed = run(*refused.split())
        assert failed.exit_code == code
        assert failed.stderr.count("\n") == 1
        assert words in failed.stderr
    assert "latent" in run("inspect", "v.onnx").stdout
    assert json.loads(run("inspect", folder, "--json").stdout)


def test_resume_and_a_path_that_a_shell_must_be_given_in_quotes(trained: list[dict[str, Any]]) -> None:
    done = run("resume", "runs/a", "--steps", "2000", "--set", "evaluate.every=100")
    assert (trained[0]["what"], trained[0]["steps"]) == (str(Path("runs/a")), 2000)
    assert trained[0]["set"] == {"evaluate.every": 100}
    run("resume", "runs/a", "--data-root", "there")
    assert trained[1]["data_root"] == Path("there")
    assert "it'\"'\"'s 1'" in done.stderr


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """`load` with a sampler that only notes how it was asked."""
    calls: list[dict[str, Any]] = []

    class Samples(list[int]):
        def save(self, path: Path) -> Path:
            return path

    def load(path: Path, **options: Any) -> SimpleNamespace:
        def sample(**request: Any) -> Samples:
            calls.append({"load": options, **request})
            return Samples(request.get("seeds") or range(request.get("n", 16)))

        def interpolate(*ends: int, **request: Any) -> Samples:
            calls.append({"load": options, "ends": ends, **request})
            return Samples()

        inputs = [InputSpec("z", shape=(2,)), InputSpec("y", "label", classes=("1", "2"))]
        if path.stem == "photos":
            inputs.append(InputSpec("photo", "image", (1, 4, 4), "given", range=(-1.0, 1.0)))
        spec = GeneratorSpec("G", tuple(inputs), OutputSpec("image", (1, 4, 4)))
        generators = {"G": SimpleNamespace(sample=sample, interpolate=interpolate, spec=spec, identity={"model": "m"})}
        generators["G"].generators = generators
        return generators["G"]

    monkeypatch.setattr("ganzoo.loading.load", load)
    chunk = {"model": "m", "generator": "G", "call": "sample", "arguments": {"seeds": "5-6", "label": "3"}}
    monkeypatch.setattr("ganzoo.samples.chunk_of", lambda path: chunk)
    return calls


@pytest.mark.parametrize(
    ("args", "asked"),
    [
        ("-n 9 --seed 4 -o a.png", {"n": 9, "seed": 4}),
        ("--seeds 0-2,7 --label 3 --truncation .5", {"seeds": [0, 1, 2, 7], "label": "3", "truncation": 0.5}),
        ("--input strength=0.5 --input mode=soft", {"strength": 0.5, "mode": "soft"}),
        ("--input pyproject.toml", {"photo": "pyproject.toml"}),
        ("--like a.png", {"seeds": [5, 6], "label": "3"}),
        ("--like a.png --seed 9 --label 4", {"seed": 9, "n": 2, "label": "4"}),
        ("--like a.png --input y=2", {"seeds": [5, 6], "y": "2"}),
        ("--input y=1 -n 2 -o a.png", {"y": "1", "n": 2}),
        ("-n 3 --seed 4 --label 3 -o a.gif", {"ends": (4, 6, 19), "via": range(5, 6), "loop": True, "label": "3"}),
        ("--seeds 9,7,8 -o a.MP4", {"ends": (9, 8, 19), "via": [7], "loop": True}),
    ],
)
def test_sample_asks_for_what_was_wished(
    sampled: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, args: str, asked: dict[str, Any]
) -> None:
    monkeypatch.chdir(ROOT)
    model = "photos" if "photo" in asked else "m"
    done = run("sample", f"{model}.onnx", *args.split())
    assert done.exit_code == 0, done.output
    assert sampled == [{"load": {"generator": None, "step": None, "raw": False}, **asked}]
    assert done.stdout.strip() == (args.split()[-1] if "-o" in args else f"{model}-samples.png")


def test_serve_passes_on_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    fake = SimpleNamespace(serve=lambda models, **options: calls.append((models, options)))
    monkeypatch.setitem(sys.modules, "ganzoo.app", fake)
    monkeypatch.setitem(sys.modules, "ganzoo.app.studio", SimpleNamespace(DRAWING="ganzoo-draw"))
    assert run("serve", "a.onnx", "b.onnx", "--port", "80", "--root-path", "/x", "--open").exit_code == 0
    options = {"host": "127.0.0.1", "port": 80, "root_path": "/x", "open_browser": True}
    assert calls == [([Path("a.onnx"), Path("b.onnx")], options)]


def test_lists_for_people_and_for_programs() -> None:
    for command in ("variants", "plugins"):
        assert run(command).exit_code == 0
        assert isinstance(json.loads(run(command, "--json").stdout), list)
    assert "log D(x)" in run("variants", "vanilla").stdout
    assert json.loads(run("variants", "vanilla", "--json").stdout)["name"] == "vanilla"
    assert "beta1" in run("parts", "optimizer", "adam").stdout
    assert all(row["kind"] == "loss" for row in json.loads(run("parts", "loss", "--json").stdout))


WRONG = [
    ("trian", 2, "did you mean 'train'"),
    ("zzz", 2, "there is no command 'zzz'; choose from bench, check, "),
    ("zzz", 2, ", train, variants (see ganzoo --help)"),
    ("train --stepz 5", 2, "--steps"),
    ("train", 2, "--variant"),
    ("train --variant vanilla --steps 0", 2, "range"),
    ("train --variant vanilla --steps many", 2, "integer"),
    ("train --variant vanilla --precision fp16", 2, "bf16"),
    ("train --variant vanilla --seed 4-1", 2, "4-1"),
    ("train --variant vanilla --set loss", 2, "PATH=VALUE"),
    ("train --variant vanilla --set =1", 2, "PATH=VALUE"),
    ("train --variant vanilla --set a=1 --set a=2", 2, "'a' is set twice"),
    ("train --variant vanila", 1, "did you mean 'vanilla'"),
    ("train --variant no.toml", 1, "no.toml"),
    ("variants vanila", 1, "did you mean 'vanilla'"),
    ("parts los", 1, "did you mean 'loss'"),
    ("parts optimizer adm", 1, "did you mean 'adam'"),
    ("parts xyz", 1, "choose from augment, discriminator, encoder, extractor, game, generator, loss, metric, "),
    ("parts loss zzz", 1, "more (ganzoo parts loss)"),
    ("sample", 2, "MODEL"),
    ("sample nothing.onnx", 1, "nothing.onnx"),
    ("sample nothing", 1, "nothing"),
    ("sample m.onnx --seeds 1,x", 2, "not a list of seeds"),
    ("sample m.onnx --seeds 1 -n 4", 2, "--seeds already says"),
    ("sample m.onnx -n 0", 2, "range"),
    ("sample m.onnx --seed 4294967296", 2, "range"),
    ("sample m.onnx --input nofile.png", 2, "NAME=VALUE"),
    ("inspect nothing.onnx", 1, "nothing.onnx"),
    ("export nothing -o a.onnx", 1, "nothing"),
    ("export nothing", 2, "--out"),
    ("export nothing -o a.onnx --web site", 2, "--web"),
    ("export nothing -o v.pt", 1, "v.pt ends in .pt; name a file that ends in .onnx, or a folder"),
    ("export nothing -o nodir/a.onnx", 3, "there is no folder nodir; create it"),
    ("serve", 2, "MODEL"),
    ("serve a.onnx --port 70000", 2, "range"),
    ("resume nothing", 1, "nothing"),
    ("variants --plugins-dir nowhere", 2, "nowhere"),
    ("--nonsense", 2, "--nonsense"),
]


@pytest.mark.parametrize(("args", "code", "part"), WRONG, ids=[wrong[0] for wrong in WRONG])
def test_a_mistake_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, args: str, code: int, part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*args.split())
    assert (done.exit_code, done.stdout) == (code, "")
    assert part in done.stderr
    assert done.stderr.startswith("ganzoo")
    assert len(done.stderr.splitlines()) == 1


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", "a.png")


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (errors.RecipeError("no such loss"), 1, "ganzoo: no such loss\n"),
        (errors.SpaceError("no room"), 3, "no room"),
        (errors.NonFiniteError("V is NaN"), 4, "V is NaN"),
        (errors.Interrupted("saved; go on with: ganzoo resume r", 2), 130, "ganzoo resume r"),
        (errors.Interrupted("saved", 15), 143, "saved"),
        (full(), 3, "ganzoo: no space left on device: a.png\n"),
        (PermissionError(errno.EACCES, "Permission denied", "b"), 3, "permission denied: b"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (EOFError("short\nfile"), 1, "EOFError: short file; run again with --debug, and report it"),
        (ZeroDivisionError(), 1, "unexpected ZeroDivisionError; run again"),
        (FileNotFoundError(errno.ENOENT, "No such file", "c"), 1, "ganzoo: no such file: c\n"),
        (ModuleNotFoundError("no", name="torch.nn"), 1, "this needs 'torch', which is not installed"),
    ],
)
def test_every_error_has_its_code(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, part: str) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(ganzoo, "train", fail, raising=False)
    done = run("train", "--variant", "vanilla")
    assert done.exit_code == code
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in run("train", "--variant", "vanilla", "--debug").stderr
    assert run("--debug", "train", "--variant", "vanilla").exit_code == code


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_reads_as_one_line(name: str) -> None:
    done = run(name, "-h")
    assert done.exit_code == 0
    assert f"  ganzoo {name}" in done.stdout
    line = next(line for line in run("--help").stdout.splitlines() if line.split()[:1] == [name])
    assert line.endswith(".")
    assert "..." not in line[-4:]
    assert len(line) < 80


NO_TORCH = """
import sys
from ganzoo.cli import cli
try:
    cli.main(sys.argv[1:], prog_name="ganzoo")
except SystemExit as done:
    assert not done.code, done.code
no = {"torch", "torchvision", "ganzoo_networks", "pluggy", "rich", "numpy", "onnxruntime"}
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & no, loaded & no
"""


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["train", "--help"], ["sample", "-h"], []])
def test_help_loads_neither_torch_nor_a_plugin(args: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", NO_TORCH, *args], capture_output=True, text=True, env=SHELL)
    assert done.returncode == 0, done.stderr


def test_help_is_fast_and_completion_works() -> None:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = fresh("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert done.returncode == 0
    assert min(times) < 1.0  # CPU seconds, which other work on the machine does not lengthen; 0.2 when idle
    words = fresh(_GANZOO_COMPLETE="bash_complete", COMP_WORDS="ganzoo sa", COMP_CWORD="1")
    assert words.stdout.strip() == "plain,sample"


def test_versions_are_named() -> None:
    for args in (["--version"], ["train", "--version"]):
        lines = run(*args).stdout.splitlines()
        assert [line.split()[0] for line in lines] == ["ganzoo", "python", "torch", "onnxruntime"]


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    command = f"'{sys.executable}' -m ganzoo variants --json | head -c 1 >/dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=SHELL, timeout=60)
    assert done.stderr == ""


def entry(name: str, value: str, dist: str) -> EntryPoint:
    found = EntryPoint(name, value, "ganzoo.commands")
    vars(found)["dist"] = SimpleNamespace(name=dist, entry_points=[EntryPoint(f"p-{dist}", "x", "ganzoo")])
    return found


@click.command("hello")
@click.argument("who")
def hello(who: str) -> None:
    """A third party's command."""
    click.echo(f"hello {who}")


def test_commands_of_third_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        entry("hello", "a_stranger:hello", "one"),
        entry("broken", "no_such_module_at_all:x", "two"),
        entry("exits", "a_stranger:nothing", "two"),
        entry("train", "a_stranger:hello", "two"),
        entry("same", "a_stranger:hello", "one"),
        entry("same", "a_stranger:hello", "two"),
        entry("number", "a_stranger:number", "one"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)
    monkeypatch.delenv("GANZOO_PLUGINS", raising=False)
    help_ = run("--help").stdout  # before anything could be loaded
    assert all(name in help_ for name in ("hello", "broken", "two/train", "one/same", "two/same"))
    monkeypatch.setitem(sys.modules, "a_stranger", SimpleNamespace(hello=hello, number=5))
    assert run("hello", "you").stdout == "hello you\n"
    assert run("hello").exit_code == 2
    for name in ("broken", "exits", "number"):
        done = run(name)
        assert done.exit_code == 1
        assert done.stderr.startswith(f"ganzoo: the command '{name}' of ")
    monkeypatch.setenv("GANZOO_PLUGINS", "p-one")
    assert set(group.strangers(COMMANDS)) == {"hello", "same", "number"}
    monkeypatch.setenv("GANZOO_PLUGINS", "none")
    assert group.strangers(COMMANDS) == {}


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 50)), min_size=1, max_size=8))
def test_seeds_are_read_as_written(ranges: list[tuple[int, int]]) -> None:
    ranges = [(first, min(first + more, 2**32 - 1)) for first, more in ranges]
    text = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
    assert values.seeds(text) == [seed for a, b in ranges for seed in range(a, b + 1)]


@given(st.text(max_size=12))
def test_any_other_text_is_a_value_error(text: str) -> None:
    try:
        found = values.seeds(text)
    except ValueError:
        return
    assert found
    assert all(0 <= seed < 2**32 for seed in found)


@given(st.text(max_size=30))
def test_any_text_is_a_value(text: str) -> None:
    found = values.value(text)
    assert isinstance(found, str | int | float | bool | list | dict)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a=1", ("a", 1)), ("a.b=1e-3", ("a.b", 1e-3)), ("a=true", ("a", True)), 
        ("a=[64, 32]", ("a", [64, 32])),
        ("a=hinge", ("a", "hinge")), ('a="5"', ("a", "5")), ("a=x=y", ("a", "x=y")), ("a=", ("a", "")),
        ("a=2014-06-10", ("a", "2014-06-10")), ("a=1\nb=2", ("a", "1\nb=2")), ("a={b = 1}", ("a", {"b": 1})),
        ("a=folder:/x y", ("a", "folder:/x y")), ("a=# no", ("a", "# no")),
    ],
)  # fmt: skip
def test_assignments(text: str, meant: tuple[str, Any]) -> None:
    assert values.assignment(text) == meant
