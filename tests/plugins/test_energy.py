"""Energies: the papers' costs, the pulling-away term, the controller's recurrence, the autoencoder's score."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of
from ganzoo.errors import RecipeError
from ganzoo.run import open_data

SETTLED = {"device": "cpu", "precision": "fp32", "threads": 1}


def make(kind, name, **options):
    return zoo.part(kind, name).factory()(**options)


def said(real, fake):
    """A round in which D said this."""
    return SimpleNamespace(
        pair=lambda: (real, fake),
        real=SimpleNamespace(score=real),
        fake=SimpleNamespace(score=fake),
        mean=torch.Tensor.mean,
    )


def energies(n):
    torch.manual_seed(n)
    return torch.rand(2, n, dtype=torch.float64).mul(3).unbind()


@pytest.mark.parametrize("n", [1, 3, 16])
def test_margin_is_the_papers(n):
    real, fake = energies(n)
    loss = make("loss", "ebgan", margin=2.0)
    cost = sum(real.tolist()) / n + sum(max(0.0, 2.0 - e) for e in fake.tolist()) / n
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(cost)
    assert loss.generator(said(real, fake)).item() == pytest.approx(sum(fake.tolist()) / n)
    assert loss.discriminator(said(torch.zeros(n), torch.full((n,), 2.0))) == 0


def pulled(features):
    return make("term", "pulling-away").generator(SimpleNamespace(fake=SimpleNamespace(features=features)))


@pytest.mark.parametrize("n", [2, 3, 16])
def test_fakes_pull_away_from_each_other(n):
    """0 for orthogonal features of any length, 1 for those of one direction, cos² of the angle for two."""
    lengths = torch.arange(1.0, n + 1)[:, None]
    assert pulled(lengths * torch.eye(n, 20)).item() == 0
    assert pulled(lengths * torch.ones(n, 20)).item() == pytest.approx(1)
    assert pulled(-lengths * torch.ones(n, 20)).item() == pytest.approx(1)
    assert pulled(torch.tensor([[2.0, 0.0], [3.0, 3.0]])).item() == pytest.approx(0.5)


def test_pulling_away_of_one_or_of_nothing_is_finite():
    assert pulled(torch.ones(1, 5)) == 0
    features = torch.zeros(3, 5, requires_grad=True)
    pulled(features).backward()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("n", [1, 3, 16])
def test_equilibrium_is_the_papers(n):
    real, fake = energies(n)
    loss = make("loss", "began", gamma=0.7)
    loss.k.fill_(0.25)
    d, g = sum(real.tolist()) / n, sum(fake.tolist()) / n
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(d - 0.25 * g)
    assert loss.generator(said(real, fake)).item() == pytest.approx(g)
    report = loss.report(said(real, fake))
    assert report["k"] == 0.25
    assert report["M"].item() == pytest.approx(d + abs(0.7 * d - g))


def test_k_follows_the_papers_recurrence_and_is_saved():
    """Three steps by hand: up by 0.1·(0.5·4 − 1) = 0.1, up to the limit, down by 0.1·(0.5·2 − 3) = −0.2."""
    loss = make("loss", "began", gamma=0.5, rate=0.1)
    seen = []
    for real, fake in (([3.0, 5.0], [1.0, 1.0]), ([100.0, 100.0], [0.0, 0.0]), ([2.0, 2.0], [3.0, 3.0])):
        loss.settle(said(torch.tensor(real), torch.tensor(fake)))
        seen.append(loss.k.item())
    assert seen == pytest.approx([0.1, 1.0, 0.8])
    loss.settle(said(torch.zeros(2), torch.full((2,), 100.0)))
    assert loss.state_dict()["k"] == 0


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_an_autoencoders_score_is_its_error(power):
    torch.manual_seed(0)
    make_d = zoo.part("discriminator", "autoencoder").factory()
    D = make_d(ganzoo.OutputSpec("image", (3, 8, 12)), width=4, code=5, power=power)
    x = torch.randn(6, 3, 8, 12)
    said = D(x)
    assert said["features"].shape == (6, D.features) == (6, 5)
    for i in range(6):
        error = (D.decoder(D.encoder(x[i : i + 1])) - x[i]).abs() ** power
        assert said["score"][i].item() == pytest.approx(error.sum().item() / (3 * 8 * 12), rel=1e-5)


@pytest.mark.parametrize("spec", [("points", (2,)), ("image", (1, 10, 8))])
def test_an_autoencoder_says_what_it_cannot_judge(spec):
    with pytest.raises(RecipeError, match="sides that divide by 4"):
        zoo.part("discriminator", "autoencoder").factory()(ganzoo.OutputSpec(*spec))


def told(real, fake, step):
    round = said(torch.tensor(real), torch.tensor(fake))
    round.step = step
    return round


def test_the_margin_follows_the_papers_algorithm():
    """Epochs of two steps, two of them D's alone: the margin is 0, then 3, the mean energy of data; it falls to 2 when
    that is lower, fakes have more energy than data and more than before; to nothing that breaks one of the three."""
    loss = make("loss", "magan", epoch=2, pretrain=4)
    epochs = [  # of data, of fakes, then the margin
        (5.0, 9.0, 0.0),
        (3.0, 9.0, 3.0),
        (2.9, 4.0, 3.0),  # fakes have no epoch before
        (2.0, 5.0, 2.0),
        (1.9, 4.5, 2.0),  # fakes fell
        (2.1, 4.6, 2.0),  # data's energy is above the margin
        (1.8, 1.7, 2.0),  # fakes have less than data
        (1.5, 1.6, 2.0),  # fakes fell again
        (1.0, 3.0, 1.0),
    ]
    for number, (real, fake, margin) in enumerate(epochs):
        for half in (0, 1):
            spread = 0.5 if half else -0.5
            loss.settle(told([real + spread, real + spread], [fake - spread, fake - spread], 2 * number + half))
            if not half and number:
                assert loss.margin.item() == pytest.approx(epochs[number - 1][2])
        assert loss.margin.item() == pytest.approx(margin)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_magans_costs_are_ebgans_at_its_margin(n):
    real, fake = energies(n)
    loss = make("loss", "magan")
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(sum(real.tolist()) / n)
    loss.margin.fill_(1.25)
    cost = sum(real.tolist()) / n + sum(max(0.0, 1.25 - e) for e in fake.tolist()) / n
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(cost)
    assert loss.generator(said(real, fake)).item() == pytest.approx(sum(fake.tolist()) / n)


def test_magans_g_rests_without_a_trace_while_d_learns_data_alone():
    """Its weights stay, and its optimiser counts no step: the first that it takes is as long as Adam's first is."""
    recipe = zoo.variant("magan")
    changes = {**recipe.tiny, "loss.epoch": 5, "loss.pretrain": 10, "optimizers.G.lr": 1e-3}
    played = engine_of(recipe := recipe.but(changes=changes), open_data(recipe, None), SETTLED)
    played.rehearse()
    before = [p.detach().clone() for p in played.game.G.parameters()]
    played.play(10)
    assert all(torch.equal(p, old) for p, old in zip(played.game.G.parameters(), before))
    assert not played.optimizers["G"].state
    assert played.game.terms["magan"].margin > 0
    played.play(11)
    longest = max((p - old).abs().max().item() for p, old in zip(played.game.G.parameters(), before))
    assert longest == pytest.approx(1e-3, rel=1e-3)


