"""The sliced Wasserstein distance: the pyramid by hand, the distance by scipy's, and what it sees."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from ganzoo import zoo
from ganzoo.errors import DataError
from ganzoo.specs import DataSpec
from ganzoo_metrics.sliced import DIRECTIONS, PATCHES, Level, lowpass, patches, pyramid


def random(key):
    return np.random.Generator(np.random.Philox(key=key))


def source_of(images):
    """A source that holds these pictures [N, C, H, W]."""
    return SimpleNamespace(
        spec=DataSpec("image", images.shape[1:], size=len(images)), all=lambda limit: torch.from_numpy(images[:limit])
    )


def metric_of(images):
    return zoo.part("metric", "swd").build("swd", {"source": source_of(images)})


def drawn(images):
    """Samples as a metric is given them, of pictures [N, C, H, W]."""
    return SimpleNamespace(images=images.transpose(0, 2, 3, 1))


def stripes(n, key, channels=3):
    """Pictures that are smooth, each of a colour and a slope of its own: uint8 [n, channels, 32, 32]."""
    numbers = random(key)
    ramp = np.linspace(-1, 1, 32)
    wave = np.sin(6 * ramp[None, :] + numbers.uniform(0, 6, (n, 32))[:, :1])
    colour = numbers.uniform(40, 120, (n, channels))
    return np.rint(128 + colour[:, :, None, None] * wave[:, None, :, None] * np.ones(32)).astype(np.uint8)


def test_the_filter_is_binomial_and_keeps_what_is_constant():
    dot = np.zeros((1, 1, 9, 9), np.float32)
    dot[..., 4, 4] = 1
    taps = np.array([1, 4, 6, 4, 1]) / 16
    np.testing.assert_allclose(lowpass(dot)[0, 0, 2:7, 2:7], np.outer(taps, taps), rtol=1e-6)
    np.testing.assert_allclose(lowpass(np.full((1, 2, 6, 8), 3.0, np.float32)), 3.0, rtol=1e-6)


def test_a_pyramid_of_flat_pictures_is_flat_and_sides_halve_to_sixteen():
    levels = pyramid(np.full((2, 3, 64, 32), 51, np.uint8))
    assert [level.shape[2:] for level in levels] == [(64, 32), (32, 16)]
    np.testing.assert_allclose(levels[0][:, :, 4:-4, 4:-4], 0, atol=1e-6)
    np.testing.assert_allclose(levels[1], 0.2, rtol=1e-5)
    assert [level.shape[2:] for level in pyramid(np.zeros((1, 1, 28, 28), np.uint8))] == [(28, 28)]


def test_a_fine_pattern_is_in_the_first_level_and_a_coarse_one_in_the_last():
    checks = 255 * (np.indices((32, 32)).sum(0) % 2)[None, None].astype(np.uint8)
    fine, coarse = pyramid(checks)
    assert fine[..., 4:-4, 4:-4].std() == pytest.approx(0.5, rel=0.01)
    assert coarse[..., 4:-4, 4:-4].std() < 1e-6


def test_patches_are_of_the_pictures_they_stand_for():
    pictures = np.arange(3, dtype=np.float32)[:, None, None, None] * np.ones((3, 2, 16, 20), np.float32)
    found = patches(pictures)
    assert found.shape == (3 * PATCHES, 2 * 49)
    assert (found == np.repeat(np.arange(3), PATCHES)[:, None]).all()


def test_the_distance_is_the_mean_of_scipys_over_directions():
    a, b = (random(key).standard_normal((6, 3, 16, 16), np.float32) * (key + 1) for key in (0, 1))
    directions = random(2).standard_normal((147, DIRECTIONS), np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    mean, deviation = a.mean((0, 2, 3), keepdims=True), a.std((0, 2, 3), keepdims=True)
    one, other = (patches((x - mean) / deviation) @ directions for x in (a, b))
    due = np.mean([wasserstein_distance(one[:, k], other[:, k]) for k in range(DIRECTIONS)])
    assert Level(a).distance(b) == pytest.approx(due, rel=1e-4)
    assert Level(a).distance(a) == 0
    fewer = Level(a).distance(b[:3])  # as runs do, which look at fewer samples
    assert fewer == pytest.approx(due, rel=0.1)


def test_it_falls_from_noise_by_averages_to_other_pictures_of_the_kind():
    data, more = stripes(200, 0), stripes(100, 1)
    metric = metric_of(data)
    near = metric(drawn(more))
    assert near.keys() == {"swd", "swd_32", "swd_16"}
    assert near["swd"] == pytest.approx((near["swd_32"] + near["swd_16"]) / 2)
    beside = {name: figures["swd"] for name, figures in metric.beside().items()}
    floor = beside.pop("floor: other training images")
    assert near["swd"] < 2 * floor
    assert all(value > 2 * max(floor, near["swd"]) for name, value in beside.items() if name != "blurred")
    tinted = (more * np.array([1.0, 0.5, 1.0])[:, None, None]).astype(np.uint8)
    assert metric(drawn(tinted))["swd"] > 2 * near["swd"]
    assert metric(drawn(more)) == near


def test_what_it_cannot_judge_is_refused():
    with pytest.raises(DataError, match="16 pixels a side or more; these data have shape \\[2\\]"):
        zoo.part("metric", "swd").build("swd", {"source": SimpleNamespace(spec=DataSpec("points", (2,), size=9))})
    with pytest.raises(DataError, match="these data have shape \\[1, 8, 8\\]"):
        metric_of(np.zeros((9, 1, 8, 8), np.uint8))
