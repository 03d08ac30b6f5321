"""Games: packs against folding by hand, the k best, a look-ahead against steps by hand, turns that a head tells."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax, softplus

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.errors import RecipeError
from ganzoo.game import Minibatch
from ganzoo.run import open_data
from ganzoo.specs import DataSpec

torch.set_num_threads(1)

POINTS = DataSpec("points", (2,), size=100)
DIGITS = DataSpec("image", (1, 28, 28), size=100, classes=tuple("0123456789"))


def game(name, data=POINTS, **changes):
    recipe = zoo.variant(name)
    small = {"generator": {"name": "pacgan-mlp", "widths": [8]}, "discriminator": {"name": "pacgan-mlp", "units": 6}}
    nets = small if data is POINTS else {}
    return game_of(recipe.but(changes={**recipe.tiny, **nets, "latent": 3, **changes}), data)


def deal(game, n, player, step=0, seed=0):
    torch.manual_seed(seed)
    turn = next(turn for turn in game.turns(step) if turn.player == player)
    x = torch.randn(n, 2) if game.G.spec.output.kind == "points" else torch.randint(256, (n, 1, 28, 28)).byte()
    return turn, game.deal(Minibatch(step, n, lambda: {"x": x, "label": torch.arange(n) % 10}), turn)


def tensors(game):
    return {name: t.clone() for name, t in game.state_dict().items()}


def same(a, b):
    return all(torch.equal(t, b[name]) for name, t in a.items())


# PacGAN


@pytest.mark.parametrize(("m", "n"), [(1, 5), (2, 8), (4, 8)])
def test_a_pack_is_judged_once(m, n):
    play = game("pacgan", m=m)
    _, round = deal(play, n, "D")
    assert round.real.score.shape == round.fake.score.shape == (n // m,)
    for i in range(n // m):
        one = torch.cat([round.x[m * i + j] for j in range(m)])
        torch.testing.assert_close(round.real.score[i], play.D(one[None])["score"][0])
    cost = play.terms["non-saturating"].discriminator(round)
    by_hand = sum(softplus(-s) for s in round.real.score) + sum(softplus(s) for s in round.fake.score)
    torch.testing.assert_close(cost, by_hand / (n // m))
    assert play.smallest_batch == 2 * m
    assert not play.separable


def test_pictures_are_packed_by_channels():
    play = game("pacgan", DIGITS, m=3)
    assert next(play.D.parameters()).shape[1] == 3
    _, round = deal(play, 6, "D")
    seen = []
    play.D.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    round.real  # noqa: B018 (judged here)
    assert seen[0].shape == (2, 3, 28, 28)
    for i in range(6):
        assert torch.equal(seen[0][i // 3, i % 3], round.x[i, 0])


class Leaning(nn.Module):
    """D(x) = s · (c₀ x₀ + c₁ x₁ + ...), of slope s."""

    def __init__(self, size, slope):
        super().__init__()
        way = torch.arange(1.0, size + 1)
        self.weight = nn.Parameter(slope * way / way.norm())

    def forward(self, x):
        return x.flatten(1) @ self.weight


@pytest.mark.parametrize("m", [1, 2, 4])
@pytest.mark.parametrize("place", ["between", "around", "real", "fake"])
def test_the_slope_of_a_pack_is_that_of_all_its_samples(m, place):
    play = game("pacgan", m=m, terms={
        "gradient-penalty": {"name": "gradient-penalty", "points": place}, "r1": {"name": "r1", "gamma": 2.0},
        "r2": {"name": "r2", "gamma": 2.0},
    }, discriminator={"name": "mlp", "units": 4})  # fmt: skip
    for slope in (0.5, 1.0, 3.0):
        play.D = Leaning(2 * m, slope)
        _, round = deal(play, 8, "D")
        assert play.terms["gradient-penalty"].discriminator(round).item() == pytest.approx((slope - 1) ** 2, abs=1e-6)
        for name in ("r1", "r2"):
            assert play.terms[name].discriminator(round).item() == pytest.approx(slope**2)


class Pointing(Leaning):
    """The same beside features of 0, so that heads on them add nothing to a difference."""

    def forward(self, x):
        return {"score": super().forward(x), "features": x.new_zeros(len(x), 6)}


@pytest.mark.parametrize("m", [1, 2, 4])
def test_cramers_slope_is_that_of_a_pack(m):
    """Packs between 1 and 5, judged against one at 5: there the critic, |h − h'| − |h|, falls twice as fast as h."""
    play = game("pacgan", m=m, loss={"name": "cramer", "dimensions": 2})
    loss = play.terms["cramer"]
    nn.init.zeros_(loss.head.bias)
    for slope, due in ((0.5, 0.0), (1.0, 1.0), (3.0, 25.0)):
        play.D = Pointing(2 * m, slope)
        _, round = deal(play, 8, "D")
        round.x, round.x_fake = torch.ones(8, 2), torch.full((8, 2), 5.0)
        other = round.fake.h.roll(-1, 0)
        assert loss._penalty(round, other).item() == pytest.approx(due, abs=1e-4)


