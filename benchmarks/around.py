"""Sections of `speed.py`: everything but training steps, and how cost grows."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import generation
import numpy as np
import plain
from timing import Bench, Case, Row, aimed, clock, player

import ganzoo
from ganzoo import zoo
from ganzoo.data import Source, open_source, prepare
from ganzoo.exporter import export


def data(bench: Bench) -> Iterator[Row]:
    """Minibatches a second, 64 pictures of 3×32×32, as floats."""
    from PIL import Image

    folder = bench.folder / "pictures"
    if not folder.exists():
        folder.mkdir()
        for number, x in enumerate(np.random.default_rng(0).integers(0, 256, (1_000, 32, 32, 3), dtype=np.uint8)):
            Image.fromarray(x).save(folder / f"{number:04}.png")
    sources = {"memory": bench.source((3, 32, 32)), "folder of PNG": open_source(f"folder:{folder}", size=32)}
    for name, source in sources.items():
        first = clock(lambda s=source: s.minibatch(0, 0, 0, 64))  # type: ignore[misc]

        def draw(count: int, source: Source = source) -> None:
            for step in range(count):
                prepare(source.minibatch(0, step, 0, 64)["x"], (-1.0, 1.0))

        yield {"source": name, "batches/s": 1 / bench.median(draw), "first batch ms": first * 1e3}


def sampling(bench: Bench) -> Iterator[Row]:
    """The commands of `generation.py`, in brief: torch eager and ONNX Runtime with all threads."""
    goals = {("DCGAN 64x64", 64): 1.3, ("DCGAN 64x64", 1): 2.0}
    for row in generation.speeds(bench.folder, bench.seconds / 2, bench.rounds, (bench.threads,)):
        ratio = "ONNX Runtime / torch fp32"
        row[ratio] = row["ONNX Runtime"] / row["torch fp32"]
        goal = goals.get((row["model"], row["batch"]))
        yield aimed(row, ratio, least=goal) if goal else row
    bulk = generation.bulk(bench.folder, 20_000, ("npz",))
    alone = bulk.pop("one process, nothing written")
    for name, rate in bulk.items():
        row = {"model": f"DCGAN 28x28 to disk, {name}", "ONNX Runtime": rate, "of the rate without disk": rate / alone}
        yield aimed(row, "of the rate without disk", least=0.8)


def start_up(bench: Bench) -> Iterator[Row]:
    """Seconds of whole processes."""
    model = bench.folder / "vanilla.onnx"
    game: Any = bench.engine(Case("vanilla", (1, 28, 28), plain.SIGMOID))[0].game
    export(game.G.eval(), model)
    ganzoo_ = [sys.executable, "-m", "ganzoo"]
    commands = {
        "ganzoo --help": ([*ganzoo_, "--help"], 0.3),
        "ganzoo variants": ([*ganzoo_, "variants"], 0),
        "ganzoo sample vanilla.onnx": ([*ganzoo_, "sample", str(model), "-o", str(bench.folder / "one.png")], 1),
    }
    for name, (command, goal) in commands.items():
        run(command)
        times = [clock(lambda c=command: run(c)) for _ in range(bench.rounds)]  # type: ignore[misc]
        row = {"command": name, "s": statistics.median(times)}
        yield aimed(row, "s", most=goal) if goal else row
    served = statistics.median(until_healthy([*ganzoo_, "serve", str(model)]) for _ in range(min(bench.rounds, 5)))
    yield aimed({"command": "ganzoo serve, to /healthz", "s": served}, "s", most=5)


def run(command: list[str]) -> None:
    """Runs it to its end."""
    subprocess.run(command, check=True, capture_output=True)


def until_healthy(command: list[str]) -> float:
    """Seconds from the command to the first answer of /healthz."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.perf_counter()
    server = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - begun < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                    return time.perf_counter() - begun
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise SystemExit("the server did not answer within two minutes")
    finally:
        server.terminate()
        server.wait()


def evaluation(bench: Bench) -> Iterator[Row]:
    """The Frechet distance of 10,000 to 10,000 pictures, all that it takes."""
    source = open_source("digits")
    pictures = source.all().permute(0, 2, 3, 1).numpy()

    def whole() -> float:
        metric = zoo.part("metric", "fid").build("fid", {"source": source})
        return float(metric._figures(pictures)["fid"])

    times = [clock(whole) for _ in range(3)]
    what = "FID on digits-cnn, 10,000 against 10,000"
    yield aimed({"what": what, "s": statistics.median(times)}, "s", most=60)


def growth(bench: Bench) -> Iterator[Row]:
    """What more of something costs."""

    def row(what: str, value: Any, seconds: float, per: float) -> Row:
        return {"what": what, "at": value, "ms": seconds * 1e3, "µs of each": seconds * 1e6 / per}

    def dcgan(side: int = 32, batch: int = 64, width: int = 32) -> Case:
        changes = {"generator.width": width, "discriminator.width": width, "batch": batch}
        return Case("dcgan", (3, side, side), plain.SIGMOID, changes=changes)

    trained = [
        *(("DCGAN-32 of width 32, batch", n, dcgan(batch=n), n) for n in (16, 64, 256)),
        *(("DCGAN-32, width", n, dcgan(width=n), n**2) for n in (16, 32, 64)),
        *(("DCGAN of width 32, batch 16, side", n, dcgan(side=n, batch=16), n**2) for n in (32, 64, 128)),
    ]
    for what, at, case, units in trained:
        yield row(what, at, bench.median(player(bench.engine(case)[0])), units)
    for count in (1, 100, 400):
        plugins = bench.folder / f"{count}-plugins"
        plugins.mkdir(exist_ok=True)
        for number in range(count):
            (plugins / f"more{number}.py").write_text(PLUGIN.format(number))
        command = [sys.executable, "-m", "ganzoo", "variants", "--plugins-dir", str(plugins)]
        times = [clock(lambda c=command: run(c)) for _ in range(bench.rounds)]  # type: ignore[misc]
        yield row("`ganzoo variants`, further plugins", count, statistics.median(times), count)
    engine, _ = bench.engine(dcgan())
    game: Any = engine.game
    export(game.G.eval(), bench.folder / "grow.onnx")
    sampler = ganzoo.load(bench.folder / "grow.onnx")
    for count in (1, 16, 256, 4096):

        def sample(times: int, count: int = count) -> None:
            for seed in range(times):
                sampler.sample(count, seed=seed)

        yield row("DCGAN-32 of width 32, pictures sampled", count, bench.median(sample), count)


PLUGIN = """import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo):
    zoo.variant(ganzoo.recipe("vanilla").but("more-{0}", title="one more", paper="none", formula="V", deviations=[]))
"""
