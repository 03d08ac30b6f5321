"""`ganzoo check`: the conformance kit on the command line."""

from __future__ import annotations

import dataclasses

import click

from ganzoo.cli.options import as_json, command
from ganzoo.cli.output import emit, result, say, table

SLOW = 10
"""Seconds a variant may take before a word is said about it; the first one has the imports in them."""


@command("check", example="ganzoo check vanilla")
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--plugin", metavar="NAME", help="Check every variant of a plugin.")
@as_json
def check(names: tuple[str, ...], plugin: str | None, json_: bool) -> None:
    """Run the conformance tests on variants.

    Each is played for 20 steps in its tiny form. Exit code 1 if a check fails.
    """
    if not names and plugin is None:
        raise click.UsageError("name a variant, or a plugin with --plugin")
    from ganzoo import testing

    results = list(testing.check(*names, plugin=plugin))
    rows = [dataclasses.asdict(one) for one in results]
    failed = [one for one in results if one.verdict == "failed"]
    if json_:
        emit(rows)
    else:
        table(rows, ["variant", "check", "verdict", "seconds"])
        for one in failed:
            result(f"\n{one.variant}, {one.check}: {one.message}")
        for name in dict.fromkeys(one.variant for one in results):
            seconds = sum(one.seconds for one in results if one.variant == name)
            if seconds > SLOW:
                say(f"{name} took {seconds:.0f} s; smaller tiny overrides would make its tests quick")
        say(f"{len(failed)} of {len(results)} checks failed")
    if failed:
        raise SystemExit(1)
