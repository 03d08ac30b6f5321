"""What is in a model, without running it: spec, card, size, checksum, operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganzoo import onnx_file
from ganzoo.errors import GanzooError
from ganzoo.specs import GIVEN, GeneratorSpec, InputSpec


def inspect(path: str | Path) -> dict[str, Any]:
    """Plain data about a model: an .onnx file, a folder of them, a run or a checkpoint.

    A folder of .onnx files gives {"path", "generators": {name: ...}}. An .onnx file needs no torch.
    GanzooError, one sentence, for what is not a model.
    """
    place = Path(path)
    files = onnx_file.exported(place)
    if files and place.is_dir():
        found = [onnx_file.read(file) for file in files]
        return {"path": str(place), "generators": {file.spec.name: _onnx(file) for file in found}}
    if files:
        return _onnx(onnx_file.read(place))
    from ganzoo.folder import RunFolder
    from ganzoo.loading import load
    from ganzoo.state import read_meta

    sampler = load(place)
    return {
        "path": str(place),
        "card": sampler.card,
        "settled": RunFolder.open(place).read()["settled"] if place.is_dir() else read_meta(place)["settled"],
        "generators": {name: {**_spec(one.spec), "checksum": one.checksum} for name, one in sampler.generators.items()},
    }


def table(found: dict[str, Any], indent: str = "") -> str:
    """The same for a person: one line a fact."""
    lines = []
    for key, value in found.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}", table(value, indent + "  ")]
        elif value not in (None, "", {}, [], ()):
            shown = value
            if isinstance(value, list | tuple):  # sentences stand on lines of their own
                shown = ("\n" if any(" " in str(v) for v in value) else ", ").join(str(v) for v in value)
            below = "\n" + " " * (len(indent) + 13)
            lines.append(f"{indent}{key:<12} " + below.join(str(shown).splitlines()))
    return "\n".join(lines)


def _onnx(file: onnx_file.OnnxFile) -> dict[str, Any]:
    return {
        "path": str(file.path),
        **_spec(file.spec),
        "card": file.card,
        "format": onnx_file.FORMAT,
        "bytes": len(file.data),
        "checksum": file.checksum,
        "opset": file.opset,
        "operators": file.operators,
    }


def _spec(spec: GeneratorSpec) -> dict[str, Any]:
    made = f"{spec.output.kind} {list(spec.output.shape)}"
    if spec.output.kind == "image":
        made += f" in [{spec.output.range[0]:g}, {spec.output.range[1]:g}]"
    if spec.output.kind == "latent":
        made += f" for {spec.output.gives}"
    return {"generator": spec.name, "inputs": {i.name: _input(i) for i in spec.inputs}, "output": made}


def _input(spec: InputSpec) -> str:
    """One input in a line."""
    if spec.kind == "label":
        return f"label, {len(spec.classes)} classes: {', '.join(spec.classes[:20])}"
    if spec.kind == "scalar" and spec.range is not None:
        return f"scalar from {spec.range[0]:g} to {spec.range[1]:g}, by default {spec.default:g}"
    if spec.kind == "image":
        return f"image {list(spec.shape)}"
    if spec.kind == "latent" and spec.distribution == GIVEN:
        return f"latent {list(spec.shape)} made by another generator"
    if spec.kind == "latent":
        return f"latent {list(spec.shape)} from {spec.distribution}"
    raise GanzooError(f"input '{spec.name}' is of the unknown kind '{spec.kind}'")
