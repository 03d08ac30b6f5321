"""Where ganzoo stands: `python benchmarks/speed.py [--only training,memory] [--again] [--rounds 5] [--threads 2]`.

Training steps against the loop that people write by hand (`plain.py`), what the engine costs, data, sampling, start-up,
evaluation, memory, and how cost grows. Two things that are compared are measured in turns in one process, and the
median of the rounds' ratios is told; what is compared in memory runs in processes of their own. Let nothing else run.
Writes speed.json and speed.md to benchmarks/results after every row, and measures only what is not there yet from this
machine and these versions; --again measures anew. A row says its goal, and whether it is reached.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import around
import generation
import steps
import torch
from timing import Bench

from ganzoo.auto import has_bf16

RESULTS = Path(__file__).parent / "results"
SECTIONS = {
    section.__name__: section
    for section in (
        steps.training, steps.profile, steps.overhead, steps.seeds, steps.beside, around.data, around.sampling,
        around.start_up, around.evaluation, steps.memory, around.growth,
    )
}  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    text = "# Speed\n\n`python benchmarks/speed.py` with nothing else running. " + " ".join(
        __doc__.split("\n\n")[1].split()
    )
    for name, part in found.items():
        text += f"\n\n## {name.replace('_', '-').capitalize()}\n\n{' '.join(str(SECTIONS[name].__doc__).split())} "
        text += "; ".join(f"{key} {value}" for key, value in part["machine"].items()) + ".\n\n"
        columns = list(dict.fromkeys(key for row in part["rows"] for key in row))
        text += f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
        for row in part["rows"]:
            text += f"| {' | '.join(cell(row.get(key, '')) for key in columns)} |\n"
    return text.rstrip("\n") + "\n"


def cell(value: Any) -> str:
    """Three digits that count."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas between")
    parser.add_argument("--again", action="store_true", help="measure what is there already, too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one side in one round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.rounds, options.seconds, options.threads, Path(folder))
        path = RESULTS / "speed.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        for name in options.only.split(","):
            for part in measured(bench, name, None if options.again else found.get(name)):
                found[name] = part
                found = {name: found[name] for name in SECTIONS if name in found}
                path.write_text(json.dumps(found, indent=1) + "\n")
                (RESULTS / "speed.md").write_text(page(found))
    print(page(found))


def measured(bench: Bench, name: str, before: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """A section with each row more, and at last whole; nothing if `before` is whole and of this machine."""
    machine = {
        "processor": generation.processor(), "cores": os.cpu_count(), "threads": bench.threads,
        "torch": torch.__version__, "python": platform.python_version(),
    }  # fmt: skip
    same = before is not None and all(before["machine"].get(key) == value for key, value in machine.items())
    if same and before and before["whole"]:
        return
    # of a section that was cut off, rows of cases stay; the others come anew
    rows = [row for row in before["rows"] if "step" in row] if same and before else []
    bench.there = {row["step"] for row in rows}
    machine["GFLOP/s of matrices when last begun"] = f"{bench.gemm(torch.float32):.0f} in fp32" + (
        f", {bench.gemm(torch.bfloat16):.0f} in bf16" if has_bf16() else ", no bf16 in this processor"
    )
    part = {"machine": {**machine, "load when begun": round(os.getloadavg()[0], 1)}, "whole": False, "rows": rows}
    for row in SECTIONS[name](bench):
        rows.append(row)
        print(row, flush=True)
        yield part
    part["whole"] = True
    yield part


if __name__ == "__main__":
    main()
