"""What samples without labels are worth: `python benchmarks/semi.py [--steps 6000] [--seeds 3]`.

For each seed 100 labelled digits, others each time; `sgan` as its recipe is, and its D alone on the same labels: the
same weights at first, optimiser and averages, without G and without the loss. Both classify MNIST's 10,000 test images
(found as `--data mnist` finds them). Prints a line for every 500 steps.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from ganzoo import zoo
from ganzoo.build import engine_of
from ganzoo.data import open_source
from ganzoo.engine import Engine
from ganzoo.game import Turn


def main() -> None:
    """Train both, seed by seed."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--steps", type=int, default=6000)
    ask.add_argument("--seeds", type=int, default=3)
    said = ask.parse_args()
    test = open_source("mnist", split="test")
    x, labels = test.all().float() / 127.5 - 1, torch.from_numpy(test.labels)  # type: ignore[attr-defined]
    print("| seed | steps | sgan | labels alone |\n|---|---|---|---|")
    for seed in range(said.seeds):
        both, alone = engine(seed), engine(seed)
        labels_alone(alone.game)
        for step in range(500, said.steps + 1, 500):
            for one in (both, alone):
                one.play(step)
            found = [accuracy(one, x, labels) for one in (both, alone)]
            print(f"| {seed} | {step} | {found[0]:.4f} | {found[1]:.4f} |", flush=True)


def engine(seed: int) -> Engine:
    """sgan at step 0, with labels of its own seed."""
    source = open_source("semi:digits", labelled=100, seed=seed)
    settled = {"device": "cpu", "precision": "fp32", "threads": torch.get_num_threads()}
    return engine_of(zoo.variant("sgan").but(changes={"seed": seed}), source, settled)


def labels_alone(game: Any) -> None:
    """Leaves of the game D's turn, and of its cost the labels."""
    term = game.terms["supervised"]
    game.__dict__["turns"] = lambda step: [Turn("D", lambda round: {"supervised": term.discriminator(round)})]


@torch.no_grad()
def accuracy(one: Engine, x: torch.Tensor, labels: torch.Tensor) -> float:
    """Of the averaged classifier."""
    classifier = one.averages.generators["classifier"]
    said = torch.cat([classifier(part).argmax(1) for part in x.split(500)])
    return (said == labels).float().mean().item()


if __name__ == "__main__":
    main()
