"""A stranger's plugin works; a broken one contributes nothing and hurts nobody."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ganzoo import zoo
from ganzoo.errors import PluginError, RecipeError
from ganzoo.plugins import Plugin
from ganzoo.signals import Stopped

REGISTER = """
import ganzoo
{before}
@ganzoo.hookimpl
def ganzoo_register(zoo):
    {body}
"""


@pytest.fixture
def plugins(tmp_path):
    """Write plugin files, load them, and leave the zoo as it was."""

    def write(strict=False, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        zoo.configure(tmp_path, strict)
        return {plugin.name: plugin for plugin in zoo.zoo().plugins}

    yield write
    zoo.configure()


def plugin(body, before=""):
    return REGISTER.format(body=body, before=before)


def test_one_function_is_a_plugin(plugins):
    plugins(mine=plugin('zoo.variant(ganzoo.recipe("vanilla-ns").but("mine", k=2))'))
    assert zoo.variant("mine").parts["k"] == 2
    assert "mine" in [row["name"] for row in zoo.variants()]


BROKEN = {
    "importing": ("import nothing_of_this_name", "failed to import", "ModuleNotFoundError"),
    "exiting": ("raise SystemExit(3)", "failed to import", "SystemExit"),
    "syntax": ("def (:", "failed to import", "SyntaxError"),
    "halfway": (plugin('zoo.loss("half", "a:b"); raise ValueError("no")'), "failed to register", "ValueError: no"),
    "signature": (
        "import ganzoo\n@ganzoo.hookimpl\ndef ganzoo_register(zoo, more): pass",
        "failed to validate",
        "a hook takes its parameter by name, as in ganzoo_register(zoo) or ganzoo_observe(run): Plugin 'signature'",
    ),
    "unknown": (
        "import ganzoo\n@ganzoo.hookimpl\ndef ganzoo_regster(zoo): pass",
        "failed to validate",
        "ganzoo_regster",
    ),
    "unmarked": ("def ganzoo_register(zoo): pass", "failed to validate", "hookimpl"),
    "empty": ("x = 1", "failed to validate", "no hook"),
    "twice": (plugin('zoo.loss("a", "a:b"); zoo.loss("a", "a:b")'), "failed to register", "registered twice"),
    "badname": (plugin('zoo.loss("My Loss", "a:b")'), "failed to register", "not a name"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_listed_and_left_out(plugins, name):
    text, status, error = BROKEN[name]
    found = plugins(**{name: text, "good": plugin('zoo.variant(ganzoo.recipe("vanilla").but("good"))')})
    assert found[name].status == status
    assert error in found[name].error
    assert found[name].provides == []
    assert zoo.variant("good").name == "good"
    assert zoo.variant("vanilla").name == "vanilla"
    with pytest.raises(RecipeError, match=rf"no loss 'half'.*may belong to plugin '{name}'"):
        zoo.part("loss", "half")


def test_strict_makes_it_an_error(plugins):
    with pytest.raises(PluginError, match="plugin 'bad' failed to import: ValueError: broken"):
        plugins(strict=True, bad="raise ValueError('broken')")


def test_a_clash_is_never_settled_by_load_order(plugins):
    body = 'zoo.variant(ganzoo.recipe("vanilla").but("same", k={}))'
    plugins(a=plugin(body.format(2)), b=plugin(body.format(3)), c=plugin('zoo.loss("minimax", "a:b")'))
    with pytest.raises(RecipeError, match=r"two plugins have a variant 'same'; write a/same or b/same"):
        zoo.variant("same")
    assert zoo.variant("a/same").parts["k"] == 2
    assert zoo.variant("b/same").parts["k"] == 3
    assert zoo.owner("loss", "minimax").name == "ganzoo"
    assert zoo.owner("loss", "c/minimax").name == "c"


def test_a_name_that_ganzoo_has_is_a_warning(plugins, caplog, capsys):
    from ganzoo import testing
    from ganzoo.cli import cli

    text = "variant 'vanilla' is that of 'ganzoo', which comes with ganzoo; that of plugin 'c' is called 'c/vanilla'"
    found = plugins(c=plugin('zoo.variant(ganzoo.recipe("vanilla").but("vanilla", k=7))'))
    assert found["c"].warnings == [text]
    assert found["c"].status == "ok"
    assert caplog.messages == []
    for _ in range(2):  # at use, and once
        assert zoo.variant("vanilla").parts.get("k", 1) == 1
        assert caplog.messages == [text]
    assert zoo.variant("c/vanilla").parts["k"] == 7
    zoo.configure(zoo.folder())
    caplog.clear()
    next(testing.check(plugin="c"))
    assert caplog.messages == [text]
    with pytest.raises(SystemExit):
        cli(["plugins"])
    assert text in capsys.readouterr().out


def test_a_clash_of_strangers_is_a_warning_of_both(plugins):
    found = plugins(**dict.fromkeys("ab", plugin('zoo.loss("same", "a:b")')), c=plugin('zoo.loss("other", "a:b")'))
    text = "two plugins have a loss 'same'; write a/same or b/same"
    assert [found[name].warnings for name in "abc"] == [[text], [text], []]


def test_two_plugins_of_one_name_are_both_left_out(plugins, tmp_path, monkeypatch):
    """Whichever is found first; what comes with ganzoo cannot be pushed out."""
    own = plugin('zoo.variant(ganzoo.recipe("vanilla").but("{}"))')
    losses = plugin('zoo.variant(ganzoo.recipe("vanilla").but("other"))')
    plugins(**{"a_b": own.replace("{}", "one"), "a-b": own.replace("{}", "two"), "losses": losses, "ganzoo": losses})
    both = [plugin for plugin in zoo.zoo().plugins if plugin.name == "a-b"]
    files = {str(tmp_path / "a_b.py"), str(tmp_path / "a-b.py")}
    assert {plugin.file for plugin in both} == files
    for one in both:
        (other,) = files - {one.file}
        assert one.status == "failed to discover"
        assert one.error == f"its name is also that of {other}; rename one of them, or leave one out"
    for name, taker in (("losses", "the installed ganzoo"), ("ganzoo", "ganzoo itself")):
        ours, theirs = [plugin for plugin in zoo.zoo().plugins if plugin.name == name]
        assert (ours.status, theirs.status) == ("ok", "failed to discover")
        assert theirs.error == f"its name is also that of {taker}; rename one of them, or leave one out"
        assert zoo.zoo().by_name[name] is ours
    for name in ("one", "two", "other"):
        with pytest.raises(RecipeError, match=f"there is no variant '{name}'"):
            zoo.variant(name)
    assert zoo.owner("loss", "lsgan").name == "losses"


PRINTS = "print('hello')\n" + plugin("print('and here'); zoo.loss('loud', 'loud_later:Loss')")


def test_a_plugin_that_prints_spoils_no_result(plugins, tmp_path, monkeypatch, capsys):
    from ganzoo.cli import cli

    monkeypatch.syspath_prepend(tmp_path)
    later = "import ganzoo\nprint('later')\nclass Loss(ganzoo.Term): pass"
    plugins(loud=PRINTS, loud_later=later)
    zoo.configure(tmp_path)
    said = ""
    for words in (["plugins"], ["parts", "loss"]):
        with pytest.raises(SystemExit):
            cli([*words, "--json"])
        out, err = capsys.readouterr()
        assert "loud" in [row["name"] for row in json.loads(out)]
        said += err
    assert [line in said for line in ("hello", "and here", "later")] == [True] * 3
    sys.modules.pop("loud_later")


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "1 / 0", "import nothing_of_this_name"])
def test_a_part_whose_module_fails_is_one_sentence(plugins, tmp_path, monkeypatch, code):
    monkeypatch.syspath_prepend(tmp_path)
    plugins(late=plugin('zoo.loss("late", "late_module:Loss")'), late_module=code)
    with pytest.raises(PluginError, match=r"^loss 'late' of plugin 'late' cannot be loaded: [A-Z]"):
        zoo.part("loss", "late").factory()


def test_only_the_second_signal_ends_an_import():
    found = Plugin("mine")

    def stopped():
        raise Stopped(130)

    with pytest.raises(Stopped):
        found.guard("import", stopped)
    assert found.guard("import", sys.exit) is None
    assert found.error.startswith("SystemExit")


def test_missing_folder_is_said(tmp_path):
    zoo.configure(tmp_path / "none")
    try:
        with pytest.raises(PluginError, match="does not exist"):
            zoo.zoo()
    finally:
        zoo.configure()


def test_names_narrow_the_plugins(plugins, monkeypatch):
    good = plugin('zoo.variant(ganzoo.recipe("vanilla").but("{}"))')
    monkeypatch.setenv("GANZOO_PLUGINS", "one")
    assert set(plugins(one=good.replace("{}", "one"), two=good.replace("{}", "two"))) == {"ganzoo", "one"}
    monkeypatch.setenv("GANZOO_PLUGINS", "none")
    assert set(plugins()) == {"ganzoo"}
    assert {row["name"] for row in zoo.variants()} == {"vanilla", "vanilla-ns", "vanilla-2014"}


def test_lists_load_no_torch():
    code = "import sys; from ganzoo import zoo; zoo.variants(); zoo.plugin_rows(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "GANZOO_PLUGINS_DIR": ""})


def test_folders_and_declarations_agree():
    root = Path(__file__).parents[1]
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"]["ganzoo"]
    folders = {path.name for path in (root / "plugins").iterdir() if (path / "__init__.py").exists()}
    assert set(declared.values()) == folders
    assert all(value == f"ganzoo_{name.replace('-', '_')}" for name, value in declared.items())


def test_the_core_names_no_variant_or_family():
    """Only vanilla.py and builtin.py know a variant; nothing in ganzoo names a family, its variants or its games."""
    root = Path(__file__).parents[1]
    families = [path.name for path in (root / "plugins").iterdir() if path.is_dir()]
    theirs = [plugin for plugin in zoo.zoo().plugins if plugin.first_party and plugin.name != "ganzoo"]
    named = {what.split()[1] for plugin in theirs for what in plugin.provides if what.split()[0] in ("variant", "game")}
    for path in (root / "ganzoo").rglob("*.py"):
        text = path.read_text()
        assert not any(family in text for family in families), path
        words = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
        assert not words & named, path
        if path.name not in ("vanilla.py", "builtin.py"):
            code = [line.split("#")[0] for line in text.splitlines() if '"""' not in line]
            assert not any('"vanilla' in line and "==" in line for line in code), path


def test_a_first_party_family_under_anothers_files_is_reported(monkeypatch):
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: {"ganzoo_networks": ["ganzoo", "evil"]})
    (row,) = [row for row in zoo.plugin_rows() if row["name"] == "networks"]
    assert row["status"] == "overwritten"
    assert row["error"] == "evil has installed files over it; remove evil and reinstall ganzoo"


def test_without_torch_the_list_says_so_once(monkeypatch):
    from click.testing import CliRunner

    from ganzoo.cli import cli, listing

    monkeypatch.setattr(listing, "find_spec", lambda name: None)
    done = CliRunner().invoke(cli, ["plugins"])
    assert done.exit_code == 0
    assert done.output.count("torch is not installed") == 1


def test_a_reference_that_leads_nowhere_spoils_its_own_row_only(plugins):
    plugins(lost=plugin('zoo.loss("lost", "nowhere_at_all:Loss")'))
    rows = {row["name"]: row for row in zoo.parts("loss")}
    assert "nowhere_at_all" in rows["lost"]["doc"]
    assert rows["minimax"]["options"] is not None
    with pytest.raises(PluginError, match="nowhere_at_all"):
        zoo.parts("loss", "lost")
