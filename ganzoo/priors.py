"""Where the noise comes from.

A prior is one function from base noise (standard normal, or uniform on [0, 1)) to latents, so that
training (torch, on the device) and sampling (numpy, from seeds) use the same one.

Sampling is counter-based: seed s of input `z` is block s of the Philox stream whose key is the hash of
the input's name. So seed 7 is the same latent whatever the batch, the backend or the other inputs are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.specs import InputSpec

MAX_SEED = 2**32


@dataclass(frozen=True)
class Prior:
    """A distribution of latents.

    base      the noise that `push` takes: 'normal' is N(0, 1), 'uniform' is U[0, 1)
    push      (noise [N, *shape], range) -> latents of the same shape; must work on numpy arrays and on
              torch tensors alike (operators, `.sum(axis, keepdims=True)`)
    geometry  how to walk between two latents: 'slerp' keeps the norm, 'lerp' is a straight line
    range     what is passed to `push` when the input's spec has no range
    doc       one line
    """

    base: Literal["normal", "uniform"]
    push: Callable[[Any, tuple[float, float]], Any]
    geometry: Literal["slerp", "lerp"] = "slerp"
    range: tuple[float, float] = (-math.inf, math.inf)
    doc: str = ""

    def options(self, name: str) -> dict[str, float | None]:
        """What can be set of it under its name, with the defaults: bounds, where it has some; of a normal one how far
        it may be truncated."""
        if name != "normal" and not all(map(math.isfinite, self.range)):
            return {}
        low, high = (bound if math.isfinite(bound) else None for bound in self.range)
        return {"low": low, "high": high}


def _uniform(u: Any, bounds: tuple[float, float]) -> Any:
    return bounds[0] + (bounds[1] - bounds[0]) * u


def _sphere(e: Any, _: tuple[float, float]) -> Any:
    return e / (e * e).sum(-1, keepdims=True) ** 0.5


PRIORS: dict[str, Prior] = {
    "normal": Prior("normal", lambda e, _: e, doc="N(0, I)"),
    "uniform": Prior("uniform", _uniform, "lerp", (-1.0, 1.0), doc="U(low, high), by default U(-1, 1)"),
    "sphere": Prior("normal", _sphere, doc="uniform on the unit sphere"),
}


def uniforms(stream: str, seeds: Sequence[int] | NDArray[np.integer], count: int) -> NDArray[np.float64]:
    """[len(seeds), count] numbers in [0, 1): row k depends on the stream's name and seeds[k] only."""
    key = np.frombuffer(hashlib.sha256(f"ganzoo/{stream}".encode()).digest()[:16], dtype="<u8")
    blocks = -(-count // 4)  # a Philox counter gives four 64-bit words
    wanted = np.asarray(seeds, dtype=np.int64)
    words = np.empty((len(wanted), blocks * 4), dtype=np.uint64)
    starts = np.flatnonzero(np.diff(wanted, prepend=-2) != 1) if len(wanted) else np.empty(0, np.int64)
    ends = np.append(starts[1:], len(wanted))
    bits, at = np.random.Philox(key=key), 0
    for start, end in zip(starts.tolist(), ends.tolist()):  # neighbouring seeds, neighbouring counters: one call
        first = int(wanted[start]) * blocks
        bits.advance(first - at)  # a sixth of what a new Philox costs; backwards too, modulo 2^256
        words[start:end] = bits.random_raw((end - start) * blocks * 4).reshape(-1, blocks * 4)
        at = first + (end - start) * blocks
    return (words[:, :count] >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(stream: str, seeds: Sequence[int] | NDArray[np.integer], count: int) -> NDArray[np.float64]:
    """[len(seeds), count] standard normal numbers (Box and Muller), rows as in `uniforms`."""
    half = -(-count // 2)
    u = uniforms(stream, seeds, 2 * half)
    radius = np.sqrt(-2.0 * np.log1p(-u[:, :half]))
    angle = 2.0 * np.pi * u[:, half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :count]


def noise(spec: InputSpec, seeds: Sequence[int] | NDArray[np.integer], prior: Prior) -> NDArray[np.float64]:
    """The base noise [len(seeds), *shape] of a latent input at these seeds: what its prior pushes."""
    drawn = (normals if prior.base == "normal" else uniforms)(spec.name, seeds, math.prod(spec.shape))
    return drawn.reshape(len(seeds), *spec.shape)


def pushed(spec: InputSpec, base: NDArray[np.float64], prior: Prior) -> NDArray[np.float32]:
    """The latents float32 [N, *shape] of base noise."""
    return np.asarray(prior.push(base, spec.range or prior.range), dtype=np.float32)


_PLACES = np.arange(8 * 256 + 1) / 256
_WITHIN = np.array([math.erf(x / math.sqrt(2.0)) for x in _PLACES.tolist()])  # the share of N(0, 1) within ±x


def truncated(e: NDArray[np.floating], bound: float) -> NDArray[np.float64]:
    """Standard normal numbers as N(0, 1) within ±bound, the law of numbers that are drawn again until they lie there
    (Brock et al. 2018, arXiv:1809.11096, section 3.1). Quantile for quantile, so that a number moves evenly with the
    bound; to 1e-5."""
    share = np.interp(np.abs(e), _PLACES, _WITHIN) * np.interp(bound, _PLACES, _WITHIN)
    return np.copysign(np.interp(share, _WITHIN, _PLACES), e)


def labels(spec: InputSpec, seeds: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
    """The labels int64 [len(seeds)] of a label input at these seeds.

    Each class as often as its frequencies say, or equally often when there are none or the distribution
    is 'uniform'.
    """
    counted = spec.frequencies if spec.distribution != "uniform" else ()
    share = np.asarray(counted or [1.0] * len(spec.classes), dtype=np.float64)
    edges = np.cumsum(share / share.sum())
    drawn = np.searchsorted(edges, uniforms(spec.name, seeds, 1)[:, 0], side="right")
    return np.minimum(drawn, len(spec.classes) - 1).astype(np.int64)


def between(
    start: NDArray[np.float32], end: NDArray[np.float32], share: NDArray[np.floating], geometry: str
) -> NDArray[np.float32]:
    """Latents [N, *shape] at `share` [N] of the way from start to end; the ends are met exactly.

    'slerp' turns from one direction to the other at an even pace (Shoemake 1985) and passes evenly from
    one norm to the other; where the two are parallel it is the straight line.
    """
    a = start.reshape(len(start), -1).astype(np.float64)
    b = end.reshape(len(end), -1).astype(np.float64)
    t = np.asarray(share, dtype=np.float64)[:, None]
    straight = (1 - t) * a + t * b
    if geometry == "slerp":
        norm_a, norm_b = (np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
        safe_a, safe_b = np.maximum(norm_a, 1e-12), np.maximum(norm_b, 1e-12)
        angle = np.arccos(np.clip((a / safe_a * (b / safe_b)).sum(axis=1, keepdims=True), -1, 1))
        sine = np.sin(angle)
        turned = np.sin((1 - t) * angle) * a / safe_a + np.sin(t * angle) * b / safe_b
        curved = turned / np.where(sine > 1e-6, sine, 1) * ((1 - t) * norm_a + t * norm_b)
        straight = np.where(sine > 1e-6, curved, straight)
    straight = np.where(t == 0, a, np.where(t == 1, b, straight))
    return straight.reshape(start.shape).astype(np.float32)
