"""Relativistic losses against the paper's formulas, and what holds for all of them."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from ganzoo import zoo
from ganzoo.build import game_of
from ganzoo.game import Minibatch
from ganzoo.specs import DataSpec
from ganzoo.two_player import Round

LOSSES = ["rsgan", "ragan", "ralsgan"]


def make(name):
    return zoo.part("loss", name).factory()()


def said(real, fake):
    """A round in which D said this."""
    return SimpleNamespace(
        pair=lambda: (real, fake),
        real=SimpleNamespace(score=real),
        fake=SimpleNamespace(score=fake),
        mean=torch.Tensor.mean,
    )


def scores(n):
    torch.manual_seed(n)
    return torch.randn(2, n, dtype=torch.float64).mul(2).unbind()


def sigma(v):
    return 1 / (1 + math.exp(-v))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def by_hand(name, real, fake):
    """D's cost, in plain numbers."""
    if name == "rsgan":
        return mean(-math.log(sigma(r - f)) for r, f in zip(real, fake))
    over, under = [r - mean(fake) for r in real], [f - mean(real) for f in fake]
    if name == "ragan":
        return mean(-math.log(sigma(r)) for r in over) + mean(-math.log(1 - sigma(f)) for f in under)
    return mean((r - 1) ** 2 for r in over) + mean((f + 1) ** 2 for f in under)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n", [1, 3, 16])
def test_costs_are_the_papers_and_swap(name, n):
    """G's cost is D's with real and fake exchanged."""
    real, fake = scores(n)
    loss = make(name)
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(by_hand(name, real.tolist(), fake.tolist()))
    assert loss.generator(said(real, fake)).item() == pytest.approx(by_hand(name, fake.tolist(), real.tolist()))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n", [1, 3, 16])
def test_a_constant_added_to_the_score_changes_nothing(name, n):
    real, fake = scores(n)
    loss = make(name)
    for cost in (loss.discriminator, loss.generator):
        torch.testing.assert_close(cost(said(real + 7, fake + 7)), cost(said(real, fake)))


@pytest.mark.parametrize(("name", "value"), [("rsgan", math.log(2)), ("ragan", 2 * math.log(2)), ("ralsgan", 2.0)])
@pytest.mark.parametrize("n", [1, 3, 16])
def test_at_the_fixed_point_both_players_pay_the_same(name, value, n):
    """Where D cannot tell, all of its scores are equal."""
    even = torch.full((n,), 3.0, dtype=torch.float64)
    loss = make(name)
    assert loss.discriminator(said(even, even)).item() == pytest.approx(value)
    assert loss.generator(said(even, even)).item() == pytest.approx(value)


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_is_the_rounds(name):
    """The average that a sample is held against is that of the whole batch, which only the round knows."""
    real, fake = scores(4)
    loss, elsewhere = make(name), said(real, fake)
    elsewhere.mean = lambda values: values.mean() + 1.0
    differs = loss.discriminator(elsewhere) != loss.discriminator(said(real, fake))
    assert bool(differs) == (name != "rsgan")


@pytest.mark.parametrize("name", LOSSES)
def test_gs_gradient_comes_through_fakes_and_reads_real_samples(name):
    """In a round of the game itself: what D says of data is used, and pulls on no weight of G."""
    recipe = zoo.variant(name)
    recipe = recipe.but(changes=dict(recipe.tiny))
    torch.manual_seed(0)
    game = game_of(recipe, DataSpec("image", (1, 28, 28), size=100))
    loss = game.terms[name]
    slopes = []
    for pixels in (torch.randint(256, (4, 1, 28, 28), dtype=torch.uint8), torch.zeros(4, 1, 28, 28, dtype=torch.uint8)):
        torch.manual_seed(1)
        round = Round(game, Minibatch(0, 4, lambda pixels=pixels: {"x": pixels}), ())
        slopes.append(torch.autograd.grad(loss.generator(round), list(game.G.parameters()), retain_graph=True))
        real, fake = round.pair()
        alone = said(real.detach(), fake)
        expected = torch.autograd.grad(loss.generator(alone), list(game.G.parameters()))
        for ours, theirs in zip(slopes[-1], expected):
            torch.testing.assert_close(ours, theirs)
    assert any(not torch.equal(a, b) for a, b in zip(*slopes))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("far", [-100.0, 100.0])
def test_costs_and_gradients_are_finite_at_scores_of_100(name, far):
    loss = make(name)
    for other in (-100.0, 100.0):
        real = torch.full((4,), far, requires_grad=True)
        fake = torch.full((4,), other, requires_grad=True)
        for cost in (loss.discriminator, loss.generator):
            value = cost(said(real, fake))
            assert value.isfinite()
            assert all(slope.isfinite().all() for slope in torch.autograd.grad(value, (real, fake)))


@pytest.mark.parametrize("name", LOSSES)
def test_a_report_says_how_far_real_is_above_fake(name):
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 0.0])
    report = {key: value.item() for key, value in make(name).report(said(real, fake)).items()}
    assert report == ({"real above fake": 0.5} if name == "rsgan" else {"r": 1.0, "f": -1.0})
