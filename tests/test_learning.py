"""Short learning runs on real digits (slow). The full table is `python benchmarks/vanilla.py`."""

from __future__ import annotations

import pytest

import ganzoo
from ganzoo.data import embedded, open_source
from ganzoo.metrics import controls, found, modes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("variant", "steps"), [("vanilla", 4000), ("vanilla-ns", 4000)])
def test_a_minute_of_training_makes_digits(variant, steps, tmp_path):
    run = ganzoo.train(variant, steps=steps, out=tmp_path / "run")
    judged = found(run.sampler().sample(1000, seed=10_000).images)
    print(variant, judged)
    assert judged.classes >= 7
    assert judged.confident >= 0.45


def test_the_controls_fail_the_bar():
    """10 classes found and 65 % confident: real digits pass, what is no digit does not."""
    for name, images in controls(*embedded()).items():
        judged = found(images)
        assert (judged.classes == 10 and judged.confident >= 0.65) == (name == "real digits"), (name, judged)


def test_the_ring_is_reached(tmp_path):
    run = ganzoo.train(
        "vanilla-ns",
        data="ring",
        steps=4000,
        out=tmp_path / "run",
        set={"generator.widths": [64, 64], "latent": 2, "batch": 100},
    )
    points = run.sampler().sample(2500, seed=1).points
    source = open_source("ring")
    judged = modes(points, source.centres, 0.1)  # ten sigma: where it went, not how sharp it is
    print(judged)
    assert judged.covered >= 4
