"""What D sees of a whole batch, and features to match: closed forms, gradients, what is saved."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.errors import RecipeError
from ganzoo.run import open_data
from ganzoo.specs import DataSpec

SIZES = [1, 3, 16]


def make(kind, name, **options):
    return zoo.part(kind, name).build({"name": name, **options}, {})


def attached(name, width, **options):
    """A head for a D with that many features, float64."""
    torch.manual_seed(width)
    term = make("term", name, **options)
    term.attach(nn.Identity(), SimpleNamespace(features=width))
    return term.double()


def judged(term, features):
    """By how much the score changes."""
    said = ganzoo.Judgement(score=torch.ones(len(features), dtype=features.dtype), features=features)
    return term.judged(said, {}).score - 1


def drawn(n, d):
    torch.manual_seed(n)
    return torch.randn(n, d, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["term", "loss"])
@pytest.mark.parametrize("n", SIZES)
def test_feature_matching_is_the_squared_distance_of_means(kind, n):
    real, fake = drawn(n, 4), drawn(n, 4) * 2 + 1
    round = SimpleNamespace(pair=lambda: None, real=SimpleNamespace(features=real), fake=SimpleNamespace(features=fake))
    means = [(sum(a) / n - sum(b) / n) ** 2 for a, b in zip(real.T.tolist(), fake.T.tolist())]
    assert make(kind, "feature-matching").generator(round).item() == pytest.approx(sum(means))


@pytest.mark.parametrize("n", SIZES)
def test_as_a_loss_d_keeps_the_cross_entropy(n):
    real, fake = drawn(n, 2).unbind(1)
    cost = make("loss", "feature-matching").discriminator(SimpleNamespace(pair=lambda: (real, fake)))
    by_hand = sum(math.log(1 + math.exp(-r)) for r in real.tolist()) + sum(
        math.log(1 + math.exp(f)) for f in fake.tolist()
    )
    assert cost.item() == pytest.approx(by_hand / n)


def test_gs_gradient_of_feature_matching_against_finite_differences():
    real, fake = drawn(3, 4), drawn(5, 4)
    W = torch.randn(4, 4, dtype=torch.float64).requires_grad_()

    def cost():
        said = SimpleNamespace(features=(fake @ W).tanh())
        round = SimpleNamespace(pair=lambda: None, real=SimpleNamespace(features=real), fake=said)
        return make("term", "feature-matching").generator(round)

    agrees(cost, W)


def agrees(cost, weight):
    """The gradient of a cost by a weight, by central differences."""
    (found,) = torch.autograd.grad(cost(), weight)
    assert found.any()
    flat = weight.detach().view(-1)
    for i in range(len(flat)):
        value = flat[i].item()
        flat[i] = value + 1e-5
        high = cost().item()
        flat[i] = value - 1e-5
        low = cost().item()
        flat[i] = value
        assert (high - low) / 2e-5 == pytest.approx(found.view(-1)[i].item(), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("n", SIZES)
def test_nearness_is_the_papers_sum(n):
    """By hand, sample by sample and kernel by kernel; the head is linear in it, as a layer on [f, o] is."""
    features = drawn(n, 6)
    term = attached("minibatch-discrimination", 6, kernels=3, size=2)
    T, w = term.T.weight.tolist(), term.of_nearness.weight[0].tolist()
    M = [
        [[sum(f * t for f, t in zip(row, T[2 * b + c])) for c in range(2)] for b in range(3)]
        for row in features.tolist()
    ]
    for i, found in enumerate(judged(term, features).tolist()):
        o = [sum(math.exp(-sum(abs(M[i][b][c] - M[j][b][c]) for c in range(2))) for j in range(n)) for b in range(3)]
        assert found == pytest.approx(sum(a * b for a, b in zip(w, o)))


def test_samples_that_are_all_alike_are_nearest():
    """o is the number of samples where all are one, and 1, the sample itself, where they are far apart."""
    term = attached("minibatch-discrimination", 4, kernels=2, size=3)
    nn.init.ones_(term.of_nearness.weight)
    alike = drawn(1, 4).expand(5, 4)
    assert judged(term, alike).tolist() == pytest.approx([2 * 5.0] * 5)
    assert judged(term, 1e6 * drawn(5, 4)).tolist() == pytest.approx([2.0] * 5)


def test_weight_gradients_of_minibatch_discrimination_against_finite_differences():
    term = attached("minibatch-discrimination", 3, kernels=2, size=2)
    for weight in term.parameters():
        agrees(lambda: judged(term, drawn(4, 3)).square().sum(), weight)


@pytest.mark.parametrize("n", SIZES)
def test_minibatch_std_is_the_mean_standard_deviation(n):
    features = drawn(n, 5)
    term = make("term", "minibatch-std").double()
    nn.init.constant_(term.of_spread.weight, 2.0)
    spreads = []
    for column in features.T.tolist():
        mean = sum(column) / n
        spreads.append(math.sqrt(sum((v - mean) ** 2 for v in column) / n + 1e-8))
    assert judged(term, features).tolist() == pytest.approx([2 * sum(spreads) / 5] * n)


def test_minibatch_std_of_a_collapsed_batch_has_a_finite_gradient():
    features = torch.ones(4, 5, requires_grad=True)
    judged(make("term", "minibatch-std"), features).sum().backward()
    assert features.grad.isfinite().all()


def test_heads_belong_to_d_and_data_and_fakes_are_judged_apart():
    recipe = zoo.variant("r1gan")  # a D whose judgement of a sample does not depend on others
    spec = DataSpec("image", (1, 28, 28), size=100)
    assert game_of(recipe, spec).separable
    for name in ("minibatch-discrimination", "minibatch-std"):
        game = game_of(recipe.but(changes={f"terms.{name}": name}), spec)
        assert not game.separable
        owned = {id(p) for p in game.players()["D"].parameters()}
        assert {id(p) for p in game.terms[name].parameters()} <= owned


def test_a_d_without_features_is_refused_before_the_first_step():
    with pytest.raises(RecipeError, match="this one has no number `features`"):
        make("term", "minibatch-discrimination").attach(nn.Identity(), nn.Linear(2, 1))
    with pytest.raises(RecipeError, match="kernels and size of at least 1"):
        make("term", "minibatch-discrimination", kernels=0)


def test_the_variant_has_all_of_it_and_takes_feature_matching_alone():
    recipe = zoo.variant("improved-gan")
    assert set(recipe.parts["terms"]) == {
        "feature-matching", "minibatch-discrimination", "historical-averaging", "label-smoothing",
    }  # fmt: skip
    recipe = recipe.but(changes={**recipe.tiny, "loss": "feature-matching", "terms.feature-matching": "none"})
    engine = engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})
    engine.rehearse()
    engine.play(5)
    assert {"G/feature-matching", "G/historical-averaging"} == {
        name for name in engine.measured if name[:2] == "G/"
    } - {"G/grad_norm"}
