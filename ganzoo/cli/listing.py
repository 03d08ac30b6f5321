"""`ganzoo variants`, `parts`, `data` and `plugins`: what there is."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.options import as_json, command
from ganzoo.cli.output import emit, result, say, table
from ganzoo.cli.values import ASSIGNMENT, settings_given

PLUGIN = ["name", "version", "status", "distribution", "provides"]


@command("variants", example="ganzoo variants vanilla")
@click.argument("name", required=False)
@as_json
def variants(name: str | None, json_: bool) -> None:
    """List the variants, or show the whole recipe of one."""
    from ganzoo import zoo

    if name is None:
        rows = list(zoo.variants())
        if json_:
            emit(rows)
        else:
            table(rows, ["name", "plugin", "data", "title"])
        return
    recipe = zoo.variant(name)
    if json_:
        emit(recipe.to_dict())
        return
    result(recipe.describe())


@command("parts", example="ganzoo parts loss")
@click.argument("kind", required=False)
@click.argument("name", required=False)
@as_json
def parts(kind: str | None, name: str | None, json_: bool) -> None:
    """List losses, networks and other parts, or the options of one.

    KIND is loss, term, network, wrap, augment, prior, optimizer, schedule, source, metric, ...
    """
    from ganzoo import zoo

    rows = list(zoo.parts(kind, name))
    if json_:
        emit(rows)
    elif name is None:
        table(rows, ["kind", "name", "plugin", "doc"])
    else:
        for row in rows:
            _options(row)


def _options(part: dict[str, Any]) -> None:
    """One part: what it is, then its options."""
    result(f"{part['kind']} {part['name']} ({part['plugin']})")
    if part.get("doc"):
        result(part["doc"])
    if part.get("options"):
        result("")
        table(part["options"], ["name", "type", "default"])
    else:
        say("it has no options")


@command("data", example="ganzoo data digits")
@click.argument("name", required=False)
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where data sets lie.")
@click.option("--set", "set_", type=ASSIGNMENT, multiple=True, metavar="data.OPTION=VALUE", help="Repeatable.")
@as_json
def data(name: str | None, data_root: Path | None, set_: tuple[tuple[str, Any], ...], json_: bool) -> None:
    """List the sources of data, or show one.

    Showing NAME reads it, and downloads it if it is missing.
    """
    if name is None:
        from ganzoo import zoo

        rows = list(zoo.parts("source"))
        if json_:
            emit(rows)
        else:
            table(rows, ["name", "plugin", "doc"])
        return
    from ganzoo.data import open_source
    from ganzoo.inspect import table as facts

    options = {path.removeprefix("data."): value for path, value in settings_given(set_).items()}
    source = open_source(name, data_root, **options)
    card = {"name": name, **source.spec.to_json(), "fingerprint": source.fingerprint, "card": source.card}
    if json_:
        emit(card)
    else:
        result(facts(card))


def _counted(provides: list[str]) -> str:
    """`loss a`, `loss b`, `variant c` -> `2 loss, 1 variant`."""
    kinds = Counter(what.split()[0] for what in provides)
    return ", ".join(f"{number} {kind}" for kind, number in kinds.items())


@command("plugins", example="ganzoo plugins --json")
@as_json
def plugins(json_: bool) -> None:
    """List the plugins and what is wrong with any."""
    from ganzoo import zoo

    rows = list(zoo.plugin_rows())
    if find_spec("torch") is None:
        say("torch is not installed, so parts that need it are listed but cannot be built; run: pip install torch")
    if json_:
        emit(rows)
        return
    table([{**row, "provides": _counted(row["provides"])} for row in rows], PLUGIN)
    for row in rows:
        for text in [row["error"]] * bool(row["error"]) + row["warnings"]:
            result(f"\n{row['name']} ({row['file'] or row['distribution']}): {text}")
