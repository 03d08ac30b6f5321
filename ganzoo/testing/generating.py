"""Checks of what a variant generates: the spec kept, the same picture from the same inputs, the file."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganzoo import checkpoint, onnx_file
from ganzoo.errors import GanzooError
from ganzoo.onnx_backend import OnnxBackend
from ganzoo.proof import TOLERANCE, feed_of, spec_of
from ganzoo.specs import GeneratorSpec
from ganzoo.testing.subject import NotApplicable, Subject, fail, stray
from ganzoo.torch_backend import TorchBackend

Feed = dict[str, NDArray[Any]]


def keeps_its_spec(subject: Subject) -> None:
    """A generator makes what its spec says: shape, dtype float32, range."""
    for name, module in subject.generators().items():
        spec = spec_of(module)
        with torch.no_grad():
            made = module(*_tensors(spec, feed_of(spec, range(16))))
        where = f"generator '{name}'"
        if not isinstance(made, torch.Tensor):
            fail(f"{where} returns a {type(made).__name__}; one tensor is expected")
        if made.shape != (16, *spec.output.shape):
            fail(f"{where} makes {list(made.shape[1:])}; its spec promises {list(spec.output.shape)}")
        if made.dtype != torch.float32:
            fail(f"{where} makes {str(made.dtype).removeprefix('torch.')}; float32 is expected")
        if spec.output.kind == "image":
            _keeps_its_range(module, spec)


def _keeps_its_range(module: nn.Module, spec: GeneratorSpec) -> None:
    """Whatever its weights: as they are, and blown up with either sign."""
    low, high = spec.output.range
    least, greatest = np.inf, -np.inf
    for factor in (1.0, 10.0, -10.0):
        scaled = copy.deepcopy(module)
        with torch.no_grad():
            for parameter in scaled.parameters():
                parameter.mul_(factor)
        made = TorchBackend(scaled).run(feed_of(spec, range(16)))
        made = made[np.isfinite(made)]
        least, greatest = min(least, made.min(initial=np.inf)), max(greatest, made.max(initial=-np.inf))
    slack = 1e-4 * (high - low)
    if least < low - slack or greatest > high + slack:
        text = f"generator '{spec.name}' makes numbers in [{least:.3g}, {greatest:.3g}]"
        fail(f"{text}; its spec promises [{low:g}, {high:g}]: end it in a tanh or declare another range")
    if low < 0 < high and (least >= 0 or greatest <= 0):
        text = f"generator '{spec.name}' makes numbers in [{least:.3g}, {greatest:.3g}] only, whatever its weights"
        fail(f"{text}; its spec promises [{low:g}, {high:g}]: end it in a tanh or declare range=(0, 1)")


def is_a_pure_function(subject: Subject) -> None:
    """A generator is a pure function of its declared inputs, picture by picture."""
    for name, module in subject.generators().items():
        spec = spec_of(module)
        backend, feed = TorchBackend(module), feed_of(spec, range(3))
        with torch.random.fork_rng(devices=[]):
            before = torch.default_generator.manual_seed(20141210).get_state()
            first, second = backend.run(feed), backend.run(feed)
            touched = not torch.equal(torch.get_rng_state(), before)
        if touched or not np.array_equal(first, second):
            what = "draws random numbers" if touched else "makes another picture of the same inputs"
            fail(f"generator '{name}' {what} in its forward; make its noise a declared input or a buffer")
        alone = np.concatenate([backend.run(_rows(spec, feed, k)) for k in range(3)])
        if not np.abs(first - alone).max() <= TOLERANCE:
            text = f"generator '{name}' mixes the pictures of a batch: 3 together differ from 3 alone"
            fail(f"{text} by {np.abs(first - alone).max():.2g}; in eval mode each must depend on its own inputs")


def every_input_matters(subject: Subject) -> None:
    """Another latent or another label makes another picture."""
    for name, module in subject.generators().items():
        spec = spec_of(module)
        backend, feed = TorchBackend(module), feed_of(spec, range(4))
        same = {k: v if spec.input(k).kind == "scalar" else v[:1].repeat(4, 0) for k, v in feed.items()}
        for given in (*spec.of_kind("latent"), *spec.of_kind("label")):
            varied = feed[given.name] if given.kind == "latent" else np.arange(4) % len(given.classes)
            made = backend.run({**same, given.name: varied})
            if np.array_equal(made, made[:1].repeat(4, 0)):
                fail(f"generator '{name}' ignores its input '{given.name}'; use it in forward, or do not declare it")


def fakes_carry_their_labels(subject: Subject) -> None:
    """A conditional fake has the label its spec says: the minibatch's own, or a uniform one."""
    fed = subject.watched.fed
    if not fed:
        raise NotApplicable("no generator takes a label")
    specs = {s.name: s for m in subject.generators().values() for s in spec_of(m).of_kind("label")}
    for one in fed:
        spec, where = specs[one.name], f"label input '{one.name}'"
        if one.given.dtype != torch.int64 or one.given.dim() != 1:
            found = f"{str(one.given.dtype).removeprefix('torch.')} {list(one.given.shape)}"
            fail(f"{where} was given {found} in training; int64 [N] is expected")
        if not bool(((one.given >= 0) & (one.given < len(spec.classes))).all()):
            fail(f"{where} was given a label outside its {len(spec.classes)} classes in training")
        if spec.distribution == "data" and (one.dealt is None or not torch.equal(one.given, one.dealt)):
            text = f"{where} is declared distribution='data' but a fake got another label than the minibatch's"
            fail(f"{text}; hand the generator minibatch['{one.name}']")
    for name, spec in specs.items():
        labels = torch.cat([one.given for one in fed if one.name == name] or [torch.empty(0)])
        if spec.distribution == "uniform" and len(labels) >= 16 and bool((labels == labels[0]).all()):
            fail(f"label input '{name}' is declared uniform but only ever got class {int(labels[0])} in training")


