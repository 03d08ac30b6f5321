"""Priors: a seed's noise depends on the seed and the input's name only, and has the right distribution."""

import hashlib

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, norm, truncnorm

from ganzoo.priors import PRIORS, Prior, between, labels, noise, normals, pushed, truncated, uniforms
from ganzoo.specs import InputSpec

Z = InputSpec("z", shape=(7,))
PINNED_UNIFORM = [0.3829390615333442, 0.7427976201106206, 0.7150496025349858]
PINNED_NORMAL = [-0.4468670765901302, -0.059241299474162394, -0.6295509151300174]


def latents(spec: InputSpec, seeds: list[int] | range, prior: Prior) -> np.ndarray:
    return pushed(spec, noise(spec, seeds, prior), prior)


def test_a_row_depends_on_its_seed_only() -> None:
    together = latents(Z, range(100), PRIORS["normal"])
    assert together.dtype == np.float32
    assert np.array_equal(together[41:42], latents(Z, [41], PRIORS["normal"]))
    shuffled = np.random.default_rng(0).permutation(100)
    assert np.array_equal(together[shuffled], latents(Z, shuffled, PRIORS["normal"]))
    assert np.array_equal(latents(Z, [5, 5, 6, 5], PRIORS["normal"]), together[[5, 5, 6, 5]])


@pytest.mark.parametrize("bound", [0.04, 0.5, 1.0, 2.0, 4.0])
def test_truncated_numbers_are_those_of_resampling(bound: float) -> None:
    """Scipy's truncated normal at the same quantile; nothing heaps at the bound, as it would if it were clipped."""
    e = np.concatenate([np.linspace(-6, 6, 2001), normals("z", range(2000), 10).ravel()])
    found = truncated(e, bound)
    np.testing.assert_allclose(found, truncnorm.ppf(norm.cdf(e), -bound, bound), atol=1e-5)
    assert np.abs(found).max() <= bound
    assert np.array_equal(truncated(-e, bound), -found)
    drawn = normals("w", range(4000), 10).ravel()
    again = drawn[np.abs(drawn) <= bound]
    assert ks_2samp(truncated(normals("z", range(4000), 1).ravel(), bound), again).pvalue > 0.01


def test_streams_and_seeds_do_not_overlap() -> None:
    u = uniforms("z", range(50), 10)
    assert len(np.unique(u)) == u.size
    assert not np.isin(uniforms("w", range(50), 10), u).any()


def test_the_numbers_are_pinned() -> None:
    """Changing the stream changes every picture ever named by a seed: it must be deliberate."""
    assert uniforms("z", [7], 3)[0].tolist() == pytest.approx(PINNED_UNIFORM, abs=0)
    assert normals("z", [2**32 - 1], 3)[0].tolist() == pytest.approx(PINNED_NORMAL, abs=1e-12)


def test_uniform_and_normal_moments() -> None:
    u, e = uniforms("z", range(20_000), 4), normals("z", range(20_000), 5)
    assert 0 <= u.min() < 1e-4
    assert 1 - 1e-4 < u.max() < 1
    assert abs(u.mean() - 0.5) < 0.004
    assert abs(u.var() - 1 / 12) < 0.001
    assert abs(e.mean()) < 0.01
    assert abs(e.var() - 1) < 0.02
    assert abs((e**4).mean() - 3) < 0.15
    assert np.abs(np.corrcoef(e.T) - np.eye(5)).max() < 0.03


def test_the_last_seed_and_none() -> None:
    assert np.isfinite(latents(Z, [2**32 - 1], PRIORS["normal"])).all()
    assert latents(Z, [], PRIORS["normal"]).shape == (0, 7)


def test_uniform_range_and_sphere() -> None:
    bounded = InputSpec("z", shape=(50,), distribution="uniform", range=(2.0, 3.0))
    drawn = latents(bounded, range(50), PRIORS["uniform"])
    assert drawn.min() >= 2
    assert drawn.max() <= 3
    assert latents(Z, range(50), PRIORS["uniform"]).min() < -0.9
    assert np.allclose(np.linalg.norm(latents(Z, range(50), PRIORS["sphere"]), axis=1), 1)


@pytest.mark.parametrize("name", PRIORS)
def test_push_is_the_same_in_torch(name: str) -> None:
    prior = PRIORS[name]
    noise = uniforms("z", range(9), 6) + 0.1
    ours, theirs = (prior.push(n, (-1.0, 1.0)) for n in (noise, torch.from_numpy(noise)))
    assert np.allclose(ours, theirs.numpy(), atol=1e-12)


def test_labels_come_as_often_as_their_frequencies() -> None:
    spec = InputSpec("y", "label", classes=("a", "b", "c"), distribution="data", frequencies=(0.5, 0.0, 0.5))
    drawn = np.bincount(labels(spec, range(10_000)), minlength=3) / 10_000
    assert np.abs(drawn - [0.5, 0, 0.5]).max() < 0.02
    even = InputSpec("y", "label", classes=("a", "b"), distribution="uniform", frequencies=(0.9, 0.1))
    assert abs(labels(even, range(10_000)).mean() - 0.5) < 0.02
    assert np.array_equal(labels(spec, range(100))[[9, 3]], labels(spec, [9, 3]))


def test_between_keeps_ends_and_norms() -> None:
    a, b = latents(InputSpec("z", shape=(2, 50)), [1, 2], PRIORS["normal"])
    start, end = np.stack([a] * 5), np.stack([b] * 5)
    share = np.linspace(0, 1, 5)
    way = between(start, end, share, "slerp")
    assert np.array_equal(way[0], a)
    assert np.array_equal(way[-1], b)
    norms = np.linalg.norm(way.reshape(5, -1), axis=1)
    assert np.allclose(norms, np.linspace(norms[0], norms[-1], 5), rtol=1e-5)
    unit = way.reshape(5, -1) / norms[:, None]
    assert np.ptp(np.arccos((unit[1:] * unit[:-1]).sum(1))) < 1e-3  # equal turns
    assert np.allclose(between(start, end, share, "lerp")[2], (a + b) / 2, atol=1e-6)
    assert np.array_equal(between(start, start, share, "slerp"), start)
    assert np.isfinite(between(start, -start, share, "slerp")).all()


def test_scattered_seeds_are_counters_of_one_philox() -> None:
    """Row by row what a generator set at that counter gives, forwards, backwards and at the last seed."""
    key = np.frombuffer(hashlib.sha256(b"ganzoo/z").digest()[:16], dtype="<u8")
    seeds = [7, 3, 4, 5, 2**32 - 1, 0, 0, 2**31]
    for count in (1, 4, 5, 100):
        blocks = -(-count // 4)
        words = [np.random.Philox(key=key, counter=s * blocks).random_raw(count) for s in seeds]
        wanted = (np.stack(words) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        assert np.array_equal(uniforms("z", seeds, count), wanted)
