"""BiGAN: the costs of pairs, who is told what, E in G's team, and reconstructions in torch and ONNX."""

from __future__ import annotations

from math import exp, log
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import ganzoo
from ganzoo import zoo
from ganzoo.build import game_of
from ganzoo.errors import RecipeError
from ganzoo.game import Minibatch
from ganzoo.specs import DataSpec

RECIPE = zoo.variant("bigan")
TINY = RECIPE.but(changes=dict(RECIPE.tiny))
DATA = DataSpec("image", (1, 8, 8), size=100)


def said(real, fake):
    """A round in which D said this."""
    return SimpleNamespace(
        pair=lambda: (real, fake), real=SimpleNamespace(score=real), fake=SimpleNamespace(score=fake)
    )


def deal(game, x, player="D"):
    turn = next(turn for turn in game.turns(0) if turn.player == player)
    return turn, game.deal(Minibatch(0, len(x), lambda: {"x": x}), turn)


def pictures(n):
    return torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_costs_are_the_papers(n):
    loss = zoo.part("loss", "bidirectional").factory()()
    zero = torch.zeros(n)
    assert loss.discriminator(said(zero, zero)).item() == pytest.approx(2 * log(2))
    torch.manual_seed(n)
    real, fake = torch.randn(2, n, dtype=torch.float64).mul(3).unbind()
    sure = [1 / (1 + exp(-s)) for s in real.tolist()], [1 / (1 + exp(-s)) for s in fake.tolist()]
    value = sum(log(d) for d in sure[0]) / n + sum(log(1 - d) for d in sure[1]) / n
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(-value)
    inverse = sum(log(d) for d in sure[1]) / n + sum(log(1 - d) for d in sure[0]) / n
    assert loss.generator(said(real, fake)).item() == pytest.approx(-inverse)


class Judge(nn.Module):
    """Remembers what it is shown."""

    conditions = ("z",)
    separable = False

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x, z):
        self.seen.append((x, z))
        return x.flatten(1).sum(1) + z.sum(1)


def test_d_judges_pictures_with_their_codes_and_samples_with_their_latents():
    game = game_of(TINY, DATA).eval()
    game.D, game.separable = Judge(), False
    _, round = deal(game, pictures(5))
    round.pair()
    (x, code), (x_fake, z) = game.D.seen
    assert torch.equal(x, round.x)
    assert torch.equal(code, game.E(x))
    assert torch.equal(z, round.inputs["z"])
    assert torch.equal(x_fake, game.G(z))
    assert z.min() >= -1
    assert z.max() <= 1


def test_one_pass_through_d_is_two():
    game = game_of(TINY, DATA).eval()
    with torch.no_grad():
        _, round = deal(game, pictures(6))
        real, fake = round.pair()
        assert torch.allclose(real, round.judge(round.x, {"z": game.E(round.x)}).score, atol=1e-6)
        assert torch.allclose(fake, round.judge(round.x_fake, round.inputs).score, atol=1e-6)


def test_d_cannot_tell_inverse_functions_apart():
    """Where data are what G makes and E inverts it, both pairs are one (Theorem 2)."""
    game = game_of(TINY.but(changes={"latent": 4, "batch": 8}), DATA).eval()
    basis = torch.linalg.qr(torch.randn(64, 4))[0]
    game.G.forward = lambda z: (z @ basis.T).unflatten(1, (1, 8, 8))
    game.E.forward = lambda x: x.flatten(1) @ basis
    _, round = deal(game, pictures(8))
    round.__dict__["x"] = round.x_fake
    real, fake = round.pair()
    assert torch.allclose(real, fake, atol=1e-5)
    assert torch.allclose(game.G(game.E(round.x)), round.x, atol=1e-5)


def test_e_plays_in_gs_team():
    game = game_of(TINY, DATA)
    players = {name: {id(p) for p in player.parameters()} for name, player in game.players().items()}
    assert players["D"] == {id(p) for p in game.D.parameters()}
    assert players["G"] == {id(p) for net in (game.G, game.E) for p in net.parameters()}
    turn, round = deal(game, pictures(8), "G")
    sum(turn.cost(round).values()).backward()
    for net in (game.G, game.E):
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_a_label_is_told_too():
    data = DataSpec("image", (1, 8, 8), ("a", "b"), (0.5, 0.5), 100)
    game = game_of(TINY.but(changes={"conditions": ["label"]}), data).eval()
    turn = next(turn for turn in game.turns(0) if turn.player == "D")
    columns = {"x": pictures(6), "label": torch.arange(6) % 2}
    round = game.deal(Minibatch(0, 6, lambda: columns), turn)
    assert set(round.conditions) == {"z", "label"}
    assert all(score.shape == (6,) for score in round.pair())


def test_what_does_not_fit_is_one_sentence():
    with pytest.raises(RecipeError, match="encoder takes pictures"):
        game_of(TINY, DataSpec("points", (2,), size=100))
    game = game_of(TINY.but(changes={"discriminator": "mlp"}), DATA)
    turn, round = deal(game, pictures(4))
    with pytest.raises(RecipeError, match="can be told labels, and 'z' is no label"):
        turn.cost(round)


def test_reconstructs_in_torch_and_in_onnx(tmp_path):
    run = ganzoo.train("bigan", out=tmp_path / "run", set={**RECIPE.tiny, "steps": 2})
    ganzoo.export(run, tmp_path / "onnx")
    digits = run.sampler().sample(3, seed=5).images
    made = [ganzoo.load(place).reconstruct(digits) for place in (run.path, tmp_path / "onnx")]
    assert np.allclose(made[0].inputs["z"], made[1].inputs["z"], atol=1e-4)
    assert np.abs(made[0].images.astype(int) - made[1].images).max() <= 1
    again = run.sampler().sample(z=made[0].inputs["z"])
    assert np.array_equal(again.images, made[0].images)
