"""StyleGAN2: its layers against their formulas, its round, its state, its generators, its lazy penalties."""

from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of, game_of, main_share
from ganzoo.errors import RecipeError
from ganzoo.exporter import export
from ganzoo.run import open_data
from ganzoo.specs import DataSpec, OutputSpec
from ganzoo_stylegan2.discriminator import Discriminator, deviation
from ganzoo_stylegan2.game import MeanW, PathLength, path_lengths
from ganzoo_stylegan2.generator import Generator
from ganzoo_stylegan2.layers import Linear, ModulatedConv, ToPixels, doubled, halved

Z = (ganzoo.InputSpec("z", "latent", (6,), "normal"),)
SETTLED = {"device": "cpu", "precision": "fp32", "threads": 1}


def tiny(name="stylegan2", **changes):
    recipe = zoo.variant(name)
    return recipe.but(changes={**recipe.tiny, **changes})


def game(**changes):
    return game_of(tiny(**changes), DataSpec("image", (1, 28, 28), size=100))


def deal(game, size=4, **turn):
    columns = {"x": torch.randint(256, (size, 1, 28, 28)).byte()}
    return game.deal(ganzoo.Minibatch(0, size, lambda: columns), ganzoo.Turn("D", lambda _: {}, **turn))


@pytest.mark.parametrize("size", [1, 3, 16])
@pytest.mark.parametrize("kernel", [1, 3])
def test_modulated_convolution_is_one_with_weights_of_each_samples_own(size, kernel):
    """Eq. 1 and 3 of the paper, sample by sample, and in float64."""
    torch.manual_seed(0)
    layer = ModulatedConv(5, 7, kernel, 4).double()
    x, w = torch.randn(size, 5, 6, 6).double(), torch.randn(size, 4).double()
    made = layer(x, w)
    for k in range(size):
        s = layer.style.weight @ w[k] / math.sqrt(4) + layer.style.bias
        own = layer.weight / math.sqrt(5 * kernel**2) * s[None, :, None, None]
        own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(made[k : k + 1], conv2d(x[k : k + 1], own, padding=kernel // 2))


def test_pixels_are_modulated_and_not_demodulated():
    layer = ToPixels(5, 3, 4).double()
    x, w = torch.randn(2, 5, 6, 6).double(), torch.randn(2, 4).double()
    for k in range(2):
        s = layer.style.weight @ w[k] / 2 + layer.style.bias
        own = layer.weight / math.sqrt(5) * s[None, :, None, None]
        torch.testing.assert_close(layer(x, w)[k : k + 1], conv2d(x[k : k + 1], own))


def test_what_comes_out_has_variance_1_whatever_the_style():
    """Of inputs N(0, 1), each output is N(0, 1) exactly, but at the borders."""
    torch.manual_seed(0)
    layer = ModulatedConv(32, 16, 3, 8)
    x = torch.randn(4, 32, 66, 66)
    for scale in (0.1, 1.0, 30.0):
        made = layer(x, scale * torch.randn(4, 8))[:, :, 1:-1, 1:-1].detach()
        assert made.var((2, 3)).mean().item() == pytest.approx(1, abs=0.02)


def test_an_equalised_layer_keeps_variances_and_its_pace():
    """Weights are N(0, 1/inputs) when used; a step of its weights moves what it gives `pace` times as much."""
    torch.manual_seed(0)
    layer = Linear(1000, 500, bias=0.5, pace=0.01)
    assert (layer.weight * layer.scale).std().item() == pytest.approx(1 / math.sqrt(1000), rel=0.01)
    x = torch.randn(3, 1000)
    before = layer(x)
    with torch.no_grad():
        layer.weight += 1.0
        layer.bias += 1.0
    due = 0.01 * (x.sum(1) / math.sqrt(1000) + 1)
    torch.testing.assert_close(layer(x) - before, due[:, None].expand(-1, 500), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(Linear(3, 2, bias=0.5, pace=0.01)(torch.zeros(1, 3)), torch.full((1, 2), 0.5))


def test_sides_are_doubled_and_halved_by_the_filter_1_3_3_1():
    """Inside, against the filter written out."""
    x = torch.randn(1, 1, 8, 8).double()
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]).double()
    kernel = torch.outer(line, line)[None, None]
    torch.testing.assert_close(halved(x), conv2d(x, kernel / 64, stride=2, padding=1))
    spaced = torch.zeros(1, 1, 16, 16).double()
    spaced[:, :, ::2, ::2] = x
    due = conv2d(torch.nn.functional.pad(spaced, (2, 1, 2, 1)), kernel / 16)
    torch.testing.assert_close(doubled(x)[..., 1:-1, 1:-1], due[..., 1:-1, 1:-1])


def test_the_deviation_over_groups():
    """By hand: of 8 samples in groups of 4, samples k and k + 2 are of one group."""
    x = torch.zeros(8, 2, 3, 3)
    x[::2] = torch.tensor([0.0, 2.0, 0.0, 2.0])[:, None, None, None]
    made = deviation(x, 4)
    assert made.shape == (8, 1, 3, 3)
    torch.testing.assert_close(made[:, 0, 0, 0], torch.tensor([1.0, 0.0] * 4), atol=2e-4, rtol=0)
    assert deviation(x[:7], 4).shape == (7, 1, 3, 3)


@pytest.mark.parametrize("size", [1, 3, 16])
def test_path_lengths_of_a_linear_synthesis(size):
    """x = A w, so ‖Jᵀy‖ = ‖Aᵀy‖, for the very y that is drawn; w of two layers, whose mean is taken."""
    torch.manual_seed(1)
    matrix = torch.randn(3 * 4 * 4, 10).double()
    w = torch.randn(size, 2, 5).double().requires_grad_()
    x = (w.flatten(1) @ matrix.T).reshape(size, 3, 4, 4)
    torch.manual_seed(2)
    found = path_lengths(x, w)
    torch.manual_seed(2)
    y = torch.randn_like(x).flatten(1) / 4
    torch.testing.assert_close(found, (y @ matrix).norm(dim=1) / math.sqrt(2))


def test_path_lengths_of_orthogonal_columns_are_their_length():
    """J = c Q with orthonormal Q: E‖Jᵀy‖² = c² d / (H W)."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(64, 16).double())[0]
    w = torch.randn(4000, 1, 16).double().requires_grad_()
    x = (3 * w.flatten(1) @ basis.T).reshape(-1, 1, 8, 8)
    assert path_lengths(x, w).square().mean().item() == pytest.approx(9 * 16 / 64, rel=0.03)


def test_the_gradient_of_the_path_length_is_that_of_finite_differences():
    torch.manual_seed(0)
    matrix = torch.randn(16, 5).double().requires_grad_()
    w = torch.randn(3, 1, 5).double().requires_grad_()

    def penalty():
        torch.manual_seed(3)
        x = (w.flatten(1) @ matrix.T).tanh().reshape(3, 1, 4, 4)
        return PathLength().double().generator(SimpleNamespace(lengths=path_lengths(x, w)))

    (slope,) = torch.autograd.grad(penalty(), matrix)
    for place in ((0, 0), (7, 3), (15, 4)):
        values = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                matrix[place] += step
            values.append(penalty().item())
            with torch.no_grad():
                matrix[place] -= step
        assert slope[place].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5)


def test_the_mean_length_and_the_mean_w_follow_their_recurrences():
    """Three steps by hand."""
    path, mean_w = PathLength(decay=0.9), MeanW(decay=0.75)
    net = SimpleNamespace(mapping=SimpleNamespace(mean=torch.zeros(2)))
    a, b = 0.0, torch.zeros(2)
    for lengths, w in (([1.0, 3.0], 1.0), ([5.0, 5.0], -2.0), ([0.0, 1.0], 4.0)):
        styles = torch.tensor([w, 2 * w]).expand(3, 4, 2)
        round = SimpleNamespace(lengths=torch.tensor(lengths), mean=torch.mean, w=styles, G=net)
        assert path.generator(round).item() == pytest.approx(np.mean([(n - a) ** 2 for n in lengths]))
        path.settle(round)
        mean_w.settle(round)
        a = 0.9 * a + 0.1 * sum(lengths) / 2
        b = 0.75 * b + 0.25 * styles[0, 0]
        assert path.mean.item() == pytest.approx(a)
        torch.testing.assert_close(net.mapping.mean, b)


def test_the_mean_length_moves_in_its_own_turns_and_the_mean_w_at_every_step():
    recipe = tiny()
    engine = engine_of(recipe, open_data(recipe, None), SETTLED)
    seen = []
    for step in range(1, 9):
        engine.play(step)
        seen.append((engine.game.terms["path-length"].mean.item(), engine.game.G.mapping.mean.clone()))
    lengths = [length for length, _ in seen]
    assert lengths[0] > 0
    assert len(set(lengths[:4])) == len(set(lengths[4:])) == 1
    assert lengths[3] != lengths[4]
    assert not any(torch.equal(a, b) for (_, a), (_, b) in pairwise(seen))


def test_styles_are_mixed_as_often_as_asked_from_a_random_layer_on():
    torch.manual_seed(0)
    for share in (0.0, 0.5, 1.0):
        one = game(mixing=share)
        round = deal(one, 2000)
        layers = round.w.shape[1]
        first = (round.w == round.w[:, :1]).all(2).sum(1)
        assert (first < layers).float().mean().item() == pytest.approx(share, abs=0.05)
        torch.testing.assert_close(round.w[:, 0], one.G.mapping.styles(round.inputs["z"]))
        crossings = first[first < layers]
        for at in range(1, layers) if share else ():
            assert (crossings == at).float().mean().item() == pytest.approx(1 / (layers - 1), abs=0.05)


def test_without_mixing_fakes_are_what_the_generator_makes():
    torch.manual_seed(0)
    one = game(mixing=0.0)
    round = deal(one)
    torch.testing.assert_close(round.x_fake, round.generate(**round.inputs))


def test_truncation_pulls_w_to_the_mean_w():
    torch.manual_seed(0)
    mapping = game().G.mapping
    mapping.mean.copy_(torch.randn(8))
    z = torch.randn(3, 8)
    w = mapping.styles(z)[:, None].expand(-1, 6, -1)
    torch.testing.assert_close(mapping(z, torch.tensor(1.0)), w)
    torch.testing.assert_close(mapping(z, torch.tensor(0.0)), mapping.mean.expand(3, 6, 8))
    torch.testing.assert_close(mapping(z, torch.tensor(0.5)), (w + mapping.mean) / 2)
    torch.testing.assert_close(mapping(7 * z, torch.tensor(1.0)), w)  # z is normalised


def test_the_costs_are_the_papers():
    """The logistic loss, half of γ times the squared slope every 16th step, the path length every 4th, each as often
    stronger as it is rarer, and the optimisers' pace corrected."""
    one = game()
    turns = [(turn.player, turn.every) for turn in one.turns(0)]
    assert turns == [("D", 1), ("G", 1), ("D", 16), ("G", 4)]
    assert main_share(one) == {"D": pytest.approx(16 / 17), "G": pytest.approx(4 / 5)}
    recipe = zoo.variant("stylegan2")
    r1, path = one.terms["r1"], one.terms["path-length"]
    assert (r1.gamma, r1.every) == (recipe.parts["terms"]["r1"]["gamma"], 16)
    assert (path.weight, path.every) == (2.0, 4)
    turn = next(t for t in one.turns(0) if (t.player, t.every) == ("G", 4))
    round = deal(one)
    one.requires_grad_(True)
    costs = turn.cost(round)
    assert costs["path-length"].item() == pytest.approx(8 * round.lengths.square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 16, 24)])
