"""Terms that go with any loss: closed forms, weight gradients against finite differences, state by hand."""

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
from ganzoo.testing import CheckFailed, penalty_check

SIZES = [1, 3, 16]


def make(name, **options):
    return zoo.part("term", name).build({"name": name, **options}, {})


class Smooth(nn.Module):
    """A D of points whose second derivatives are not zero."""

    separable = True

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))

    def forward(self, x):
        return self.body(x.flatten(1)).squeeze(1)


def shown(D, n, seed=0):
    """A round of points, or of pictures for a D of pictures, float64, as a term sees it."""
    torch.manual_seed(seed)
    x, fake = (torch.randn(n, 2, dtype=torch.float64).requires_grad_() for _ in range(2))
    spec = SimpleNamespace(inputs=[SimpleNamespace(name="z", kind="latent")])
    G = nn.Linear(2, 2).double()
    G.spec = spec
    z = torch.randn(n, 2, dtype=torch.float64)

    def judge(samples, conditions):
        return SimpleNamespace(score=D(samples))

    return SimpleNamespace(
        x=x, x_fake=fake, G=G, D=D, inputs={"z": z}, conditions={}, judge=judge, generate=lambda z: G(z),
        real=judge(x, {}), fake=judge(fake, {}), pair=lambda: (D(x), D(fake)), mean=torch.Tensor.mean,
    )  # fmt: skip


def said(real, fake):
    return SimpleNamespace(pair=lambda: (real, fake), mean=torch.Tensor.mean)


def slopes_agree(cost, parameters):
    """The gradient of a cost, by central differences."""
    found = torch.autograd.grad(cost(), parameters, allow_unused=True)
    assert any(gradient is not None and gradient.any() for gradient in found)
    for parameter, gradient in zip(parameters, found):
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            value, step = flat[i].item(), 1e-5
            flat[i] = value + step
            high = cost().item()
            flat[i] = value - step
            low = cost().item()
            flat[i] = value
            due = 0.0 if gradient is None else gradient.view(-1)[i].item()
            assert (high - low) / (2 * step) == pytest.approx(due, rel=1e-5, abs=1e-8)


# r1, r2


@pytest.mark.parametrize("name", ["r1", "r2"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (2,)])
def test_gradient_penalties_are_half_of_gamma_times_the_squared_slope(name, shape):
    penalty_check(make(name, gamma=3.0), lambda slope: 1.5 * slope**2, shape)
    with pytest.raises(CheckFailed, match="closed form"):
        penalty_check(make(name, gamma=3.0), lambda slope: 3.0 * slope**2, shape)


@pytest.mark.parametrize("name", ["r1", "r2"])
@pytest.mark.parametrize("n", SIZES)
def test_of_a_square_the_slope_is_known(name, n):
    """D(x) = ‖x‖²: the squared slope is 4‖x‖², in the mean over samples."""
    round = shown(lambda x: x.square().sum(1), n)
    x = round.x if name == "r1" else round.x_fake
    by_hand = sum(4 * (a * a + b * b) for a, b in x.tolist()) / n
    assert make(name, gamma=10.0).discriminator(round).item() == pytest.approx(5 * by_hand)


@pytest.mark.parametrize("name", ["r1", "r2"])
@pytest.mark.parametrize("n", SIZES)
def test_weight_gradients_of_gradient_penalties(name, n):
    torch.manual_seed(n)
    D, term = Smooth().double(), make(name, gamma=2.0)
    slopes_agree(lambda: term.discriminator(shown(D, n)), list(D.parameters()))


def test_a_lazy_penalty_is_as_strong_as_one_of_every_step():
    """Sixteen times as strong at every sixteenth step, by the engine alone: the term's own value does not change."""
    spec = DataSpec("points", (2,), size=100)
    base = zoo.variant("r1gan").but(changes={"generator": "mlp", "discriminator": "mlp", "data": "ring"})
    values = []
    for every in (1, 16):
        game = game_of(base.but(changes={"terms.r1.every": every}), spec)
        (turn,) = [t for t in game.turns(0) if t.player == "D" and t.every == every]
        batch = ganzoo.Minibatch(0, 8, lambda: {"x": torch.ones(8, 2)})
        game.D.eval()
        values.append(turn.cost(game.deal(batch, turn))["r1"].item())
        assert turn.precision == "fp32"
    assert values[1] == pytest.approx(16 * values[0])


