"""What a game of two players may change in one place, and what wraps of networks take."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo import zoo
from ganzoo.build import game_of
from ganzoo.errors import RecipeError
from ganzoo.game import Minibatch
from ganzoo.parts import Part
from ganzoo.session import _parts_of
from ganzoo.specs import DataSpec

DATA = DataSpec("points", (2,), size=100)


def game(changes=()):
    return game_of(zoo.variant("vanilla-ns").but(changes=dict(changes)), DATA)


def deal(game, n=6, player="D"):
    turn = next(turn for turn in game.turns(0) if turn.player == player)
    return game.deal(Minibatch(0, n, lambda: {"x": torch.randn(n, 2)}), turn)


def test_a_round_judges_by_the_d_it_carries():
    play = game()
    before = {name: t.clone() for name, t in play.D.state_dict().items()}
    round = deal(play)
    round.D = lambda x: x.sum(1)
    assert torch.equal(round.real.score, round.x.sum(1))
    assert torch.equal(round.fake.score, round.x_fake.sum(1))
    assert all(torch.equal(t, before[name]) for name, t in play.D.state_dict().items())


class Pairs(ganzoo.TwoPlayer):
    def sample(self):
        one = super().sample()
        return ganzoo.OutputSpec(one.kind, (2 * one.shape[0],))


def registered(monkeypatch, *parts):
    """Add parts to the zoo, for a test."""
    plain, mine = zoo.part, {(part.kind, part.name): part for part in parts}
    monkeypatch.setattr(zoo, "part", lambda kind, name: mine.get((kind, name)) or plain(kind, name))


def test_a_game_may_show_d_other_than_what_g_makes(monkeypatch):
    registered(monkeypatch, Part("game", "pairs", Pairs))
    play = game({"game": "pairs"})
    assert play.G.spec.output.shape == (2,)
    assert play.D(torch.randn(3, 4))["score"].shape == (3,)


class Scaled(nn.Module):
    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, w):
        return self.by * w


def scaled(module, *, by: float = 2.0):
    """Every linear weight times a number."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.utils.parametrize.register_parametrization(layer, "weight", Scaled(by))
    return module


@pytest.fixture
def scaling(monkeypatch):
    registered(monkeypatch, Part("wrap", "scaled", scaled))


@pytest.mark.usefixtures("scaling")
@pytest.mark.parametrize(
    ("changes", "by"),
    [
        ({"discriminator.wrap": "scaled"}, 2.0),
        ({"discriminator.wrap": "scaled", "discriminator.wrap.by": 3}, 3.0),
        ({"discriminator.wrap": {"name": "scaled", "by": 0.5}}, 0.5),
    ],
)
def test_a_wrap_takes_options(changes, by):
    first = next(layer for layer in game(changes).D.modules() if isinstance(layer, nn.Linear))
    torch.testing.assert_close(first.weight, by * first.parametrizations.weight.original)
    recipe = zoo.variant("vanilla-ns").but(changes=changes)
    assert ("wrap", "scaled") in list(_parts_of(recipe))


@pytest.mark.usefixtures("scaling")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"discriminator.wrap": "scaled", "discriminator.wrap.bi": 3}, "wrap 'scaled' has no option 'bi'"),
        ({"discriminator.wrap.by": 3}, "say which wrap it is: discriminator.wrap=NAME"),
        ({"discriminator.wrap": "scald"}, "there is no wrap 'scald'"),
    ],
)
def test_a_wrong_wrap_is_one_sentence(changes, words):
    with pytest.raises(RecipeError, match=words):
        game(changes)


class Judge(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return torch.zeros(len(x), *self.shape) if self.shape is not None else torch.zeros(())


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_d_gives_one_score_a_sample_or_a_map_of_patches(shape):
    play = game()
    round = deal(play)
    round.D = Judge(shape)
    assert round.real.score.shape == (6, *shape)


@pytest.mark.parametrize("shape", [None, (1,), (2, 3, 1)])
def test_other_scores_are_one_sentence(shape):
    round = deal(game())
    round.D = Judge(shape)
    with pytest.raises(
        RecipeError, match=r"one number a sample, shape \[6\], or one a patch, \[6, H, W\], is expected"
    ):
        _ = round.real


def test_g_may_have_no_noise_but_not_no_input():
    data = DataSpec("image", (1, 4, 4), size=9, pictures={"input": (1, 4, 4)})
    changes = {"latent": 0, "conditions": ["input"], "generator.widths": [8], "discriminator": "told"}
    with pytest.raises(RecipeError, match="there is no discriminator"):
        game_of(zoo.variant("vanilla-ns").but(changes=changes), data)
    with pytest.raises(RecipeError, match="G would have no input; set one of the two"):
        game({"latent": 0})
    with pytest.raises(RecipeError, match="what can be told of a sample of these data is 'label', 'input'"):
        game_of(zoo.variant("vanilla-ns").but(changes={"conditions": ["inptu"]}), data)


class Counting(ganzoo.Term):
    """Counts how often it settles."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def settle(self, round):
        self.count += 1


class OfG(Counting):
    def generator(self, round):
        return round.fake.score.mean()


class OfBoth(OfG):
    def discriminator(self, round):
        return round.real.score.mean()


def test_a_lazy_term_of_g_alone_settles_after_its_own_turn_and_all_others_after_ds():
    play = game()
    for name, (make, every) in {
        "often": (OfG, 1), "lazy": (OfG, 4), "other": (OfG, 3), "both": (OfBoth, 4), "free": (Counting, 4),
    }.items():  # fmt: skip
        play.terms[name] = make()
        play.terms[name].every = every
    settled = {}
    for turn in play.turns(0):
        before = {name: play.terms[name].count for name in ("often", "lazy", "other", "both", "free")}
        turn.settle(deal(play))
        moved = {name for name, count in before.items() if play.terms[name].count > count}
        settled[turn.player, turn.every] = moved
    due = {("D", 1): {"often", "both", "free"}, ("G", 1): set(), ("D", 4): set(), ("G", 4): {"lazy"}}
    assert settled == {**due, ("G", 3): {"other"}}
