"""What a server adds to a Sampler: `python benchmarks/serving.py MODEL.onnx ... [--rounds 5] [--idle 60]`.

For each model: seconds from the command `ganzoo serve` to the first answer of /healthz and to the first picture
(medians of the rounds, each a new process); pictures a second from one thread that calls a Sampler in this process, and
through HTTP from as many clients as there are cores, 1 and 64 pictures a request, as arrays (npz), taken in turns. Then
CPU seconds and memory of a server that nobody asks. Writes serving.json and serving.md to benchmarks/results, or to
--out. The figures are of a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ganzoo

SIZES = (1, 64)
CORES = len(os.sched_getaffinity(0))


@contextmanager
def served(models: list[Path]) -> Iterator[tuple[subprocess.Popen[str], int, float]]:
    """(process, port, when it was started) of a server."""
    start = time.monotonic()
    command = [sys.executable, "-m", "ganzoo", "serve", *map(str, models), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline().rpartition(":")[2]), start
    finally:
        process.terminate()
        process.wait(15)


def answer(line: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> bytes:
    """The body of an answer, which must be 200."""
    line.request(method, path, json.dumps(body), {"content-type": "application/json"})
    found = line.getresponse()
    content = found.read()
    if found.status != 200:
        raise SystemExit(f"{path} answered {found.status}: {content[:200]!r}")
    return content


def starts(model: Path) -> tuple[float, float]:
    """Seconds to /healthz, and to the first picture."""
    with served([model]) as (_, port, start):
        line = http.client.HTTPConnection("127.0.0.1", port)
        answer(line, "GET", "/healthz")
        healthy = time.monotonic() - start
        answer(line, "POST", "/v1/sample", {"n": 1})
        return healthy, time.monotonic() - start


def rate(call: Callable[[int], Any], pictures: int, seconds: float = 2.0) -> float:
    """Pictures a second of `call`, each time with another seed."""
    call(0)
    count, start = 0, time.monotonic()
    while time.monotonic() - start < seconds:
        count += 1
        call(count * pictures)
    return count * pictures / (time.monotonic() - start)


def alone(model: Path, size: int) -> float:
    """Of a Sampler in this process."""
    sampler = ganzoo.load(model)
    return rate(lambda seed: sampler.sample(size, seed).output, size)


def through(port: int, size: int) -> float:
    """Of all clients together."""

    def client(k: int) -> float:
        line = http.client.HTTPConnection("127.0.0.1", port)
        body = {"n": size, "format": "npz"}
        return rate(lambda seed: answer(line, "POST", "/v1/sample", {**body, "seed": k * 10_000_000 + seed}), size)

    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(client, range(CORES)))


def idle(models: list[Path], seconds: float) -> tuple[float, float]:
    """(share of a core, megabytes resident) of a server that nobody asks."""
    with served(models) as (process, _, _):
        time.sleep(10)
        before = _cpu(process.pid)
        time.sleep(seconds)
        used = (_cpu(process.pid) - before) / seconds
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return used, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    for model in asked.models:
        found: dict[str, list[float]] = {}
        for _ in range(asked.rounds):
            for name, value in zip(("to /healthz, s", "to first picture, s"), starts(model)):
                found.setdefault(name, []).append(value)
        with served([model]) as (_, port, _):
            for _ in range(asked.rounds):
                for size in SIZES:
                    found.setdefault(f"Sampler alone, {size} at once", []).append(alone(model, size))
                    found.setdefault(f"HTTP, {CORES} clients, {size} a request", []).append(through(port, size))
        rows[model.stem] = {name: round(statistics.median(values), 3) for name, values in found.items()}
    share, memory = idle(asked.models, asked.idle)
    names = list(next(iter(rows.values())))
    lines = ["|  | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(f"{row[name]:,.3g}" for row in rows.values()) + " |" for name in names]
    note = f"Pictures a second, medians of {asked.rounds} rounds, {CORES} cores. Nobody asking for {asked.idle:g} s: "
    text = "\n".join([*lines, "", note + f"{share:.2%} of a core, {memory:.0f} MB."])
    machine = f"{platform.machine()}, {CORES} cores, Python {platform.python_version()}"
    told = {"machine": machine, "models": rows, "idle": {"share of a core": share, "MB": round(memory)}}
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "serving.json").write_text(json.dumps(told, indent=2) + "\n")
    names = " ".join(model.name for model in asked.models)
    command = f"python benchmarks/serving.py {names} --rounds {asked.rounds} --idle {asked.idle:g}"
    (asked.out / "serving.md").write_text(f"# Serving\n\n`{command}`\n\n{text}\n")
    print(text)


if __name__ == "__main__":
    main()
