"""From a trained generator to one self-describing ONNX file that has been proven to be the same.

A file gets its name only after `proof.prove` has compared it with the module, picture by picture.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn.utils import parametrize

from ganzoo import onnx_file
from ganzoo.errors import GanzooError, InputError, did_you_mean
from ganzoo.files import canonical, check_file, check_folder, make_folder, write_bytes
from ganzoo.placeless import placeless_card
from ganzoo.proof import check_module, feed_of, prove, reason, spec_of
from ganzoo.specs import GeneratorSpec
from ganzoo.state import weights_checksum

HALF_LEVELS = 8
"""Greatest difference in grey levels once the weights are rounded to fp16."""
OPSET = 20
RANDOM = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial",
}  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """A file that was written: its size in bytes, its checksum, and how far it is from the module.

    difference   greatest, of the output as it comes
    levels       the same in grey levels of 255; None for what is no picture
    """

    path: Path
    generator: str
    size: int
    checksum: str
    difference: float
    levels: int | None

    @property
    def apart(self) -> str:
        """The difference in words."""
        return f"{self.difference:.2g}" if self.levels is None else f"{self.levels} grey levels"


def export(
    source: Any,
    path: str | Path,
    generator: str | None = None,
    half: bool = False,
    *,
    step: int | None = None,
    raw: bool = False,
    card: Mapping[str, Any] | None = None,
) -> list[Exported]:
    """Writes the generators of `source` as ONNX files and says what was written.

    source      a run (or its path), a checkpoint's path, a generator module, or modules by name
    path        an .onnx file for one generator, else a folder that gets a NAME.onnx for each
    generator   which one; by default the first for a file, all for a folder
    half        store the weights as fp16 (half the size); inputs, outputs and arithmetic stay fp32
    card        for modules: where they come from, plain data; of data in a file or folder the name alone is kept
    GanzooError if the exported model is not the same as the module; then no file is written.
    """
    target = Path(path)
    file = _is_file(target)
    modules, found = _modules(source, step, raw)
    if generator is not None and generator not in modules:
        message = f"there is no generator '{generator}'" + did_you_mean(generator, modules)
        raise InputError("generator", message)
    first = next(iter(modules))
    wanted = [generator] if generator is not None else [first] if file else list(modules)
    built = {}
    for name in wanted:
        place = target if file else target / f"{name}.onnx"
        about = {**placeless_card({**found, **(card or {})}), "default": name == first}
        built[name] = build(modules[name], about, place, half)
    written = []
    for name, made in built.items():
        make_folder(made.path.parent)
        write_bytes(made.path, made.data)
        size, checksum = len(made.data), onnx_file.parse(made.path, made.data).checksum
        written.append(Exported(made.path, name, size, checksum, made.difference, made.levels))
    return written


def _is_file(target: Path) -> bool:
    """Whether one file is to be written, not a folder; GanzooError if neither can be."""
    if target.suffix.lower() == ".onnx" and not target.is_dir():
        check_file(target)
        return True
    if target.exists() and not target.is_dir():
        raise InputError("out", f"{target} is a file; name a file that ends in .onnx, or a folder")
    if target.suffix and not target.is_dir():
        raise InputError("out", f"{target} ends in {target.suffix}; name a file that ends in .onnx, or a folder")
    check_folder(target)
    return False


def _modules(source: Any, step: int | None, raw: bool) -> tuple[dict[str, nn.Module], dict[str, Any]]:
    if isinstance(source, nn.Module):
        return {spec_of(source).name: source}, {}
    if isinstance(source, Mapping):
        return dict(source), {}
    if not isinstance(source, str | os.PathLike):
        raise InputError("source", f"a run, its path or generator modules are exported, not {type(source).__name__}")
    from ganzoo.checkpoint import generators

    place = Path(source)
    if place.exists() and onnx_file.exported(place):
        raise GanzooError(f"{place} is exported already; copy it, or give it to sample, serve or export --web")
    return generators(place, step, raw)


@dataclass(frozen=True)
class Built:
    """The bytes of a file that is yet to be written, and how far they are from the module, as `Exported` says."""

    path: Path
    data: bytes
    difference: float
    levels: int | None


def build(module: nn.Module, card: Mapping[str, Any], path: Path, half: bool = False) -> Built:
    """A module's file, proven; `path` is what errors call it."""
    plain = plain_copy(module)
    spec = spec_of(plain)
    check_module(plain, spec)
    model = _trace(plain, spec)
    _refuse_random(model, spec)
    metadata = {**card, "format": onnx_file.FORMAT, "spec": spec.to_json()}
    data = _sealed(model, {**metadata, "exported_from": weights_checksum(module)})
    apart = prove(plain, data, path)
    if half:
        _halve(model)
        data = _sealed(model, {**metadata, "weights": "fp16"})
        apart = prove(plain, data, path, HALF_LEVELS)
    return Built(path, data, *apart)