def test_networks_take_their_sizes_from_the_data(shape):
    output = OutputSpec("image", shape)
    G, D = Generator(Z, output, width=4, most=8, styles=5, depth=2), Discriminator(output, width=4, most=8)
    given = [torch.ones(()) if s.kind == "scalar" else torch.randn(3, *s.shape) for s in G.spec.inputs]
    made = G(*given)
    assert made.shape == (3, *shape)
    assert D(made)["score"].shape == (3,)
    assert D(made)["features"].shape == (3, D.features)


@pytest.mark.parametrize(
    ("changes", "shape", "words"),
    [
        ({"data": "ring"}, (2,), "these data are points"),
        ({}, (1, 27, 27), "27x27 cannot"),
        ({"generator": "dcgan", "generator.width": 8}, (1, 28, 28), "a mapping and a synthesis"),
    ],
)
def test_what_cannot_be_built_says_why(changes, shape, words):
    recipe = tiny()
    if "generator" in changes:
        recipe = zoo.variant("stylegan2").but(changes=changes)
    with pytest.raises(RecipeError, match=words):
        game_of(recipe, DataSpec("points" if len(shape) == 1 else "image", shape, size=100))


def test_labels_are_told_to_the_mapping_and_to_d():
    spec = DataSpec("image", (1, 28, 28), size=100, classes=tuple("ab"))
    one = game_of(tiny(conditions=["label"]), spec)
    assert one.D.conditions == ("label",)
    x, z = torch.randn(2, 1, 28, 28), torch.randn(1, 8).repeat(2, 1)
    assert not torch.equal(*(one.D(x, torch.full((2,), y))["score"] for y in (0, 1)))
    w = one.G.mapping.styles(z, torch.tensor([0, 1]))
    assert not torch.equal(w[0], w[1])


