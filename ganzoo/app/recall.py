"""Settings that travel: in the address of the page, and in the pictures that it saves.

Both are read as untrusted. What is wrong is said, and nothing on the page changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ganzoo.app.studio import Studio
from ganzoo.app.wishes import MOST, seed_list
from ganzoo.errors import InputError
from ganzoo.feeds import seed_ranges
from ganzoo.specs import GeneratorSpec

ANY, EACH = "*", "**"
"""Values of a class's widget: as the seed says; every class in turn."""
LONGEST = 8000
"""Characters of the text in a PNG."""
SEEDS = 800
"""Characters of a list of seeds: any 64 fit, which is as many pictures as the page shows."""


def to_address(settings: Mapping[str, Any]) -> str:
    """Settings as the query of an address; pictures are too large for one."""
    return "?" + urlencode({k: v for k, v in settings.items() if len(str(v)) <= SEEDS}, safe="*,:")


def from_picture(studio: Studio, text: Any) -> dict[str, Any]:
    """The settings in the text chunk of a PNG; InputError, in a sentence for the visitor."""
    try:
        found = json.loads(text) if isinstance(text, str) and len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("arguments"), dict):
        raise InputError("picture", "this picture carries no settings; one that this page or ganzoo saved is needed")
    checksum, arguments = str(found.get("model")), dict(found["arguments"])
    names = [name for name, sampler in studio.samplers.items() if sampler.checksum == checksum]
    if not names:
        raise InputError("picture", f"this picture was made by a model that is not served here ({checksum[:12]})")
    settings = {"model": names[0]}
    if found.get("call") == "place":
        return {**settings, **arguments}
    if found.get("call") != "sample":
        raise InputError("picture", f"this picture is part of a {str(found.get('call'))[:20]}, which has no seed")
    spec = studio.spec(names[0])
    many = seed_list(str(arguments.pop("seeds", "")), MOST[spec.output.kind])
    latents = {one.name for one in spec.of_kind("latent")}
    for name, value in arguments.items():
        owner = _owner(spec, name)
        if owner in latents and value is None:
            raise InputError("picture", f"this picture was made from a {name} of its own, which it does not carry")
        if isinstance(value, list) and owner not in latents:
            many = _apart(spec, owner, many, value)
            value = EACH
        settings[owner] = value
    if many == list(range(many[0], many[0] + len(many))):
        return {**settings, "seed": str(many[0]), "n": len(many)}
    listed = seed_ranges(many)
    if len(listed) > SEEDS:
        raise InputError("picture", f"this picture is of {len(many)} seeds, more than the page shows")
    return {**settings, "seed": listed}


def in_turn(classes: tuple[str, ...], seeds: list[int]) -> tuple[list[int], list[str]]:
    """(seeds, classes) of a table with a row for each seed and a column for each class."""
    return [s for s in seeds for _ in classes], [c for _ in seeds for c in classes]


def _apart(spec: GeneratorSpec, name: str, seeds: list[int], labels: list[Any]) -> list[int]:
    """The seeds of such a table; InputError if it is none."""
    classes = next((i.classes for i in spec.of_kind("label") if i.name == name), ())
    rows = list(dict.fromkeys(seeds))
    if not classes or in_turn(classes, rows) != (seeds, labels):
        raise InputError("picture", f"this picture has a {name} for each part, which the page has no control for")
    return rows


def _owner(spec: GeneratorSpec, name: str) -> str:
    """The name of the input that 'label' or 'truncation' stand for."""
    if name == "label" and spec.of_kind("label"):
        return spec.of_kind("label")[0].name
    return name


READ = """
async () => {
  const chosen = window.ganzooDropped;
  window.ganzooDropped = null;
  const file = chosen || await new Promise((done) => {
    const box = document.createElement("input");
    box.type = "file";
    box.accept = "image/png";
    box.onchange = () => done(box.files[0]);
    box.oncancel = () => done(null);
    box.click();
  });
  if (!file) return null;
  const bytes = new Uint8Array(await file.slice(0, 1 << 25).arrayBuffer());
  const said = (part, code) => new TextDecoder(code).decode(part);
  if (said(bytes.subarray(1, 4), "latin1") !== "PNG") return "";
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const kind = said(bytes.subarray(at + 4, at + 8), "latin1");
    const data = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const end = data.indexOf(0);
    if (!["tEXt", "iTXt"].includes(kind) || said(data.subarray(0, end), "latin1") !== "ganzoo") continue;
    if (kind === "tEXt") return said(data.subarray(end + 1), "latin1").slice(0, LONGEST + 1);
    const text = data.subarray(data.indexOf(0, data.indexOf(0, end + 3) + 1) + 1);
    return said(text, "utf-8").slice(0, LONGEST + 1);
  }
  return "";
}
""".replace("LONGEST", str(LONGEST))
"""Reads the text chunk of a PNG that was dropped or is chosen now; the picture itself never leaves the browser."""

DROP = """
<script>
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  if (event.target.closest && event.target.closest(".inputs")) return;
  event.preventDefault();
  const file = event.dataTransfer && event.dataTransfer.files[0];
  if (!file) return;
  if (event.target.closest("#hint")) {
    const boxes = [...document.querySelectorAll(".inputs input[type=file]")];
    const box = boxes.find((one) => one.closest(".inputs").offsetParent);
    box.files = event.dataTransfer.files;
    box.dispatchEvent(new Event("change", {bubbles: true}));
    return;
  }
  window.ganzooDropped = file;
  document.querySelector("#recall").click();
});
</script>
"""
"""A picture may be dropped anywhere; on the box of a picture that a model starts from, or on the hint that asks for
one, it is that picture."""

ADDRESS = '(query) => { if (query) history.replaceState(null, "", location.pathname + query); }'
"""Puts the settings into the address of the page."""
