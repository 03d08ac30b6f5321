"""Sections of `speed.py`: training steps."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import plain
import torch
from timing import CASES, Bench, Case, Row, aimed, player, ratio

from ganzoo import auto
from ganzoo.auto import Products, has_bf16
from ganzoo.build import game_of
from ganzoo.data import Source, prepare
from ganzoo.engine import Engine


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


def memory(bench: Bench) -> Iterator[Row]:
    """The greatest resident set of a process that trains for some steps, ganzoo's against the plain loop's."""
    for name in bench.cases():
        peaks = {}
        for side in SIDES:
            peaks[side] = elsewhere(bench, "ganzoo", peak, name, side)
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


def beside(bench: Bench) -> Iterator[Row]:
    """Steps on all cores while another process keeps one of them busy; the plain loop's process knows torch alone."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        for name in bench.cases("MLP of 2014", "DCGAN-32"):
            found: dict[str, list[float]] = {"plain": [], "ganzoo": []}
            for _ in range(min(bench.rounds, 3)):
                for side, first in (("plain", "torch"), ("ganzoo", "ganzoo")):
                    found[side].append(elsewhere(bench, first, step, name, side))
            ms = {f"{side} ms": statistics.median(times) for side, times in found.items()}
            yield {"step": name, **ms, "plain / ganzoo": ratio(found, "plain", "ganzoo")}
    finally:
        busy.kill()
        busy.wait()


def elsewhere(bench: Bench, first: str, measure: Callable[[Bench, str, str], float], name: str, side: str) -> float:
    """What is measured in a process of its own that imports `first` first: whoever loads torch decides how long its
    threads spin."""
    code = f"import {first}, sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import steps; steps.alone()"
    environment = {key: value for key, value in os.environ.items() if key != "GOMP_SPINCOUNT"}
    numbers = map(str, (bench.rounds, bench.seconds, bench.threads))
    command = [sys.executable, "-c", code, measure.__name__, name, side, *numbers]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(made.stdout.split()[-1])


def alone() -> None:
    """What `elsewhere` starts: prints one number."""
    measure, name, side, rounds, seconds, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(int(rounds), float(seconds), int(threads), Path(folder))
        print({"peak": peak, "step": step}[measure](bench, name, side))


def peak(bench: Bench, name: str, side: str) -> float:
    """MB; each side builds what it needs, and plays five steps. Both have imported the same."""
    SIDES[side](bench, CASES[name])
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # what getrusage tells begins, on Linux, with what the parent held when it started this process
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def step(bench: Bench, name: str, side: str) -> float:
    """ms of a step of one side, alone in its process."""
    case = CASES[name]
    play = bench.plain(case).play if side == "plain" else player(bench.engine(case)[0])
    return bench.median(play) * 1e3
