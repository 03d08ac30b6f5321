"""ganzoo: a pluggable zoo of GAN variants with one way to train, resume, sample, export and serve them.

Importing this loads neither torch nor any plugin; each name is resolved when it is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime reports to its maker unless it is told not to before it is loaded
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# torch's threads spin while they wait, in vain where another process holds the core: so after this much they sleep
# (benchmarks/speed.py --only beside)
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

if TYPE_CHECKING:
    from ganzoo.build import Builder
    from ganzoo.errors import GanzooError
    from ganzoo.evaluation import evaluate
    from ganzoo.exporter import export
    from ganzoo.game import Game, Minibatch, Turn
    from ganzoo.hooks import hookimpl
    from ganzoo.loading import load
    from ganzoo.parts import Slot, Use
    from ganzoo.priors import Prior
    from ganzoo.recipes import Recipe
    from ganzoo.registrar import Registrar
    from ganzoo.run import Run, resume, train
    from ganzoo.sampler import Sampler, Samples
    from ganzoo.specs import DataSpec, GeneratorSpec, InputSpec, OutputSpec
    from ganzoo.testing import check
    from ganzoo.two_player import EncoderNet, GeneratorNet, Judgement, Round, Term, TwoPlayer, one_hot
    from ganzoo.zoo import core_recipe as recipe
    from ganzoo.zoo import variants

_HOMES = {
    "Builder": "build", "Slot": "parts", "Use": "parts", "one_hot": "two_player",
    "GanzooError": "errors", "evaluate": "evaluation", "export": "exporter", "Game": "game", "Minibatch": "game",
    "Turn": "game",
    "hookimpl": "hooks", "Prior": "priors", "Recipe": "recipes", "Registrar": "registrar", "Run": "run",
    "check": "testing", "resume": "run", "train": "run", "Sampler": "sampler", "Samples": "sampler", "load": "loading",
    "DataSpec": "specs", "GeneratorSpec": "specs", "InputSpec": "specs", "OutputSpec": "specs",
    "EncoderNet": "two_player", "GeneratorNet": "two_player", "Judgement": "two_player", "Round": "two_player",
    "Term": "two_player", "TwoPlayer": "two_player", "recipe": "zoo:core_recipe", "variants": "zoo",
}  # fmt: skip

__all__ = [
    "Builder", "DataSpec", "EncoderNet", "Game", "GanzooError", "GeneratorNet", "GeneratorSpec", "InputSpec",
    "Judgement", "Minibatch", "OutputSpec", "Prior", "Recipe", "Registrar", "Round", "Run", "Sampler", "Samples",
    "Slot", "Term", "Turn", "TwoPlayer", "Use", "check", "evaluate", "export", "hookimpl", "load", "one_hot", "recipe",
    "resume", "train", "variants",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ganzoo' has no attribute '{name}'")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"ganzoo.{module}"), attribute or name)
    globals()[name] = value  # a sub-module of the same name must not shadow it later
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
