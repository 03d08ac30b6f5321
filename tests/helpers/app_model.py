"""Tiny generators in ONNX, made by hand: z -> MatMul (+ class, x truncation) -> Reshape -> Tanh, and others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from ganzoo import onnx_file
from ganzoo.files import canonical
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec

CARD = {"variant": "vanilla", "title": "Vanilla <GAN>", "paper": "Goodfellow et al. 2014 (arXiv:1406.2661)",
        "data": "digits", "data_card": {"licence": "CC BY-SA 3.0"}, "step": 1000}  # fmt: skip
LAYERS = 4


def tiny(path: Path, kind: str = "plain", seed: int = 0, *, default: bool | None = None) -> Path:
    """Writes a generator: 'plain' grey pictures, 'conditional' with a class and a truncation, 'points', 'coded' with
    a code of one number, 'picture', which starts from a picture and darkens it, or 'styled': a folder of two,
    z, psi -> w -> picture. `default`: whether it is the generator that its folder opens with; of 'styled' the
    synthesis is."""
    if kind == "styled":
        return _styled(path, seed, default is not False)
    rng = np.random.default_rng(seed)
    shape = (2,) if kind == "points" else (1, 8, 8)
    weights = {"W": rng.normal(size=(4, int(np.prod(shape)))).astype("f4")}
    inputs = [InputSpec("z", shape=(4,), range=(-2.0, 2.0) if kind == "plain" else None)]
    nodes, last = [helper.make_node("MatMul", ["z", "W"], ["a"])], "a"
    if kind == "conditional":
        inputs.append(InputSpec("y", "label", classes=("cat", "dog", "3"), doc="What it shows."))
        inputs.append(InputSpec("truncation", "scalar", distribution="given", range=(0.0, 1.5), default=1.0))
        weights["E"] = rng.normal(size=(3, 64)).astype("f4")
        nodes.append(helper.make_node("Gather", ["E", "y"], ["e"]))
        nodes.append(helper.make_node("Add", ["a", "e"], ["b"]))
        nodes.append(helper.make_node("Mul", ["b", "truncation"], ["c"]))
        last = "c"
    if kind == "coded":
        inputs.append(InputSpec("c2", shape=(1,), distribution="uniform", range=(-1.0, 1.0), doc="A code."))
        weights["C"] = rng.normal(size=(1, 64)).astype("f4")
        nodes.append(helper.make_node("MatMul", ["c2", "C"], ["e"]))
        nodes.append(helper.make_node("Add", ["a", "e"], ["b"]))
        last = "b"
    if kind == "picture":
        inputs = [InputSpec("photo", "image", shape=shape, distribution="given", range=(-1.0, 1.0))]
        nodes, last, weights = [], "photo", {}
    output = OutputSpec("points" if kind == "points" else "image", shape)
    return _write(path, GeneratorSpec("G", tuple(inputs), output), nodes, weights, last, True, bool(default))


def _styled(path: Path, seed: int, default: bool) -> Path:
    """mapping: z, psi -> w, each layer alike; synthesis: w -> picture, layer l filling two rows of it."""
    rng = np.random.default_rng(seed)
    path.mkdir()
    w = (LAYERS, 4)
    psi = InputSpec("psi", "scalar", distribution="given", range=(0.0, 1.0), default=1.0, doc="Less: nearer the mean.")
    mapping = GeneratorSpec("mapping", (InputSpec("z", shape=(4,)), psi), OutputSpec("latent", w, gives="w"))
    nodes = [
        helper.make_node("MatMul", ["z", "M"], ["a"]),
        helper.make_node("Mul", ["a", "psi"], ["b"]),
        helper.make_node("Tile", ["b", "repeats"], ["c"]),
    ]
    weights = {"M": rng.normal(size=(4, 4)).astype("f4"), "repeats": np.asarray([1, LAYERS])}
    _write(path / "mapping.onnx", mapping, nodes, weights, "c")
    synthesis = GeneratorSpec(
        "synthesis", (InputSpec("w", shape=w, distribution="given"),), OutputSpec("image", (1, 8, 8))
    )
    nodes = [helper.make_node("MatMul", ["w", "S"], ["a"])]
    _write(path / "synthesis.onnx", synthesis, nodes, {"S": rng.normal(size=(4, 16)).astype("f4")}, "a", True, default)
    return path


def _write(
    path: Path, spec: GeneratorSpec, nodes: list[Any], weights: dict[str, Any], last: str,
    squash: bool = False, default: bool = False,
) -> Path:  # fmt: skip
    """An ONNX file of ganzoo's: these nodes, then Reshape, and Tanh where it is a picture or points."""
    out, shape = onnx_file.output_name(spec), spec.output.shape
    nodes = [*nodes, helper.make_node("Reshape", [last, "shape"], ["r"])]
    nodes.append(helper.make_node("Tanh" if squash else "Identity", ["r"], [out]))
    weights = {**weights, "shape": np.asarray([-1, *shape], dtype="i8")}
    types = {"label": TensorProto.INT64}
    values = [
        helper.make_tensor_value_info(
            i.name, types.get(i.kind, TensorProto.FLOAT), [] if i.kind == "scalar" else ["n", *i.shape]
        )
        for i in spec.inputs
    ]
    graph = helper.make_graph(
        nodes, "g", values, [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["n", *shape])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10, producer_name="ganzoo")
    about = {"format": onnx_file.FORMAT, "spec": spec.to_json(), **CARD, "default": default}
    model.metadata_props.add(key="ganzoo", value=canonical(about))
    data = model.SerializeToString(deterministic=True)
    path.write_bytes(data + onnx_file.trailer(data))
    return path
