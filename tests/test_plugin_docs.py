"""docs/plugins.md: every block is run as it stands, every command is given as it is written."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo import hooks, zoo
from ganzoo.cli import cli, group
from ganzoo.recipes import Recipe

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
SECTIONS = dict(re.findall(r"^###? (.*?)\n(.*?)(?=^###? |\Z)", PAGE, re.DOTALL | re.MULTILINE))
VERBS = [name for name, _ in inspect.getmembers(ganzoo.Registrar, inspect.isfunction) if name[0] != "_"]
WHOLE = ("A loss", "A network", "A term with a head", "Another order of play", "A game of three players", "An observer")
TINY = {"batch": 8, "log.every": 5, "log.pictures": 10, "log.checkpoint": 10}


def blocks(section: str, language: str = "python") -> list[str]:
    """The fenced blocks of a section, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", SECTIONS[section], re.DOTALL | re.MULTILINE)


def code(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with an empty folder `mine`; the zoo is left as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANZOO_PLUGINS_DIR", raising=False)
    (tmp_path / "mine").mkdir()
    yield tmp_path
    zoo.configure()


def give(command: str, folder: Path) -> str:
    """Run a command of the page; training is cut to 20 small steps. Returns what it printed."""
    program, verb, *words = shlex.split(command)
    assert program == "ganzoo"
    if verb == "train":
        words = [word.replace("evaluate.every=500", "evaluate.every=10") for word in words]
        words += ["--steps", "20", *(f"--set={path}={value}" for path, value in TINY.items())]
        words += [] if "-o" in words else ["-o", "run"]
    done = CliRunner().invoke(cli, [verb, *words], prog_name="ganzoo")
    assert done.exit_code == 0, done.output
    return done.output


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("verb", [*VERBS, "observe"])
def test_a_plugin_for_each_verb(folder, verb):
    (block,), (command,) = blocks(verb), blocks(verb, "console")
    assert len(code(block)) <= 10
    (folder / "mine" / "a_plugin.py").write_text(block)
    said = give(command.strip(), folder)
    (found,) = [plugin for plugin in zoo.zoo().plugins if plugin.name == "a-plugin"]
    assert found.error == ""
    if verb == "observe":
        assert "\adone" in said
        return
    (provided,) = found.provides
    kind, name = provided.split()
    assert kind == ("discriminator" if verb == "network" else verb)
    assert name in command
    if kind == "extractor":
        features = zoo.part("extractor", name).build(name, {})(np.full((3, 4, 4, 1), 255, np.uint8))
        assert features.tolist() == [[1.0] * 16] * 3
        return
    recipe = Recipe.read(folder / "run" / "recipe.toml")
    assert name in str(recipe.to_dict())
    assert len(ganzoo.load("run").sample(2)) == 2
    row = rows(folder / "run")[-1]
    if kind in ("loss", "term"):
        assert f"D/{name}" in row
    elif kind == "metric":
        assert f"{name}/distance" in row


def test_every_event_and_hook_is_documented():
    text = inspect.getdoc(hooks.ganzoo_observe)
    for event in re.findall(r"`(\w+\(.*?\))`", text):
        assert f"`{event}`" in SECTIONS["observe"]
    for name in dir(hooks):
        if name.startswith("ganzoo_"):
            assert f"def {name}(" in PAGE


@pytest.mark.parametrize("section", WHOLE[1:])
def test_whole_files_train_and_export(folder, section):
    (block,), (commands,) = blocks(section), blocks(section, "console")
    assert len(block.splitlines()) <= 60
    (folder / "mine" / "whole.py").write_text(block)
    *check, train, export = commands.splitlines()
    for command in [*check, train]:
        give(f"{command} --strict-plugins", folder)
    if section == "An observer":
        assert (folder / "runs" / "filmed" / "film.gif").read_bytes()[:3] == b"GIF"
    give(export, folder)
    file = next(folder.glob("*.onnx"))
    run = folder / shlex.split(export)[2]
    assert np.abs(ganzoo.load(file).sample(4).images - 1.0 * ganzoo.load(run).sample(4).images).max() <= 1


def test_the_tutorial(folder, monkeypatch):
    (loss, test), (commands,) = blocks("A loss"), blocks("A loss", "console")
    assert len(loss.splitlines()) <= 60
    (folder / "mine" / "my_squares.py").write_text(loss)
    monkeypatch.syspath_prepend(folder / "mine")
    said = {}
    for line in commands.splitlines():
        if line.startswith("export "):
            variable, _, value = line.removeprefix("export ").partition("=")
            monkeypatch.setenv(variable, value)
            zoo.configure()
        else:
            said[line.split()[1]] = give(line, folder)
    names: dict = {}
    exec(test, names)
    names["test_the_costs_are_equation_2"]()
    assert names["test_conformance"].pytestmark[0].args[1]
    sys.modules.pop("my_squares")
    assert re.search(r"^my-squares +ok ", said["plugins"], re.MULTILINE)
    assert "passed" in said["check"]
    assert all(re.search(rf"^{option} +float +", said["parts"], re.MULTILINE) for option in "abc")
    assert "½ E[(D(x) − b)²]" in said["variants"]
    assert "D(x)" in rows(folder / "runs" / "squares")[-1]
    ours, theirs = (ganzoo.load(path).sample(8).images for path in ("runs/squares", "squares.onnx"))
    assert np.abs(ours - 1.0 * theirs).max() <= 1
    assert (folder / "squares.png").exists()
    assert (folder / "from-onnx.png").exists()


def test_a_command(folder, monkeypatch):
    (block,), (declaration,) = blocks("Commands"), blocks("Commands", "toml")
    (folder / "my_commands.py").write_text(block)
    monkeypatch.syspath_prepend(folder)
    name, value = re.search(r'^(\w+) = "(.*)"$', declaration, re.MULTILINE).groups()
    assert "ganzoo.commands" in declaration
    entry = EntryPoint(name, value, "ganzoo.commands")
    monkeypatch.setattr(group, "strangers", lambda ours: {name: entry})
    assert give("ganzoo hello you", folder) == "hello you\n"
    sys.modules.pop("my_commands")


def test_the_start(folder):
    (commands,) = blocks("Start", "console")
    line = commands.splitlines()[0]
    assert give(line, folder).startswith("my-loss\n")
    assert (folder / "my-loss" / "my_loss.py").exists()


def test_links_lead_somewhere():
    anchors = {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in SECTIONS}
    for target in re.findall(r"\]\((.*?)\)", PAGE):
        file, _, anchor = target.partition("#")
        assert anchor in anchors if not file else (Path(__file__).parents[1] / "docs" / file).exists(), target


def test_statuses_are_the_ones_it_says():
    said = set(re.findall(r"`failed to (\w+)`", PAGE))
    assert said == {"discover", "import", "validate", "register"}


def test_two_of_one_name(folder):
    (block,) = blocks("loss")
    for name in ("one", "two"):
        (folder / "mine" / f"{name}.py").write_text(block.replace("my-relativistic", "hinge-of-two"))
    train = "ganzoo train --variant vanilla-ns --plugins-dir mine --set"
    assert "as in `--set loss=one/hinge`" in SECTIONS["Two of one name"]
    with pytest.raises(AssertionError, match="two plugins have a loss 'hinge-of-two'; write one/hinge-of-two or two/"):
        give(f"{train} loss=hinge-of-two", folder)
    give(f"{train} loss=one/hinge-of-two", folder)
    assert ganzoo.load("run").sample(2).images.shape == (2, 28, 28, 1)
