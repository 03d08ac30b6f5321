"""The engine's promises, each on the smallest game that can break it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ganzoo.averages import Averages
from ganzoo.engine import Engine, mix
from ganzoo.errors import NonFiniteError, RecipeError
from ganzoo.game import Game, Turn


class Duel(Game):
    """Two linear players with BatchNorm in G and dropout in D; every take is written down."""

    def __init__(self, turns) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.G = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        self.D = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 1))
        self._turns = turns
        self.seen: list[tuple[str, Tensor, Tensor]] = []

    def players(self):
        return {"G": self.G, "D": self.D}

    def generators(self):
        return {"generator": self.G}

    def turns(self, step):
        return self._turns(self)

    def deal(self, minibatch, turn):
        z = torch.randn(minibatch.size, 3)
        self.seen.append((turn.player, z, minibatch["x"]))
        return z, minibatch["x"]

    def d(self, seen):
        z, x = seen
        return {"d": self.D(self.G(z)).mean() - self.D(x).mean()}

    def g(self, seen):
        return {"g": -self.D(self.G(seen[0])).mean()}


def draw(step: int, draw: int, size: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(mix(9, step, draw))
    return {"x": torch.randn(size, 2, generator=generator)}


def alternating(k: int = 1, **options):
    return lambda game: [Turn("D", game.d, repeat=k, **options), Turn("G", game.g)]


def engine(turns, lr: float = 0.1, **options) -> Engine:
    game = Duel(turns)
    optimizers = {name: torch.optim.Adam(player.parameters(), lr=lr) for name, player in game.players().items()}
    return Engine(game, draw, optimizers, Averages(game.generators(), 100.0), batch=8, **options)


def weights(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten().clone() for p in module.parameters()])


def test_a_turn_moves_only_its_player():
    for player, other in (("D", "G"), ("G", "D")):
        e = engine(lambda game, p=player: [Turn(p, game.d if p == "D" else game.g)])
        before = {name: weights(m) for name, m in e.game.players().items()}
        e.play(1)
        after = {name: weights(m) for name, m in e.game.players().items()}
        assert not torch.equal(before[player], after[player])
        assert torch.equal(before[other], after[other])
        assert all(p.grad is None for p in e.game.players()[other].parameters())


def test_k_turns_draw_k_different_minibatches():
    e = engine(alternating(k=3))
    e.play(1)
    players, noises, reals = zip(*e.game.seen)
    assert players == ("D", "D", "D", "G")
    for drawn in (noises, reals):
        assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_neither_k_nor_a_lazy_turn_shifts_the_noise_of_g():
    plain, more = engine(alternating()), engine(alternating(k=4))
    lazy = engine(lambda game: [*alternating()(game), Turn("D", game.d, every=2)])
    for e in (plain, more, lazy):
        e.play(2)
    of_g = [[z for player, z, _ in e.game.seen if player == "G"] for e in (plain, more, lazy)]
    for a, b, c in zip(*of_g):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_lazy_turns_come_at_their_steps():
    e = engine(lambda game: [Turn("D", game.d, every=3), Turn("G", game.g)])
    e.play(7)
    assert [player for player, *_ in e.game.seen] == list("DGGGDGGGDG")


@pytest.mark.parametrize("number", [0, -2, 1.5, None])
@pytest.mark.parametrize("name", ["every", "repeat"])
def test_turns_come_whole_numbers_of_times(name, number):
    with pytest.raises(RecipeError, match=f"a turn of D has {name}={number}; a whole number"):
        Turn("D", lambda seen: {}, **{name: number})


@pytest.mark.parametrize("rows", [1, 4, 5, 10])
@pytest.mark.parametrize("every", [1, 2, 3, 8])
def test_lazy_turns_are_measured_at_their_last_before_a_row(rows, every):
    """By the value of their cost, which is the step they were played at."""

    def turns(game):
        return [
            Turn("D", game.d),
            Turn("G", lambda seen: {"lazy": 0 * game.g(seen)["g"] + game.now}, every=every),
        ]

    e = engine(turns, log_every=rows)
    e.game.at = lambda step: setattr(e.game, "now", step)
    found = {}
    e.play(40, lambda e: found.update({e.step: dict(e.measured)}) if e.step % rows == 0 else None)
    for step, measured in found.items():
        last = max((s for s in range(step - rows, step) if s % every == 0), default=None)
        assert measured.get("G/lazy") == last
        assert "D/grad_norm" in measured
    assert any("G/lazy" in measured for measured in found.values())


def test_players_that_play_by_turns_of_steps_are_both_measured():
    """D at even steps and G at odd ones, which no `every` says."""

    def turns(game):
        return [
            Turn("G", lambda seen: {"now": 0 * game.g(seen)["g"] + game.now}) if game.now % 2 else Turn("D", game.d)
        ]

    e = engine(turns, log_every=10)
    e.game.at = lambda step: setattr(e.game, "now", step)
    e.play(20, lambda e: None)
    assert e.measured["G/now"] == 19
    assert {"D/d", "G/grad_norm"} <= e.measured.keys()


def test_a_report_is_of_scalars_and_tried_before_the_first_step():
    e = engine(alternating())
    e.game.report = lambda seen, turn: {"mine": 0.5}
    with pytest.raises(RecipeError, match="gave 'mine' as a float; a scalar tensor is expected"):
        e.rehearse()


def test_a_later_step_is_rehearsed_as_that_step():
    dealt = []

    class Late(Duel):
        def rehearsals(self):
            return (0, 7)

        def deal(self, minibatch, turn):
            dealt.append((minibatch.step, turn.player))
            return super().deal(minibatch, turn)

    game = Late(alternating())
    optimizers = {name: torch.optim.Adam(player.parameters()) for name, player in game.players().items()}
    e = Engine(game, draw, optimizers, Averages(game.generators(), 100.0), batch=8)
    e.rehearse()
    assert dealt == [(0, "D"), (0, "G"), (7, "D"), (7, "G")]
    assert e.step == 0


def test_what_is_settled_is_tried_before_the_first_step():
    def settle(seen):
        raise KeyError("nothing")

    with pytest.raises(RecipeError, match="D's turn cannot be played: KeyError"):
        engine(lambda game: [Turn("D", game.d, settle=settle)]).rehearse()


def test_players_that_step_together_share_nothing_and_step_equally_often():
    with pytest.raises(RecipeError, match="D and G step together, and not equally often"):
        engine(lambda game: [(Turn("D", game.d, repeat=3), Turn("G", game.g))]).rehearse()
    e = engine(lambda game: [(Turn("D", game.d), Turn("G", game.g))])
    e._owned["G"] = [*e._owned["G"], *e._owned["D"]]
    with pytest.raises(RecipeError, match="share parameters"):
        e.rehearse()


def test_together_means_one_minibatch_and_every_gradient_before_any_step():
    e = engine(lambda game: [(Turn("D", game.d), Turn("G", game.g))])
    e.play(1)
    (_, z, _), (_, z_g, _) = e.game.seen
    assert torch.equal(z, z_g)
    assert e.measured.keys() >= {"D/d", "G/g", "D/grad_norm", "G/grad_norm"}
    loss = {}
    for name in ("D", "G"):
        fresh = engine(lambda game, n=name: [(Turn("D", game.d), Turn("G", game.g))])
        fresh.set(0)
        with torch.random.fork_rng():
            _, costs = fresh.grade(Turn(name, fresh.game.d if name == "D" else fresh.game.g), 0, 0, 8)
        loss[name] = costs[name.lower()]
    assert torch.equal(loss["G"], e.measured["G/g"])  # as if D had not moved
    assert torch.equal(loss["D"], e.measured["D/d"])


def test_accumulation_is_the_mean_gradient():
    e = engine(alternating(), accumulate=4)
    e.game.D[0].p = 0.0
    e.set(0)
    turn = Turn("D", e.game.d)
    e.grade(turn, 0, 0, 8)
    got = [p.grad.clone() for p in e.game.D.parameters()]
    assert len(e.game.seen) == 4
    for p in e.game.D.parameters():
        p.requires_grad = True
    e.game.G.requires_grad_(False)
    expected = []
    for _, z, x in e.game.seen:
        expected.append(torch.autograd.grad(e.game.d((z, x))["d"], list(e.game.D.parameters())))
    for mine, theirs in zip(got, zip(*expected)):
        torch.testing.assert_close(mine, torch.stack(theirs).mean(0))


def test_clip_bounds_the_gradient_and_reports_the_norm_before():
    free, bound = engine(alternating()), engine(alternating(), clip={"D": 1e-3})
    for e in (free, bound):
        e.play(1)
    assert bound.measured["D/grad_norm"].item() == pytest.approx(free.measured["D/grad_norm"].item(), rel=1e-5)
    norm = nn.utils.get_total_norm([p.grad for p in bound.game.D.parameters()])
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)


def test_the_callers_random_state_and_the_watcher_change_nothing():
    plain, watched = engine(alternating()), engine(alternating(), log_every=1000)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    plain.play(6)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(123)
    watched.play(6, after=lambda e: torch.randn(3))
    assert torch.equal(weights(plain.game), weights(watched.game))


def test_stopping_changes_nothing():
    whole, parts = engine(alternating(k=2)), engine(alternating(k=2))
    whole.play(6)
    for until in (1, 2, 5, 6):
        parts.play(until)
    assert all(torch.equal(a, b) for a, b in zip(whole.game.state_dict().values(), parts.game.state_dict().values()))
    assert all(
        torch.equal(a, b) for a, b in zip(whole.averages.state_dict().values(), parts.averages.state_dict().values())
    )


def test_averages_are_the_closed_form():
    e = engine(alternating())
    start = weights(e.averages)
    seen, decays = [], []
    e.play(5, after=lambda e: (seen.append(weights(e.game.G)), decays.append(e.averages.decay(8, e.images))))
    expected = start.double()
    for w, decay in zip(seen, decays):
        expected = decay * expected + (1 - decay) * w.double()
    torch.testing.assert_close(weights(e.averages).double(), expected, atol=1e-6, rtol=1e-5)
    assert decays[0] == pytest.approx(0.5 ** (8 / (0.05 * 8)))  # the ramp
    assert e.averages.decay(8, 10**9) == pytest.approx(0.5 ** (8 / 100))  # the half-life
    live, mine = e.game.G[1], e.averages.generators["generator"][1]
    assert torch.equal(live.num_batches_tracked, mine.num_batches_tracked)
    assert not torch.equal(live.running_mean, mine.running_mean)


def test_averages_keep_shared_modules_shared():
    shared = nn.Linear(2, 2)
    averages = Averages({"a": nn.Sequential(nn.Linear(2, 2), shared), "b": shared}, 10.0)
    assert averages.generators["a"][1] is averages.generators["b"]


def test_non_finite_costs_and_weights_are_named():
    e = engine(
        lambda game: [Turn("D", game.d), Turn("G", lambda s: {"fine": game.g(s)["g"], "bad": game.g(s)["g"] / 0})]
    )
    e.play(2)
    with pytest.raises(NonFiniteError, match=r"step 0 the cost 'G/bad'"):
        e.verify()
    e = engine(alternating())
    e.play(1)
    e.verify()
    with torch.no_grad():
        e.game.D[1].bias.fill_(math.nan)
    with pytest.raises(NonFiniteError, match=r"D\.1\.bias"):
        e.verify()


def test_rehearsal_changes_nothing_and_names_what_does_not_fit():
    e = engine(alternating())
    before = {name: t.clone() for name, t in e.game.state_dict().items()}
    e.rehearse()
    assert all(torch.equal(before[name], t) for name, t in e.game.state_dict().items())
    assert e.step == 0
    for broken, words in (
        (lambda s: {"d": torch.zeros(())}, "does not depend on any parameter of D"),
        (lambda s: {"d": e.game.D(s[0]).mean()}, "D's turn cannot be played"),
        (
            lambda s: None,
            r"D's turn returned None \(is a return missing\?\); named ones, such as {'adversarial': cost}",
        ),
        (lambda s: e.game.D(e.game.G(s[0])).mean(), r"D's turn returned a tensor of shape \[\]; named ones"),
        (lambda s: {}, "D's turn returned no summand; named ones"),
        (lambda s: {"d": e.game.d(s)["d"], "r": None}, r"'D/r' returned None \(is a return missing\?\); a scalar"),
        (lambda s: {"d": e.game.D(s[1])}, r"the cost 'D/d' returned a tensor of shape \[2, 1\]; a scalar tensor"),
        (lambda s: {"d": 0.5}, "the cost 'D/d' returned a float; a scalar tensor is expected"),
    ):
        e.game._turns = lambda game, b=broken: [Turn("D", b)]
        with pytest.raises(RecipeError, match=words):
            e.rehearse()
    e.game._turns = lambda game: [Turn("Q", game.d)]
    with pytest.raises(RecipeError, match="player Q takes a turn but has no optimiser"):
        e.rehearse()


def test_a_parameter_that_nobody_owns_is_an_error_unless_declared():
    class Orphan(Duel):
        def __init__(self, turns):
            super().__init__(turns)
            self.extra = nn.Linear(1, 1)

    game = Orphan(alternating())
    with pytest.raises(RecipeError, match=r"no player owns 'extra\.weight'"):
        Engine(game, draw, {}, Averages({}, 0.0), batch=2)
    game.fixed = ("extra.",)
    Engine(game, draw, {}, Averages({}, 0.0), batch=2)


def test_restart_forgets_the_moments():
    e = engine(lambda game: [Turn("D", game.d, restart=True), Turn("G", game.g)])
    e.play(3)
    steps = [state["step"].item() for state in e.optimizers["D"].state.values()]
    assert steps == [1.0, 1.0]
    assert all(state["step"].item() == 3.0 for state in e.optimizers["G"].state.values())


def test_watched_players_keep_no_gradient():
    def consensus(game, seen):
        gradients = torch.autograd.grad(game.d(seen)["d"], list(game.G.parameters()), create_graph=True)
        return {"norm": sum((g**2).sum() for g in gradients)}

    e = engine(lambda game: [Turn("D", lambda s: consensus(game, s), watch=("G",))])
    before = weights(e.game.G)
    e.play(1)
    assert torch.equal(before, weights(e.game.G))
    assert all(p.grad is None for p in e.game.G.parameters())


def test_schedules_are_functions_of_the_step():
    seen = []
    e = engine(alternating(), schedules=[seen.append])
    e.play(2)
    e.play(4)
    assert seen == [0, 1, 2, 3]


def test_mix_is_spread_and_ordered():
    values = {mix(a, b) for a in range(40) for b in range(40)}
    assert len(values) == 1600
    assert all(0 <= v < 2**63 for v in values)
    bits = torch.tensor([[v >> i & 1 for i in range(63)] for v in values], dtype=torch.float64).mean(0)
    assert ((bits - 0.5).abs() < 0.06).all()
