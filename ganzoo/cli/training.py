"""`ganzoo train` and `ganzoo resume`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli.options import command, settings
from ganzoo.cli.output import quoted, result, say
from ganzoo.cli.values import ASSIGNMENT, SEEDS, settings_given

if TYPE_CHECKING:
    from ganzoo.run import Run

COUNT = click.IntRange(min=1)


def _set(help: str) -> Callable[[Any], Any]:
    return click.option("--set", "set_", type=ASSIGNMENT, multiple=True, metavar="PATH=VALUE", help=help)


@command("train", example="ganzoo train --variant vanilla --data digits --set optimizers.D.lr=1e-4")
@click.option("--variant", required=True, metavar="NAME|FILE", help="One of `ganzoo variants`, or a recipe.toml.")
@click.option("--data", metavar="NAME[:ARG]", help="What to train on, such as digits or folder:PATH.")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where data sets lie.")
@click.option("--steps", type=COUNT, metavar="N", help="The step to end at.")
@click.option("--seed", "seeds", type=SEEDS, metavar="N[-M]", help="The seed; 0-4 trains five runs.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="RUN", help="Its folder  [runs/VARIANT-DATA-N].")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16"]), help="The recipe's, unless given.")
@_set("Change the recipe, such as loss=hinge or terms.r1.weight=1; repeatable; ganzoo parts lists what there is.")
def train(
    variant: str, seeds: list[int] | None, out: Path | None, set_: tuple[tuple[str, Any], ...], **options: Any
) -> None:
    """Train a variant, into a new run folder.

    Several seeds train one after another; -o is then the folder of their folders.
    """
    import ganzoo

    changes = settings_given(set_)
    several = seeds is not None and len(seeds) > 1
    for seed in [None] if seeds is None else seeds:
        place = out / f"seed-{seed}" if out is not None and several else out
        _play(ganzoo.train, variant, seed=seed, out=place, set=changes, **options)


@command("resume", example="ganzoo resume runs/vanilla-digits-1 --steps 36000")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--steps", type=COUNT, metavar="N", help="The step to end at (total, not more).")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where data sets lie now.")
@_set("Change evaluate... or log..., such as evaluate.every=500; repeatable.")
def resume(run: Path, steps: int | None, data_root: Path | None, set_: tuple[tuple[str, Any], ...]) -> None:
    """Train a run on from its newest checkpoint."""
    import ganzoo

    _play(ganzoo.resume, run, steps=steps, data_root=data_root, set=settings_given(set_))


def _play(how: Any, *args: Any, **options: Any) -> None:
    """Train or resume with a progress display and the first Ctrl-C made gentle, then say what to try next."""
    from ganzoo.progress import progress
    from ganzoo.signals import finish_on_signals

    with finish_on_signals(_heard) as signals, progress(quiet=settings().quiet) as display:
        run = how(*args, **options, observers=[display.watch], stop=lambda: signals.requested)
    _what_next(run)


def _heard(signal: int) -> None:
    """Within the handler of a signal: `os.write`, because another write may have been interrupted."""
    os.write(2, b"\nfinishing the step and saving; once more stops at once\n")


def _what_next(run: Run) -> None:
    """The newest picture and the run folder on stdout; commands to try on stderr."""
    path = Path(run.path)
    for picture in sorted((path / "samples").glob("*.png"))[-1:]:
        result(picture)
    result(path)
    if settings().quiet:
        return
    here = quoted(path)
    say()
    say("Try next:")
    photos = [spec.name for spec in run.spec.of_kind("image")]
    wished = " ".join(f"--input {name}=picture.png" for name in photos) or "-n 64"
    say(f"  ganzoo sample {here} {wished} -o samples.png")
    say(f"  ganzoo export {here} -o {quoted(path.name)}.onnx")
    say(f"  ganzoo serve {here} --open")
    say(f"  ganzoo resume {here} --steps {2 * run.until}")
