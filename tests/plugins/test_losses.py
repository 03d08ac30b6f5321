"""Losses against their closed forms: the papers' formulas, known optima, divergences of two known densities."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from ganzoo import zoo

FGAN = {  # by the paper's Tables 1 and 2: f, f*, f', the score whose g_f is f'(u), and D_f(N(0, 1) ‖ N(1, 1))
    "fgan-kl": (
        lambda u: u * u.log(),
        lambda t: (t - 1).exp(),
        lambda u: 1 + u.log(),
        lambda u: 1 + u.log(),
        0.5,
    ),
    "fgan-reverse-kl": (
        lambda u: -u.log(),
        lambda t: -1 - (-t).log(),
        lambda u: -1 / u,
        lambda u: u.log(),
        0.5,
    ),
    "fgan-pearson": (
        lambda u: (u - 1) ** 2,
        lambda t: t**2 / 4 + t,
        lambda u: 2 * (u - 1),
        lambda u: 2 * (u - 1),
        math.e - 1,
    ),
    "fgan-hellinger": (
        lambda u: (u.sqrt() - 1) ** 2,
        lambda t: t / (1 - t),
        lambda u: 1 - u**-0.5,
        lambda u: u.log() / 2,
        2 - 2 * math.exp(-1 / 8),
    ),
    "fgan-js": (
        lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(),
        lambda t: -(2 - t.exp()).log(),
        lambda u: (2 * u / (u + 1)).log(),
        lambda u: u.log(),
        0.222843,
    ),
    "fgan-gan": (
        lambda u: u * u.log() - (u + 1) * (u + 1).log(),
        lambda t: -(1 - t.exp()).log(),
        lambda u: (u / (u + 1)).log(),
        lambda u: u.log(),
        -1.163451,
    ),
}
LOSSES = ["lsgan", "hinge", "softmax-gan", "bgan", *FGAN]


def make(name, **options):
    return zoo.part("loss", name).factory()(**options)


def said(real, fake):
    """A round in which D said this."""
    return SimpleNamespace(
        pair=lambda: (real, fake), real=SimpleNamespace(score=real), fake=SimpleNamespace(score=fake)
    )


def scores(n):
    torch.manual_seed(n)
    return torch.randn(2, n, dtype=torch.float64).mul(2).unbind()


X = torch.linspace(-12, 13, 20_001, dtype=torch.float64)
P = (-(X**2) / 2).exp() / math.sqrt(2 * math.pi)
Q = (-((X - 1) ** 2) / 2).exp() / math.sqrt(2 * math.pi)


def expected(cost, score):
    """A player's cost for data N(0, 1) and samples N(1, 1), for D's scores at `X`: a cost that is a mean over x plus
    a mean over G(z) is known from batches of one of each, which are integrated against the densities."""
    middle = score[len(score) // 2]
    over_real = torch.vmap(lambda s: cost(said(s[None], middle[None])))(score)
    over_fake = torch.vmap(lambda s: cost(said(middle[None], s[None])))(score)
    twice = cost(said(middle[None], middle[None]))
    return (torch.trapezoid(P * over_real, X) + torch.trapezoid(Q * over_fake, X) - twice).item()


@pytest.mark.parametrize("n", [1, 3, 16])
def test_least_squares_is_equation_2(n):
    real, fake = scores(n)
    loss = make("lsgan", a=-1.0, b=1.0, c=0.0)
    cost = sum((s - 1) ** 2 for s in real.tolist()) / n / 2 + sum((s + 1) ** 2 for s in fake.tolist()) / n / 2
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(cost)
    assert loss.generator(said(real, fake)).item() == pytest.approx(sum(s**2 for s in fake.tolist()) / n / 2)
    default = make("lsgan")
    ones, zeros = torch.ones(n), torch.zeros(n)
    assert default.discriminator(said(ones, zeros)) == 0
    assert default.generator(said(zeros, ones)) == 0
    assert default.generator(said(ones, zeros)) == 0.5


def test_least_squares_at_its_optimum():
    """D* = p/(p + q) is worth ¼ − Δ/8, Δ = ∫(p − q)²/(p + q); with labels −1, 1, 0 both players' costs together
    are Pearson's χ² of 2q from p + q, halved, one half of it over fakes."""
    loss = make("lsgan")
    assert expected(loss.discriminator, P / (P + Q)) == pytest.approx(0.198986, abs=1e-6)
    loss = make("lsgan", a=-1.0, b=1.0, c=0.0)
    assert 4 * expected(loss.generator, (P - Q) / (P + Q)) == pytest.approx(0.408109, abs=1e-6)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_hinge_is_the_papers(n):
    real, fake = scores(n)
    loss = make("hinge")
    cost = sum(max(0, 1 - s) for s in real.tolist()) / n + sum(max(0, 1 + s) for s in fake.tolist()) / n
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(cost)
    assert loss.generator(said(real, fake)).item() == pytest.approx(-sum(fake.tolist()) / n)
    beyond = torch.full((n,), 1.0)
    assert loss.discriminator(said(beyond, -beyond)) == 0
    assert loss.discriminator(said(0 * beyond, 0 * beyond)) == 2


