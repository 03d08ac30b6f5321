"""What generated samples are measured by: the judge of digits, the Frechet distance, modes in the plane.

The judge is digits-cnn (its card says how it was trained), run by ONNX Runtime. Nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import DataError

JUDGE = Path(__file__).parent / "assets" / "digits-cnn.onnx"


@cache
def _judge() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # training goes on meanwhile
    return onnxruntime.InferenceSession(JUDGE, options, providers=["CPUExecutionProvider"])


def classify(images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """What digits-cnn says: probabilities [N, 10], features [N, 128].

    images  uint8 [N, 28, 28] or [N, 28, 28, 1], a light digit on black; DataError for anything else
    """
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or not len(images):
        raise DataError(
            f"the judge of digits was given {images.dtype} of shape {images.shape}; "
            "grey pictures uint8 [N, 28, 28] are expected"
        )
    chunks = np.array_split(images, math.ceil(len(images) / 500))
    parts = [_judge().run(None, {"images": chunk[:, None].astype(np.float32) / 255}) for chunk in chunks]
    logits = np.concatenate([p[0] for p in parts]).astype(np.float64)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True), np.concatenate([p[1] for p in parts])


@dataclass(frozen=True)
class Found:
    """classes: how many are found · per_class: how many samples are sure of each · confident: share of all"""

    classes: int
    per_class: tuple[int, ...]
    confident: float


def found(images: NDArray[np.uint8], threshold: float = 0.95, at_least: int = 20) -> Found:
    """Which digits are among the images (as `classify` takes them).

    A sample counts for its likeliest class when that has a probability of `threshold` or more; a class is
    found when `at_least` samples count for it. The default is meant for 1,000 samples.
    """
    probabilities = classify(images)[0]
    sure = probabilities.max(1) >= threshold
    counts = np.bincount(probabilities.argmax(1)[sure], minlength=10)
    return Found(int((counts >= at_least).sum()), tuple(int(c) for c in counts), float(sure.mean()))


def controls(
    digits: NDArray[np.uint8], labels: NDArray[np.int64], n: int = 1000, seed: int = 0
) -> dict[str, NDArray[np.uint8]]:
    """What `found` is compared with, uint8 [n, 28, 28] each: some of these digits, and three that must fail.

    digits  uint8 [N, 28, 28] with N of at least n; averages are of two of different labels [N]
    """
    random = np.random.Generator(np.random.Philox(key=seed))
    order = random.permutation(len(digits))[:n]
    others = [random.choice(np.flatnonzero(labels != labels[k])) for k in order]
    first, second = digits[order].astype(np.float64), digits[others].astype(np.float64)
    noise = _smooth(random.standard_normal((n, 28, 28)), 1.5)
    noise = (noise - noise.min((1, 2), keepdims=True)) / np.ptp(noise, axis=(1, 2))[:, None, None] * 255
    layer = random.standard_normal((n, 100))  # a generator that was never trained: the layers of `vanilla`
    for width in (256, 512, 784):
        scale = 1 / math.sqrt(layer.shape[1])
        layer = np.maximum(layer, 0) if layer.shape[1] > 100 else layer
        layer = layer @ random.uniform(-scale, scale, (layer.shape[1], width)) + random.uniform(-scale, scale, width)
    made = {
        "real digits": first,
        "smoothed noise": noise,
        "averages of two digits": (first + second) / 2,
        "untrained generator": (np.tanh(layer).reshape(n, 28, 28) + 1) * 127.5,
    }
    return {name: np.rint(images).astype(np.uint8) for name, images in made.items()}


def _smooth(images: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """[N, H, W] convolved with a Gaussian of `sigma` pixels, edges wrapped around."""
    y, x = (np.fft.fftfreq(size) for size in images.shape[1:])
    gain = np.exp(-2 * (np.pi * sigma) ** 2 * (y[:, None] ** 2 + x**2))
    return np.fft.ifft2(np.fft.fft2(images) * gain).real


def found_table(rows: Mapping[str, NDArray[np.uint8]]) -> str:
    """`found` of each set of images, as a table in Markdown."""
    lines = ["| images | classes found | confident | least, most of a class |", "|---|---|---|---|"]
    for name, images in rows.items():
        f = found(images)
        lines.append(f"| {name} | {f.classes} | {f.confident:.1%} | {min(f.per_class)}, {max(f.per_class)} |")
    return "\n".join(lines)


Gaussian = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A mean [D] and a covariance [D, D]."""


def gaussian(features: NDArray[Any]) -> Gaussian:
    """The mean and the covariance of features [N, D], in float64; DataError for less than two rows."""
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2 or len(rows) < 2:
        raise DataError(
            f"features of shape {rows.shape} have no Frechet distance; at least two rows of one width are expected"
        )
    return rows.mean(0), np.atleast_2d(np.cov(rows, rowvar=False))


def frechet(a: NDArray[Any] | Gaussian, b: NDArray[Any] | Gaussian) -> float:
    """The Frechet distance of two sets of features [N, D] and [M, D], each taken as a Gaussian, or of two Gaussians.

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2), in float64.
    Source: Dowson and Landau 1982; Heusel et al. 2017 (arXiv:1706.08500), Eq. 6.
    """
    (mean_a, cov_a), (mean_b, cov_b) = (f if isinstance(f, tuple) else gaussian(f) for f in (a, b))
    if mean_a.shape != mean_b.shape:
        raise DataError(
            f"features of widths {len(mean_a)} and {len(mean_b)} have no Frechet distance; one extractor is expected"
        )
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


@dataclass(frozen=True)
class Modes:
    """covered: modes with a point · high_quality: share of points near one · reverse_kl: nats, 0 is even"""

    covered: int
    high_quality: float
    reverse_kl: float


def modes(points: NDArray[Any], centres: NDArray[np.float64], sigma: float) -> Modes:
    """Which modes of a mixture the points [N, d] reach; centres [K, d].

    A point is of high quality within 3 sigma of its nearest centre, and then belongs to that mode. The
    reverse KL is log K - H over these points; log K, its greatest value, when there are none.
    Source: Lin et al. 2018 (arXiv:1712.04086), by its released code.
    """
    offsets = np.asarray(points, np.float64)[:, None] - centres
    distances = np.sqrt((offsets**2).sum(2))
    near = distances.min(1) < 3 * sigma
    counts = np.bincount(distances.argmin(1)[near], minlength=len(centres))
    share = counts[counts > 0] / max(counts.sum(), 1)
    entropy = float(-(share * np.log(share)).sum())
    return Modes(int((counts > 0).sum()), float(near.mean()), math.log(len(centres)) - entropy)
