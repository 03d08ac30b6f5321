"""Pictures on the page: files in the server's temporary folder, each of which carries its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ganzoo.app.scratch import stored
from ganzoo.app.wishes import by_seed
from ganzoo.files import canonical
from ganzoo.images import png_bytes
from ganzoo.sampler import Samples
from ganzoo.samples import CHUNK, one_each
from ganzoo.specs import GeneratorSpec

SMOOTH = 128
"""Pictures of so many pixels and more are not shown as squares of pixels."""


def gallery(name: str, columns: int, label: str, **options: Any) -> Any:
    """An empty gallery; options as Gradio's."""
    return gr.Gallery(
        label=label, show_label=False, format="png", columns=columns, height="auto", interactive=False,
        object_fit="contain", elem_id=name, elem_classes="gallery",
        **{"buttons": ["download", "fullscreen"], **options},
    )  # fmt: skip


def row(name: str, columns: int, label: str) -> Any:
    """An empty gallery of a row or two, whose pictures are clicked and not enlarged: there is no room for it."""
    return gallery(name, columns, label, buttons=[], allow_preview=False)


def classes_of(spec: GeneratorSpec, count: int = 0) -> list[str]:
    """What the style sheet must know of an output, and of how many pictures there are if it is one."""
    points = spec.output.kind == "points"
    named = {"points": points, "smooth": points or min(spec.output.shape[1:]) >= SMOOTH, "one": count == 1}
    return ["gallery", *(name for name, so in named.items() if so)]


def pictures(folder: Path, samples: Samples) -> list[tuple[str, str]]:
    """Each picture over its seed, behind its class if each has its own; points as one scatter plot."""
    if samples.spec.output.kind == "points":
        return [(stored(folder, "points.png", samples.png()), f"{len(samples)} points")]
    each = one_each(samples).values()
    captions = [" · ".join([*(str(v[k]) for v in each), str(seed)]) for k, seed in enumerate(samples.seeds)]
    captions = captions if by_seed(samples.spec) else ["output"] * len(samples)
    return [(stored(folder, f"seed-{s}.png", samples.png(k)), captions[k]) for k, s in enumerate(samples.seeds)]


def placed(
    folder: Path, samples: Samples, places: Sequence[str], given: Mapping[str, Any], captions: Sequence[str]
) -> list[tuple[str, str]]:
    """Pictures of places in latent space; each carries its place."""
    found = []
    for k, place in enumerate(places):
        about = {"model": samples.settings["model"], "generator": samples.spec.name, "call": "place"}
        chunk = canonical({**about, "arguments": {"place": place, **given}})
        found.append((stored(folder, f"picture-{k}.png", png_bytes(samples.picture(k), {CHUNK: chunk})), captions[k]))
    return found
