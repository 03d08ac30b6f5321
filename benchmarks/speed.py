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
import math
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import generation
import numpy as np
import plain
import torch

import ganzoo
from ganzoo import auto, zoo
from ganzoo.auto import Products, has_bf16
from ganzoo.build import engine_of, game_of
from ganzoo.data import Source, open_source, prepare
from ganzoo.engine import Engine
from ganzoo.recipes import Recipe

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A training step that is compared with the plain loop's.

    variant, changes  what ganzoo plays
    shape             of a picture, [C, H, W]; None: points of `ring`
    costs             of the plain loop
    goal              how many times as fast as the plain loop it is to be; 0: none is set
    side              in which precision
    loop              the plain loop
    cycle             after so many steps the turns repeat
    """

    variant: str
    shape: tuple[int, int, int] | None
    costs: plain.Costs
    goal: float = 0
    side: str = "bf16"
    changes: Mapping[str, Any] = field(default_factory=dict)
    loop: type[plain.Plain] = plain.Plain
    cycle: int = 1

    def recipe(self) -> Recipe:
        """The variant as it is played here."""
        return zoo.variant(self.variant).but(changes=dict(self.changes))


MLP_2014 = {"generator": "mlp-2014", "discriminator": "mlp-2014", "batch": 100}
WIDE = {"generator.width": 64, "discriminator.width": 64}
NARROW = {"generator.width": 32, "discriminator.width": 32}

EXACT = {"terms.gradient-penalty.precision": "fp32"}
ROUNDED = {"terms.r1.precision": "any", "terms.r2.precision": "any"}

CASES = {
    "MLP of 2014": Case("vanilla-ns", (1, 28, 28), plain.SIGMOID, 2, changes=MLP_2014),
    "DCGAN-32": Case("dcgan", (3, 32, 32), plain.SIGMOID, 6, changes=WIDE),
    "DCGAN-64": Case("dcgan", (3, 64, 64), plain.SIGMOID, 6, changes=WIDE),
    "WGAN-GP-32": Case("wgan-gp", (3, 32, 32), plain.WGAN_GP, 2),
    "WGAN-GP-32, penalty in fp32": Case("wgan-gp", (3, 32, 32), plain.WGAN_GP, changes=EXACT),
    "SNGAN-ResNet-32": Case("sngan-resnet", (3, 32, 32), plain.HINGE, 4, changes=NARROW),
    "R3GAN-32": Case("r3gan", (3, 32, 32), plain.PAIRED, 2.5),
    "R3GAN-32, penalties in any precision": Case("r3gan", (3, 32, 32), plain.PAIRED, changes=ROUNDED),
    "StyleGAN2-32": Case("stylegan2-32", (3, 32, 32), plain.SOFTPLUS, 2, loop=plain.PlainStyles, cycle=16),
    "ring MLP": Case("vanilla-ns", None, plain.SIGMOID, 1.2, "fp32"),
}  # fmt: skip


class Bench:
    """One run of the benchmarks: its options, files that its sections share, and the cases whose rows are there."""

    def __init__(self, rounds: int, seconds: float, threads: int, folder: Path) -> None:
        self.rounds, self.seconds, self.threads, self.folder = rounds, seconds, threads, folder
        self.there: set[str] = set()

    def cases(self, *names: str) -> list[str]:
        """Those of the cases, all by default, that have no row yet."""
        return [name for name in names or CASES if name not in self.there]

    def source(self, shape: tuple[int, int, int] | None, count: int = 2_000) -> Source:
        """Random pictures, or `ring`: what they show does not change the time."""
        if shape is None:
            return open_source("ring")
        path = self.folder / f"{'x'.join(map(str, shape))}.npz"
        if not path.exists():
            x = np.random.default_rng(0).integers(0, 256, (count, *shape[1:], shape[0]), dtype=np.uint8)
            np.savez(path, images=x)
        return open_source(f"npz:{path}")

    def engine(self, case: Case, precision: str = "fp32", **changes: Any) -> tuple[Engine, Source]:
        """ganzoo's side of a case."""
        source, recipe = self.source(case.shape), case.recipe().but(changes=changes)
        return engine_of(recipe, source, {"device": "cpu", "precision": precision}), source

    def plain(self, case: Case) -> plain.Plain:
        """The same networks, from the same seed, in the loop of a tutorial."""
        source, recipe = self.source(case.shape), case.recipe()
        game: Any = game_of(recipe, source.spec)
        images = source.all()
        floats = prepare(images, game.G.spec.output.range) if case.shape else images
        latent = game.G.spec.inputs[0].shape[0]
        return case.loop(game.G, game.D, floats, batch=recipe.batch, latent=latent, k=game.k, costs=case.costs)

    def by_turns(self, sides: Mapping[str, Callable[[int], Any]], cycle: int = 1) -> dict[str, list[float]]:
        """Seconds a step of each, round by round; each side plays for about as long as asked, in whole cycles."""
        counts = {}
        for name, play in sides.items():
            play(2 * cycle)
            once = max(clock(lambda p=play: p(2 * cycle)) / 2, 1e-6)  # type: ignore[misc]
            counts[name] = max(1, round(self.seconds / once)) * cycle
        found: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(self.rounds):
            for name, play in sides.items():
                found[name].append(clock(lambda p=play, n=counts[name]: p(n)) / counts[name])  # type: ignore[misc]
        return found

    def gemm(self, kind: torch.dtype) -> float:
        """GFLOP/s of a product of two 1024×1024 matrices: the best of the rounds."""
        a, b = torch.randn(2, 1024, 1024).to(kind)
        return max(2 * 1024**3 / clock(lambda: a @ b) / 1e9 for _ in range(self.rounds + 3))