def plain_copy(module: nn.Module) -> nn.Module:
    """A copy in fp32 on the CPU, in eval mode, its parametrizations replaced by what they give."""
    plain = copy.deepcopy(module).cpu().float().eval().requires_grad_(False)
    for part in plain.modules():
        if parametrize.is_parametrized(part):
            values = {name: getattr(part, name).detach() for name in part.parametrizations}  # type: ignore[union-attr]
            # not remove_parametrizations: it empties the class, which a copy shares with its original
            part.__class__ = parametrize.type_before_parametrizations(part)
            del part.parametrizations
            for name, value in values.items():
                setattr(part, name, nn.Parameter(value, requires_grad=False))
    return plain.eval()


class _Positional(nn.Module):
    """Takes its inputs by position, whatever the generator's forward calls them."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.inner(*inputs)


def _trace(module: nn.Module, spec: GeneratorSpec) -> onnx.ModelProto:
    """The graph of a module, with a dynamic batch."""
    feed = feed_of(spec, range(2))
    examples = tuple(torch.from_numpy(np.array(feed[i.name])) for i in spec.inputs)
    batch = torch.export.Dim("batch")
    axes = tuple({} if i.kind == "scalar" else {0: batch} for i in spec.inputs)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                _Positional(module).eval(),
                examples,
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=[i.name for i in spec.inputs],
                output_names=[onnx_file.output_name(spec)],
                dynamic_shapes=(axes,),
                verbose=False,
            )
            model: onnx.ModelProto = program.model_proto  # type: ignore[union-attr]
    except Exception as error:  # the exporter raises whatever its many stages raise
        raise GanzooError(
            f"generator '{spec.name}' cannot be exported: {reason(error)}; "
            f"its forward must be tensor operations that hold for every batch size"
        ) from error
    _strip(model)
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the exporter's talk off the terminal."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


def _strip(model: onnx.ModelProto) -> None:
    """Leaves out what names the machine or changes from run to run: stack traces, notes, versions."""
    model.producer_name, model.producer_version, model.doc_string = onnx_file.PRODUCER, "", ""
    del model.metadata_props[:]
    _strip_graph(model.graph)


def _strip_graph(graph: onnx.GraphProto) -> None:
    graph.name, graph.doc_string = "generator", ""
    del graph.metadata_props[:]
    del graph.value_info[:]  # ONNX Runtime infers them
    for entry in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        entry.doc_string = ""
        del entry.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.ByteSize():
                    _strip_graph(inner)


def _refuse_random(model: onnx.ModelProto, spec: GeneratorSpec) -> None:
    """GanzooError if a node draws random numbers: no seed could make its picture again."""
    for node in model.graph.node:
        training = node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]
        if node.op_type in RANDOM or training:
            text = f"generator '{spec.name}' draws random numbers ({node.op_type}) in its forward"
            raise GanzooError(f"{text}; make its noise a declared input")


def _sealed(model: onnx.ModelProto, metadata: Mapping[str, Any]) -> bytes:
    """The serialised model with its metadata, and its checksum at the end."""
    del model.metadata_props[:]
    model.metadata_props.add(key="ganzoo", value=canonical(metadata))
    data: bytes = model.SerializeToString(deterministic=True)
    if len(data) > onnx_file.MAX_BYTES - 100:
        raise GanzooError("the generator is larger than an ONNX file can be (2 GB); export it with half=True")
    return data + onnx_file.trailer(data)


def _halve(model: onnx.ModelProto) -> None:
    """Stores the weights as fp16, each behind a Cast to fp32, which ONNX Runtime folds when it loads."""
    casts = []
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < 64:
            continue
        name = weight.name
        with np.errstate(over="ignore"):
            weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.fp16"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.fp16"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