def test_hinge_at_its_optimum_is_the_total_variation():
    assert expected(make("hinge").discriminator, (P - Q).sign()) == pytest.approx(1.234150, abs=1e-3)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_softmax_is_a_cross_entropy_over_the_batch(n):
    real, fake = scores(n)
    loss = make("softmax-gan")
    masses = [math.exp(s) for s in [*real.tolist(), *fake.tolist()]]
    shares = [mass / sum(masses) for mass in masses]
    d = -sum(math.log(share) / n for share in shares[:n])
    g = -sum(math.log(share) / (2 * n) for share in shares)
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(d)
    assert loss.generator(said(real, fake)).item() == pytest.approx(g)
    even = torch.full((n,), 3.0, dtype=torch.float64)
    for cost in (loss.discriminator, loss.generator):
        assert cost(said(even, even)).item() == pytest.approx(math.log(2 * n))
        assert cost(said(real + 5, fake + 5)).item() == pytest.approx(cost(said(real, fake)).item())
    report = loss.report(said(real, fake))
    assert report["real share"].item() == pytest.approx(sum(shares[:n]))


@pytest.mark.parametrize("n", [1, 3, 16])
def test_boundary_seeking_is_the_papers(n):
    real, fake = scores(n)
    loss = make("bgan")
    d_real, d_fake = torch.sigmoid(real), torch.sigmoid(fake)
    torch.testing.assert_close(loss.discriminator(said(real, fake)), -d_real.log().mean() - (1 - d_fake).log().mean())
    torch.testing.assert_close(loss.generator(said(real, fake)), ((d_fake.log() - (1 - d_fake).log()) ** 2).mean() / 2)
    zeros = torch.zeros(n)
    assert loss.discriminator(said(zeros, zeros)).item() == pytest.approx(2 * math.log(2))
    assert loss.generator(said(zeros, zeros)) == 0


@pytest.mark.parametrize("name", FGAN)
@pytest.mark.parametrize("n", [1, 3, 16])
def test_a_bound_is_equation_4(name, n):
    """F = E_p[T] − E_q[f*(T)], with f* of Table 2 at the T that the score stands for."""
    real, fake = scores(n)
    loss, conjugate = make(name), FGAN[name][1]
    bound = loss.T(real).mean() - conjugate(loss.T(fake)).mean()
    torch.testing.assert_close(loss.discriminator(said(real, fake)), -bound)
    torch.testing.assert_close(loss.generator(said(real, fake)), -loss.T(fake).mean())
    bound_of_g = make(name, generator="bound").generator(said(real, fake))
    torch.testing.assert_close(bound_of_g, -conjugate(loss.T(fake)).mean())
    torch.testing.assert_close(loss.report(said(real, fake))["F"], bound)