def test_a_pack_lies_on_one_line():
    play = game("pacgan", m=2, terms={"gradient-penalty": {"name": "gradient-penalty"}},
                discriminator={"name": "mlp", "units": 4})  # fmt: skip
    _, round = deal(play, 8, "D")
    seen = []
    round.judge = lambda x, _, judge=round.judge: seen.append(x.detach()) or judge(x, {})
    play.terms["gradient-penalty"].discriminator(round)
    share = ((seen[0] - round.x_fake) / (round.x - round.x_fake)).reshape(4, 4)
    torch.testing.assert_close(share, share[:, :1].expand(4, 4), rtol=1e-3, atol=1e-3)
    assert len(set(share[:, 0].tolist())) == 4


def test_a_batch_of_no_whole_packs_is_refused_before_the_first_step():
    recipe = zoo.variant("pacgan")
    recipe = recipe.but(changes={**recipe.tiny, "batch": 9, "data": "digits"})
    play = engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})
    with pytest.raises(RecipeError, match="batch is 9; in this game a multiple of 2 is expected"):
        play.rehearse()


def test_packs_that_cannot_be_are_one_sentence():
    with pytest.raises(RecipeError, match="m is 0; packs have"):
        game("pacgan", m=0)
    with pytest.raises(RecipeError, match="take no conditions"):
        game("pacgan", DIGITS, conditions=["label"])
    _, round = deal(game("pacgan", m=4), 6, "D")
    with pytest.raises(RecipeError, match="6 samples make no whole packs of 4"):
        round.real  # noqa: B018


# Top-k


@pytest.mark.parametrize(("step", "k"), [(0, 10), (2, 9), (4, 8), (13, 5), (1000, 5)])
def test_g_learns_from_the_k_best(step, k):
    """k/N = max(0.9^(step // 2), ½) of 10: 10, 9, 8.1, 5.3, 5."""
    play = game("topk", decay=0.9, every=2)
    turn, round = deal(play, 10, "G", step)
    scores = play.D(round.x_fake)["score"]
    cost = sum(turn.cost(round).values())
    best = sorted(scores.tolist(), reverse=True)[:k]
    assert cost.item() == pytest.approx(sum(math.log1p(math.exp(-s)) for s in best) / k, rel=1e-5)
    assert round.fake.score.tolist() == pytest.approx(best)
    assert len(round.x_fake) == len(round.inputs["z"]) == len(round.x) == k
    torch.testing.assert_close(play.D(round.x_fake)["score"], round.fake.score)


