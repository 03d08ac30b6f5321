"""AAE: the costs of its three turns, an encoder of two owners, priors by name, reconstructions in torch and ONNX."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import torch

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.data import open_source
from ganzoo.errors import RecipeError
from ganzoo.game import Minibatch
from ganzoo.specs import DataSpec

RECIPE = zoo.variant("aae")
TINY = RECIPE.but(changes=dict(RECIPE.tiny))
DATA = DataSpec("image", (1, 8, 8), size=100)
SETTLED = {"device": "cpu", "precision": "fp32", "threads": 1}


def dealt(game, n, player="D"):
    x = torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    turn = next(turn for turn in game.turns(0) if turn.player == player)
    return turn, game.deal(Minibatch(0, n, lambda: {"x": x}), turn)


def sure(scores):
    return [1 / (1 + exp(-s)) for s in scores.tolist()]


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_costs_are_the_papers(n):
    game = game_of(TINY, DATA).double()
    _, (z, x) = dealt(game, n)
    z, x = z.double(), x.double()
    real, fake = (sure(game.D(codes)["score"]) for codes in (z, game.E(x)))
    costs = game.judgement((z, x))
    assert costs["prior"].item() == pytest.approx(-sum(map(log, real)) / n)
    assert costs["codes"].item() == pytest.approx(-sum(log(1 - d) for d in fake) / n)
    assert game.regularisation((z, x))["regularisation"].item() == pytest.approx(-sum(map(log, fake)) / n)
    error = game.reconstruction((z, x))["reconstruction"].item()
    made = game.G(game.E(x)).detach().numpy()
    assert error == pytest.approx(((x.numpy() - made) ** 2).sum() / (n * 64))


def test_inverse_functions_reconstruct_without_error():
    game = game_of(TINY, DATA)
    basis = torch.linalg.qr(torch.randn(64, 4))[0]
    game.G.forward = lambda z: (z @ basis.T).unflatten(1, (1, 8, 8))
    game.E.forward = lambda x: x.flatten(1) @ basis
    x = game.G(torch.randn(5, 4))
    assert game.reconstruction((None, x))["reconstruction"].item() == pytest.approx(0, abs=1e-10)


def test_a_d_that_knows_nothing():
    game = game_of(TINY, DATA)
    torch.nn.init.zeros_(game.D.score.weight)
    torch.nn.init.zeros_(game.D.score.bias)
    turn, seen = dealt(game, 7)
    assert sum(turn.cost(seen).values()).item() == pytest.approx(2 * log(2))
    assert sum(game.regularisation(seen).values()).item() == pytest.approx(log(2))


def test_the_encoder_has_two_owners():
    game = game_of(TINY, DATA)
    owned = {name: {id(p) for p in player.parameters()} for name, player in game.players().items()}
    nets = {name: {id(p) for p in net.parameters()} for name, net in (("E", game.E), ("G", game.G), ("D", game.D))}
    assert owned == {"AE": nets["E"] | nets["G"], "D": nets["D"], "E": nets["E"]}
    assert [turn.player for turn in game.turns(0)] == ["AE", "D", "E"]


def moved(changes, steps=2):
    """Which networks a short run moves."""
    recipe = TINY.but(changes=changes)
    engine = engine_of(recipe, open_source("digits"), SETTLED)
    before = {name: t.clone() for name, t in engine.game.state_dict().items()}
    engine.play(steps)
    after = engine.game.state_dict()
    return {name[0] for name, t in before.items() if not torch.equal(t, after[name])}


@pytest.mark.parametrize(
    ("still", "nets"),
    [((), "DEG"), (("D",), "EG"), (("AE",), "DE"), (("E",), "DEG"), (("AE", "E"), "D"), (("AE", "D"), "E")],
)
def test_a_player_that_stands_still_keeps_its_weights(still, nets):
    assert moved({f"optimizers.{player}.lr": 0.0 for player in still}) == set(nets)


@pytest.mark.parametrize(
    ("prior", "least", "most"),
    [("normal", -9, 9), ("uniform", -1, 1), ({"name": "uniform", "low": 2, "high": 3}, 2, 3)],
)
def test_d_sees_the_prior_that_is_named(prior, least, most):
    game = game_of(TINY.but(changes={"prior": prior}), DATA)
    _, (z, x) = dealt(game, 200)
    assert z.shape == (200, 4)
    assert least <= z.min() < (least + most) / 2 < z.max() <= most
    assert z.std().item() == pytest.approx(1.0 if prior == "normal" else (most - least) / 12**0.5, rel=0.1)
    assert x.shape == (200, 1, 8, 8)
    assert game.G.spec.inputs == (game.z,)


@pytest.mark.parametrize("discriminator", ["mlp", "pacgan-mlp"])
def test_any_judge_of_points_judges_codes(discriminator):
    turn, seen = dealt(game_of(TINY.but(changes={"discriminator": {"name": discriminator}}), DATA), 5)
    assert sum(turn.cost(seen).values()).isfinite()


def test_points_have_no_encoder():
    with pytest.raises(RecipeError, match="encoder takes pictures"):
        game_of(TINY, DataSpec("points", (2,), size=100))


def test_reconstructs_in_torch_and_in_onnx(tmp_path):
    run = ganzoo.train("aae", out=tmp_path / "run", set={**RECIPE.tiny, "steps": 2})
    ganzoo.export(run, tmp_path / "onnx")
    digits = run.sampler().sample(3, seed=5).images
    made = [ganzoo.load(place).reconstruct(digits) for place in (run.path, tmp_path / "onnx")]
    assert np.allclose(made[0].inputs["z"], made[1].inputs["z"], atol=1e-4)
    assert np.abs(made[0].images.astype(int) - made[1].images).max() <= 1
