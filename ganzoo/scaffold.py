"""`ganzoo new-plugin`: a distribution with one plugin in one module, ready to install."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
from importlib import metadata
from pathlib import Path
from string import Template

from ganzoo.errors import PluginError
from ganzoo.files import space_errors

TEMPLATES = Path(__file__).parent / "template"
KINDS = ("loss", "term", "network", "game", "source", "metric", "observer")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_plugin(name: str, kind: str = "loss", out: Path | None = None) -> Path:
    """Write a distribution called `name` with one part of that kind into a new folder, and return the folder.

    out  the folder; by default one of that name in the working directory
    PluginError for a name that is taken or cannot be used, a kind there is not, and a folder that exists.
    """
    from ganzoo.builtin import RECIPES

    if kind not in KINDS:
        raise PluginError(f"there is no kind of plugin '{kind}'; choose {', '.join(KINDS)}")
    module = name.replace("-", "_")
    _check_name(name, module)
    folder = Path(name) if out is None else out
    if folder.exists() or folder.is_symlink():
        raise PluginError(f"'{folder}' exists; choose another folder with -o, or remove it")
    variant = RECIPES[0].name if kind == "observer" else name
    words = {"name": name, "module": module, "kind": kind, "variant": variant, "requires": requirement()}
    own_test = TEMPLATES / f"test-{kind}.py.txt"
    files = {
        "pyproject.toml": TEMPLATES / "pyproject.toml.txt",
        "README.md": TEMPLATES / "README.md.txt",
        f"{module}.py": TEMPLATES / f"{kind}.py.txt",
        f"tests/test_{module}.py": own_test if own_test.exists() else TEMPLATES / "test.py.txt",
    }
    _write(folder, {path: _filled(template, words) for path, template in files.items()})
    return folder


def requirement(version: str | None = None) -> str:
    """The versions of ganzoo that a plugin written now works with: the same minor one before 1.0, the same
    major one after."""
    major, minor = (int(number) for number in (version or metadata.version("ganzoo")).split(".")[:2])
    return f"ganzoo>={major}.{minor},<" + (f"0.{minor + 1}" if major == 0 else f"{major + 1}")


def _check_name(name: str, module: str) -> None:
    """PluginError unless a distribution, a module, a part and a variant may all have that name."""
    from ganzoo import zoo

    if not NAME.fullmatch(name) or keyword.iskeyword(module):
        raise PluginError(f"'{name}' is no name for a plugin; small letters, digits and single '-' are expected")
    for plugin in zoo.zoo().plugins:
        provided = {what.partition(" ")[2] for what in plugin.provides} if plugin.first_party else set()
        if name == plugin.name or name in provided:
            raise PluginError(f"'{name}' is taken by {plugin.distribution or plugin.file}; choose another name")
    if importlib.util.find_spec(module) is not None:
        raise PluginError(f"'{name}' would hide the module '{module}', which is installed; choose another name")


def _filled(template: Path, words: dict[str, str]) -> str:
    return Template(template.read_text(encoding="utf-8")).substitute(words)


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write aside, then rename: the folder is whole or is not there."""
    aside = folder.with_name(f".tmp-{os.getpid()}-{folder.name}")
    if not folder.parent.is_dir():
        raise PluginError(f"there is no folder '{folder.parent}'; create it")
    try:
        with space_errors(folder):
            for path, text in files.items():
                (aside / path).parent.mkdir(parents=True, exist_ok=True)
                (aside / path).write_text(text, encoding="utf-8")
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
