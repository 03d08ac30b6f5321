"""`new-plugin`: what it writes installs, passes its own tests and trains; what it refuses, in one sentence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganzoo import scaffold, zoo
from ganzoo.cli import cli
from ganzoo.errors import GanzooError, PluginError
from ganzoo.scaffold import KINDS, new_plugin, requirement

BROKEN = "import nothing_of_this_name\n"
SHELL = {**{k: v for k, v in os.environ.items() if not k.startswith("GANZOO_")}, "PYTHONPATH": "", "PIP_NO_INDEX": "1"}


def shell(*words: object, cwd: Path) -> str:
    """What a command prints; the test fails with all of it if the command does."""
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=SHELL, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> tuple[Path, Path]:
    """A folder with a distribution of each kind and a broken one, and the Python of a new environment that
    sees the packages of this one and has them all installed."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind in KINDS:
        new_plugin(f"some-{kind}", kind, folder / f"some-{kind}")
    (new_plugin("some-broken", out=folder / "some-broken") / "some_broken.py").write_text(BROKEN)
    shell(sys.executable, "-m", "venv", "--without-pip", "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    (place,) = (folder / "env").glob("lib/python*/site-packages")
    seen = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (place / "seen.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in seen))
    every = [folder / f"some-{kind}" for kind in (*KINDS, "broken")]
    shell(python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", *every, cwd=folder)
    return folder, python


def test_what_it_writes_passes_its_own_tests(fresh):
    folder, python = fresh
    tests = [folder / f"some-{kind}" / "tests" for kind in KINDS]
    said = shell(python, "-m", "pytest", "-v", "--import-mode=importlib", "-p", "no:cacheprovider", *tests, cwd=folder)
    for kind in KINDS:
        assert re.search(rf"test_some_{kind}.py::.* PASSED", said)


def test_its_variant_is_trained_exported_and_sampled(fresh):
    folder, python = fresh
    ganzoo = [python, "-m", "ganzoo", "-q"]
    tiny = [f"--set={path}={json.dumps(value)}" for path, value in zoo.variant("vanilla").tiny.items()]
    shell(*ganzoo, "train", "--variant", "some-loss", "-o", "run", *tiny, cwd=folder)
    shell(*ganzoo, "export", "run", "-o", "G.onnx", cwd=folder)
    shell(*ganzoo, "sample", "G.onnx", "-n", 4, "-o", "four.png", cwd=folder)
    assert (folder / "four.png").stat().st_size > 100
    assert json.loads((folder / "run" / "run.json").read_text())["plugins"] == [
        {
            "name": "some-loss", "distribution": "some-loss", "version": "0.1.0",
            "parts": ["variant some-loss", "loss some-loss"],
        }
    ]  # fmt: skip


def test_a_broken_distribution_beside_it_is_listed(fresh):
    folder, python = fresh
    rows = json.loads(shell(python, "-m", "ganzoo", "plugins", "--json", cwd=folder))
    found = {row["name"]: row for row in rows}
    broken = found["some-broken"]
    assert (broken["distribution"], broken["version"], broken["provides"]) == ("some-broken", "0.1.0", [])
    assert broken["status"] == "failed to import"
    assert "nothing_of_this_name" in broken["error"]
    assert all(found[f"some-{kind}"]["status"] == "ok" for kind in KINDS)
    assert found["some-network"]["provides"] == [
        "generator some-network", "discriminator some-network", "variant some-network",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_is_tidy(tmp_path, kind):
    folder = new_plugin("my-own", kind, tmp_path / "my-own")
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "README.md", "my_own.py", "pyproject.toml", "tests/test_my_own.py",
    ]  # fmt: skip
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["ganzoo"] == {"my-own": "my_own"}
    assert project["dependencies"] == [requirement()]
    assert not [path for path in folder.rglob("*") if path.is_file() and "$" in path.read_text()]
    for check in (["check"], ["format", "--check"]):
        rules = ["--isolated", "--line-length=120", *(["--select=E,F,I,B,UP"] if check == ["check"] else [])]
        shell(sys.executable, "-m", "ruff", *check, *rules, ".", cwd=folder)


def test_the_requirement_is_the_versions_that_work():
    assert requirement("0.1.0") == "ganzoo>=0.1,<0.2"
    assert requirement("0.12.3.dev1") == "ganzoo>=0.12,<0.13"
    assert requirement("2.5.0") == "ganzoo>=2.5,<3"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ganzoo", "'ganzoo' is taken by ganzoo; choose another name"),
        ("networks", "'networks' is taken by ganzoo; choose another name"),
        ("dcgan", "'dcgan' is taken by ganzoo; choose another name"),
        ("minimax", "'minimax' is taken by ganzoo; choose another name"),
        ("json", "'json' would hide the module 'json', which is installed; choose another name"),
        ("ganzoo-networks", "would hide the module 'ganzoo_networks'"),
        ("My_Loss", "'My_Loss' is no name for a plugin; small letters, digits and single '-' are expected"),
        ("3-d", "'3-d' is no name"),
        ("a--b", "'a--b' is no name"),
        ("../up", "'../up' is no name"),
        ("lambda", "'lambda' is no name"),
        ("", "'' is no name"),
    ],
)
def test_names_it_refuses(tmp_path, monkeypatch, name, sentence):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["new-plugin", name], prog_name="ganzoo")
    assert done.exit_code == 1
    assert sentence in done.output
    assert done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_folders_it_refuses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_plugin("mine") == Path("mine")
    with pytest.raises(PluginError, match=r"^'mine' exists; choose another folder with -o, or remove it$"):
        new_plugin("mine")
    with pytest.raises(PluginError, match=r"^there is no folder 'none'; create it$"):
        new_plugin("mine", out=Path("none/mine"))
    with pytest.raises(PluginError, match=r"^there is no kind of plugin 'los'; choose loss, term, "):
        new_plugin("other", "los")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(GanzooError, match="no space left"):
        scaffold.new_plugin("mine", out=tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []
