"""Labels and codes: closed forms, networks worked out by hand, the asked class in torch and in ONNX."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

import ganzoo
from ganzoo import zoo
from ganzoo.bench.suites import suite, trials
from ganzoo.bench.trial import judged
from ganzoo.build import game_of
from ganzoo.data import embedded, open_source
from ganzoo.errors import DataError, InputError, RecipeError
from ganzoo.evaluation import Measure, evaluate, fitting, judge
from ganzoo.exporter import build, plain_copy
from ganzoo.game import Minibatch
from ganzoo.label_metrics import Asked, Purity, assigned
from ganzoo.sampler import Sampler
from ganzoo.specs import DataSpec
from ganzoo.torch_backend import TorchBackend
from ganzoo_labels.projection import ConditionalBatchNorm

DIGITS = DataSpec("image", (1, 28, 28), tuple("0123456789"), (0.1,) * 10, 100)
LABEL = ganzoo.InputSpec("label", "label", (), "data", ("a", "b", "c"))
Z = ganzoo.InputSpec("z", "latent", (5,))
SMALL = ganzoo.OutputSpec("image", (1, 4, 4))


def make(kind, name, *given, **options):
    return zoo.part(kind, name).factory()(*given, **options)


def tiny(name, data=DIGITS, **changes):
    recipe = zoo.variant(name)
    return game_of(recipe.but(changes={**recipe.tiny, **changes}), data)


def tell_apart(G):
    """Scales and shifts that differ by class, which at first they do not."""
    for norm in (m for m in G.modules() if isinstance(m, ConditionalBatchNorm)):
        for table in (*norm.scales, *norm.shifts):
            torch.nn.init.normal_(table)


def round_of(game, n):
    """A round of a game on n random samples with labels 0, 1, 2, ..."""
    labels = torch.arange(n) % 10
    shape = game.G.spec.output.shape
    batch = Minibatch(0, n, lambda: {"x": torch.randint(256, (n, *shape)).byte(), "label": labels})
    return game.deal(batch, next(iter(game.turns(0))))


# ---- cgan


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_networks_of_2014_by_hand(n):
    """Section 4.1: a layer each for noise and label, a joint one, a sigmoid; maxout of 5, 5 and 4 pieces."""
    torch.manual_seed(n)
    G = make("generator", "cgan-mlp", (Z, LABEL), SMALL, widths=(6, 7), joint=8)
    z, y = torch.randn(n, 5), torch.arange(n) % 3
    first, label, last = G.noise[0], G.label[0], G.body
    for k in range(n):
        beside = torch.cat([(first.weight @ z[k] + first.bias).relu(), (label.weight[:, y[k]] + label.bias).relu()])
        joint = (last[0].weight @ beside + last[0].bias).relu()
        pixels = (last[2].weight @ joint + last[2].bias).sigmoid()
        torch.testing.assert_close(G(z, y)[k].flatten(), pixels)
    D = make("discriminator", "cgan-mlp", SMALL, (LABEL,), units=(6, 4), joint=5).eval()
    x = torch.randn(n, 1, 4, 4)
    said = D(x, y)

    def maxout(layer, v):
        return (layer.linear.weight @ v + layer.linear.bias).reshape(layer.pieces, -1).max(0).values

    for k in range(n):
        beside = torch.cat([maxout(D.sample, x[k].flatten()), maxout(D.label, torch.eye(3)[y[k]])])
        features = maxout(D.body[1], beside)
        torch.testing.assert_close(said["features"][k], features)
        torch.testing.assert_close(said["score"][k], (D.score[1].weight @ features + D.score[1].bias)[0])
    assert (D.sample.pieces, D.label.pieces, D.body[1].pieces) == (5, 5, 4)


@pytest.mark.parametrize("name", ["cgan-mlp", "projection"])
def test_permuted_labels_permute_what_is_made_and_said(name):
    G = make("generator", name, (Z, LABEL), ganzoo.OutputSpec("image", (1, 16, 16))).eval()
    D = make("discriminator", name, G.spec.output, (LABEL,)).eval()
    tell_apart(G)
    z, y, order = torch.randn(1, 5).expand(3, 5), torch.arange(3), torch.tensor([2, 0, 1])
    with torch.no_grad():
        made = G(z, y)
        torch.testing.assert_close(G(z, y[order]), made[order])
        assert not torch.allclose(made[0], made[1])
        said = D(made[:1].expand(3, -1, -1, -1), y)["score"]
        torch.testing.assert_close(D(made[:1].expand(3, -1, -1, -1), y[order])["score"], said[order])
        assert len(set(said.tolist())) == 3


@pytest.mark.parametrize("name", ["cgan-mlp", "projection"])
def test_networks_do_without_labels(name):
    G = make("generator", name, (Z,), SMALL)
    D = make("discriminator", name, SMALL)
    assert D(G(torch.randn(2, 5)))["score"].shape == (2,)


@pytest.mark.parametrize("name", ["cgan", "projection"])
def test_d_judges_data_and_fakes_with_the_labels_of_the_minibatch(name):
    game = tiny(name)
    told = []
    game.D.register_forward_pre_hook(lambda _, inputs: told.append(inputs[1]))
    round = round_of(game, 6)
    round.pair()
    seen = torch.cat(told)
    assert torch.equal(seen, torch.arange(6).repeat(2))
    assert torch.equal(round.inputs["label"], torch.arange(6))


@pytest.mark.parametrize("name", ["cgan", "projection", "infogan"])
def test_the_class_that_is_asked_for_reaches_the_generator(name, tmp_path):
    """In torch and in ONNX, by name or by number, one for all or one each: what G makes of that label."""
    G = plain_copy(tiny(name).G)
    tell_apart(G)
    (tmp_path / "G.onnx").write_bytes(build(G, {"variant": name}, tmp_path / "G.onnx").data)
    torch_, onnx = Sampler(TorchBackend(G)), ganzoo.load(tmp_path / "G.onnx")
    spec = torch_.spec.of_kind("label")[0]
    for sampler in (torch_, onnx):
        each = sampler.sample(3, seed=5, **{spec.name: [1, 7, 4]})
        assert each.inputs[spec.name].tolist() == [1, 7, 4]
        for k, label in enumerate((1, 7, 4)):
            alone = sampler.sample(1, seed=5 + k, **{spec.name: spec.classes[label]})
            assert np.array_equal(alone.images[0], each.images[k])
        one = sampler.sample(2, seeds=[5, 5], **{spec.name: [0, 1]})
        assert not np.array_equal(one.output[0], one.output[1])
    made = [s.sample(20, seed=0, **{spec.name: [k % 10 for k in range(20)]}).images.astype(int) for s in (torch_, onnx)]
    assert abs(made[0] - made[1]).max() <= 1


# ---- metrics


def samples_of(images, spec, labels):
    return SimpleNamespace(
        spec=ganzoo.GeneratorSpec("generator", (Z, *spec), ganzoo.OutputSpec()),
        images=images[..., None],
        inputs={s.name: labels for s in spec},
    )


def test_asked_is_the_share_of_the_asked_class():
    digits = open_source("digits")
    images, labels = (a[::100] for a in embedded())  # 100 digits, all of which the judge knows
    label = ganzoo.InputSpec("label", "label", (), "data", tuple("0123456789"))
    asked = Asked(digits)
    assert asked(samples_of(images, [label], labels)) == {"asked": 1.0, "worst": 1.0}
    wrong = np.where((labels == 3) & (np.arange(100) % 2 == 0), 4, labels)
    share = (wrong == labels).mean()
    found = asked(samples_of(images, [label], wrong))
    assert found["asked"] == pytest.approx(share)
    assert found["worst"] == pytest.approx((labels[wrong == 4] == 4).mean())
    assert asked(samples_of(images, [], labels)) == {}
    beside = asked.beside()
    assert beside["real digits with their labels"]["asked"] > 0.98
    assert beside["real digits with labels of others"]["asked"] < 0.15


def test_purity_is_of_the_best_assignment():
    digits = open_source("digits")
    images, labels = (a[::100] for a in embedded())
    code = ganzoo.InputSpec("c1", "label", (), "uniform", tuple("abcdefghij"))
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    purity = Purity(digits)
    assert purity(samples_of(images, [code], order[labels])) == {"purity": 1.0}
    assert purity(samples_of(images, [code], np.zeros(100, int)))["purity"] == pytest.approx(
        (labels == 0).mean(), abs=0.1
    )
    label = ganzoo.InputSpec("label", "label", (), "data", tuple("0123456789"))
    assert purity(samples_of(images, [label], labels)) == {}
    beside = purity.beside()
    assert beside["real digits with their labels"]["purity"] > 0.98
    assert beside["real digits with labels of others"]["purity"] < 0.25


@pytest.mark.parametrize("shape", [(10, 10), (3, 7), (12, 6), (1, 1)])
def test_the_assignment_is_scipys(shape):
    for seed in range(5):
        counts = np.random.default_rng(seed).integers(0, 50, shape)
        rows, columns = linear_sum_assignment(-counts)
        assert assigned(counts) == counts[rows, columns].sum()


def test_metrics_of_labels_say_where_they_do_not_fit():
    with pytest.raises(DataError, match="digits 0 to 9"):
        Asked(open_source("ring"))
    assert {"asked", "purity"} <= {m.name for m in fitting(open_source("digits"))}
    with pytest.raises(DataError, match="'asked' says nothing of samples such as this model's"):
        evaluate(Sampler(TorchBackend(tiny("vanilla").G)), ["asked"], data="digits")


# ---- projection


def test_vectors_of_classes_are_glorots_too():
    D = make("discriminator", "projection", ganzoo.OutputSpec("image", (3, 8, 8)), (LABEL,), width=64)
    (vectors,) = D.classes
    bound = math.sqrt(6 / sum(vectors.weight.shape))
    assert 0.95 * bound < vectors.weight.abs().max().item() <= bound


@pytest.mark.parametrize("n", [2, 3, 16])
def test_conditional_batchnorm_by_hand(n):
    """(x − mean) / √(variance + ε), times 1 + scale of the class, plus its shift; plain at first."""
    torch.manual_seed(n)
    norm, x, y = ConditionalBatchNorm(4, [LABEL]), torch.randn(n, 4, 3, 3), torch.arange(n) % 3
    white = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x, [y]), white)
    torch.nn.init.normal_(norm.scales[0])
    torch.nn.init.normal_(norm.shifts[0])
    due = [(1 + norm.scales[0][c])[:, None, None] * w + norm.shifts[0][c][:, None, None]
           for w, c in zip(white, y)]  # fmt: skip
    torch.testing.assert_close(norm(x, [y]), torch.stack(due))


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_score_is_projected_on_the_class(n):
    """f(x, y) − f(x, y') = (v_y − v_y')ᵀ φ(x), and ψ(φ(x)) alone where the vectors are 0 (Eq. 4)."""
    torch.manual_seed(n)
    D = make("discriminator", "projection", ganzoo.OutputSpec("image", (3, 8, 8)), (LABEL,), width=4)
    x, y = torch.randn(n, 3, 8, 8), torch.arange(n) % 3
    one, other = D(x, y), D(x, (y + 1) % 3)
    v = D.classes[0].weight
    torch.testing.assert_close(one["features"], other["features"])
    difference = [(v[y[k]] - v[(y[k] + 1) % 3]) @ one["features"][k] for k in range(n)]
    torch.testing.assert_close(one["score"] - other["score"], torch.stack(difference), atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        v.zero_()
    torch.testing.assert_close(D(x, y)["score"], (one["features"] @ D.score.weight.T + D.score.bias)[:, 0])


# ---- acgan


@pytest.mark.parametrize("n", [2, 3, 16])
def test_the_auxiliary_entropy_is_equation_3(n):
    """−L_C by hand: −log of the softmax at each one's label, of data and of fakes in D's turn, of fakes in G's."""
    game = tiny("acgan")
    term, round = game.terms["auxiliary-classifier"], round_of(game, n)
    due = []
    for said in (round.real, round.fake):
        logits = said.features @ term.head.weight.T + term.head.bias
        odds = logits.double().exp() / logits.double().exp().sum(1, keepdim=True)
        due.append(-sum(math.log(odds[k, round.inputs["label"][k]]) for k in range(n)) / n)
    assert term.discriminator(round).item() == pytest.approx(sum(due), rel=1e-5)
    assert term.generator(round).item() == pytest.approx(due[1], rel=1e-5)
    with torch.no_grad():
        term.head.weight.zero_(), term.head.bias.fill_(3.0)
    assert term.discriminator(round_of(game, n)).item() == pytest.approx(2 * math.log(10))
    assert term.generator(round_of(game, n)).item() == pytest.approx(math.log(10))
    with torch.no_grad():
        term.head.bias[0] = 1e4
    assert term.generator(round_of(game, n)).item() == pytest.approx(
        1e4 * sum(k % 10 > 0 for k in range(n)) / n, rel=1e-3
    )


def test_the_auxiliary_classifier_tells_d_nothing_and_both_players_learn():
    game = tiny("acgan")
    assert game.conditions == ()
    assert game.D.conditions == ()
    assert [spec.name for spec in game.G.spec.inputs] == ["z", "label"]
    game.requires_grad_(True)
    term, round = game.terms["auxiliary-classifier"], round_of(game, 4)
    for parameter in (next(game.G.parameters()), next(game.D.parameters()), term.head.weight):
        (gradient,) = torch.autograd.grad(term.discriminator(round), parameter, retain_graph=True)
        assert gradient.abs().sum() > 0
    assert any(p is term.head.weight for p in game.players()["D"].parameters())


def test_classes_are_needed():
    with pytest.raises(RecipeError, match="these data have none"):
        tiny("acgan", DataSpec("image", (1, 28, 28), size=100))


# ---- infogan


def bound(categories, continuous, answers, codes):
    """The term's bound where Q answers this, with D's features as they are."""
    term = make("term", "information", categories=categories, continuous=continuous, caution=1.0)
    term.Q = torch.nn.Identity()
    inputs = {"c1": codes[0], **{f"c{k + 2}": c[:, None] for k, c in enumerate(codes[1:])}}
    round = SimpleNamespace(fake=SimpleNamespace(features=answers), inputs=inputs)
    assert term.discriminator(round) == term.generator(round)
    return -term.discriminator(round).item()


@pytest.mark.parametrize("n", [1, 3, 16])
@pytest.mark.parametrize("categories", [2, 10])
def test_the_bound_of_a_categorical_code(n, categories):
    """0 where Q knows nothing, log K where it knows all, and by hand between."""
    c1 = torch.arange(n) % categories
    assert bound(categories, 0, torch.full((n, categories), 7.0), [c1]) == pytest.approx(0, abs=1e-6)
    sure = 100.0 * torch.nn.functional.one_hot(c1, categories)
    assert bound(categories, 0, sure, [c1]) == pytest.approx(math.log(categories))
    torch.manual_seed(n)
    logits = torch.randn(n, categories, dtype=torch.float64)
    odds = logits.exp() / logits.exp().sum(1, keepdim=True)
    due = math.log(categories) + sum(math.log(odds[k, c1[k]]) for k in range(n)) / n
    assert bound(categories, 0, logits, [c1]) == pytest.approx(due)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_bound_of_continuous_codes(n):
    """E[log N(c; m, s²)] + log 2 for each code, by hand."""
    torch.manual_seed(n)
    means, logs = torch.randn(2, n, 2, dtype=torch.float64)
    c1, codes = torch.zeros(n, dtype=torch.int64), torch.rand(n, 2, dtype=torch.float64) * 2 - 1
    normal = torch.distributions.Normal(means, logs.exp())
    due = (normal.log_prob(codes) + math.log(2)).sum(1).mean().item()
    answers = torch.cat([torch.zeros(n, 2, dtype=torch.float64), means, logs], 1)
    assert bound(2, 2, answers, [c1, *codes.unbind(1)]) == pytest.approx(due)


def test_a_least_deviation_bounds_the_pull_of_a_continuous_code():
    """Where Q claims less, N(c; m, least²) by hand, and no more gradient by m than (c − m)/least²."""
    means, logs = torch.zeros(3, 1, requires_grad=True), torch.log(torch.tensor([[1e-4], [0.5], [2.0]]))
    codes = torch.tensor([0.5, -0.2, 0.1])
    term = make("term", "information", categories=2, continuous=1, caution=1.0, least=1.0)
    term.Q = torch.nn.Identity()
    answers = torch.cat([torch.zeros(3, 2), means, logs], 1)
    inputs = {"c1": torch.zeros(3, dtype=torch.int64), "c2": codes[:, None]}
    cost = term.generator(SimpleNamespace(fake=SimpleNamespace(features=answers), inputs=inputs))
    deviations = torch.tensor([1.0, 1.0, 2.0])
    due = (torch.distributions.Normal(0.0, deviations).log_prob(codes) + math.log(2)).mean()
    torch.testing.assert_close(-cost, due)
    (slope,) = torch.autograd.grad(-cost, means)
    torch.testing.assert_close(slope[:, 0], codes / deviations**2 / 3)
    with pytest.raises(RecipeError, match=r"information\.least is 0; a deviation above 0 is expected"):
        make("term", "information", least=0.0)


