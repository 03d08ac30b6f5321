"""Results of a suite as files: DIR/<suite>.json, .md, .csv and .png; and the gallery of docs.

They name versions and the kind of machine, no path and no host.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzoo.bench.display import figures_of, number, title
from ganzoo.bench.runner import Desk, Row
from ganzoo.bench.suites import Suite, Trial
from ganzoo.data import open_source
from ganzoo.evaluation import fitting, sign
from ganzoo.files import atomic, read_json, write_bytes, write_json, write_text

FORMAT = 1
FACTS = ("D steps", "G steps", "images", "seconds", "CPU s")

Beside = dict[str, dict[str, Any]]


def beside(trial: Trial, known: Mapping[str, Any]) -> Beside:
    """By a trial's data and metric: its rule, how many samples it takes, and what its figures stand beside. What a
    summary already has is not measured again."""
    data = str(trial.recipe.data["name"])
    found = {key: known[key] for m in trial.suite.metrics if (key := f"{data}/{m}") in known}
    if missing := [m for m in trial.suite.metrics if f"{data}/{m}" not in found]:
        options = {key: value for key, value in trial.recipe.data.items() if key != "name"}
        for m in fitting(open_source(data, **options), missing):
            figures = {label: dict(values) for label, values in m.beside().items()}
            found[f"{data}/{m.name}"] = {"samples": m.samples, "protocol": m.protocol, "figures": figures}
    return found


def current(trials: Sequence[Trial], rows: Mapping[str, Row]) -> list[Row]:
    """The rows of a table: of each trial its own; where it has none, one of an older recipe, marked so; and those
    of variants and seeds that are not among the trials, for they may belong to a plugin that is not here."""
    by_place: dict[tuple[str, int], Row] = {}
    for row in rows.values():
        by_place[row["variant"], row["seed"]] = {**row, "current": False}
    for trial in trials:
        if trial.id in rows:
            by_place[trial.variant, trial.seed] = {**rows[trial.id], "current": True}
    return [by_place[place] for place in sorted(by_place)]


def write(suite: Suite, trials: Sequence[Trial], desk: Desk, command: str) -> list[Path]:
    """Write the four files from what is known; `trials` are all of the suite's. Returns their paths."""
    place = desk.out / f"{suite.name}.json"
    known = read_json(place)["beside"] if place.exists() else {}
    played = desk.rows()
    rows = current(trials, played)
    own = [trial for trial in trials if trial.seed in suite.seeds]
    summary = {
        "format": FORMAT, "suite": suite.name, "what": suite.what, "command": command,
        "of": len(own), "waiting": sum(trial.id not in played for trial in own),
        "protocol": suite.protocol, "beside": beside(trials[0], known) if trials else {}, "trials": rows,
        "adapted": sorted({trial.variant for trial in trials if trial.adapted}),
    }  # fmt: skip
    write_json(place, summary)
    write_text(place.with_suffix(".md"), markdown(suite, summary))
    write_text(place.with_suffix(".csv"), table_csv(suite, rows))
    if suite.shown and ranked(suite, rows):
        plot(suite, rows, place.with_suffix(".png"))
        return [place.with_suffix(suffix) for suffix in (".json", ".md", ".csv", ".png")]
    return [place.with_suffix(suffix) for suffix in (".json", ".md", ".csv")]


def facts(row: Row) -> dict[str, float]:
    """What a row says beside its figures."""
    others = [count for player, count in row["moves"].items() if player != "D"]
    return {
        "D steps": row["moves"].get("D", 0), "G steps": max(others, default=0), "images": row["images"],
        "seconds": row["seconds"], "CPU s": row["cpu_seconds"],
    }  # fmt: skip


def spread(values: Sequence[float]) -> str:
    """The mean, and with several values ± their standard deviation."""
    mean = statistics.fmean(values)
    return number(mean) if len(values) == 1 else f"{mean:.3g} ± {statistics.stdev(values):.2g}"


