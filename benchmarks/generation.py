"""How fast pictures come: `python benchmarks/generation.py [--seconds 2] [--rounds 5]`.

Images a second of the MLP of 2014 and of DCGAN at 28 and 64 pixels, untrained (weights do not change the time): torch
eager in fp32, in channels-last and in bf16, and ONNX Runtime, at batch 1 and 64, with one thread and with two. The ways
are taken in turns, and the medians of the rounds are told. Then the share of the latents in a batch of 64, and pictures
a second to disk as shards. Writes generation.json and generation.md to benchmarks/results.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

import ganzoo
from ganzoo import zoo
from ganzoo.build import game_of
from ganzoo.exporter import export
from ganzoo.feeds import request
from ganzoo.specs import DataSpec

MODELS = {
    "2014 MLP 28x28": ("vanilla-2014", (1, 28, 28)),
    "DCGAN 28x28": ("dcgan", (1, 28, 28)),
    "DCGAN 64x64": ("dcgan", (3, 64, 64)),
}
RESULTS = Path(__file__).parent / "results"


def ways(module: torch.nn.Module, session: onnxruntime.InferenceSession) -> dict[str, Callable[[np.ndarray], Any]]:
    """By name, what makes pictures of latents."""
    last = copy.deepcopy(module).to(memory_format=torch.channels_last)

    def eager(z: np.ndarray) -> Any:
        with torch.inference_mode():
            return module(torch.from_numpy(z)).numpy()

    def channels_last(z: np.ndarray) -> Any:
        with torch.inference_mode():
            return last(torch.from_numpy(z)).numpy()

    def bf16(z: np.ndarray) -> Any:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return last(torch.from_numpy(z)).float().numpy()

    return {
        "torch fp32": eager, "torch channels-last": channels_last, "torch bf16": bf16,
        "ONNX Runtime": lambda z: session.run(None, {"z": z}),
    }  # fmt: skip


def rate(make: Callable[[np.ndarray], Any], z: np.ndarray, seconds: float) -> float:
    """Images a second."""
    begun, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < seconds:
        make(z)
        count += len(z)
    return count / spent


def in_turns(makes: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each, taken in turns so that a busy moment meets all alike."""
    seen: dict[str, list[float]] = {name: [] for name in makes}
    for _ in range(rounds):
        for name, make in makes.items():
            seen[name].append(make())
    return {name: statistics.median(values) for name, values in seen.items()}


def speeds(folder: Path, seconds: float, rounds: int, threads: tuple[int, ...]) -> list[dict[str, Any]]:
    """Images a second of every model, number of threads and batch; leaves the ONNX files in the folder."""
    rows: list[dict[str, Any]] = []
    for name, (variant, shape) in MODELS.items():
        module = game_of(zoo.variant(variant), DataSpec("image", shape, size=1000)).generators()["generator"].eval()
        module.to(memory_format=torch.contiguous_format)
        path = folder / f"{name.replace(' ', '-')}.onnx"
        export(module, path)
        latents = np.random.default_rng(0).standard_normal((64, 100)).astype("f4")
        for count in threads:
            torch.set_num_threads(count)
            settings = onnxruntime.SessionOptions()
            settings.intra_op_num_threads = count
            session = onnxruntime.InferenceSession(path.read_bytes(), settings, providers=["CPUExecutionProvider"])
            for batch in (1, 64):
                z = latents[:batch]
                makes = {
                    way: (lambda m=make, z=z: rate(m, z, seconds))  # type: ignore[misc]
                    for way, make in ways(module, session).items()
                }
                row = in_turns(makes, rounds)
                rows.append({"model": name, "threads": count, "batch": batch, **row})
                print(name, count, batch, {way: round(value) for way, value in row.items()}, flush=True)
    return rows


def bulk(folder: Path, n: int, kinds: tuple[str, ...]) -> dict[str, float]:
    """Images a second of DCGAN, which `speeds` left in the folder, as shards on the disk."""
    sampler = ganzoo.load(folder / "DCGAN-28x28.onnx")
    found = {"one process, nothing written": n / clock(lambda: [None for _ in sampler.stream(n)])}
    for kind in kinds:
        for workers in (1, 2):
            place = folder / f"{kind}-{workers}"
            spent = clock(lambda p=place, k=kind, w=workers: sampler.shards(p, n=n, shards=4, format=k, workers=w))  # type: ignore[misc]
            found[f"{kind}, {workers} workers"] = n / spent
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bulk", type=int, default=20_000, help="pictures to disk")
    options = parser.parse_args()
    begun = os.getloadavg()[0]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found["images_per_second"] = speeds(folder, options.seconds, options.rounds, (1, 2))
        sampler = ganzoo.load(folder / "2014-MLP-28x28.onnx")
        noise = {
            "latents": lambda: clock(lambda: request(sampler.spec, 64, 0, None, None, None, {}).rows(0, 64)),
            "whole": lambda: clock(lambda: sampler.sample(64)),
        }
        parts = in_turns(noise, 15)
        found["latents"] = {"ms": parts["latents"] * 1e3, "sample_ms": parts["whole"] * 1e3}
        found["bulk"] = bulk(folder, options.bulk, ("npz", "tar"))
    found["machine"] = {
        "processor": processor(), "cores": os.cpu_count(), "load when begun": round(begun, 1),
        "torch": torch.__version__, "onnxruntime": onnxruntime.__version__, "python": platform.python_version(),
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "generation.json").write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / "generation.md").write_text(page(found))
    print(page(found))


def clock(do: Callable[[], Any]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def processor() -> str:
    """The name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def page(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    about = found["machine"]
    rows = found["images_per_second"]
    names = [key for key in rows[0] if key not in ("model", "threads", "batch")]
    text = (
        "# Generation\n\n`python benchmarks/generation.py`: images a second, medians of measurements taken in turns.\n"
    )
    text += f"\n{', '.join(f'{key} {value}' for key, value in about.items())}.\n"
    text += f"\n| model | threads | batch | {' | '.join(names)} |\n|{'---|' * (3 + len(names))}\n"
    for row in rows:
        cells = " | ".join(f"{row[name]:,.0f}" for name in names)
        text += f"| {row['model']} | {row['threads']} | {row['batch']} | {cells} |\n"
    share = found["latents"]["ms"] / found["latents"]["sample_ms"]
    text += f"\nLatents of 64 images: {found['latents']['ms']:.2f} ms of {found['latents']['sample_ms']:.2f} ms that "
    text += f"`sample(64)` of the 2014 MLP takes ({share:.0%}).\n"
    text += "\n| DCGAN 28x28 in bulk | images a second |\n|---|---|\n"
    return text + "".join(f"| {name} | {value:,.0f} |\n" for name, value in found["bulk"].items())


if __name__ == "__main__":
    main()
