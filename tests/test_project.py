"""The project against its own words: public names, tables of the README, the wheel, the torch-free set."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import ganzoo
from ganzoo import errors, zoo
from ganzoo.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()


def test_public_names():
    assert sorted(ganzoo.__all__) == [
        "Builder", "DataSpec", "EncoderNet", "Game", "GanzooError", "GeneratorNet", "GeneratorSpec", "InputSpec",
        "Judgement", "Minibatch", "OutputSpec", "Prior", "Recipe", "Registrar", "Round", "Run", "Sampler", "Samples",
        "Slot", "Term", "Turn", "TwoPlayer", "Use", "check", "evaluate", "export", "hookimpl", "load", "one_hot",
        "recipe", "resume", "train", "variants",
    ]  # fmt: skip
    for name in ganzoo.__all__:
        assert getattr(ganzoo, name).__doc__, name
    submodules = {path.stem for path in (ROOT / "ganzoo").iterdir()}
    assert submodules.isdisjoint(ganzoo.__all__), "a submodule would shadow the public name once imported"


def test_importing_ganzoo_loads_neither_torch_nor_plugins():
    code = (
        "import sys, ganzoo; heavy = {'torch', 'torchvision', 'onnx', 'gradio', 'matplotlib', 'pluggy'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "assert not [m for m in sys.modules if m.startswith('ganzoo_')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_readme_lists_every_exit_code():
    codes = {0, 1, 2, 130, 143}
    codes |= {e.exit_code for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.GanzooError)}
    table = README.split("| exit code |")[1].split("\n\n")[0]
    assert {int(n) for row in table.splitlines()[2:] for n in re.findall(r"\d+", row.split("|")[1])} == codes


def test_readme_lists_every_variable_of_the_environment():
    read = set()
    for path in (ROOT / "ganzoo").rglob("*.py"):
        read |= set(re.findall(r"\b(?:GANZOO_[A-Z_]+|NO_COLOR)\b", path.read_text()))
    table = README.split("| environment |")[1].split("\n\n")[0]
    named = set(re.findall(r"`([A-Z_]+)`", table))
    assert read | {"NO_COLOR", "OMP_NUM_THREADS", "GOMP_SPINCOUNT"} == named


def test_readme_lists_every_command():
    table = README.split("| command |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(?:ganzoo )?([a-z-]+)[ `]", table)) >= set(COMMANDS)


def test_readme_lists_every_variant():
    table = README.split("## The zoo")[1].split("\n\n")[1]
    named = re.findall(r"`([a-z0-9-]+)`", table)
    assert sorted(named) == sorted(row["name"] for row in ganzoo.variants())


def test_readme_plugin_works(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (plugin,) = [block for block in blocks if "ganzoo_register" in block]
    (tmp_path / "mine.py").write_text(plugin)
    zoo.configure(tmp_path)
    try:
        tiny = zoo.variant("mine").tiny
        run = ganzoo.train("mine", out=tmp_path / "run", set=tiny)
        assert "D/my-hinge" in run.metrics[-1]
        assert run.sampler().sample(2).images.shape == (2, 28, 28, 1)
    finally:
        zoo.configure()


def test_readme_python_works(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (use,) = [block for block in blocks if "ganzoo.train" in block]
    monkeypatch.chdir(tmp_path)
    exec(use.replace("steps=1000", "steps=20"), {})
    assert (tmp_path / "sixteen.png").stat().st_size > 1000
    assert (tmp_path / "walk.gif").stat().st_size > 1000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": ""})
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_the_core_the_families_and_the_assets(wheel):
    names = set(wheel.namelist())
    for folder in ("ganzoo", "plugins"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT / "plugins" if folder == "plugins" else ROOT)) in names
    assert "ganzoo/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "LICENSE-digits.txt"}
    (points,) = [name for name in names if name.endswith("entry_points.txt")]
    for line in PROJECT["project"]["entry-points"]["ganzoo"].values():
        assert line in wheel.read(points).decode()
        assert f"{line}/__init__.py" in names


def test_the_torch_free_set_is_what_sampling_imports():
    """requirements-onnx.txt against what the generate floor and the command line import at their tops."""
    listed = {re.split(r"[<>=\[ ]", line)[0] for line in (ROOT / "requirements-onnx.txt").read_text().split("\n")}
    listed = {name.lower() for name in listed if name and not name.startswith("#")}
    required = {re.split(r"[<>=\[ ]", text)[0] for text in PROJECT["project"]["dependencies"]}
    assert listed <= required
    floor = ["specs", "priors", "feeds", "samples", "sampler", "images", "onnx_file", "onnx_backend", "files", "errors",
             "parts", "recipes", "hooks", "registrar", "plugins", "zoo", "builtin", "inspect"]  # fmt: skip
    paths = [ROOT / "ganzoo" / f"{name}.py" for name in floor] + list((ROOT / "ganzoo" / "cli").glob("*.py"))
    imported = set()
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").split(".")[0])
    third_party = imported - set(sys.stdlib_module_names) - {"ganzoo", ""}
    distribution = {"PIL": "pillow"}
    assert {distribution.get(name, name) for name in third_party} <= listed
