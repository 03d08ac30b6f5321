"""`ganzoo bench` and `ganzoo evaluate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.options import as_json, command, settings
from ganzoo.cli.output import emit, result, say, table
from ganzoo.cli.values import MAX_SEED, SEEDS
from ganzoo.signals import finish_on_signals


@command("bench", example="ganzoo bench smoke --variants vanilla,dcgan")
@click.argument("suite", required=False)
@click.option("--list", "list_", is_flag=True, help="What suites there are, and what of each is done.")
@click.option("--variants", metavar="A,B", help="These variants only.")
@click.option("--seeds", type=SEEDS, metavar="N[-M]", help="These seeds instead of the suite's.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of results  [runs/bench].")
@click.option("--slots", type=click.IntRange(min=1), metavar="N", help="Trials at a time  [one a core or GPU].")
@click.option("--again", is_flag=True, help="Play trials that are done, too.")
@click.option("--gallery", is_flag=True, help="Write docs/gallery.md and a picture of each variant.")
@as_json
def bench(
    suite: str | None,
    list_: bool,
    variants: str | None,
    seeds: list[int] | None,
    out: Path | None,
    slots: int | None,
    again: bool,
    gallery: bool,
    json_: bool,
) -> None:
    """Train and judge variants by one protocol, and write a table.

    Each trial is a process of its own. Running again does what is missing: a trial that was killed goes on from its
    checkpoint, one that is done is not played. Exit code 1 if a trial failed.
    """
    from ganzoo import bench as benches

    place = out or Path("runs/bench")
    if list_:
        rows = benches.overview(place, [suite] if suite else None)
        if json_:
            emit(rows)
        else:
            table(rows, ["suite", "trials", "done", "unfit", "failed", "what"])
        return
    if suite is None:
        raise click.UsageError("name a suite, or ask for --list")
    names = [name.strip() for name in variants.split(",") if name.strip()] if variants else None
    with finish_on_signals(_heard) as signals:
        done = benches.bench(
            suite, names, seeds, out=place, slots=slots, again=again, quiet=settings().quiet,
            stop=lambda: signals.requested,
        )  # fmt: skip
    files = [*done.files, *([benches.gallery(suite, place)] if gallery else [])]
    if json_:
        emit(done.rows)
    for path in files:
        say(str(path)) if json_ else result(path)
    bad = [row for row in done.rows if row["status"] == "failed"]
    say(f"{done.played} trials played, {len(done.rows) - done.played} were done before, {len(bad)} failed")
    if signals.requested:
        raise SystemExit(128 + signals.requested)
    if bad:
        raise SystemExit(1)


def _heard(signal: int) -> None:
    """Within the handler of a signal."""
    os.write(2, b"\nsaving what is under way; run again to go on\n")


@command("evaluate", example="ganzoo evaluate runs/vanilla-digits-1 --metric found")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", help="Repeatable; by default all that fit the data."
)
@click.option("--data", metavar="NAME[:ARG]", help="What to compare with, if not what it was trained on.")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where data sets lie.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED - 1), metavar="S", help="Seed of the first sample  [1000000].")
@click.option("--generator", metavar="NAME", help="Which generator, if there are several.")
@click.option("--raw", is_flag=True, help="The newest weights, not their moving average.")
@as_json
def evaluate(model: Path, metrics: tuple[str, ...], seed: int | None, json_: bool, **options: Any) -> None:
    """Measure what a model makes.

    MODEL is a run, a checkpoint, an .onnx file or a folder of them. Each figure is printed beside its floor and beside
    controls that must fail.
    """
    from ganzoo.bench.display import number
    from ganzoo.evaluation import SEED
    from ganzoo.evaluation import evaluate as measure

    found = measure(model, metrics or None, seed=SEED if seed is None else seed, **options)
    if json_:
        emit({"model": str(model), **found})
        return
    result(f"{model}: {found['variant'] or found['generator']} against {found['data']}, {found['split']}")
    for name, about in found["metrics"].items():
        result(f"\n{name}{_judged(about['samples'], found['seed'])}")
        if about["protocol"]:
            result(f"  {about['protocol']}")
        rows = {"this model": about["figures"], **about["beside"]}
        table(
            [{"": label, **{k: number(v) for k, v in figures.items()}} for label, figures in rows.items()],
            ["", *about["figures"]],
        )


def _judged(samples: int | None, seed: int) -> str:
    """Of which samples figures are; nothing of those of a whole model."""
    return "" if samples is None else f": {samples:,} samples, seeds {seed} to {seed + samples - 1}"
