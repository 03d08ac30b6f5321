"""SAGAN: attention against its formula in numpy, where it stands, what the wrap leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

import ganzoo
from ganzoo import zoo
from ganzoo.build import game_of
from ganzoo.errors import RecipeError
from ganzoo.specs import DataSpec, OutputSpec
from ganzoo_labels.projection import ConditionalBatchNorm
from ganzoo_sagan.attention import SelfAttention
from ganzoo_sagan.network import Discriminator, Generator

torch.set_num_threads(1)

Z = ganzoo.InputSpec("z", "latent", (6,))
LABEL = ganzoo.InputSpec("label", "label", (), "data", ("a", "b", "c"))
DIGITS = DataSpec("image", (1, 28, 28), tuple("0123456789"), (0.1,) * 10, 100)


def attending(network):
    return [m for m in network.modules() if isinstance(m, SelfAttention)]


def largest(of):
    """The greatest of every 2×2 places of [C, H, W], by hand; at an odd border of what there is."""
    C, H, W = of.shape
    return np.array(
        [[[of[c, i : i + 2, j : j + 2].max() for j in range(0, W, 2)] for i in range(0, H, 2)] for c in range(C)]
    )


@pytest.mark.parametrize("sides", [(4, 4), (3, 5), (6, 2)])
@pytest.mark.parametrize("n", [1, 3])
def test_attention_is_its_formula(n, sides):
    """o_j = v(Σ_i β_ji h(x_i)), y = γ o + x, place by place."""
    torch.manual_seed(n)
    layer, x = SelfAttention(16).double(), torch.randn(n, 16, *sides).double()
    with torch.no_grad():
        layer.gamma.fill_(0.7)
        made, weights = layer(x).numpy(), layer.weights(x).numpy()
    f, g, h, v = (m.weight.detach().numpy()[:, :, 0, 0] for m in (layer.f, layer.g, layer.h, layer.v))
    assert (f.shape, g.shape, h.shape, v.shape) == ((2, 16), (2, 16), (8, 16), (16, 8))
    for k, picture in enumerate(x.numpy()):
        keys = largest(np.einsum("oc,chw->ohw", f, picture)).reshape(2, -1)
        values = largest(np.einsum("oc,chw->ohw", h, picture)).reshape(8, -1)
        for j in range(sides[0] * sides[1]):
            place = divmod(j, sides[1])
            s = np.array([keys[:, i] @ (g @ picture[:, *place]) for i in range(keys.shape[1])])
            beta = np.exp(s) / np.exp(s).sum()
            o = v @ sum(b * values[:, i] for i, b in enumerate(beta))
            np.testing.assert_allclose(weights[k, j], beta, rtol=1e-9)
            np.testing.assert_allclose(made[k][:, *place], 0.7 * o + picture[:, *place], rtol=1e-9, atol=1e-12)


def test_each_place_spends_its_attention_once():
    torch.manual_seed(0)
    layer = SelfAttention(8)
    weights = layer.weights(30 * torch.randn(5, 8, 14, 14))
    assert weights.shape == (5, 196, 49)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(2), torch.ones(5, 196))


def test_at_first_attention_is_the_identity_and_learns():
    layer, x = SelfAttention(8), torch.randn(2, 8, 6, 6)
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.gamma.grad.abs() > 0
    assert layer.f.weight.grad.abs().sum() == 0  # until γ has moved


def test_equal_keys_attend_evenly():
    """With f = 0 every β is one over the number of keys, and o the mean of the values."""
    layer, x = SelfAttention(8), torch.randn(2, 8, 6, 6)
    with torch.no_grad():
        layer.f.weight.zero_()
        layer.gamma.fill_(1.0)
        values = nn.functional.max_pool2d(layer.h(x), 2)
        due = x + layer.v(values.mean((2, 3), keepdim=True))
    torch.testing.assert_close(layer(x), due)


@pytest.mark.parametrize(
    ("side", "attention", "seen"),
    [(28, 32, 14), (32, 32, 16), (64, 32, 32), (128, 32, 32), (28, 7, 7), (28, 13, 7), (28, 0, None)],
)
def test_attention_stands_at_the_map_that_fits(side, attention, seen):
    """In D at the greatest map up to that side; in G too, whose smallest map comes before its blocks."""
    output = OutputSpec("image", (3, side, side))
    G, D = Generator((Z,), output, width=1, attention=attention), Discriminator(output, width=1, attention=attention)
    sides = {}
    for network in (G, D):
        for layer in attending(network):
            layer.register_forward_hook(lambda m, _, made, at=network: sides.setdefault(at, []).append(made.shape[2]))
    D(G(torch.randn(2, 6)))
    assert sides.get(D) == ([seen] if seen else None)
    assert sides.get(G) == ([seen] if seen and seen >= 14 else None)


def test_the_papers_sizes_at_128_pixels():
    """Six times 4×4 doubled, channels 16, 16, 8, 4, 2, 1 times the width; D mirrors them and keeps the last."""
    output = OutputSpec("image", (3, 128, 128))
    G, D = Generator((Z,), output, width=2), Discriminator(output, width=2)
    assert G.start == (32, 4, 4)
    assert [b.second.out_channels for b in G.body.blocks] == [32, 16, 8, 4, 2]
    assert [b.shortcut.out_channels for b in D.body if hasattr(b, "shortcut")] == [2, 4, 8, 16, 32]
    assert D.features == 32
    assert [layer.v.out_channels for layer in (*attending(G), *attending(D))] == [8, 4]


def test_a_block_is_its_residual_and_its_shortcut():
    """The shortcut, which is convolved before it is doubled, is the paper's, doubled before."""
    torch.manual_seed(0)
    G = Generator((Z, LABEL), OutputSpec("image", (1, 16, 16)), width=2).eval()
    block, x, y = G.body.blocks[0], torch.randn(3, 4, 4, 4), torch.arange(3)
    double = nn.Upsample(scale_factor=2)
    residual = block.second(block.norms[1](block.first(double(block.norms[0](x, [y]).relu())), [y]).relu())
    torch.testing.assert_close(block(x, [y]), residual + block.shortcut(double(x)))