def test_a_gpus_recipes_have_their_channels():
    for side, widths in ((128, [512, 512, 512, 512, 256, 128]), (256, [512, 512, 512, 512, 256, 128, 64])):
        recipe = zoo.variant(f"stylegan2-{side}")
        with torch.device("meta"):
            part = zoo.part("generator", "stylegan2").factory()
            options = {k: v for k, v in recipe.parts["generator"].items() if k != "name"}
            G = part(Z, OutputSpec("image", (3, side, side)), **options)
        assert [net.style.weight.shape[0] for net in G.synthesis.pixels] == widths
        assert len(G.mapping.body) == 8


def test_a_model_of_three_generators_mixes_styles_by_seed(tmp_path):
    """In ONNX: the picture of a seed is that of its w, and mixing at an end is the one seed or the other."""
    torch.manual_seed(0)
    one = game()
    for part in (one.G.synthesis.first, *one.G.synthesis.keeping):
        part.strength.data.fill_(0.5)
    export(one.generators(), tmp_path / "model")
    model = ganzoo.load(tmp_path / "model")
    assert set(model.generators) == {"generator", "mapping", "synthesis"}
    assert model.spec.name == "generator"
    own = model.sample(3, seed=5).images
    of_w = model.generators["synthesis"].sample(3, seed=5).images
    assert np.abs(own.astype(int) - of_w).max() <= 1
    whole = model.mix([5, 6, 7], 9, at=6).images
    assert np.abs(own.astype(int) - whole).max() <= 1
    assert np.abs(own.astype(int) - model.mix([5, 6, 7], 9, at=2).images).max() > 1
    nearer = model.sample(3, seed=5, truncation=0.0, noise_0=np.zeros((1, 7, 7))).images
    assert not np.array_equal(own, nearer)