def test_magans_g_is_rehearsed_though_it_rests_at_first():
    recipe = zoo.variant("magan")
    played = engine_of(recipe := recipe.but(changes=recipe.tiny), open_data(recipe, None), SETTLED)
    turns = []
    played.game.deal = lambda minibatch, turn, deal=played.game.deal: turns.append(turn.player) or deal(minibatch, turn)
    played.rehearse()
    assert turns == ["D", "D", "G"]


def test_magans_state_is_saved_in_mid_epoch():
    whole, first = (make("loss", "magan", epoch=3, pretrain=3) for _ in range(2))
    rounds = [told([4.0 - 0.3 * i], [5.0 + 0.1 * i], i) for i in range(10)]
    for round in rounds:
        whole.settle(round)
    for round in rounds[:4]:
        first.settle(round)
    second = make("loss", "magan", epoch=3, pretrain=3)
    second.load_state_dict(first.state_dict())
    for round in rounds[4:]:
        second.settle(round)
    assert all(torch.equal(t, second.state_dict()[name]) for name, t in whole.state_dict().items())
    assert whole.margin < 4
    with pytest.raises(RecipeError, match="whole epochs are expected"):
        make("loss", "magan", epoch=3, pretrain=4)


def test_batchnorm_centres_the_codes_of_an_autoencoder():
    """Codes that all point one way leave the pulling-away term no slope; BatchNorm takes out what they share."""
    torch.manual_seed(0)
    make_d = zoo.part("discriminator", "autoencoder").factory()
    x = 1.0 + 0.1 * torch.randn(32, 1, 28, 28)
    none, batch = (make_d(ganzoo.OutputSpec("image", (1, 28, 28)), width=4, norm=norm) for norm in ("none", "batch"))
    assert [none.separable, batch.separable] == [True, False]
    assert pulled(none(x)["features"]) > 0.8
    assert pulled(batch(x)["features"]) < 0.1


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_an_autoencoder_of_points_scores_its_error(power):
    torch.manual_seed(0)
    D = zoo.part("discriminator", "autoencoder-mlp").factory()(ganzoo.OutputSpec("points", (3,)), code=5, power=power)
    x = torch.randn(4, 3)
    said = D(x)
    assert said["features"].shape == (4, D.features) == (4, 5)
    for i in range(4):
        error = (D.decoder(D.encoder(x[i : i + 1]))[0] - x[i]).abs() ** power
        assert said["score"][i].item() == pytest.approx(error.sum().item() / 3, rel=1e-5)
    with pytest.raises(RecipeError, match="use autoencoder"):
        zoo.part("discriminator", "autoencoder-mlp").factory()(ganzoo.OutputSpec("image", (1, 8, 8)))
    with pytest.raises(RecipeError, match="at least 1"):
        zoo.part("discriminator", "autoencoder-mlp").factory()(ganzoo.OutputSpec("points", (2,)), code=0)
