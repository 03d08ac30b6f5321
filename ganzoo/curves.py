"""The numbers of a run as one picture of small panels.

V with the value it has when nobody can tell the samples from the data, what D says of both, each player's
costs, gradient norms, and whatever else was measured. The same rows give the same bytes.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.files import atomic

OPTIMUM = -math.log(4)
"""V(D, G) at the end of the game: D(x) = D(G(z)) = 1/2 (Goodfellow et al. 2014, Theorem 1)."""
COLORS = ("#2563a8", "#d1622b", "#3c8d40", "#8a4fa3", "#b8860b", "#5f6b76", "#c2408a", "#159a9c")
BELIEFS = ("D(x)", "D(G(z))")
NORM = "/grad_norm"
LEAST = 12
"""Shorter series are not smoothed."""

Series = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps, values


def draw(rows: Sequence[Mapping[str, Any]], path: str | Path, title: str) -> None:
    """Writes the curves of `rows` (as in metrics.jsonl) as a PNG; SpaceError where it cannot be written."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = panels(series(rows))
    columns = min(3, max(1, len(found)))
    lines = max(1, math.ceil(len(found) / columns))
    fixed = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")}
    with matplotlib.rc_context(fixed):  # whatever the user's matplotlibrc says
        figure = Figure(figsize=(4.0 * columns, 2.7 * lines + 0.5), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(title, fontsize=12, fontweight="bold", color="#222222")
        grid = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, (name, members) in zip(grid, found):
            _panel(axes, name, members)
        for axes in grid[len(found) :]:
            axes.set_axis_off()
        with atomic(path) as aside:
            figure.savefig(aside, format="png", metadata={"Software": None})


def series(rows: Sequence[Mapping[str, Any]]) -> dict[str, Series]:
    """Each measured number over the steps; what is not a finite number is left out."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            if name not in ("step", "images") and isinstance(value, int | float) and math.isfinite(value):
                found[name].append((float(row["step"]), float(value)))
    return {name: (np.array(points)[:, 0], np.array(points)[:, 1]) for name, points in found.items()}


def panels(found: Mapping[str, Series]) -> list[tuple[str, dict[str, Series]]]:
    """What is drawn together, in order: V, D's beliefs, each player's costs, gradient norms, the rest."""
    together: dict[str, dict[str, Series]] = {}
    if "V" in found:
        together["V(D, G)"] = {"V": found["V"]}
    if beliefs := {name: found[name] for name in BELIEFS if name in found}:
        together["what D believes"] = beliefs
    norms = {name.removesuffix(NORM): points for name, points in found.items() if name.endswith(NORM)}
    rest = [name for name in found if name != "V" and name not in BELIEFS and not name.endswith(NORM)]
    costs = [name for name in rest if name.partition("/")[0] in norms]
    for name in costs:
        owner, _, what = name.partition("/")
        together.setdefault(f"cost of {owner}", {})[what] = found[name]
    if norms:
        together["gradient norms"] = norms
    for name in rest:
        if name not in costs:
            together[name.replace("/", ": ")] = {"": found[name]}
    return list(together.items())


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A centred mean over about a fifteenth of the series, of what there is of it at the ends."""
    half = max(2, len(values) // 30)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    low, high = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    mean: NDArray[np.float64] = (sums[high] - sums[low]) / (high - low)
    return mean


def _panel(axes: Any, name: str, members: Mapping[str, Series]) -> None:
    """One small diagram: raw numbers faint, their running mean strong."""
    logarithmic = name == "gradient norms" and all((values > 0).all() for _, values in members.values())
    for (label, (steps, values)), color in zip(members.items(), COLORS * (1 + len(members) // len(COLORS))):
        if len(values) < LEAST:
            axes.plot(steps, values, color=color, linewidth=1.5, marker="o", markersize=3, label=label)
            continue
        axes.plot(steps, values, color=color, linewidth=0.7, alpha=0.3)
        mean = np.exp(smooth(np.log(values))) if logarithmic else smooth(values)
        axes.plot(steps, mean, color=color, linewidth=1.6, label=label)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        low, high = axes.get_ylim()
        if high < 300 * low:
            axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
        else:
            axes.yaxis.set_minor_formatter(lambda value, _: "")
        axes.tick_params(which="minor", labelsize=7, colors="#888888")
    if name == "V(D, G)":
        axes.axhline(OPTIMUM, color="#444444", linewidth=1.0, linestyle=(0, (4, 3)), label="optimum −log 4")
    if name == "what D believes":
        axes.axhline(0.5, color="#444444", linewidth=1.0, linestyle=(0, (4, 3)), label="cannot tell: ½")
        axes.set_ylim(-0.02, 1.02)
    axes.set_title(name, fontsize=10, loc="left", color="#222222")
    axes.set_xlabel("step", fontsize=8, color="#555555")
    axes.tick_params(labelsize=8, colors="#555555", length=3)
    axes.xaxis.get_major_locator().set_params(nbins=5)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(color="#e6e6e6", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.set_xlim(left=0)
    if any(members):
        axes.legend(fontsize=8, loc="best", framealpha=0.85, edgecolor="none")