def test_the_others_give_g_no_gradient_and_d_sees_all():
    play = game("topk", decay=0.5, every=1)
    turn, round = deal(play, 8, "G", 1)
    everything = round.x_fake
    everything.retain_grad()
    order = play.D(everything)["score"].argsort(descending=True)
    sum(turn.cost(round).values()).backward()
    assert everything.grad[order[:4]].abs().sum(1).gt(0).all()
    assert not everything.grad[order[4:]].any()
    _, round = deal(play, 8, "D", 1)
    assert len(round.fake.score) == len(round.real.score) == 8


def test_losses_that_pair_real_and_fake_have_as_many_of_each():
    play = game("topk", loss="rsgan", decay=0.5, every=1)
    turn, round = deal(play, 8, "G", 1)
    cost = sum(turn.cost(round).values())
    real, fake = round.real.score, round.fake.score
    assert real.shape == fake.shape == (4,)
    torch.testing.assert_close(cost, softplus(real - fake).mean())


def test_the_step_of_the_least_share_is_rehearsed():
    play = game("topk", decay=0.9, every=7, least=0.5)
    first, last = play.rehearsals()
    assert first == 0
    assert play.share(last) == 0.5
    assert play.share(last - 1) > 0.5
    assert play.smallest_batch == 4
    assert tuple(game("topk", decay=1.0).rehearsals()) == (0, 0)
    with pytest.raises(RecipeError, match="must lie in"):
        game("topk", least=0.0)


# Unrolled


RATES = {"rate": 0.01, "beta1": 0.5, "beta2": 0.9}


def unrolled(n=6, **changes):
    """A game in float64 whose D has a past of two steps by torch's Adam, which is given too, and a turn of G."""
    play = game("unrolled", **RATES, **changes).double()
    adam = torch.optim.Adam(play.D.parameters(), lr=0.01, betas=(0.5, 0.9))
    play.D.requires_grad_(True)
    for seed in (1, 2):
        turn, round = doubled(play, n, "D", seed)
        adam.zero_grad()
        sum(turn.cost(round).values()).backward()
        adam.step()
        with torch.no_grad():
            turn.settle(round)
    play.D.requires_grad_(False)
    return play, adam, *doubled(play, n, "G", 3)


def doubled(play, n, player, seed):
    turn, round = deal(play, n, player, seed=seed)
    round._minibatch._columns = {"x": torch.randn(n, 2, dtype=torch.float64)}
    round.inputs = {"z": torch.randn(n, 3, dtype=torch.float64)}
    return turn, round


def by_hand(play, adam, x, x_fake, steps, gamma=0.0):
    """D after so many further steps on the cross entropy, and on R1's penalty if asked: copies of D and of Adam."""
    D = copy.deepcopy(play.D).requires_grad_(True)
    optimizer = torch.optim.Adam(D.parameters(), lr=0.01, betas=(0.5, 0.9))
    optimizer.load_state_dict(copy.deepcopy(adam.state_dict()))
    x = x.detach().requires_grad_()
    for _ in range(steps):
        optimizer.zero_grad()
        real, fake = D(x)["score"], D(x_fake)["score"]
        (slope,) = torch.autograd.grad(real.sum(), x, create_graph=True)
        penalty = gamma / 2 * slope.square().sum(1).mean()
        (softplus(-real).mean() + softplus(fake).mean() + penalty).backward()
        optimizer.step()
    return D


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_g_faces_the_d_of_some_steps_ahead(steps):
    """The D that torch's Adam makes of D, from the state that it has."""
    play, adam, turn, round = unrolled(unroll=steps)
    before = tensors(play)
    cost = sum(turn.cost(round).values())
    D = by_hand(play, adam, round.x, round.x_fake.detach(), steps)
    torch.testing.assert_close(cost, softplus(-D(round.x_fake)["score"]).mean(), rtol=1e-6, atol=1e-9)
    after = tensors(play)
    assert all(torch.equal(before[name], after[name]) for name in before if not name.startswith("G."))


