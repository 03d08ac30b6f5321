"""What a game of two players may change in one place, and what wraps of networks take."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.data import open_source
from ganzoo.errors import RecipeError
from ganzoo.game import Minibatch
from ganzoo.parts import Part
from ganzoo.session import _parts_of
from ganzoo.specs import DataSpec
from ganzoo.two_player import Generator

DATA = DataSpec("points", (2,), size=100)
POINTS = open_source("ring")
CPU = {"device": "cpu", "precision": "fp32"}


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


def rehearsed(monkeypatch, changes, *parts):
    registered(monkeypatch, *parts)
    engine_of(zoo.variant("vanilla-ns").but(changes=changes), POINTS, CPU).rehearse()


class Forgetful(ganzoo.Term):
    def discriminator(self, round):
        round.real.score.mean()


class ForgetfulLoss(Forgetful):
    def generator(self, round):
        return round.fake.score.mean()


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("loss", {"loss": "forgetful"}),
        ("term", {"terms.forgetful.weight": 1.0}),
        ("term", {"terms.forgetful.weight": 0.5}),
    ],
)
def test_a_cost_without_a_return_is_named(monkeypatch, kind, changes):
    with pytest.raises(RecipeError, match=r"^the cost 'D/forgetful' returned None \(is a return missing\?\); a scalar"):
        rehearsed(monkeypatch, changes, Part(kind, "forgetful", ForgetfulLoss if kind == "loss" else Forgetful))


class Flat(ganzoo.GeneratorNet):
    def __init__(self, inputs, output):
        super().__init__(inputs, output)
        self.body = nn.Linear(self.width, 3)

    def forward(self, z):
        return self.body(z)


class Turnless(ganzoo.TwoPlayer):
    def turns(self, step):
        super().turns(step)


class Late(ganzoo.TwoPlayer):
    def __init__(self, build, wait=3, **options):
        super().__init__(build, **options)


class Amends(ganzoo.Term):
    answer = staticmethod(dict)

    def judged(self, said, conditions):
        return self.answer(said)


@pytest.mark.parametrize(("answer", "what"), [(dict, "a dict"), (lambda said: None, "None (is a return missing?)")])
def test_judged_gives_a_judgement(monkeypatch, answer, what):
    text = (
        f"judged() of Amends returned {what}; a Judgement is expected: return what it was handed, or "
        "ganzoo.Judgement({**said, 'NAME': tensor})"
    )
    monkeypatch.setattr(Amends, "answer", staticmethod(answer))
    with pytest.raises(RecipeError, match=f"^{re.escape(text)}$"):
        rehearsed(monkeypatch, {"terms.amends.weight": 1.0}, Part("term", "amends", Amends))


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (lambda x: None, "None (is a return missing?)"),
        (lambda x: (x.sum(1), x), "a tuple"),
        (lambda x: {"score": x.sum(1), "half": None}, "a dict"),
    ],
)
def test_what_d_may_return(monkeypatch, answer, what):
    class Judge(nn.Linear):
        def forward(self, x):
            return answer(x)

    text = f"the discriminator returned {what}; a tensor of scores, or a dictionary of tensors with 'score' among them"
    judge = Part("discriminator", "judge", lambda sample: Judge(2, 1))
    with pytest.raises(RecipeError, match=f"^{re.escape(text)}"):
        rehearsed(monkeypatch, {"discriminator": "judge"}, judge)


class Two(ganzoo.TwoPlayer):
    """Two generators of one network: F is another G."""

    names = ("generator", "other")

    def __init__(self, build, *, generator: Generator, **options) -> None:
        super().__init__(build, generator=generator, **options)
        given = {"inputs": self.G.spec.inputs, "output": self.G.spec.output}
        self.F = build.network(generator, "generator", self.names[1], **given)

    def generators(self):
        return dict(zip(("generator", "other"), (self.G, self.F)))


def test_generators_have_one_name_each(monkeypatch):
    registered(monkeypatch, Part("game", "two", Two))
    play = game({"game": "two"})
    assert [module.spec.name for module in play.generators().values()] == ["generator", "other"]
    first, second = (next(module.parameters()) for module in play.generators().values())
    assert first.shape == second.shape
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("names", ("", ""), "generators() calls 'other' what its spec calls 'generator'; give each a name of its own"),
        (
            "names",
            ("", "second"),
            "generators() calls 'other' what its spec calls 'second'; give each a name of its own",
        ),
        ("generators", lambda self: {"generator": self.G, "other": self.G}, "generators() calls 'other' what its spec"),
        ("generators", lambda self: {"G 1": self.G}, "'G 1' is no name for a generator; small letters, digits and '-'"),
        (
            "generators",
            lambda self: {"generator": nn.ReLU()},
            "generator 'generator' has no spec; derive it from ganzoo",
        ),
        ("generators", lambda self: {}, "generators() of the game is empty; name at least one"),
    ],
)
def test_names_of_generators_that_are_refused(monkeypatch, attribute, value, text):
    registered(monkeypatch, Part("game", "two", Two))
    monkeypatch.setattr(Two, attribute, value)
    with pytest.raises(RecipeError, match=f"^{re.escape(text)}"):
        game({"game": "two"})


def test_a_network_without_a_spec_is_no_generator(monkeypatch):
    registered(monkeypatch, Part("generator", "bare", lambda inputs, output: nn.Linear(100, 2)))
    with pytest.raises(RecipeError, match=r"^generator 'bare' has no spec; derive it from ganzoo\.GeneratorNet"):
        game({"generator": "bare"})


def test_whatever_a_part_raises_is_one_sentence(monkeypatch):
    registered(monkeypatch, Part("discriminator", "lost", lambda sample: {}["key"]))
    with pytest.raises(RecipeError, match=r"^discriminator 'lost' cannot be made: KeyError: 'key'$"):
        game({"discriminator": "lost"})


MISSING = "returned None (is a return missing?)"


@pytest.mark.parametrize(
    ("kind", "make", "changes", "text"),
    [
        (
            "wrap",
            lambda module: None,
            {"discriminator.wrap": "mine"},
            f"wrap 'mine' cannot be used: its factory {MISSING}",
        ),
        (
            "optimizer",
            lambda parameters: None,
            {"optimizers.D": "mine"},
            f"optimizer 'mine' cannot be used: its factory {MISSING}",
        ),
        (
            "schedule",
            lambda base: base,
            {"schedules.lr": "mine"},
            "schedule 'mine' gave a float; a function from the step",
        ),
        ("loss", Forgetful, {"loss": "mine"}, "G has no cost: loss 'mine' has no method generator(round)"),
        (
            "generator",
            Flat,
            {"generator": "mine"},
            "the generator made samples of shape [3]; its spec says [2]",
        ),
        ("game", Turnless, {"game": "mine"}, f"turns(0) of game 'mine' {MISSING}"),
        ("game", Late, {"game": "mine", "wait": 4}, "game 'mine' is handed 'wait', which is no option; options are"),
    ],
)
def test_what_an_author_forgets_is_one_sentence(monkeypatch, kind, make, changes, text):
    with pytest.raises(RecipeError, match=f"^{re.escape(text)}"):
        rehearsed(monkeypatch, changes, Part(kind, "mine", make))


def test_what_is_no_source_is_said(monkeypatch):
    registered(monkeypatch, Part("source", "mine", lambda: [1, 2, 3]))
    with pytest.raises(RecipeError, match=r"^source 'mine' gave a list, which has no spec; give a Samples"):
        open_source("mine")


def test_options_are_keyword_only(monkeypatch):
    def positional(sample, width=8):
        return nn.Linear(2, 1)

    registered(monkeypatch, Part("discriminator", "positional", positional))
    text = (
        "discriminator 'positional' is handed 'width', which is no option; options are keyword-only, so write it after "
        "* in the signature if you mean it as one"
    )
    with pytest.raises(RecipeError, match=f"^{re.escape(text)}$"):
        game({"discriminator": {"name": "positional", "width": 16}})
    with pytest.raises(RecipeError, match="has no option 'depth'; choose from wrap"):
        game({"discriminator": {"name": "positional", "depth": 16}})


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


def test_g_may_have_labels_alone():
    data = DataSpec("points", (2,), classes=("a", "b", "c"), size=100)
    changes = {"latent": 0, "conditions": ["label"], "discriminator": "cgan-mlp"}
    G = game_of(zoo.variant("vanilla-ns").but(changes=changes), data).G
    labels = torch.tensor([2, 0, 2])
    assert torch.equal(G.joined(labels), torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 0, 1]]))
    assert torch.equal(G(labels)[0], G(labels)[2])


def test_a_term_named_as_the_loss_is_does_not_take_its_place():
    with pytest.raises(RecipeError, match="loss and term have one name, 'feature-matching'; leave one out"):
        game({"loss": "feature-matching", "terms.feature-matching": {"name": "feature-matching"}})


def test_what_d_does_not_say_is_a_missing_attribute():
    said = ganzoo.Judgement(score=torch.zeros(3))
    assert not hasattr(said, "features")
    assert torch.equal(copy.deepcopy(said).score, said.score)
    with pytest.raises(RecipeError, match="this loss or term needs 'features'"):
        _ = said.features


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


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("every", [1, 4])
def test_a_lazy_term_weighs_as_much_as_all_the_turns_it_stands_for(k, every):
    """A constant cost of 1 in both, summed over the turns of four steps: 4 k for D, and 4 for G."""

    class One(ganzoo.Term):
        def discriminator(self, round):
            return 0 * round.real.score.mean() + 1

        def generator(self, round):
            return 0 * round.fake.score.mean() + 1

    play = game({"k": k})
    play.terms["one"] = One()
    play.terms["one"].every = every
    total = {"D": 0.0, "G": 0.0}
    for step in range(4):
        for turn in play.turns(step):
            if step % turn.every == 0 and "one" in (costs := turn.cost(deal(play))):
                total[turn.player] += turn.repeat * costs["one"].item()
    assert total == {"D": 4 * k, "G": 4}


def test_players_that_step_together_step_once():
    with pytest.raises(RecipeError, match="k is 2; D and G step together"):
        game({"game": "two-player-simultaneous", "k": 2})