def test_data_and_fakes_are_judged_apart_where_a_slope_is_taken():
    """Together, a slope at data would go through the fakes too, in vain."""
    recipe = zoo.variant("vanilla-ns")
    for terms, passes in (({}, [16]), ({"terms.r1": "r1"}, [8, 8])):
        game = game_of(recipe.but(changes=terms), DataSpec("points", (2,), size=100))
        (turn,) = [t for t in game.turns(0) if t.player == "D"]
        sizes = []
        game.D.register_forward_pre_hook(lambda _, given, sizes=sizes: sizes.append(len(given[0])))
        turn.cost(game.deal(ganzoo.Minibatch(0, 8, lambda: {"x": torch.ones(8, 2)}), turn))
        assert sizes == passes


def test_r1_goes_with_a_lazy_turn_and_accumulated_minibatches():
    recipe = zoo.variant("r1gan")
    recipe = recipe.but(changes={**recipe.tiny, "terms.r1.every": 4, "accumulate": 2, "terms.r2": "r2"})
    engine = engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "bf16", "threads": 1})
    engine.rehearse()
    engine.play(5)
    engine.verify()


def test_a_slope_through_batchnorm_is_refused_before_the_first_step():
    recipe = zoo.variant("dcgan").but(changes={"terms.r1": "r1"})
    with pytest.raises(RecipeError, match="with BatchNorm the discriminator's scores depend on all samples"):
        game_of(recipe, DataSpec("image", (1, 28, 28), size=100))


# lecam


@pytest.mark.parametrize("n", SIZES)
def test_lecam_is_zero_at_first_and_then_the_squared_distance_from_the_other_anchor(n):
    torch.manual_seed(n)
    real, fake = torch.randn(2, n, dtype=torch.float64)
    term = make("lecam")
    assert term.weight == 0.3
    assert term.discriminator(said(real, fake)) == 0
    term.anchors.copy_(torch.tensor([2.0, -1.0]))
    term.seen.fill_(1)
    by_hand = sum((r + 1) ** 2 for r in real.tolist()) / n + sum((f - 2) ** 2 for f in fake.tolist()) / n
    assert term.discriminator(said(real, fake)).item() == pytest.approx(by_hand)


def test_lecams_anchors_follow_the_papers_recurrence():
    """Three steps: the means themselves, then 0.9 of the old and 0.1 of the new, twice."""
    term = make("lecam", decay=0.9)
    for real, fake in (([1.0, 3.0], [-2.0, -2.0]), ([4.0, 8.0], [0.0, 4.0]), ([0.0, 0.0], [1.0, 1.0])):
        term.settle(said(torch.tensor(real), torch.tensor(fake)))
        if real == [1.0, 3.0]:
            assert term.anchors.tolist() == [2.0, -2.0]
    alpha_r = 0.9 * (0.9 * 2 + 0.1 * 6) + 0.1 * 0
    alpha_f = 0.9 * (0.9 * -2 + 0.1 * 2) + 0.1 * 1
    assert term.state_dict()["anchors"].tolist() == pytest.approx([alpha_r, alpha_f])


def test_weight_gradients_of_lecam():
    torch.manual_seed(0)
    D, term = Smooth().double(), make("lecam")
    term.settle(said(torch.tensor([1.0]), torch.tensor([-1.0])))
    slopes_agree(lambda: term.discriminator(shown(D, 5)), list(D.parameters()))


# consistency


class Sum(nn.Module):
    def forward(self, x):
        return x.flatten(1).sum(1)


def pictures(n, side=8):
    torch.manual_seed(n)
    return torch.randn(n, 2, side, side + 4, dtype=torch.float64)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", ["consistency", "balanced-consistency"])
def test_consistency_costs_nothing_where_nothing_is_altered(name, n):
    term = make(name, shift=0.0, flip=0.0)
    assert torch.equal(term.altered(pictures(n)), pictures(n))
    assert term.discriminator(shown_pictures(n)) == 0


def shown_pictures(n, D=None):
    D = D or Sum()
    x, fake = pictures(n), pictures(n) * 2
    return SimpleNamespace(
        x=x, x_fake=fake, conditions={}, inputs={}, judge=lambda x, _: SimpleNamespace(score=D(x)),
        pair=lambda: (D(x), D(fake)),
    )  # fmt: skip