def test_the_bound_never_exceeds_the_information():
    """Uniform codes, a Q that knows nothing: at best −KL(uniform ‖ N(0, 1/3)) = log 2 − ½ log(2πe/3) < 0."""
    codes = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 5_000 - 1
    c1, blank = torch.zeros(10_000, dtype=torch.int64), torch.zeros(10_000, 2, dtype=torch.float64)
    best = math.log(2) - math.log(2 * math.pi * math.e / 3) / 2
    for deviation in (0.2, 1 / math.sqrt(3), 1.0):
        answers = torch.cat([blank, torch.zeros(10_000, 1), torch.full((10_000, 1), math.log(deviation))], 1)
        found = bound(2, 1, answers.double(), [c1, codes])
        due = math.log(2) - math.log(2 * math.pi) / 2 - math.log(deviation) - 1 / (6 * deviation**2)
        assert found == pytest.approx(due, abs=1e-5)
        assert found <= best + 1e-6


def test_information_reaches_g_the_trunk_and_q():
    game = tiny("infogan")
    game.requires_grad_(True)
    term, round = game.terms["information"], round_of(game, 4)
    for parameter in (next(game.G.parameters()), next(game.D.parameters()), term.Q[0].weight):
        (gradient,) = torch.autograd.grad(term.generator(round), parameter, retain_graph=True)
        assert gradient.abs().sum() > 0
    owned = [id(p) for p in game.players()["D"].parameters()]
    assert all(id(p) in owned for p in term.Q.parameters())


def test_codes_are_inputs_with_names_and_ranges():
    game = tiny("infogan", **{"terms.information.categories": 28, "terms.information.continuous": 3})
    z, c1, *others = game.G.spec.inputs
    assert (z.name, c1.name, [c.name for c in others]) == ("z", "c1", ["c2", "c3", "c4"])
    assert (c1.kind, c1.distribution, c1.classes[0], c1.classes[-1]) == ("label", "uniform", "A", "AB")
    assert len(set(c1.classes)) == 28
    assert all((c.kind, c.shape, c.distribution, c.range) == ("latent", (1,), "uniform", (-1.0, 1.0)) for c in others)


# ---- sgan


