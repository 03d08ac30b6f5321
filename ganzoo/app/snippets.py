"""The text on the page: what a model is, and the same request for a program."""

from __future__ import annotations

import html
import json
import re
import shlex
from typing import Any

from ganzoo.app.guard import USER
from ganzoo.app.schema import public_card
from ganzoo.app.studio import Studio
from ganzoo.app.wishes import Wish
from ganzoo.feeds import parse_seeds, seed_ranges


def snippets(studio: Studio, wish: Wish, request: Any) -> list[str]:
    """[the request as JSON, Python, curl, command line]; `request` is Gradio's, for our own address."""
    spec = studio.spec(wish.model)
    pictures = {i.name for i in spec.of_kind("image")}
    seeds = list(wish.asked["seeds"])
    given = {k: v for k, v in wish.asked.items() if k not in ("model", "seeds")}
    straight = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    which: dict[str, Any] = {"n": len(seeds), "seed": seeds[0]} if straight else {"seeds": seed_ranges(seeds)}
    named = {} if wish.model == studio.default else {"model": wish.model}
    asked = {**named, **which, **given}
    files = {k: f"{k}.png" if k in pictures else v for k, v in given.items()}
    posted = {**asked, **{k: f"<{k}.png in base64>" for k in pictures & set(given)}}
    return [
        json.dumps({"model": wish.model, **asked}),
        _python(studio.files[wish.model], _generator(studio, wish), which, files),
        _curl(request, studio.root, posted),
        _line(studio.files[wish.model], _generator(studio, wish), which, files),
    ]


def _generator(studio: Studio, wish: Wish) -> str | None:
    """Its name, where the model has several."""
    sampler = studio.sampler(wish.model)
    return sampler.spec.name if len(sampler.generators) > 1 else None


def _python(file: str, generator: str | None, which: dict[str, Any], given: dict[str, Any]) -> str:
    first = f"{which['n']}, seed={which['seed']}" if "n" in which else f"seeds={parse_seeds(which['seeds'])}"
    more = "".join(f", {name}={value!r}" for name, value in given.items())
    chosen = f", generator={generator!r}" if generator else ""
    return (
        f"import ganzoo\n\nsampler = ganzoo.load({file!r}{chosen})\n"
        f'samples = sampler.sample({first}{more})\nsamples.save("samples.png")'
    )


def _curl(request: Any, root: str, asked: dict[str, Any]) -> str:
    host = request.headers.get("host", "")
    host = host if re.fullmatch(r"[A-Za-z0-9.\-\[\]:]{1,200}", host) else "127.0.0.1:7860"
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
    user = f" -u {USER}" if request.headers.get("authorization") else ""
    body = shlex.quote(json.dumps(asked))
    return (
        f"curl{user} {shlex.quote(f'{scheme}://{host}{root}/v1/sample')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d {body} -o samples.png"
    )


def _line(file: str, generator: str | None, which: dict[str, Any], given: dict[str, Any]) -> str:
    words = ["ganzoo", "sample", file]
    straight = "n" in which
    words += ["-n", str(which["n"]), "--seed", str(which["seed"])] if straight else ["--seeds", which["seeds"]]
    words += ["--generator", generator] if generator else []
    for name, value in given.items():
        own = name in ("label", "truncation") and not isinstance(value, list)
        words += [f"--{name}", str(value)] if own else ["--input", f"{name}={value}"]
    return " ".join(shlex.quote(w) for w in [*words, "-o", "samples.png"])


def in_short(studio: Studio, model: str) -> str:
    """What a model does, in a sentence for who has never heard of it; HTML."""
    spec, data = studio.spec(model), public_card(studio.sampler(model).card).get("data", "")
    source = html.escape(str(data).rpartition(":")[2])
    like = f" like those of {source}" if source else ""
    if spec.of_kind("image"):
        return f"This model makes a picture of yours{f', as it learned from {source}' if source else ''}."
    made = "points" if spec.output.kind == "points" else "pictures"
    return f"This model makes up {made}{like}. Each comes from a number, its seed, and is the same every time."


def card(studio: Studio, model: str) -> str:
    """Two tables about a model, as HTML: what it is, and for those who know GANs how it was made."""
    sampler = studio.sampler(model)
    about, spec = public_card(sampler.card), sampler.spec
    data = about.get("data_card", {})
    made = "points" if spec.output.kind == "points" else f"{spec.output.shape[2]}×{spec.output.shape[1]} pictures"
    what = {
        "Makes": made,
        "Takes": _text(", ".join(f"{i.name} ({i.kind})" for i in spec.inputs)),
        "Learned from": _text(about.get("data")),
        "Origin": _text(data.get("origin")),
        "Data licence": _text(data.get("licence")),
        "Steps": f"{about['step']:,}" if isinstance(about.get("step"), int) else "",
        "Checksum": f"<code>{sampler.checksum}</code>",
    }
    how = {
        "Variant": _text(": ".join(str(about[key]) for key in ("variant", "title") if about.get(key))),
        "Paper": _text(about.get("paper")),
        "Formula": f"<pre>{_text(about.get('formula'))}</pre>" if about.get("formula") else "",
        "Players": _list(about.get("players")),
        "Turns of a step": _list(about.get("turns")),
        "Not as in the paper": _list(about.get("deviations")),
        "Figures": _figures(about.get("figures")),
        "Evaluated": _figures(about.get("evaluated")),
        "Weights": _text(about.get("weights")),
        "Seed": _text(about.get("seed")),
        "Made with": _text(", ".join(f"{k} {v}" for k, v in about.get("versions", {}).items())),
    }
    return _table("What it is", what) + _table("How it was made", how)


def _table(title: str, rows: dict[str, str]) -> str:
    cells = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows.items() if value)
    return f"<h2>{title}</h2><table>{cells}</table>" if cells else ""


def _list(value: Any) -> str:
    """A list or a mapping as HTML, one line each; anything else as text."""
    if isinstance(value, dict):
        value = [f"{name}: {what}" for name, what in value.items()]
    if isinstance(value, list) and value:
        return "<ul>" + "".join(f"<li>{_text(one)}</li>" for one in value) + "</ul>"
    return _text(value)


def _figures(value: Any) -> str:
    """A row of metrics as HTML, one line each, under the step it is of."""
    numbers = {k: v for k, v in value.items() if isinstance(v, int | float)} if isinstance(value, dict) else {}
    at = [f"at step {numbers['step']:,}"] if "step" in numbers else []
    names = sorted(numbers.keys() - {"step", "images"}, key=lambda name: (name != "V", name))
    return _list([*at, *(f"{name} {numbers[name]:.4g}" for name in names)])


def _text(value: Any) -> str:
    return "" if value in (None, [], {}) else _linked(str(value))


def _linked(text: str) -> str:
    """Text as HTML; an arXiv number and an address become links."""

    def link(found: re.Match[str]) -> str:
        address = f"https://arxiv.org/abs/{found[1]}" if found[1] else found[0]
        return f'<a href="{address}" target="_blank" rel="noopener">{found[0]}</a>'

    return re.sub(r"arXiv:(\d{4}\.\d{4,5})|https?://[^\s<>\"'&]+[^\s<>\"'&.,;:)]", link, html.escape(text))
