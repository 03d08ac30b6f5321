"""A tiny generator in ONNX, made by hand: z -> MatMul (+ class, x truncation) -> Reshape -> Tanh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from ganzoo import onnx_file
from ganzoo.files import canonical
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec

CARD = {"variant": "vanilla", "title": "Vanilla <GAN>", "paper": "Goodfellow et al. 2014 (arXiv:1406.2661)",
        "data": "digits", "data_card": {"licence": "CC BY-SA 3.0"}, "step": 1000}  # fmt: skip


def tiny(path: Path, kind: str = "plain") -> Path:
    """Writes a generator: 'plain' grey pictures, 'conditional' with a class and a truncation, 'points', or
    'picture', which starts from a picture and darkens it."""
    rng = np.random.default_rng(0)
    shape = (2,) if kind == "points" else (1, 8, 8)
    weights = {"W": rng.normal(size=(4, int(np.prod(shape)))).astype("f4")}
    inputs = [InputSpec("z", shape=(4,), range=(-2.0, 2.0) if kind == "plain" else None)]
    values = [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 4])]
    nodes, last = [helper.make_node("MatMul", ["z", "W"], ["a"])], "a"
    if kind == "conditional":
        inputs.append(InputSpec("y", "label", classes=("cat", "dog", "3"), doc="What it shows."))
        inputs.append(InputSpec("truncation", "scalar", distribution="given", range=(0.0, 1.5), default=1.0))
        values.append(helper.make_tensor_value_info("y", TensorProto.INT64, ["n"]))
        values.append(helper.make_tensor_value_info("truncation", TensorProto.FLOAT, []))
        weights["E"] = rng.normal(size=(3, 64)).astype("f4")
        nodes.append(helper.make_node("Gather", ["E", "y"], ["e"]))
        nodes.append(helper.make_node("Add", ["a", "e"], ["b"]))
        nodes.append(helper.make_node("Mul", ["b", "truncation"], ["c"]))
        last = "c"
    if kind == "picture":
        inputs = [InputSpec("photo", "image", shape=shape, distribution="given", range=(-1.0, 1.0))]
        values = [helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["n", *shape])]
        nodes, last, weights = [], "photo", {}
    spec = GeneratorSpec("G", tuple(inputs), OutputSpec("points" if kind == "points" else "image", shape))
    out = onnx_file.output_name(spec)
    weights["shape"] = np.asarray([-1, *shape], dtype="i8")
    nodes.append(helper.make_node("Reshape", [last, "shape"], ["r"]))
    nodes.append(helper.make_node("Tanh", ["r"], [out]))
    graph = helper.make_graph(
        nodes, "g", values,
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["n", *shape])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10, producer_name="ganzoo")
    about = {"format": onnx_file.FORMAT, "spec": spec.to_json(), **CARD}
    model.metadata_props.add(key="ganzoo", value=canonical(about))
    data = model.SerializeToString(deterministic=True)
    path.write_bytes(data + onnx_file.trailer(data))
    return path
