"""The text on the page: what a model is, and the same request for a program."""

from __future__ import annotations

import html
import json
import re
import shlex
from typing import Any

from ganzoo.app.guard import USER
from ganzoo.app.schema import told
from ganzoo.app.studio import Studio
from ganzoo.app.wishes import Wish
from ganzoo.feeds import parse_seeds, seed_ranges


def snippets(studio: Studio, wish: Wish, request: Any) -> list[str]:
    """[the request as JSON, Python, curl, command line]; `request` is Gradio's, for our own address."""
    spec = studio.sampler(wish.model).spec
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
        own = name in ("label", "truncation")
        words += [f"--{name}", str(value)] if own else ["--input", f"{name}={value}"]
    return " ".join(shlex.quote(w) for w in [*words, "-o", "samples.png"])


def card(studio: Studio, model: str) -> str:
    """A short table about a model."""
    sampler = studio.sampler(model)
    about, output = told(sampler.card), sampler.spec.output
    title = ": ".join(str(about[key]) for key in ("variant", "title") if about.get(key))
    made = "points" if output.kind == "points" else f"{output.shape[2]}×{output.shape[1]} pictures"
    rows = {
        "Variant": title,
        "Paper": about.get("paper"),
        "Data": about.get("data"),
        "Data licence": about.get("data_card", {}).get("licence"),
        "Steps": about.get("step"),
        "Makes": made,
        "Checksum": sampler.checksum[:12],
    }
    cells = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{_linked(str(value))}</td></tr>" for name, value in rows.items() if value
    )
    return f"<table>{cells}</table>"


def _linked(text: str) -> str:
    """Text as HTML; an arXiv number becomes a link."""
    safe = html.escape(text)
    link = r'<a href="https://arxiv.org/abs/\1" target="_blank" rel="noopener">arXiv:\1</a>'
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", link, safe)
