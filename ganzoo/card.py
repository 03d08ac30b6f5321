"""What a model's card says of how it was made: who played, in what order, and what was measured last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from ganzoo.game import Game, Turn


def played(game: Game, step: int) -> dict[str, Any]:
    """{"players": {name: its networks and size}, "turns": [a line each]} of a game that is at a step: the turns of all
    the steps that differ."""
    players = {}
    for name, player in game.players().items():
        networks = player.children() if isinstance(player, nn.ModuleList) else [player]
        named = [type(network).__name__ for network in networks if any(True for _ in network.parameters())]
        count = sum(parameter.numel() for parameter in player.parameters())
        players[name] = f"{' + '.join(named)}, {count:,} parameters"
    lines = []
    for at in game.rehearsals():
        game.at(at)
        turns = [turn if isinstance(turn, tuple) else (turn,) for turn in game.turns(at)]
        lines += [" and ".join(map(_line, together)) for together in turns]
    game.at(step)
    return {"players": players, "turns": list(dict.fromkeys(lines))}


def measured(rows: Iterable[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    """The newest of a run's rows: {"figures": what is measured at every row, "evaluated": the metric's own, where it
    was asked}; each says its step."""
    found: dict[str, Any] = {}
    for row in rows:
        judged = {name: value for name, value in row.items() if name.startswith(f"{metric}/")}
        found["figures"] = {name: value for name, value in row.items() if name not in judged}
        if judged:
            found["evaluated"] = {"step": row["step"], **judged}
    return found


def _line(turn: Turn) -> str:
    often = f", {turn.repeat} times" if turn.repeat > 1 else ""
    return f"{turn.player}{often}" + (f", every {turn.every} steps" if turn.every > 1 else "")