def test_pictures_are_shifted_by_whole_pixels_and_mirrored_by_chance():
    """Every altered picture is one of the shifts, within the bound, and all of them occur; half are mirrored."""
    x = pictures(1)
    assert torch.equal(make("consistency", shift=0.0, flip=1.0).altered(x), x.flip(3))
    term = make("consistency", shift=0.125, flip=0.5)
    many = term.altered(x.expand(400, -1, -1, -1))
    wide = nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    allowed = [wide[0, :, up : up + 8, left : left + 12] for up in range(3) for left in range(3)]
    allowed += [nn.functional.pad(x.flip(3), (1, 1, 1, 1), mode="replicate")[0, :, u : u + 8, v : v + 12]
                for u in range(3) for v in range(3)]  # fmt: skip
    which = [next(i for i, one in enumerate(allowed) if torch.equal(picture, one)) for picture in many]
    assert set(which) == set(range(18))
    assert 140 < sum(i >= 9 for i in which) < 260


@pytest.mark.parametrize("n", SIZES)
def test_consistency_is_the_mean_squared_difference_of_scores(n):
    """A D that reads one corner, and pictures that are always mirrored."""

    def corner(x):
        return x[:, 0, 0, 0]

    x = pictures(n)
    real = sum((x[i, 0, 0, 0] - x[i, 0, 0, -1]).item() ** 2 for i in range(n)) / n
    one = make("consistency", shift=0.0, flip=1.0)
    assert one.weight == 10
    assert one.discriminator(shown_pictures(n, corner)).item() == pytest.approx(real)
    both = make("balanced-consistency", shift=0.0, flip=1.0, real=3.0, fake=5.0)
    assert both.weight == 1
    assert both.discriminator(shown_pictures(n, corner)).item() == pytest.approx(3 * real + 5 * 4 * real)


def test_points_cannot_be_mirrored_but_their_latents_can_be_moved():
    spec = DataSpec("points", (2,), size=100)
    points = {"generator": "mlp", "discriminator": "mlp", "data": "ring"}
    for name in ("crgan", "bcr"):
        with pytest.raises(RecipeError, match="these data are points"):
            game_of(zoo.variant(name).but(changes=points), spec)
    game_of(zoo.variant("zcr").but(changes=points), spec)


@pytest.mark.parametrize("n", [2, 16])
def test_latent_consistency_of_linear_players_is_known(n):
    """G(z) = W z and D(x) = u·x, T(z) = z + σ ε: D pays λ σ² mean (u·W ε)², G earns λ σ² mean (W ε)²."""
    term = make("latent-consistency", sigma=0.5, dis=3.0, gen=7.0)
    u = torch.tensor([1.0, -2.0], dtype=torch.float64)
    round = shown(lambda x: x @ u, n)
    round.x_fake = round.generate(**round.inputs)
    round.pair = lambda: (None, round.x_fake @ u)
    torch.manual_seed(9)
    epsilon = torch.randn(n, 2, dtype=torch.float64) @ round.G.weight.T
    torch.manual_seed(9)
    assert term.discriminator(round).item() == pytest.approx(3 * 0.25 * (epsilon @ u).square().mean().item())
    torch.manual_seed(9)
    assert term.generator(round).item() == pytest.approx(-7 * 0.25 * epsilon.square().mean().item())


def test_weight_gradients_of_latent_consistency():
    D, term = Smooth().double(), make("latent-consistency", sigma=0.5)

    def cost():
        round = shown(D, 4)
        torch.manual_seed(3)
        return term.discriminator(round)

    slopes_agree(cost, list(D.parameters()))


# instance-noise, label-smoothing


def test_instance_noise_is_on_all_that_d_is_shown_and_on_nothing_else():
    recipe = zoo.variant("vanilla-ns").but(
        changes={"terms.instance-noise.sigma": 0.5, "discriminator.keep": [1.0, 1.0]}
    )
    game = game_of(recipe, DataSpec("image", (1, 8, 8), size=100))
    batch = ganzoo.Minibatch(0, 500, lambda: {"x": torch.zeros(500, 1, 8, 8, dtype=torch.uint8)})
    seen = []
    game.D.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    round = ganzoo.Round(game, batch, ())
    with torch.no_grad():
        round.pair()
        both = torch.cat([round.x, round.x_fake])
        round.judge_plain(round.x, {})
    noise = seen[0] - both
    for half in noise.chunk(2):
        assert half.mean().item() == pytest.approx(0, abs=0.02)
        assert half.std().item() == pytest.approx(0.5, rel=0.02)
    assert torch.equal(seen[1], round.x)
    assert round.x.unique().tolist() == [-1.0]