def loads_the_same_picture(subject: Subject) -> None:
    """A fresh build, loaded and told the step by at(), makes the same picture: raw and averaged weights."""
    live = subject.watched.engine
    meta = {"recipe": subject.recipe.to_dict(), "data": subject.source.spec.to_json(), "card": {}, "plugins": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        checkpoint.save(path, live, {**meta})
        weights: Literal["newest", "averaged"]
        for weights in ("newest", "averaged"):
            held = subject.held(weights)
            loaded = checkpoint.generators(path, raw=weights == "newest")[0]
            for name, module in loaded.items():
                spec = spec_of(module)
                feed = feed_of(spec, range(4))
                ours, theirs = TorchBackend(held[name]).run(feed), TorchBackend(module).run(feed)
                if not np.array_equal(ours, theirs):
                    left = stray(held[name], module) or "; keep its state in buffers and set the rest in at()"
                    text = (
                        f"generator '{name}' makes another picture when step {live.step} is loaded into a fresh build"
                    )
                    fail(f"{text} ({weights} weights){left}")


def exports_to_onnx(subject: Subject) -> None:
    """Every generator exports to ONNX and makes the same pictures there, to one grey level."""
    for file in subject.exports.values():
        if isinstance(file, GanzooError):
            fail(str(file))


def onnx_repeats_to_the_byte(subject: Subject) -> None:
    """The ONNX file makes the same bytes at batch sizes 1, 3 and 8, with one thread and with two."""
    files = {name: file for name, file in subject.exports.items() if isinstance(file, bytes)}
    if not files:
        raise NotApplicable("no generator exports to ONNX")
    for name, data in files.items():
        file = onnx_file.parse(Path(f"{name}.onnx"), data)
        feed = feed_of(file.spec, range(8))
        first: NDArray[np.float32] | None = None
        for threads in (1, 2):
            backend = OnnxBackend(file, threads)
            for batch in (1, 3, 8):
                parts = [backend.run(_rows(file.spec, feed, k, batch)) for k in range(0, 8, batch)]
                made = np.concatenate(parts)
                first = made if first is None else first
                if made.tobytes() != first.tobytes():
                    where = f"at batch {batch}, threads {threads}, than alone"
                    text = f"generator '{name}' in ONNX makes other bytes {where}, by {np.abs(made - first).max():.2g}"
                    fail(f"{text}; {_REMEDY}")


_REMEDY = (
    "a picture must not depend on its neighbours, "
    "and sin, cos, log and softplus must act on a multiple of 16 numbers a sample"
)
# ONNX Runtime computes those functions 4 to 16 numbers at a time and a batch's last few one by one, which rounds
# otherwise; which numbers are the last ones depends on the batch unless each sample fills whole registers.


def _tensors(spec: GeneratorSpec, feed: Feed) -> list[torch.Tensor]:
    return [torch.from_numpy(np.array(feed[i.name])) for i in spec.inputs]


def _rows(spec: GeneratorSpec, feed: Feed, k: int, n: int = 1) -> Feed:
    return {i.name: feed[i.name] if i.kind == "scalar" else feed[i.name][k : k + n] for i in spec.inputs}