def ranked(suite: Suite, rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Variants with their rows that are done and have every figure shown, best first by these, in their order."""
    signs = {name: sign(name) for name in suite.shown}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == "done" and row["figures"].keys() >= set(suite.shown):
            found[row["variant"]].append(row)

    def key(item: tuple[str, list[Row]]) -> list[Any]:
        means = {name: statistics.fmean(row["figures"][name] for row in item[1]) for name in suite.shown}
        return [*(-signs[name] * mean for name, mean in means.items()), item[0]]

    return sorted(found.items(), key=key)


def markdown(suite: Suite, summary: Mapping[str, Any]) -> str:
    """The table for people."""
    rows = summary["trials"]
    heads = [title(name) for name in suite.shown]
    lines = [f"# bench {suite.name}", "", f"{suite.what[0].upper()}{suite.what[1:]}.", ""]
    lines += ["```", summary["command"], "```", ""]
    columns = ["variant", "seeds", *heads, *FACTS]
    lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for variant, own in ranked(suite, rows):
        figures = [spread([row["figures"][name] for row in own]) for name in suite.shown]
        about = [f"{statistics.fmean(facts(row)[name] for row in own):,.0f}" for name in FACTS]
        mark = "" if all(row["current"] for row in own) else " †"
        mark += " §" if variant in summary["adapted"] else ""
        mark += "" if all(row["steps"] >= row["of"] for row in own) else " ‡"
        lines.append(f"| {variant}{mark} | {len(own)} | " + " | ".join([*figures, *about]) + " |")
    lines.append("")
    if any(len(own) > 1 for _, own in ranked(suite, rows)):
        lines.append("Mean ± standard deviation over seeds.")
    lines.append(
        "D and G steps: how often each optimiser moved (G: any player but D). Images: real ones in D's minibatches. "
        "Seconds: of training, in one slot beside whatever else the machine did; CPU s: of all its threads."
    )
    if suite.caution:
        lines.append(suite.caution)
    if summary["waiting"]:
        share = f"{summary['waiting']} of {summary['of']} trials"
        lines.append(f"Not all is played: {share} are missing, and the same command plays them.")
    if any(not row["current"] for row in rows):
        lines.append("† its recipe has changed since, or it is not among the variants here.")
    if any(row["variant"] in summary["adapted"] for row in rows):
        lines.append("§ its recipe has numbers of its own for this suite, such as learning rates, averages, a penalty.")
    if any(row["status"] == "done" and row["steps"] < row["of"] for row in rows):
        lines.append("‡ stopped by the time limit before its recipe's last step, saved, and judged as it was.")
    if theirs := _own_figures(suite, rows):
        lines += ["", "## By their own metrics", "", *theirs]
    for status, head in (("unfit", "Cannot be built this way"), ("failed", "Failed")):
        bad = [row for row in rows if row["status"] == status]
        said: dict[str, list[str]] = defaultdict(list)
        for row in bad:
            said[f"{row['variant']}: {row['error']}"].append(str(row["seed"]))
        if bad:
            lines += ["", f"## {head}", ""]
            lines += [f"- {sentence} (seed {', '.join(seeds)})" for sentence, seeds in said.items()]
    for name, about in summary["beside"].items():
        samples = f"{about['samples']:,} samples; " if about["samples"] else ""  # none: of a whole model
        lines += ["", f"## Beside {name}", "", f"{samples}{about['protocol']}.", ""]
        figures = list(next(iter(about["figures"].values()), {}))
        if figures:
            lines += ["| | " + " | ".join(title("/" + f) for f in figures) + " |", "|---" * (len(figures) + 1) + "|"]
        for label, values in about["figures"].items():
            lines.append(f"| {label} | " + " | ".join(number(values[f]) for f in figures) + " |")
    kinds = dict.fromkeys(machine(row) for row in rows if row["status"] == "done")
    lines += ["", "## Machine", "", *[f"- {kind}" for kind in kinds]]
    return "\n".join(lines).rstrip() + "\n"


def _own_figures(suite: Suite, rows: Sequence[Row]) -> list[str]:
    """A line for each variant that has figures of a metric of its own, beside the suite's."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        for name, value in row.get("figures", {}).items():
            if name.partition("/")[0] not in suite.metrics:
                found.setdefault(row["variant"], {}).setdefault(name, []).append(value)
    return [
        f"- {variant}: " + ", ".join(f"{title(name)} {spread(values)}" for name, values in figures.items())
        for variant, figures in sorted(found.items())
    ]


def machine(row: Row) -> str:
    """The machine and the versions of a row, in a line."""
    about = row["machine"]
    told = ", ".join(f"{name} {version}" for name, version in row["versions"].items() if name != "machine")
    return f"{about['processor']}, {about['cores']} cores, {about['system']}; {told}"


def table_csv(suite: Suite, rows: Sequence[Row]) -> str:
    """A line for each trial."""
    figures = sorted({name for row in rows if row["status"] == "done" for name in row["figures"]})
    head = ["variant", "data", "seed", "status", "steps", "of", *FACTS, *figures, "trial", "current", "error"]
    out = io.StringIO()
    sheet = csv.DictWriter(out, head, lineterminator="\n", restval="")
    sheet.writeheader()
    for row in rows:
        line = {key: row[key] for key in ("variant", "data", "seed", "status", "trial", "current")}
        line |= {"error": row.get("error", "")}
        if row["status"] == "done":
            line |= {"steps": row["steps"], "of": row["of"], **facts(row), **row["figures"]}
        sheet.writerow(line)
    return out.getvalue()


def plot(suite: Suite, rows: Sequence[Row], path: Path) -> None:
    """Each figure of the table as a panel: a dot for the mean of each variant, a line from least to most over its
    seeds, small dots for the seeds themselves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    order = list(reversed(ranked(suite, rows)))
    figure = Figure(figsize=(3.4 * len(suite.shown) + 1.6, 0.24 * len(order) + 1.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(suite.shown), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, suite.shown):
        for place, (_, own) in enumerate(order):
            values = [row["figures"][name] for row in own]
            axes.plot([min(values), max(values)], [place, place], color="#9db7d5", linewidth=3, solid_capstyle="round")
            axes.plot(values, [place] * len(values), ".", color="#2563a8", markersize=4)
            axes.plot(statistics.fmean(values), place, "o", color="#2563a8", markersize=6)
        if sign(name) < 0 and min(row["figures"][name] for _, own in order for row in own) > 0:
            axes.set_xscale("log")
        axes.set_title(title(name), fontsize=10)
        axes.grid(axis="x", color="#e4e4e4")
        axes.tick_params(labelsize=8)
    panels[0].set_yticks(range(len(order)), [variant for variant, _ in order])
    figure.suptitle(f"bench {suite.name}", fontsize=11, fontweight="bold")
    with atomic(path) as aside:
        figure.savefig(aside, format="png", metadata={"Software": None})


def gallery(suite: Suite, trials: Sequence[Trial], desk: Desk, docs: Path) -> Path:
    """docs/gallery.md, with docs/gallery/VARIANT.png for each variant that has a picture: that of its first seed.
    A picture that is there already stays where the trial's own is not at hand."""
    (docs / "gallery").mkdir(parents=True, exist_ok=True)
    rows = {row["variant"]: row for row in reversed(current(trials, desk.rows())) if row["status"] == "done"}
    about = f"Samples of every variant after `ganzoo bench {suite.name}`: {suite.what}. What the figures mean: [bench]"
    lines = ["# Gallery", "", f"{about}(bench.md).", ""]
    for variant, row in sorted(rows.items()):
        name = variant.replace("/", "_") + ".png"
        picture = desk.folder / f"{row['id']}.png"
        if picture.exists():
            write_bytes(docs / "gallery" / name, picture.read_bytes())
        if (docs / "gallery" / name).exists():
            known = [", ".join(figures_of(suite, row)), f"{row['steps']:,} steps, seed {row['seed']}"]
            lines += [f"## {variant}", "", "; ".join(filter(None, known)), ""]
            lines += [f"![samples of {variant}](gallery/{name})", ""]
    write_text(docs / "gallery.md", "\n".join(lines).rstrip() + "\n")
    return docs / "gallery.md"