def test_instance_noise_is_relative_to_the_range_of_pixels():
    """Points have none."""
    for kind, range, due in (("image", (0.0, 1.0), 0.25), ("image", (-1.0, 1.0), 0.5), ("points", (-1.0, 1.0), 0.5)):
        term = zoo.part("term", "instance-noise").build("instance-noise", {"sigma": 0.5})
        output = ganzoo.OutputSpec(kind, (2,) if kind == "points" else (1, 8, 8), range)
        term.attach(SimpleNamespace(spec=SimpleNamespace(output=output)), None)
        assert term.shown(torch.zeros(1000, *output.shape)).std().item() == pytest.approx(due, rel=0.05)


def test_instance_noise_is_annealed_by_a_schedule():
    recipe = zoo.variant("vanilla-ns")
    changes = {
        "terms.instance-noise": "instance-noise",
        "schedules.terms.instance-noise.sigma": {"name": "linear", "steps": 10},
    }
    recipe = recipe.but(changes={**recipe.tiny, **changes})
    engine = engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})
    engine.set(5)
    assert engine.game.terms["instance-noise"].sigma == pytest.approx(0.05)
    engine.set(10)
    assert engine.game.terms["instance-noise"].sigma == 0


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("loss", ["non-saturating", "lsgan"])
def test_smoothing_with_its_loss_is_the_loss_of_the_lower_target(n, loss):
    """By hand: the cross entropy of the target α, and ½(D(x) − α)², which it equals but for a constant."""
    torch.manual_seed(n)
    real, fake = torch.randn(2, n, dtype=torch.float64)
    round = said(real, fake)
    plain = zoo.part("loss", loss).factory()().discriminator(round).item()
    smoothing = make("label-smoothing", target=0.7)
    smoothing.targets = 1.0
    total = plain + smoothing.discriminator(round).item()

    def sigma(v):
        return 1 / (1 + math.exp(-v))

    pairs = list(zip(real.tolist(), fake.tolist()))
    if loss == "lsgan":
        due = sum((r - 0.7) ** 2 / 2 + f * f / 2 for r, f in pairs) / n + (1 - 0.7**2) / 2
    else:
        due = sum(-0.7 * math.log(sigma(r)) - 0.3 * math.log(1 - sigma(r)) - math.log(1 - sigma(f)) for r, f in pairs)
        due /= n
    assert total == pytest.approx(due)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_smoothing_counts_as_often_as_its_loss(scale):
    loss = {"name": "minimax", "discriminator_scale": scale}
    recipe = zoo.variant("vanilla").but(changes={"loss": loss, "terms.label-smoothing.target": 0.9})
    terms = game_of(recipe, DataSpec("image", (1, 8, 8), size=100)).terms
    torch.manual_seed(0)
    real, fake = torch.randn(2, 16, dtype=torch.float64)
    total = sum(term.discriminator(said(real, fake)) for term in terms.values())
    due = -0.9 * real.sigmoid().log() - 0.1 * (1 - real.sigmoid()).log() - (1 - fake.sigmoid()).log()
    torch.testing.assert_close(total, scale * due.mean())


# orthogonal, mode-seeking, historical-averaging


def test_orthogonal_filters_of_any_length_cost_nothing():
    net = nn.Sequential(nn.Linear(4, 2, bias=False), nn.ConvTranspose2d(3, 2, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[3.0, 0, 0, 0], [0, 5.0, 0, 0]]))
        net[1].weight.zero_()
    term = make("orthogonal")
    assert term.weight == 1e-4
    assert term.generator(SimpleNamespace(G=net)) == 0
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 2, 0, 0], [0, 3.0, 0, 0]]))  # 6 and 6
        net[1].weight[:, 0].fill_(1.0)
        net[1].weight[:, 1].fill_(0.5)  # twelve products of 1 and 0.5
    assert term.generator(SimpleNamespace(G=net)).item() == 2 * 6**2 + 2 * 6**2


def test_weight_gradients_of_orthogonal():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Linear(3, 2)).double()
    slopes_agree(lambda: make("orthogonal").generator(SimpleNamespace(G=net)) * 1e2, list(net.parameters()))


@pytest.mark.parametrize("n", [2, 3, 16])
def test_mode_seeking_is_the_inverse_ratio_of_distances(n):
    """G doubles z: samples are twice as far apart as latents, and G descends a half."""
    round = shown(Smooth().double(), n)
    with torch.no_grad():
        round.G.weight.copy_(2 * torch.eye(2))
    round.x_fake = round.generate(**round.inputs)
    assert make("mode-seeking").generator(round).item() == pytest.approx(0.5, rel=1e-3)


