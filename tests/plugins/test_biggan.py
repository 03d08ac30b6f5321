"""BigGAN: split noise, the class's vector, orthogonal weights, truncation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

import ganzoo
from ganzoo import zoo
from ganzoo.build import game_of
from ganzoo.errors import InputError, RecipeError
from ganzoo.exporter import build, plain_copy
from ganzoo.sampler import Sampler
from ganzoo.specs import DataSpec, OutputSpec
from ganzoo.torch_backend import TorchBackend
from ganzoo_biggan.network import ConditionedBatchNorm, Discriminator, Generator, split

torch.set_num_threads(1)

DIGITS = DataSpec("image", (1, 28, 28), tuple("0123456789"), (0.1,) * 10, 100)
LABEL = ganzoo.InputSpec("label", "label", (), "data", ("a", "b", "c"))
LAYERS = (nn.Linear, nn.Conv2d, nn.Embedding)
SMALL = OutputSpec("image", (1, 16, 16))


def z(size):
    return ganzoo.InputSpec("z", "latent", (size,))


def tiny(name="biggan", **changes):
    recipe = zoo.variant(name)
    return game_of(recipe.but(changes={**recipe.tiny, **changes}), DIGITS)


@pytest.mark.parametrize(
    ("noise", "parts", "sizes"), [(120, 6, [20] * 6), (60, 3, [20] * 3), (8, 3, [3, 3, 2]), (3, 3, [1, 1, 1])]
)
def test_sizes_of_split_noise(noise, parts, sizes):
    assert split(noise, parts) == sizes


def test_too_little_noise_is_named():
    with pytest.raises(RecipeError, match=r"splits its noise in 3, .* there are 2 dimensions; set latent to 3 or more"):
        Generator((z(2), LABEL), SMALL)


def test_the_papers_sizes_at_128_pixels():
    """Noise of 120 in six parts of 20, beside a shared vector of 128 for each block's scales and shifts."""
    G = Generator((z(120), LABEL), OutputSpec("image", (3, 128, 128)), width=2)
    assert G.project.in_features == 20
    norms = [m for m in G.modules() if isinstance(m, ConditionedBatchNorm)]
    assert len(norms) == 10
    assert {m.scale.in_features for m in norms} == {148}
    assert [tuple(p.shape) for p in G.classes] == [(3, 128)]


def test_each_part_of_the_noise_enters_where_it_belongs():
    """The first part alone reaches the smallest map; part k reaches the norms of block k, beside the class."""
    torch.manual_seed(0)
    G = Generator((z(8), LABEL), SMALL, width=2, embedding=4).eval()
    noise, y = torch.randn(2, 8), torch.tensor([2, 1])
    seen = []
    for block in G.body.blocks:
        block.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    entered = []
    G.project.register_forward_pre_hook(lambda _, given: entered.append(given[0]))
    G(noise, y)
    torch.testing.assert_close(entered[0], noise[:, :3])
    for told, part in zip(seen, (noise[:, 3:6], noise[:, 6:])):
        torch.testing.assert_close(told, torch.cat([G.classes[0][y], part], 1))


@pytest.mark.parametrize("n", [2, 5])
def test_the_conditioned_norm_by_hand(n):
    torch.manual_seed(n)
    norm = ConditionedBatchNorm(3, 4).double()
    x, told = torch.randn(n, 4, 2, 2).double(), torch.randn(n, 3).double()
    made = norm(x, told)
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    for k in range(n):
        for c in range(4):
            scale, shift = norm.scale.weight[c] @ told[k], norm.shift.weight[c] @ told[k]
            due = (x[k, c] - mean[c]) / (var[c] + 1e-5).sqrt() * (1 + scale) + shift
            torch.testing.assert_close(made[k, c], due)


def test_without_labels_the_noise_alone_sets_the_scales():
    G, D = Generator((z(8),), SMALL, width=2), Discriminator(SMALL, width=2)
    assert D(G(torch.randn(2, 8)))["score"].shape == (2,)


def test_weights_are_orthogonal_at_first():
    """Rows, or columns where they are fewer, are of length 1 and at right angles: W Wᵀ = I or Wᵀ W = I."""
    networks = Generator((z(8), LABEL), SMALL, width=2, embedding=4), Discriminator(SMALL, (LABEL,), width=2)
    weights = [m.weight for net in networks for m in net.modules() if isinstance(m, LAYERS)]
    for weight in weights:
        matrix = weight.detach().flatten(1)
        small = matrix if len(matrix) <= matrix.shape[1] else matrix.T
        torch.testing.assert_close(small @ small.T, torch.eye(len(small)), atol=1e-5, rtol=0)


def test_vectors_of_classes_are_drawn_like_the_noise_beside_them():
    torch.manual_seed(0)
    (vectors,) = Generator((z(8), LABEL), SMALL, width=1, embedding=3000).classes
    assert vectors.mean().item() == pytest.approx(0, abs=0.05)
    assert vectors.std().item() == pytest.approx(1, abs=0.05)


def test_the_game_is_the_papers():
    """Labels for both, the hinge, SN in both but for the class's vectors, the orthogonal penalty of G alone."""
    game = tiny()
    assert [spec.name for spec in game.G.spec.inputs] == ["z", "label"]
    assert game.D.conditions == ("label",)
    layers = [m for net in (game.G, game.D) for m in net.modules() if isinstance(m, LAYERS)]
    assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)
    assert sum(isinstance(m, nn.Embedding) for m in game.G.modules()) == 0
    assert (game.terms["orthogonal"].acts("G"), game.terms["orthogonal"].acts("D")) == (True, False)
    filters = [m.weight.flatten(1) for m in plain_copy(game.G).modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    due = sum(((w @ w.T) * (1 - torch.eye(len(w)))).square().sum() for w in filters)
    before = {name: value.clone() for name, value in game.G.state_dict().items()}
    for training in (False, True):  # spectral normalisation moves when a weight is looked at in training
        game.G.train(training)
        torch.testing.assert_close(game.terms["orthogonal"].generator(SimpleNamespace(G=game.G)), due)
        assert all(module.training == training for module in game.G.modules())
    assert all(torch.equal(value, before[name]) for name, value in game.G.state_dict().items())


def test_truncated_noise_is_the_same_in_torch_and_in_onnx(tmp_path):
    """In any batch; the noise stays within the bound, and a bound above the declared one is refused."""
    G = plain_copy(tiny().G)
    (tmp_path / "G.onnx").write_bytes(build(G, {"variant": "biggan"}, tmp_path / "G.onnx").data)
    torch_, onnx = Sampler(TorchBackend(G)), ganzoo.load(tmp_path / "G.onnx")
    labels = [k % 10 for k in range(20)]
    for truncation in (None, 2.0, 0.5, 0.04):
        ours, theirs = (s.sample(20, seed=3, label=labels, truncation=truncation) for s in (torch_, onnx))
        assert abs(ours.images.astype(int) - theirs.images.astype(int)).max() <= 1
        assert truncation is None or np.abs(ours.inputs["z"]).max() <= truncation
        alone = onnx.sample(1, seed=7, label=4, truncation=truncation)
        assert np.array_equal(alone.images[0], theirs.images[4])
    with pytest.raises(InputError, match=r"truncation 2\.5 is not above 0 and up to 2"):
        onnx.sample(1, truncation=2.5)
