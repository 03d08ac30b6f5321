"""The proof that an exported generator is the one that was trained.

Every silent failure of an export was met before: batch statistics in use, noise drawn inside, a number
baked into the graph, a frozen batch size. Each is found here by comparing pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ganzoo import onnx_file
from ganzoo.errors import GanzooError
from ganzoo.feeds import request
from ganzoo.images import to_uint8
from ganzoo.onnx_backend import OnnxBackend
from ganzoo.priors import normals, uniforms
from ganzoo.specs import GIVEN, GeneratorSpec
from ganzoo.torch_backend import TorchBackend

TOLERANCE = 1e-4
"""Greatest difference between torch and ONNX, for outputs within [-1, 1]."""


def check_module(module: nn.Module, spec: GeneratorSpec) -> None:
    """GanzooError unless the module is a pure function of its inputs, picture by picture."""
    feed = feed_of(spec, range(8))
    backend = TorchBackend(module)
    name = f"generator '{spec.name}'"
    try:
        whole, again = backend.run(feed), backend.run(feed)
        alone = [backend.run(_rows(spec, feed, k)) for k in range(8)]
    except Exception as error:  # whatever a forward may raise
        raise GanzooError(f"{name} fails on a batch of 8 or of 1: {reason(error)}") from error
    if whole.shape != (8, *spec.output.shape):
        raise GanzooError(f"{name} makes {whole.shape[1:]}; its spec promises {spec.output.shape}")
    if not np.isfinite(whole).all():
        raise GanzooError(f"{name} makes NaN or infinity; train it again, or from an earlier snapshot")
    if not np.array_equal(whole, again):
        raise GanzooError(f"{name} draws random numbers in its forward; make its noise a declared input")
    if _apart(spec, whole, np.concatenate(alone)) > TOLERANCE:
        text = f"{name} mixes the pictures of a batch"
        raise GanzooError(f"{text}; in eval mode each must depend on its own inputs alone")
    if spec.of_kind("latent"):
        fixed = {i.name: feed[i.name][:1].repeat(8, 0) for i in spec.inputs if i.kind in ("label", "image")}
        varied = backend.run({**feed, **fixed})
        if np.array_equal(varied, varied[:1].repeat(8, 0)):
            text = f"{name} makes the same picture of different latents"
            raise GanzooError(f"{text}; it ignores them or has collapsed")


def prove(module: nn.Module, data: bytes, name: Path, levels: int = 0) -> tuple[float, int | None]:
    """Compares the file with the module at batch 1, 3 and 8, several seeds, all labels, all scalars' ends.

    Returns the greatest difference, as is and, of pictures, in grey levels. GanzooError if it is above `TOLERANCE` or a
    grey level; with `levels`, only if it is above so many, of 255 for what reaches from -1 to 1.
    """
    spec = spec_of(module)
    file, torch_side = OnnxBackend(onnx_file.parse(name, data)), TorchBackend(module)
    worst, worst_levels = 0.0, 0
    most = levels * 2 / 255 if levels else TOLERANCE
    for feed in _trials(spec):
        ours = torch_side.run(feed)
        try:
            theirs = file.run(feed)
        except GanzooError as error:
            text = f"the exported generator '{spec.name}' fails at batch {len(ours)}"
            raise GanzooError(f"{text}; its forward fixes the batch size") from error
        apart = _apart(spec, ours, theirs)
        if apart < math.inf:
            worst = max(worst, float(np.abs(ours - theirs).max()))
        if apart < math.inf and spec.output.kind == "image":
            seen = [to_uint8(o, spec.output.range).astype(int) for o in (ours, theirs)]
            worst_levels = max(worst_levels, int(np.abs(seen[0] - seen[1]).max()))
        if not apart <= most or worst_levels > max(levels, 1):
            text = f"the exported generator '{spec.name}' differs from the trained one by {apart:.2g}"
            raise GanzooError(f"{text} at batch {len(ours)}; its forward does something ONNX cannot follow")
    return worst, worst_levels if spec.output.kind == "image" else None


def spec_of(module: nn.Module) -> GeneratorSpec:
    spec = getattr(module, "spec", None)
    if not isinstance(spec, GeneratorSpec):
        raise GanzooError(f"{type(module).__name__} has no .spec; a generator with a GeneratorSpec is needed")
    return spec


def _trials(spec: GeneratorSpec) -> Iterator[dict[str, NDArray[Any]]]:
    for first in (0, 1000, 2**31):
        for n in (1, 3, 8):
            yield feed_of(spec, range(first, first + n))
    for label in spec.of_kind("label"):
        every = np.arange(len(label.classes), dtype=np.int64)
        for start in range(0, len(every), 8):
            rows = every[start : start + 8]
            yield {**feed_of(spec, range(len(rows))), label.name: rows}
    for scalar in spec.of_kind("scalar"):
        low, high = scalar.range or (0.0, 1.0)
        for value in (low, (low + high) / 2, high):
            yield {**feed_of(spec, range(3)), scalar.name: np.asarray(value, dtype=np.float32)}


def feed_of(spec: GeneratorSpec, seeds: range) -> dict[str, NDArray[Any]]:
    """Inputs at these seeds; what is not drawn is noise: images in their range, latents of another generator normal."""
    made = {}
    for i in spec.inputs:
        size, shape = math.prod(i.shape), (len(seeds), *i.shape)
        if i.kind == "image":
            low, high = i.range or (-1.0, 1.0)
            made[i.name] = (low + (high - low) * uniforms(i.name, list(seeds), size).reshape(shape)).astype(np.float32)
        elif i.kind == "latent" and i.distribution == GIVEN:
            made[i.name] = normals(i.name, list(seeds), size).reshape(shape).astype(np.float32)
    return request(spec, seeds=list(seeds), inputs=made).rows(0, len(seeds))


def _rows(spec: GeneratorSpec, feed: Mapping[str, NDArray[Any]], k: int) -> dict[str, NDArray[Any]]:
    return {i.name: feed[i.name] if i.kind == "scalar" else feed[i.name][k : k + 1] for i in spec.inputs}


def _apart(spec: GeneratorSpec, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The greatest difference, for images in units of half their range; infinite for another shape."""
    if a.shape != b.shape:
        return math.inf
    unit = (spec.output.range[1] - spec.output.range[0]) / 2 if spec.output.kind == "image" else 1.0
    return float(np.abs(a - b).max()) / unit


def reason(error: BaseException) -> str:
    """The first telling line of the innermost cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