@pytest.mark.parametrize("name", FGAN)
def test_a_bound_is_the_divergence_at_its_optimum(name):
    """T* = f'(p/q) makes F the divergence, and nothing near it more."""
    f, _, slope, score, divergence = FGAN[name]
    loss, ratio = make(name), P / Q
    near = ratio.clamp(1e-3, 1e3)
    torch.testing.assert_close(loss.T(score(near)), slope(near))
    best = -expected(loss.discriminator, score(ratio))
    assert best == pytest.approx(divergence, abs=2e-6)
    assert best == pytest.approx(torch.trapezoid(Q * f(ratio), X).item(), abs=2e-6)
    for bump in (0.1, -0.1):
        assert -expected(loss.discriminator, score(ratio) + bump * (-(X**2)).exp()) < best - 1e-5


@pytest.mark.parametrize("name", FGAN)
def test_a_conjugate_keeps_fenchels_inequality(name):
    """tu − f(u) ≤ f*(t) for all u > 0, with equality at t = f'(u)."""
    f, _, _, score, _ = FGAN[name]
    loss = make(name)
    u = torch.logspace(-2, 2, 81, dtype=torch.float64)
    v = torch.linspace(-6, 6, 61, dtype=torch.float64)[:, None]
    assert (loss.conjugate(v) - loss.T(v) * u + f(u)).min() > -1e-9
    at = score(u)
    torch.testing.assert_close(loss.conjugate(at), loss.T(at) * u - f(u))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("far", [-100.0, 100.0])
def test_costs_and_gradients_are_finite_at_scores_of_100(name, far):
    loss = make(name)
    for other in (-100.0, 100.0):
        real = torch.full((4,), far, requires_grad=True)
        fake = torch.full((4,), other, requires_grad=True)
        for cost in (loss.discriminator, loss.generator):
            value = cost(said(real, fake))
            slopes = torch.autograd.grad(value, (real, fake), allow_unused=True)
            assert value.isfinite()
            assert all(slope.isfinite().all() for slope in slopes if slope is not None)


def test_exponentials_go_on_linearly():
    """exp up to 10, its tangent from there: no jump in the value or the slope."""
    loss = make("fgan-hellinger")
    v = torch.tensor([-3.0, 9.999, 10.0, 11.0, 30.0], dtype=torch.float64, requires_grad=True)
    tangent = [math.exp(-3), math.exp(9.999), math.exp(10), 2 * math.exp(10), 21 * math.exp(10)]
    value = loss.conjugate(v) + 1
    assert value.tolist() == pytest.approx(tangent)
    (slope,) = torch.autograd.grad(value.sum(), v)
    assert slope.tolist() == pytest.approx([math.exp(-3), math.exp(9.999), *[math.exp(10)] * 3])


def test_two_bounds_differ_in_constants_only():
    """Jensen's and the 2014 game's: that their rows in the tables are the same is no mistake."""
    slopes = []
    for name in ("fgan-js", "fgan-gan"):
        real, fake = (score.requires_grad_() for score in scores(5))
        loss, round = make(name), said(real, fake)
        slopes += [
            [*torch.autograd.grad(loss.discriminator(round), [real, fake])],
            [*torch.autograd.grad(loss.generator(round), [fake])],
        ]
    for one, other in zip([*slopes[0], *slopes[1]], [*slopes[2], *slopes[3]], strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", LOSSES)
def test_a_recipe_says_what_it_is(name):
    recipe = zoo.variant(name)
    assert recipe.parts["loss"] == name
    assert "arXiv:" in recipe.paper
    assert recipe.formula
    assert recipe.deviations
    assert recipe.title


@pytest.mark.parametrize("name", ["fgan-kl", "fgan-reverse-kl", "fgan-hellinger"])
def test_the_linear_exponentials_are_listed(name):
    assert any("exponent of 10" in line for line in zoo.variant(name).deviations)