def test_mode_seeking_of_one_sample_or_of_a_collapsed_g_is_finite():
    for n, collapsed in ((1, False), (4, True)):
        round = shown(Smooth().double(), n)
        with torch.no_grad():
            round.G.weight.mul_(float(not collapsed))
        round.x_fake = round.generate(**round.inputs)
        cost = make("mode-seeking").generator(round)
        (slope,) = torch.autograd.grad(cost, round.G.weight, allow_unused=True)
        assert cost.isfinite()
        assert slope is None or slope.isfinite().all()
        assert (cost == 0) == (n == 1)


def test_weight_gradients_of_mode_seeking():
    torch.manual_seed(1)
    G = nn.Linear(2, 2).double()

    def cost():
        round = shown(Smooth().double(), 4)
        round.G, round.generate = G, G
        G.spec = SimpleNamespace(inputs=[SimpleNamespace(name="z", kind="latent")])
        round.generate = lambda z: G(z)
        round.x_fake = G(round.inputs["z"])
        return make("mode-seeking").generator(round)

    slopes_agree(cost, [G.weight])


def test_historical_averages_follow_the_paper():
    """θ = 1 at first, then 4 and 7: averages 1, 2.5, 4; the cost is the squared distance, over all parameters."""
    G, D = nn.Linear(1, 2, bias=False), nn.Linear(1, 1, bias=False)
    term = make("historical-averaging")
    nn.init.ones_(G.weight)
    nn.init.ones_(D.weight)
    term.attach(G, D)
    round = SimpleNamespace(G=G, D=D)
    assert term.generator(round) == term.discriminator(round) == 0
    for value, average in ((4.0, 2.5), (7.0, 4.0), (0.0, 3.0)):
        with torch.no_grad():
            nn.init.constant_(G.weight, value)
            nn.init.constant_(D.weight, value)
            term.settle(round)
        assert term.state_dict()["G0"].flatten().tolist() == [average] * 2
        assert term.generator(round).item() == pytest.approx(2 * (value - average) ** 2)
        assert term.discriminator(round).item() == pytest.approx((value - average) ** 2)
    (slope,) = torch.autograd.grad(term.discriminator(round), D.weight)
    assert slope.item() == pytest.approx(2 * (0 - 3.0))


TERMS = ["r1", "r2", "lecam", "consistency", "balanced-consistency", "latent-consistency", "instance-noise",
         "label-smoothing", "orthogonal", "mode-seeking", "historical-averaging"]  # fmt: skip


LOSSES = {"label-smoothing": ["minimax", "lsgan", "bgan"]}  # which have targets; the others go with any


@pytest.mark.parametrize(
    ("term", "loss"), [(term, loss) for term in TERMS for loss in LOSSES.get(term, ["minimax", "hinge", "rsgan"])]
)
def test_every_term_goes_with_other_losses_and_networks_and_resumes(term, loss):
    """Stopped after three of six steps, with the state copied: the same game to the bit."""
    recipe = zoo.variant("r1gan")
    changes = {**recipe.tiny, "terms": {term: term}, "loss": loss, "discriminator": "mlp", "discriminator.units": 8}
    recipe = recipe.but(changes={k: v for k, v in changes.items() if k != "discriminator.width"})
    settled = {"device": "cpu", "precision": "fp32", "threads": 1}
    source = open_data(recipe, None)
    whole, first, second = (engine_of(recipe, source, settled) for _ in range(3))
    whole.rehearse()
    whole.play(6)
    first.play(3)
    second.game.load_state_dict(first.game.state_dict())
    for player, optimizer in first.optimizers.items():
        second.optimizers[player].load_state_dict(optimizer.state_dict())
    second.step = 3
    second.play(6)
    whole.verify()
    for name, tensor in whole.game.state_dict().items():
        assert torch.equal(tensor, second.game.state_dict()[name]), name


@pytest.mark.parametrize(("asked", "turns"), [({}, ["fp32", "any"]), ({"precision": "any"}, ["any", "any"])])
def test_a_term_s_precision_is_an_option_whose_default_is_its_class_s(asked, turns):
    options = zoo.part("term", "r1").options()
    assert (options["precision"].default, options["every"].default) == ("fp32", 1)
    recipe = zoo.variant("r1gan")
    played = recipe.but(changes={**recipe.tiny, **{f"terms.r1.{name}": value for name, value in asked.items()}})
    game = game_of(played, DataSpec("image", (1, 28, 28), size=100))
    assert [turn.precision for turn in game.turns(0)] == turns