def test_d_is_the_projection():
    """f(x, y) = yᵀ V φ(x) + ψ(φ(x))."""
    torch.manual_seed(0)
    D = Discriminator(OutputSpec("image", (1, 16, 16)), (LABEL,), width=2)
    x, y = torch.randn(3, 1, 16, 16), torch.tensor([2, 0, 1])
    said = D(x, y)
    for k in range(3):
        phi = said["features"][k]
        due = D.classes[0].weight[y[k]] @ phi + D.score.weight[0] @ phi + D.score.bias[0]
        torch.testing.assert_close(said["score"][k], due)


def test_both_networks_are_normalised_and_conditional_scales_are_not():
    """Every layer's greatest singular value is 1 when used; what BatchNorm learns for each class stays as it is."""
    recipe = zoo.variant("sagan")
    game = game_of(recipe.but(changes=dict(recipe.tiny)), DIGITS)
    for network in (game.G, game.D):
        layers = [m for m in network.modules() if isinstance(m, (nn.Linear, nn.Conv2d, nn.Embedding))]
        assert layers
        assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)
    norms = [m for m in game.G.modules() if isinstance(m, ConditionalBatchNorm)]
    assert len(norms) == 4
    for norm in norms:
        assert not any(parametrize.is_parametrized(m) for m in norm.modules())
        assert sum(p.abs().sum().item() for p in norm.parameters()) == 0  # scale 1 and shift 0
        x = torch.randn(4, norm.norm.num_features, 3, 3)
        torch.testing.assert_close(norm(x, [torch.arange(4)]), norm.norm(x))


def test_two_rates_and_both_hinges():
    recipe = zoo.variant("sagan")
    rates = {name: use["lr"] for name, use in recipe.optimizers.items()}
    assert rates["D"] == pytest.approx(4 * rates["G"])
    assert recipe.parts["loss"] == "hinge"


def test_data_that_do_not_fit_are_named():
    with pytest.raises(RecipeError, match="sagan makes and judges pictures"):
        Generator((Z,), OutputSpec("points", (2,)))
    with pytest.raises(RecipeError, match="27x27 cannot be"):
        Discriminator(OutputSpec("image", (1, 27, 27)))