def test_gs_gradient_goes_through_the_steps():
    """Against finite differences of the cost with the look-ahead done by hand each time."""
    play, adam, turn, round = unrolled(unroll=3, discriminator={"name": "mlp", "units": 4, "keep": [1.0, 1.0]})
    z, x = round.inputs["z"], round.x
    play.G.eval()
    weight = play.G.body[-1].weight
    (slope,) = torch.autograd.grad(sum(turn.cost(round).values()), weight)
    without = softplus(-by_hand(play, adam, x, play.G(z).detach(), 3)(play.G(z))["score"]).mean()
    (short,) = torch.autograd.grad(without, weight)
    for i, j in ((0, 0), (1, 3), (1, 7)):
        found = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[i, j] += sign * 1e-5
                x_fake = play.G(z)
                weight[i, j] -= sign * 1e-5
            found.append(softplus(-by_hand(play, adam, x, x_fake, 3)(x_fake)["score"]).mean().item())
        assert slope[i, j].item() == pytest.approx((found[0] - found[1]) / 2e-5, rel=1e-4, abs=1e-9)
    assert not torch.allclose(slope, short, rtol=1e-2)


def test_ds_weights_buffers_and_vectors_stay_in_gs_turn():
    """BatchNorm's statistics and spectral vectors are state of D: a look-ahead moves copies of them."""
    for changes in ({}, {"discriminator.norm": "none", "discriminator.wrap": "spectral"}):
        play = game("unrolled", DIGITS, **changes)
        turn, round = deal(play, 4, "G")
        before = tensors(play.D)
        assert len(before) > len(list(play.D.parameters()))
        sum(turn.cost(round).values()).backward()
        assert same(before, tensors(play.D))
        assert all(p.grad is not None for p in play.G.parameters())


def test_the_look_ahead_has_ds_terms_too():
    """Steps by hand on the cross entropy and R1's penalty, through a double backward."""
    r1 = {"terms.r1": {"name": "r1", "gamma": 50.0}}
    play, adam, turn, round = unrolled(unroll=2, **r1)
    assert "x" in turn.watch
    cost = sum(turn.cost(round).values())
    faced = [
        softplus(-by_hand(play, adam, round.x, round.x_fake.detach(), 2, gamma)(round.x_fake)["score"]).mean()
        for gamma in (50.0, 0.0)
    ]
    torch.testing.assert_close(cost, faced[0], rtol=1e-6, atol=1e-9)
    assert not torch.allclose(cost, faced[1], rtol=1e-7, atol=0)
    with pytest.raises(RecipeError, match="unroll is -1"):
        game("unrolled", unroll=-1)


def test_heads_of_terms_are_not_foreseen_and_refused():
    with pytest.raises(RecipeError, match="minibatch-discrimination gives D others beside"):
        game("unrolled", terms={"minibatch-discrimination": {"name": "minibatch-discrimination"}})


def test_an_average_of_weights_is_kept_to_in_a_look_ahead_too():
    """The averages begin at D's weights: the first step foreseen costs nothing more, the second does."""
    costs = []
    for weight in (1e-9, 100.0):
        terms = {"historical-averaging": {"name": "historical-averaging", "weight": weight}}
        turn, round = unrolled(unroll=2, terms=terms)[2:]
        costs.append(turn.cost(round)["non-saturating"].item())
    assert costs[0] != costs[1]


def test_lazy_turns_of_d_move_what_a_look_ahead_starts_from():
    recipe = zoo.variant("unrolled")
    betas = {"beta1": 0.5 ** (2 / 3), "beta2": 0.999 ** (2 / 3)}  # as D's optimiser has them beside lazy turns
    changes = {**recipe.tiny, "terms.r1": {"name": "r1", "every": 2}, "discriminator.norm": "none", **betas}
    recipe = recipe.but(changes=changes)
    play = engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})
    play.play(3)  # three turns of D, and lazy ones at steps 0 and 2
    assert play.game.moments.count == 5
    state = play.optimizers["D"].state
    for number, parameter in enumerate(play.game.D.parameters()):
        if state[parameter]["step"] < 5:  # the last bias, which has no gradient in R1
            continue
        torch.testing.assert_close(play.game.moments.get_buffer(f"first{number}"), state[parameter]["exp_avg"])