def clock(do: Callable[[], Any]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def aimed(row: Row, column: str, *, least: float = -math.inf, most: float = math.inf) -> Row:
    """The row with its goal, and whether it is reached; a column may be missing on this machine."""
    bound = f"at least {least:g}" if math.isinf(most) else f"at most {most:g}"
    reached = {True: "yes", False: "no"}[least <= row[column] <= most] if column in row else "not measured here"
    return {**row, "goal": f"{column}: {bound}", "reached": reached}


def ratio(found: dict[str, list[float]], slow: str, fast: str) -> float:
    """The median over rounds of how many times as long `slow` takes."""
    return statistics.median(a / b for a, b in zip(found[slow], found[fast]))


def player(engine: Engine, play: Callable[[int], None] | None = None) -> Callable[[int], None]:
    """Plays so many steps more, or plays what is given, with as many threads as a run of the engine would take."""
    threads = auto.rehearse(engine, {"why": {}})["threads"]

    def threaded(steps: int) -> None:
        with auto.using(threads):
            (play or (lambda more: engine.play(engine.step + more)))(steps)

    return threaded


def training(bench: Bench) -> Iterator[Row]:
    """Steps against the plain loop's; GFLOP and shares are of the plain loop's products."""
    kinds = {"fp32": torch.float32, **({"bf16": torch.bfloat16} if has_bf16() else {})}
    for name in bench.cases():
        case = CASES[name]
        rates = {precision: bench.gemm(kind) for precision, kind in kinds.items()}
        loop, recipe = bench.plain(case), case.recipe()
        with Products() as products:
            loop.play(case.cycle)
        flops = products.flop / case.cycle
        sides: dict[str, Callable[[int], Any]] = {"plain": loop.play}
        sides |= {precision: player(bench.engine(case, precision)[0]) for precision in rates}
        found = bench.by_turns(sides, case.cycle)
        ms = {side: statistics.median(times) * 1e3 for side, times in found.items()}
        row = {
            "step": name, **{f"{side} ms": value for side, value in ms.items()},
            **{f"plain / {side}": ratio(found, "plain", side) for side in rates},
            "images/s": recipe.batch * 1e3 / min(ms.values()), "GFLOP": flops / 1e9,
            **{f"share of the {side} matrix rate": flops / 1e6 / ms[side] / rate for side, rate in rates.items()},
            "rounds": bench.rounds,
        }  # fmt: skip
        yield aimed(row, f"plain / {case.side}", least=case.goal) if case.goal else row


KINDS = {
    "convolutions": ("convolution",), "matrices": ("aten::mm", "addmm", "bmm"), "normalisation": ("batch_norm",),
    "activations": ("relu", "tanh", "sigmoid", "softplus", "amax", "aten::eq"), "dropout": ("bernoulli", "dropout"),
    "optimisers, averages": ("adam", "Adam", "lerp"), "copies": ("copy", "aten::cat", "contiguous", "clone"),
}  # fmt: skip


def profile(bench: Bench) -> Iterator[Row]:
    """Where a step's time goes: shares of torch's own operators, as torch's profiler counts them on all threads."""
    for name in bench.cases():
        case = CASES[name]
        precision = "bf16" if has_bf16() and case.side == "bf16" else "fp32"
        play = player(bench.engine(case, precision)[0])
        play(2)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
            play(max(3, case.cycle))
        shares = dict.fromkeys([*KINDS, "rest"], 0.0)
        whole = sum(event.self_cpu_time_total for event in seen.key_averages())
        for event in seen.key_averages():
            kind = next((kind for kind, parts in KINDS.items() if any(part in event.key for part in parts)), "rest")
            shares[kind] += event.self_cpu_time_total / whole
        yield {"step": name, "precision": precision, **{f"{kind} %": 100 * share for kind, share in shares.items()}}


def overhead(bench: Bench) -> Iterator[Row]:
    """The engine against the same operations by hand."""
    for name in bench.cases("ring MLP", "DCGAN-32"):
        engine, source = bench.engine(CASES[name])
        game: Any = engine.game
        output = game.G.spec.output

        def draw(step: int, source: Source = source, engine: Engine = engine, output: Any = output) -> torch.Tensor:
            x = prepare(source.minibatch(0, step, 0, engine.batch)["x"], output.range)
            return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x

        loop = plain.ByHand(game.G, game.D, draw, batch=engine.batch, latent=game.G.spec.inputs[0].shape[0])
        found = bench.by_turns({"by hand": player(engine, loop.play), "engine": player(engine)})
        hand, ours = (statistics.median(found[side]) * 1e3 for side in ("by hand", "engine"))
        more = statistics.median(b - a for a, b in zip(found["by hand"], found["engine"])) * 1e3
        column, most = {"ring MLP": ("engine costs ms", 0.3), "DCGAN-32": ("engine costs %", 5)}[name]
        yield aimed({
            "step": name, "by hand ms": hand, "engine ms": ours,
            "engine costs ms": more, "engine costs %": 100 * more / hand, "rounds": bench.rounds,
        }, column, most=most)  # fmt: skip


def seeds(bench: Bench) -> Iterator[Row]:
    """Several seeds of the ring's networks as one program by torch.func, against one after the other by hand. It is not
    offered: dropout is drawn for all seeds together, so no seed's run would be the one it is alone."""
    case, source = CASES["ring MLP"], bench.source(None)
    recipe = case.recipe()

    def draw(step: int) -> torch.Tensor:
        return source.minibatch(0, step, 0, recipe.batch)["x"]

    for count in (2, 8):
        games: list[Any] = [game_of(recipe.but(changes={"seed": seed}), source.spec) for seed in range(count)]
        numbers = {"batch": recipe.batch, "latent": games[0].G.spec.inputs[0].shape[0]}
        alone = [plain.ByHand(game.G, game.D, draw, **numbers) for game in games]
        together = plain.Together([(game.G, game.D) for game in games], draw, **numbers)

        def one_by_one(steps: int, alone: list[plain.ByHand] = alone) -> None:
            for loop in alone:
                loop.play(steps)

        with auto.using(1):
            found = bench.by_turns({"alone": one_by_one, "together": together.play})
        ms = {f"{side} ms": statistics.median(times) * 1e3 / count for side, times in found.items()}
        yield {"seeds": count, **ms, "alone / together": ratio(found, "alone", "together")}


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

        found = bench.by_turns({name: draw})
        yield {"source": name, "batches/s": 1 / statistics.median(found[name]), "first batch ms": first * 1e3}


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
    from ganzoo.exporter import export

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
        run = lambda c=command: subprocess.run(c, check=True, capture_output=True)  # noqa: E731
        run()
        row = {"command": name, "s": statistics.median(clock(run) for _ in range(bench.rounds))}
        yield aimed(row, "s", most=goal) if goal else row
    served = statistics.median(until_healthy([*ganzoo_, "serve", str(model)]) for _ in range(min(bench.rounds, 5)))
    yield aimed({"command": "ganzoo serve, to /healthz", "s": served}, "s", most=5)


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


def memory(bench: Bench) -> Iterator[Row]:
    """The greatest resident set of a process that trains for some steps, ganzoo's against the plain loop's."""
    for name in bench.cases():
        peaks = {}
        for side in SIDES:
            peaks[side] = elsewhere("ganzoo", "--one", "peak", name, side, "--threads", str(bench.threads))
        yield aimed({
            "step": name, **{f"{side} MB": value for side, value in peaks.items()},
            "ganzoo / plain": peaks["ganzoo"] / peaks["plain"],
            "above imports": (peaks["ganzoo"] - peaks["imports"]) / (peaks["plain"] - peaks["imports"]),
        }, "ganzoo / plain", most=1.1)  # fmt: skip


SIDES: dict[str, Callable[[Bench, Case], Any]] = {
    "imports": lambda bench, case: None,
    "plain": lambda bench, case: bench.plain(case).play(5),
    "ganzoo": lambda bench, case: player(bench.engine(case)[0])(5),
}


def peak(bench: Bench, name: str, side: str) -> float:
    """MB; each side builds what it needs, and plays five steps. Both have imported the same."""
    SIDES[side](bench, CASES[name])
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # what getrusage tells begins, on Linux, with what the parent held when it started this process
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def beside(bench: Bench) -> Iterator[Row]:
    """Steps on all cores while another process keeps one of them busy; the plain loop's process knows torch alone."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        for name in bench.cases("MLP of 2014", "DCGAN-32"):
            found: dict[str, list[float]] = {"plain": [], "ganzoo": []}
            for _ in range(min(bench.rounds, 3)):
                for side, first in (("plain", "torch"), ("ganzoo", "ganzoo")):
                    found[side].append(elsewhere(first, "--one", "step", name, side, "--threads", str(bench.threads)))
            ms = {f"{side} ms": statistics.median(times) for side, times in found.items()}
            yield {"step": name, **ms, "plain / ganzoo": ratio(found, "plain", "ganzoo")}
    finally:
        busy.kill()
        busy.wait()


def elsewhere(first: str, *arguments: str) -> float:
    """The number that this program prints with these arguments, in a process that imports `first` first: whoever loads
    torch decides how long its threads spin."""
    found = f"sys.path.insert(0, {str(Path(__file__).parent)!r})"
    code = f"import {first}, runpy, sys; {found}; runpy.run_path({__file__!r}, run_name='__main__')"
    environment = {key: value for key, value in os.environ.items() if key != "GOMP_SPINCOUNT"}
    command = [sys.executable, "-c", code, *arguments]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(made.stdout.split()[-1])


def step(bench: Bench, name: str, side: str) -> float:
    """ms of a step of one side, alone in its process."""
    case = CASES[name]
    play = bench.plain(case).play if side == "plain" else player(bench.engine(case)[0])
    return statistics.median(bench.by_turns({side: play})[side]) * 1e3


def growth(bench: Bench) -> Iterator[Row]:
    """What more of something costs."""

    def row(what: str, value: Any, seconds: float, per: float) -> Row:
        return {"what": what, "at": value, "ms": seconds * 1e3, "µs of each": seconds * 1e6 / per}

    case = CASES["DCGAN-32"]
    small = {"generator.width": 32, "discriminator.width": 32}
    for batch in (16, 64, 256):
        engine, _ = bench.engine(case, **small, batch=batch)
        yield row(
            "DCGAN-32 of width 32, batch", batch, statistics.median(bench.by_turns({"x": player(engine)})["x"]), batch
        )
    for width in (16, 32, 64):
        engine, _ = bench.engine(case, **{"generator.width": width, "discriminator.width": width})
        yield row("DCGAN-32, width", width, statistics.median(bench.by_turns({"x": player(engine)})["x"]), width**2)
    for side in (32, 64, 128):
        engine, _ = bench.engine(Case("dcgan", (3, side, side), plain.SIGMOID, changes={**small, "batch": 16}))
        yield row(
            "DCGAN of width 32, batch 16, side",
            side,
            statistics.median(bench.by_turns({"x": player(engine)})["x"]),
            side**2,
        )
    for count in (1, 100, 400):
        plugins = bench.folder / f"{count}-plugins"
        plugins.mkdir(exist_ok=True)
        for number in range(count):
            (plugins / f"more{number}.py").write_text(PLUGIN.format(number))
        command = [sys.executable, "-m", "ganzoo", "variants", "--plugins-dir", str(plugins)]
        times = [
            clock(lambda c=command: subprocess.run(c, check=True, capture_output=True)) for _ in range(bench.rounds)
        ]  # type: ignore[misc]
        yield row("`ganzoo variants`, further plugins", count, statistics.median(times), count)
    from ganzoo.exporter import export

    engine, _ = bench.engine(case, **small)
    game: Any = engine.game
    export(game.G.eval(), bench.folder / "grow.onnx")
    sampler = ganzoo.load(bench.folder / "grow.onnx")
    for count in (1, 16, 256, 4096):
        found = bench.by_turns({"x": lambda n, c=count: [sampler.sample(c, seed=i) for i in range(n)]})  # type: ignore[misc]
        yield row("DCGAN-32 of width 32, pictures sampled", count, statistics.median(found["x"]), count)


PLUGIN = """import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo):
    zoo.variant(ganzoo.recipe("vanilla").but("more-{0}", title="one more", paper="none", formula="V", deviations=[]))
"""

SECTIONS = {
    section.__name__: section
    for section in (training, profile, overhead, seeds, beside, data, sampling, start_up, evaluation, memory, growth)
}


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
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "CASE", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.rounds, options.seconds, options.threads, Path(folder))
        if options.one:
            what, name, side = options.one
            print({"peak": peak, "step": step}[what](bench, name, side))
            return
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
