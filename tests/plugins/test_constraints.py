"""Wraps: σ against the singular values, its gradient against finite differences, scales against hand scaling."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.errors import RecipeError
from ganzoo.exporter import plain_copy
from ganzoo.run import open_data

torch.set_num_threads(1)

LAYERS = {
    "linear": (lambda: nn.Linear(7, 5), (4, 7)),
    "convolution": (lambda: nn.Conv2d(3, 6, 3, padding=1), (2, 3, 5, 5)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 3, 4, 2, 1), (2, 4, 5, 5)),
    "one output": (lambda: nn.Linear(9, 1), (4, 9)),
}


def wrapped(wrap, layer, **options):
    return zoo.part("wrap", wrap).factory()(nn.Sequential(layer), **options)


def matrix(layer, weight):
    """One row for each output, by hand."""
    if isinstance(layer, nn.ConvTranspose2d):
        return torch.stack([weight[:, o].flatten() for o in range(weight.shape[1])])
    return torch.stack([weight[o].flatten() for o in range(weight.shape[0])])


def greatest(layer, weight):
    return torch.linalg.svdvals(matrix(layer, weight))[0]


@pytest.mark.parametrize("kind", LAYERS)
def test_after_many_forwards_the_greatest_singular_value_is_one(kind):
    torch.manual_seed(1)
    make, shape = LAYERS[kind]
    layer = make()
    net = wrapped("spectral", layer)
    sigma = greatest(layer, layer.parametrizations.weight.original.detach())
    for _ in range(200):
        net(torch.randn(shape))
    net.eval()
    assert greatest(layer, layer.weight.detach()).item() == pytest.approx(1.0, rel=1e-4)
    torch.testing.assert_close(layer.weight, layer.parametrizations.weight.original / sigma, rtol=1e-4, atol=1e-6)


def test_one_forward_is_one_iteration_of_the_papers_algorithm():
    torch.manual_seed(2)
    layer = nn.Linear(4, 3)
    net = wrapped("spectral", layer)
    W, norm = layer.parametrizations.weight.original.detach(), layer.parametrizations.weight[0]
    u = norm.u.clone()
    for _ in range(3):
        v = W.T @ u / (W.T @ u).norm()
        u = W @ v / (W @ v).norm()
        x = torch.randn(2, 4)
        expected = x @ (W / (u @ W @ v)).T + layer.bias
        torch.testing.assert_close(net(x), expected)
        torch.testing.assert_close(norm.u, u)
        torch.testing.assert_close(norm.v, v)
    many = nn.Linear(4, 3)
    torch.manual_seed(3)
    ten = wrapped("spectral", many, iterations=10)
    torch.manual_seed(3)
    one = wrapped("spectral", copy.deepcopy(nn.Linear(4, 3)), iterations=1)
    with torch.no_grad():
        one[0].parametrizations.weight.original.copy_(many.parametrizations.weight.original)
        for name in ("u", "v"):
            getattr(one[0].parametrizations.weight[0], name).copy_(getattr(many.parametrizations.weight[0], name))
    ten(torch.zeros(1, 4))
    for _ in range(10):
        one(torch.zeros(1, 4))
    torch.testing.assert_close(many.parametrizations.weight[0].u, one[0].parametrizations.weight[0].u)


@pytest.mark.parametrize("kind", LAYERS)
def test_evaluation_moves_nothing(kind):
    make, shape = LAYERS[kind]
    net = wrapped("spectral", make()).eval()
    before = copy.deepcopy(net.state_dict())
    assert torch.equal(net(torch.ones(shape)), net(torch.ones(shape)))
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())


def test_the_gradient_is_the_papers():
    """∂/∂W of ⟨A, W/σ⟩ = (A − ⟨A, W̄⟩ u vᵀ)/σ (Eq. 12), and finite differences of W/σ_max(W) by singular values."""
    torch.manual_seed(4)
    layer = nn.Linear(5, 4).double()
    net = wrapped("spectral", layer).double()
    W, norm = layer.parametrizations.weight.original, layer.parametrizations.weight[0]
    for _ in range(500):
        net(torch.zeros(1, 5, dtype=torch.float64))
    A = torch.randn(4, 5, dtype=torch.float64)
    (slope,) = torch.autograd.grad((A * layer.weight).sum(), W)
    w = W.detach()
    sigma = torch.linalg.svdvals(w)[0]
    outer = torch.outer(norm.u, norm.v)
    torch.testing.assert_close(slope, (A - (A * w / sigma).sum() * outer) / sigma, rtol=1e-6, atol=1e-8)
    for i, j in ((0, 0), (1, 3), (3, 4)):
        step = torch.zeros_like(w)
        step[i, j] = 1e-6
        up, down = ((A * m / torch.linalg.svdvals(m)[0]).sum() for m in (w + step, w - step))
        assert slope[i, j].item() == pytest.approx(((up - down) / 2e-6).item(), rel=1e-5, abs=1e-7)


def test_sigma_stays_exact_under_bf16():
    torch.manual_seed(5)
    layer = nn.Linear(64, 64)
    net = wrapped("spectral", layer)
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(300):
            net(torch.randn(2, 64))
    norm, w = layer.parametrizations.weight[0], layer.parametrizations.weight.original.detach()
    assert norm.u.dtype == torch.float32
    assert (norm.u @ w @ norm.v).item() == pytest.approx(torch.linalg.svdvals(w)[0].item(), rel=1e-3)


@pytest.mark.parametrize(("kind", "inputs"), [("linear", 7), ("convolution", 27), ("transposed", 64)])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
def test_equalized_is_hand_scaling(kind, inputs, gain):
    torch.manual_seed(6)
    make, shape = LAYERS[kind]
    layer = make()
    net = wrapped("equalized", layer, gain=gain)
    plain = make()
    with torch.no_grad():
        plain.weight.copy_(gain / math.sqrt(inputs) * layer.parametrizations.weight.original)
        plain.bias.zero_()
    x = torch.randn(shape)
    torch.testing.assert_close(net(x), plain(x))
    (slope,) = torch.autograd.grad(net(x).square().sum(), layer.parametrizations.weight.original)
    (by_hand,) = torch.autograd.grad(plain(x).square().sum(), plain.weight)
    torch.testing.assert_close(slope, gain / math.sqrt(inputs) * by_hand)


def test_equalized_weights_are_drawn_from_the_standard_normal():
    torch.manual_seed(7)
    layer = nn.Linear(200, 300)
    wrapped("equalized", layer)
    weight = layer.parametrizations.weight.original.detach()
    assert weight.mean().abs() < 0.02
    assert weight.std().item() == pytest.approx(1.0, abs=0.02)
    assert not layer.bias.any()


@pytest.mark.parametrize("wrap", ["spectral", "equalized"])
def test_an_export_has_plain_weights_that_do_the_same(wrap):
    torch.manual_seed(8)
    net = wrapped(wrap, nn.Linear(6, 4))
    net(torch.randn(3, 6))
    plain = plain_copy(net)
    x = torch.randn(5, 6)
    assert not any(parametrize.is_parametrized(module) for module in plain.modules())
    assert [name for name, _ in plain.named_parameters()] == ["0.bias", "0.weight"]
    assert not list(plain.buffers())
    torch.testing.assert_close(plain(x), net.eval()(x))
    assert parametrize.is_parametrized(net[0])


@pytest.mark.parametrize("wrap", ["spectral", "equalized"])
def test_what_has_no_weights_is_one_sentence(wrap):
    with pytest.raises(RecipeError, match=f"{wrap} finds no linear"):
        wrapped(wrap, nn.ReLU())
    with pytest.raises(RecipeError, match=r"spectral\.iterations is 0"):
        wrapped("spectral", nn.Linear(2, 2), iterations=0)


def tiny(**changes):
    recipe = zoo.variant("vanilla-ns")
    both = {"generator.wrap": "equalized", "discriminator.wrap": {"name": "spectral", "iterations": 2}}
    return recipe.but(changes={**recipe.tiny, **both, **changes})


def engine(recipe):
    return engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})


def test_a_turn_of_g_moves_ds_vectors_and_not_its_weights():
    """As the authors' code: every forward pass of training is an iteration, whoever's turn it is."""
    play = engine(tiny())
    play.play(2)
    before = copy.deepcopy(play.game.D.state_dict())
    turn = next(turn for turn in play.game.turns(2) if turn.player == "G")
    play.grade(turn, 1, 0, play.batch)
    play.move(turn)
    moved = {name for name, t in play.game.D.state_dict().items() if not torch.equal(t, before[name])}
    assert moved
    assert all(name.endswith((".u", ".v")) for name in moved)


def test_resuming_is_exact():
    whole, first = engine(tiny()), engine(tiny())
    whole.play(6)
    first.play(3)
    state = copy.deepcopy([first.game.state_dict(), first.averages.state_dict()])
    moments = {name: copy.deepcopy(o.state_dict()) for name, o in first.optimizers.items()}
    second = engine(tiny())
    second.game.load_state_dict(state[0])
    second.averages.load_state_dict(state[1])
    for name, optimizer in second.optimizers.items():
        optimizer.load_state_dict(moments[name])
    second.step = 3
    second.play(6)
    for a, b in zip(
        [*whole.game.state_dict().values(), *whole.averages.state_dict().values()],
        [*second.game.state_dict().values(), *second.averages.state_dict().values()],
    ):
        assert torch.equal(a, b)


def test_sngans_weights_have_unit_norm_once_vectors_settle():
    recipe = zoo.variant("sngan-resnet")
    recipe = recipe.but(changes=dict(recipe.tiny))
    D = game_of(recipe, open_data(recipe, None).spec).D
    for _ in range(100):
        D(torch.zeros(1, 1, 28, 28))
    D.eval()
    norms = [greatest(m, m.weight.detach()).item() for m in D.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    assert len(norms) == 11
    assert norms == pytest.approx([1.0] * 11, rel=1e-2)