def say(logits):
    """What D says with these logits."""
    D = make("discriminator", "sgan", ganzoo.OutputSpec("image", (1, 8, 8)), data=DIGITS, width=2)
    D.body, D.classes = torch.nn.Flatten(), torch.nn.Identity()
    return D(logits)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_score_is_that_of_a_classifier_with_one_class_more(n):
    """σ(score) = 1 − p(fake) of a softmax over K + 1 logits of which that of 'fake' is 0 (section 5)."""
    torch.manual_seed(n)
    logits = 3 * torch.randn(n, 10, dtype=torch.float64)
    said = say(logits)
    softmax = torch.cat([logits, torch.zeros(n, 1)], 1).softmax(1)
    torch.testing.assert_close(said["score"].sigmoid(), 1 - softmax[:, 10])
    torch.testing.assert_close(said["score"], logits.exp().sum(1).log())
    real, fake = said["score"], say(-logits)["score"]
    loss = make("loss", "non-saturating")
    due = -(1 - softmax[:, 10]).log().mean() - (1 / (1 + (-logits).exp().sum(1))).log().mean()
    torch.testing.assert_close(loss.discriminator(SimpleNamespace(pair=lambda: (real, fake))), due)
    assert say(torch.full((n, 10), -math.log(10.0)))["score"].abs().max() < 1e-6  # Z = 1: D cannot tell
    assert say(torch.full((n, 10), 1e4))["score"].isfinite().all()


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_supervised_cost_by_hand(n):
    torch.manual_seed(n)
    logits, labels = torch.randn(n, 10, dtype=torch.float64), torch.arange(n) % 10
    term = make("term", "supervised")
    round = SimpleNamespace(labelled=SimpleNamespace(class_logits=logits), labels=labels)
    odds = logits.exp() / logits.exp().sum(1, keepdim=True)
    assert term.discriminator(round).item() == pytest.approx(-sum(math.log(odds[k, labels[k]]) for k in range(n)) / n)
    round.labelled.class_logits = torch.zeros(n, 10)
    assert term.discriminator(round).item() == pytest.approx(math.log(10))
    assert not term.acts("G")


def test_a_semi_labelled_source_keeps_few_labels():
    source, (images, labels) = open_source("semi:digits", labelled=50, seed=3), embedded()
    known = {images[row].tobytes(): labels[row] for row in source.rows}
    assert np.bincount(labels[source.rows]).tolist() == [5] * 10
    batch = source.minibatch(0, 1, 2, 32)
    assert set(batch) == {"x", "x_labelled", "label_labelled"}
    assert all(len(column) == 32 for column in batch.values())
    for x, label in zip(batch["x_labelled"].numpy(), batch["label_labelled"].tolist()):
        assert known[x[0].tobytes()] == label
    whole = open_source("digits")
    assert torch.equal(batch["x"], whole.minibatch(0, 1, 2, 32)["x"])
    assert torch.equal(source.minibatch(0, 1, 2, 32)["x_labelled"], batch["x_labelled"])
    assert source.spec == whole.spec
    assert source.card["labelled"] == 50
    prints = {open_source("semi:digits", labelled=n, seed=s).fingerprint for n, s in ((50, 3), (50, 4), (60, 3))}
    assert len(prints | {whole.fingerprint}) == 4


@pytest.mark.parametrize(("name", "labelled", "says"), [
    ("semi:digits", 101, "as many of each"), ("semi:digits", 0, "as many of each"),
    ("semi:digits", 20_000, "no more than there are"),
])  # fmt: skip
def test_a_semi_labelled_source_says_what_it_needs(name, labelled, says):
    with pytest.raises(DataError, match=says):
        open_source(name, labelled=labelled)
    with pytest.raises(DataError, match="has 100 samples where a minibatch needs 128"):
        open_source("semi:digits").minibatch(0, 0, 0, 128)
    with pytest.raises(RecipeError, match="semi:PATH"):
        open_source("semi")


def test_d_is_a_classifier_in_torch_and_in_onnx(tmp_path):
    """The second generator: logits of D, from pictures, and an image that is not needed for G's own samples."""
    game = tiny("sgan")
    assert list(game.generators()) == ["generator", "classifier"]
    classifier = plain_copy(game.generators()["classifier"])
    (tmp_path / "c.onnx").write_bytes(build(classifier, {}, tmp_path / "c.onnx").data)
    images = embedded()[0][:5, :, :, None]
    with torch.no_grad():
        due = game.D.eval()(torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1)["class_logits"].numpy()
    for sampler in (Sampler(TorchBackend(classifier)), ganzoo.load(tmp_path / "c.onnx")):
        np.testing.assert_allclose(sampler.sample(x=images).points, due, atol=1e-4)


class Knows:
    """A classifier that knows the labels it was made with, of whatever pictures."""

    def __init__(self, labels):
        self.labels = labels

    def sample(self, x, batch):
        return SimpleNamespace(points=np.eye(10)[self.labels])


