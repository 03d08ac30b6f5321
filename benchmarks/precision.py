"""Does a game learn in bf16 as it learns in fp32? `python benchmarks/precision.py [--variants vanilla,dcgan,wgan-gp]`.

Each variant plays its digits recipe to the end, in both precisions and from the same seeds, by the rules of `ganzoo
bench digits` but without its limit of CPU seconds, so that both have the same steps; a gradient penalty, which else
keeps its turn in fp32, is in bf16 too. Two means agree if they differ by at most two standard errors of their
difference. Where the processor has no unit for bf16, products of bf16 numbers are computed in fp32 and rounded, which
is what a unit does but for the order of its sums. Running again plays what is missing. Trials lie in -o DIR; at the
end, or when it is stopped, what is known of them is written to precision.json and precision.md there.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from ganzoo import auto, zoo
from ganzoo.bench import trial as one
from ganzoo.bench.display import display, number
from ganzoo.bench.report import machine
from ganzoo.bench.runner import Desk, Row, play
from ganzoo.bench.suites import Trial, as_it_is, suite
from ganzoo.files import write_json, write_text
from ganzoo.signals import finish_on_signals

SUITE = replace(suite("digits"), name="precision", cpu_seconds=0)
PRECISIONS = ("fp32", "bf16")
WHOLLY = {"terms.gradient-penalty.precision": "any"}
"""In bf16 the penalty too, which else keeps its turn in fp32."""


class Rounded(TorchDispatchMode):
    """Within: products of bf16 numbers, and their derivatives, are summed in fp32 and rounded once."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (args, kwargs or {})
        halves = func.overloadpacket in auto.FORMULAS and _dtypes(given) == {torch.bfloat16}
        args, kwargs = tree_map_only(torch.Tensor, torch.Tensor.float, given) if halves else given
        made = func(*args, **kwargs)
        return tree_map_only(torch.Tensor, torch.Tensor.bfloat16, made) if halves else made


def _dtypes(given: Any) -> set[torch.dtype]:
    return {leaf.dtype for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)}


def play_one(folder: Path) -> int:
    """One trial, in a process of its own."""
    with contextlib.nullcontext() if auto.has_bf16() else Rounded():
        return one.main(folder)


def trials(variants: Sequence[str], seeds: int) -> dict[tuple[str, str, int], Trial]:
    """By variant, precision and seed, in the order they are played: one seed of everything first."""
    found = {}
    for seed in range(seeds):
        for variant in variants:
            recipe = as_it_is(zoo.variant(variant))
            if recipe is None:
                raise SystemExit(f"'{variant}' does not train on digits; choose one of `ganzoo bench digits`")
            for precision in PRECISIONS:
                wholly = WHOLLY if "gradient-penalty" in recipe.parts.get("terms", {}) else {}
                played = recipe.but(changes={"seed": seed, "precision": precision, **wholly})
                found[variant, precision, seed] = Trial(SUITE, variant, played)
    return found


def compared(fp32: Sequence[float], bf16: Sequence[float]) -> Row:
    """Two means, their standard errors, and how many of those their difference is; no verdict of fewer than two
    seeds each."""
    row: Row = {"fp32": spread(fp32), "bf16": spread(bf16)}
    if min(len(fp32), len(bf16)) < 2:
        return {**row, "standard errors apart": "", "alike": ""}
    error = math.hypot(*(statistics.stdev(values) / math.sqrt(len(values)) for values in (fp32, bf16)))
    apart = abs(statistics.fmean(bf16) - statistics.fmean(fp32))
    apart = apart and (apart / error if error else math.inf)
    return {**row, "standard errors apart": f"{apart:.2g}", "alike": "yes" if apart <= 2 else "no"}


def spread(values: Sequence[float]) -> str:
    """Mean ± standard error; one value as it is."""
    if len(values) < 2:
        return number(values[0]) if values else ""
    return f"{statistics.fmean(values):.3g} ± {statistics.stdev(values) / math.sqrt(len(values)):.2g}"


def table(played: Mapping[tuple[str, str, int], Row]) -> list[Row]:
    """A row for each variant and figure."""
    rows = []
    for variant in dict.fromkeys(variant for variant, _, _ in played):
        sides = {
            precision: [row for (v, p, _), row in played.items() if (v, p) == (variant, precision)]
            for precision in PRECISIONS
        }
        counts = " and ".join(str(len(sides[precision])) for precision in PRECISIONS)
        for name in SUITE.shown:
            values = [[row["figures"][name] for row in sides[precision]] for precision in PRECISIONS]
            rows.append({"variant": variant, "seeds": counts, "figure": name, **compared(*values)})
        spent = {p: spread([row["cpu_seconds"] for row in sides[p]]) for p in PRECISIONS}
        rows.append({"variant": variant, "seeds": counts, "figure": "CPU s", **spent})
    return rows


def write(wanted: Mapping[tuple[str, str, int], Trial], desk: Desk) -> str:
    """precision.json and precision.md of what is there; returns the text of the second."""
    rows = {key: row for key, row in desk.rows().items() if row["status"] == "done"}
    played = {place: rows[trial.id] for place, trial in wanted.items() if trial.id in rows}
    summary = [{**row, "precision": precision} for (_, precision, _), row in played.items()]
    write_json(desk.out / f"{SUITE.name}.json", {"trials": summary})
    lines = [
        "# bf16 beside fp32",
        "",
        "`python benchmarks/precision.py`",
        "",
        *__doc__.split("\n\n")[1].strip().split("\n"),
        "",
    ]
    columns = ["variant", "seeds", "figure", "fp32", "bf16", "standard errors apart", "alike"]
    lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(str(row.get(column, "")) for column in columns) + " |" for row in table(played)]
    lines += ["", "Mean ± standard error over seeds. CPU s: of a whole trial in one slot beside whatever else ran.", ""]
    lines += [f"{len(played)} of {len(wanted)} trials are played."] if len(played) < len(wanted) else []
    lines += [f"- {about}" for about in sorted({machine(row) for row in played.values()})]
    text = "\n".join(lines).rstrip("\n") + "\n"
    write_text(desk.out / f"{SUITE.name}.md", text)
    return text


def main() -> None:
    """Play what is missing."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--variants", default="vanilla,dcgan,wgan-gp")
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--slots", type=int, default=os.cpu_count())
    ask.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "results")
    said = ask.parse_args()
    wanted = trials(said.variants.split(","), said.seeds)
    desk = Desk(said.out, SUITE.name)
    desk.folder.mkdir(parents=True, exist_ok=True)
    for trial in wanted.values():
        desk.take_in(trial)  # of a process that outlived the one that started it
    there = desk.rows()
    missing = [trial for trial in wanted.values() if there.get(trial.id, {}).get("status") != "done"]
    with finish_on_signals() as signals, display(SUITE, missing) as shown:
        threads = max(1, (os.cpu_count() or 1) // said.slots)
        play(missing, desk, said.slots, threads, 0, shown, lambda: signals.requested, (__file__, "--trial"))
    print(write(wanted, desk))


if __name__ == "__main__":
    raise SystemExit(play_one(Path(sys.argv[2])) if sys.argv[1:2] == ["--trial"] else main())