# Rotation


def rotation(features=3, **options):
    term = zoo.part("term", "rotation").factory()(**options)

    class D(nn.Module):
        pass

    D.features = features
    term.attach(ganzoo.GeneratorNet((), ganzoo.OutputSpec("image", (1, 4, 4))), D())
    return term


class Seen:
    """A round that notes what D was shown."""

    def __init__(self, x, features):
        self.x = self.x_fake = x
        self.conditions, self.inputs = {}, {}
        self.features, self.shown = features, None

    def judge(self, x, conditions):
        self.shown = x
        return ganzoo.Judgement({"features": self.features(x)})


@pytest.mark.parametrize(("n", "share", "count"), [(8, 0.25, 2), (8, 1.0, 8), (2, 0.25, 1)])
def test_pictures_are_turned_all_four_ways(n, share, count):
    term = rotation(share=share)
    round = Seen(torch.randn(n, 1, 4, 4), lambda x: x.flatten(1)[:, :3])
    entropy = term.discriminator(round)
    assert round.shown.shape == (4 * count, 1, 4, 4)
    answers = []
    for turns in range(4):
        for i in range(count):
            turned = round.x[i]
            for _ in range(turns):
                turned = turned.transpose(1, 2).flip(1)
            assert torch.equal(round.shown[turns * count + i], turned)
            answers.append(-log_softmax(term.head(turned.flatten()[:3]), 0)[turns].item())
    assert entropy.item() == pytest.approx(sum(answers) / len(answers), rel=1e-5)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_knowing_nothing_costs_log_4(n):
    term = rotation(alpha=0.3, beta=2.0)
    nn.init.zeros_(term.head.weight)
    nn.init.zeros_(term.head.bias)
    round = Seen(torch.randn(n, 1, 4, 4), lambda x: x.flatten(1)[:, :3])
    assert term.discriminator(round).item() == pytest.approx(2.0 * math.log(4), rel=1e-6)
    assert term.generator(round).item() == pytest.approx(0.3 * math.log(4), rel=1e-6)


def test_the_head_is_ds_and_g_learns_through_it():
    play = game("ssgan", DIGITS)
    heads = list(play.terms["rotation"].head.parameters())
    assert {id(p) for p in heads} <= {id(p) for p in play.players()["D"].parameters()}
    _, round = deal(play, 8, "G")
    play.terms["rotation"].generator(round).backward()
    assert all(p.grad is not None and p.grad.any() for p in play.G.body[-2].parameters())


def test_what_cannot_be_turned_is_one_sentence():
    term = zoo.part("term", "rotation").factory()()
    for shape in ((1, 4, 6), (2,)):
        spec = ganzoo.OutputSpec("image" if len(shape) == 3 else "points", shape)
        with pytest.raises(RecipeError, match="rotation turns square pictures"):
            term.attach(ganzoo.GeneratorNet((), spec), nn.Linear(2, 2))
    with pytest.raises(RecipeError, match="no number `features`"):
        term.attach(ganzoo.GeneratorNet((), ganzoo.OutputSpec("image", (1, 4, 4))), nn.Linear(2, 2))
    with pytest.raises(RecipeError, match="share of the batch"):
        zoo.part("term", "rotation").factory()(share=0.0)


@pytest.mark.parametrize("changes", [{"game": "packed"}, {"game": "top-k", "every": 1}, {"game": "unrolled"}])
@pytest.mark.parametrize("loss", ["hinge", "ragan"])
def test_games_go_with_other_losses(changes, loss):
    recipe = zoo.variant("pacgan")
    recipe = recipe.but(changes={**recipe.tiny, **changes, "loss": loss, "data": "digits"})
    play = engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})
    play.rehearse()
    play.play(2)
    play.verify()