def test_classified_is_the_share_that_is_right(monkeypatch):
    images, labels = (a[::100] for a in embedded())
    monkeypatch.setattr("ganzoo_labels.classified.mnist", lambda root: (images[..., None], labels))
    metric = make("metric", "classified", open_source("semi:digits"))
    wrong = np.where(np.arange(100) < 25, (labels + 1) % 10, labels)
    assert metric.of(SimpleNamespace(generators={"classifier": Knows(wrong)})) == {"accuracy": 0.75}
    assert metric.of(SimpleNamespace(generators={"generator": None})) == {}
    beside = metric.beside()
    assert beside["chance"]["accuracy"] < 0.3 < beside["nearest of 100 labelled digits"]["accuracy"]
    with pytest.raises(DataError, match="digits 0 to 9"):
        make("metric", "classified", open_source("ring"))


def test_without_mnist_the_rest_is_evaluated(tmp_path, monkeypatch, caplog):
    run = ganzoo.train("sgan", set={**zoo.variant("sgan").tiny, "steps": 1}, out=tmp_path / "run")
    monkeypatch.setattr(zoo.zoo(), "names", lambda kind: [(name, None, None) for name in ("classified", "found")])
    images, labels = (a[::10] for a in embedded())

    def mnist(root):
        if root != tmp_path:
            raise DataError("'mnist' is not here")
        return images[..., None], labels

    monkeypatch.setattr("ganzoo_labels.classified.mnist", mnist)
    assert list(evaluate(run.path)["metrics"]) == ["found"]
    assert "the metric 'classified' is left out: 'mnist' is not here" in caplog.text
    with pytest.raises(DataError, match="'mnist' is not here"):
        evaluate(run.path, ["classified"])
    found = evaluate(run.path, data_root=tmp_path)["metrics"]
    assert list(found) == ["classified", "found"]
    assert (found["classified"]["samples"], found["found"]["samples"]) == (None, 1000)


def test_a_metric_of_a_whole_model_is_asked_for_it():
    asked = []
    metric = SimpleNamespace(of=lambda sampler: asked.append(sampler) or {"n": 1})
    sampler = Sampler(TorchBackend(tiny("vanilla").G))
    assert judge(sampler, open_source("digits"), [Measure("mine", metric, 0, "", dict, metric.of)]) == {
        "mine": {"n": 1.0}
    }
    assert asked == [sampler]


def test_the_bench_judges_by_the_recipes_metric_too():
    """Beside the suite's, where it fits the data; sgan takes part though its data go through another source."""
    sampler, digits = Sampler(TorchBackend(tiny("cgan").G)), open_source("digits")
    assert set(judged(sampler, digits, ["found"], zoo.variant("cgan"))) == {"found", "asked"}
    assert set(judged(sampler, digits, ["found"], zoo.variant("vanilla"))) == {"found"}
    assert judged(sampler, digits, [], zoo.variant("cgan")) == {}
    for name, due in (("asked", {"found", "asked"}), ("found", {"found"})):
        recipe = zoo.variant("cgan").but(changes={"evaluate.metric": {"name": name}})
        assert set(judged(sampler, digits, ["found"], recipe)) == due
    assert {"cgan", "sgan"} <= {trial.variant for trial in trials(suite("digits"))}


def test_a_code_is_given_by_a_number_and_swept_in_a_grid():
    """One number for all or one each; the other inputs stay those of the seed."""
    sampler = Sampler(TorchBackend(plain_copy(tiny("infogan").G)))
    one, wrapped = sampler.sample(3, c2=0.5), sampler.sample(3, c2=[0.5])
    assert np.array_equal(one.images, wrapped.images)
    assert one.inputs["c2"].tolist() == [[0.5]] * 3
    sweep = np.linspace(-1, 1, 5)[:, None]
    swept = sampler.sample(seeds=[7] * 5, c1="B", c2=sweep)
    assert swept.inputs["c1"].tolist() == [1] * 5
    assert len({image.tobytes() for image in swept.images}) == 5
    for name in ("z", "c3"):
        assert (swept.inputs[name] == swept.inputs[name][0]).all()
    with pytest.raises(InputError, match="c2"):
        sampler.sample(3, c2=[0.5, 0.1])
