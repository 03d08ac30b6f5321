"""Metrics of models that start from a picture."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ganzoo import zoo
from ganzoo.data import open_source
from ganzoo.errors import DataError
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec

Z = InputSpec("z", shape=(4,))
X = InputSpec("x", "image", (1, 28, 28), "given")
GENERATOR = SimpleNamespace(spec=GeneratorSpec("generator", (Z,), OutputSpec()))
ENCODER = SimpleNamespace(spec=GeneratorSpec("encoder", (X,), OutputSpec("latent", (4,), gives="z")))


def metric(name, data="digits", **options):
    return zoo.part("metric", name).build({"name": name}, {"source": open_source(data, **options)})


def model(change):
    """A model whose encoder and generator together change pictures so."""
    return SimpleNamespace(
        generators={"generator": GENERATOR, "encoder": ENCODER},
        reconstruct=lambda images, batch: SimpleNamespace(images=change(images)),
    )


def test_reconstructed_is_the_share_of_classes_kept():
    judge = metric("reconstructed")
    assert judge.of(model(lambda images: images)) == {"kept": 1.0, "error": 0.0}
    brighter = judge.of(model(lambda images: np.minimum(images, 204) + 51))
    assert 0 < brighter["error"] <= 51 / 255

    def half(images):
        order = np.arange(len(images))
        order[500:] = 0
        return images[order]

    zeros = judge.beside()["another digit for each"]["kept"]
    assert 0.05 < zeros < 0.2
    assert 0.5 <= judge.of(model(half))["kept"] < 0.65
    assert judge.beside()["the mean digit for each"]["kept"] < 0.3


def test_a_model_without_an_encoder_has_no_figures():
    assert metric("reconstructed").of(SimpleNamespace(generators={"generator": GENERATOR})) == {}
    with pytest.raises(DataError, match=r"digits of shape \[1, 28, 28\]"):
        metric("reconstructed", "ring")
