"""The conformance kit can fail: plugins that are wrong on purpose, after bugs of real collections, and the check
that each was meant for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap

import pytest
import torch
from click.testing import CliRunner

import ganzoo
from ganzoo import testing, zoo
from ganzoo.cli import cli
from ganzoo.errors import PluginError, RecipeError

PRELUDE = """
import random
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus, one_hot
import ganzoo
from ganzoo.vanilla import MaxoutDiscriminator, MlpGenerator, NonSaturating

def slope(round, create_graph=True):
    x = round.x.detach().requires_grad_()
    return torch.autograd.grad(round.judge(x, {}).score.sum(), x, create_graph=create_graph)[0]

class Labelled(ganzoo.GeneratorNet):
    def __init__(self, inputs, output):
        super().__init__(inputs, output)
        self.body = nn.Sequential(nn.Linear(18, 16), nn.ReLU(), nn.Linear(16, 784), nn.Tanh())
    def forward(self, z, label):
        return self.body(torch.cat([z, one_hot(label, 10).float()], 1)).reshape(-1, 1, 28, 28)

class GivesLabels(ganzoo.Term):
    inputs = (ganzoo.InputSpec("label", "label", distribution="data", classes=tuple("0123456789")),)

"""

REGISTER = """
@ganzoo.hookimpl
def ganzoo_register(zoo):
    zoo.{verb}
    zoo.variant(ganzoo.recipe("vanilla-ns").but("mine", {changes}))
"""

VERBS = {
    "term": ('term("mine", Mine)', {"terms.mine.weight": 1.0}),
    "lazy": ('term("mine", Mine)', {"terms.mine.every": 3}),
    "loss": ('loss("mine", Mine)', {"loss": "mine"}),
    "game": ('game("mine", Mine)', {"game": "mine", "k": 2}),
    "G": ('network("mine", generator=Mine)', {"generator": "mine", "tiny": {"latent": 8, "batch": 8, "steps": 20}}),
    "D": ('network("mine", discriminator=Mine)', {"discriminator": "mine"}),
    "source": ('source("mine", Mine)', {"data": "mine"}),
    "labels": (
        'term("labels", GivesLabels); zoo.game("mine", Mine); zoo.network("mine", generator=Labelled)',
        {
            "game": "mine", "generator": "mine", "terms.labels.weight": 1.0,
            "tiny": {"latent": 8, "batch": 8, "steps": 20},
        },
    ),
}  # fmt: skip


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Write a plugin with the variant `mine`, load it, try every check; leave the zoo as it was."""

    def run(kind, body, without=EXPORTS, **changes):
        verb, settings = VERBS[kind]
        code = PRELUDE + textwrap.dedent(body) + REGISTER.format(verb=verb, changes={**settings, **changes})
        (tmp_path / "mine.py").write_text(code)
        zoo.configure(tmp_path, strict=True)
        monkeypatch.setattr(testing, "CHECKS", [one for one in testing.CHECKS if one not in without])
        return {result.check: result for result in testing.check("mine")}

    yield run
    zoo.configure()


EXPORTS = (testing.generating.exports_to_onnx, testing.generating.onnx_repeats_to_the_byte)  # seconds each


def failed(results):
    return {name: result.message for name, result in results.items() if result.verdict == "failed"}


# name: (what it registers, its code, the check meant for it, its sentence, other checks that must fail too)
WRONG = {
    "a penalty over the whole batch": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return (slope(round).norm() - 1) ** 2
        """,
        "penalties_are_per_sample",
        r"term 'mine': of a linear critic of slope 1 it is .* at batch 1, 0.5359 at batch 3, .*each sample's gradient",
    ),
    "a penalty that is not its closed form": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return slope(round).flatten(1).norm(dim=1).mean()
            def closed_form(self, slope):
                return slope ** 2
        """,
        "penalties_are_per_sample",
        r"term 'mine': of a linear critic of slope 0.5 it is 0.5 at batch 1 where the closed form gives 0.25",
    ),
    "a penalty without a second derivative": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return (slope(round, create_graph=False).flatten(1).norm(dim=1) - 1).square().mean()
        """,
        "penalties_are_per_sample",
        r"term 'mine': it gives D no gradient; differentiate with create_graph=True",
    ),
    "a norm that has no gradient at 0": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return (slope(round).flatten(1).square().sum(1).sqrt() - 1).square().mean()
        """,
        "penalties_are_per_sample",
        r"term 'mine': its gradient is not finite for a linear critic of slope 0; add a small epsilon",
    ),
    "a generator that is detached from its cost": (
        "loss",
        """
        class Mine(NonSaturating):
            def generator(self, round):
                return softplus(-round.judge(round.x_fake.detach(), {}).score).mean()
        """,
        "plays",
        r"the cost of G's turn \(mine\) does not depend on any parameter of G; look for a detach\(\)",
    ),
    "a generator that is detached half-way": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return self.body[2:](self.body[:2](z).detach()).reshape(-1, 1, 28, 28)
        """,
        "every_parameter_learns",
        r"no turn of G gave 'G.body.0.weight' a gradient in 20 steps; look for a detach\(\)",
    ),
    "a number that is state": (
        "term",
        """
        class Mine(ganzoo.Term):
            k = 0.0
            def discriminator(self, round):
                return self.k * round.fake.score.mean()
            def settle(self, round):
                self.k = self.k + 0.01
        """,
        "resumes_to_the_bit",
        r"stopped at steps 7 and 13 and resumed .*: 'terms.mine.k' is 0.07 in the one and None in the other; make it a",
    ),
    "a tensor that is state and no buffer": (
        "term",
        """
        class Mine(ganzoo.Term):
            def __init__(self):
                super().__init__()
                self.mean = torch.zeros(())
            def discriminator(self, round):
                return (round.real.score.mean() - self.mean) ** 2
            def settle(self, round):
                self.mean = 0.9 * self.mean + 0.1 * round.real.score.mean()
        """,
        "resumes_to_the_bit",
        r"'terms.mine.mean' is a tensor that is not saved; register it as a buffer",
    ),
    "random numbers from elsewhere": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return random.random() * round.real.score.mean()
        """,
        "resumes_to_the_bit",
        r"resumed it is another run at step 20, first in '.*; .*draw random numbers with torch",
    ),
    "a blend set outside at()": (
        "game",
        """
        class Blend(nn.Module):
            alpha = 0.0
            def __init__(self, G):
                super().__init__()
                self.G, self.spec = G, G.spec
            def forward(self, z):
                return self.alpha * self.G(z)
        class Mine(ganzoo.TwoPlayer):
            def __init__(self, build, *, generator: ganzoo.two_player.Generator,
                         discriminator: ganzoo.two_player.Discriminator, loss: ganzoo.two_player.Loss,
                         prior: ganzoo.two_player.Prior = "normal", latent: int = 100, k: int = 1):
                super().__init__(build, generator=generator, discriminator=discriminator, loss=loss,
                                 prior=prior, latent=latent, k=k)
                self.G = Blend(self.G)
            def turns(self, step):
                self.G.alpha = (step + 1) / 20
                return super().turns(step)
        """,
        "loads_the_same_picture",
        r"makes another picture when step 20 is loaded into a fresh build \(newest .*: 'alpha' is 1.0 in the one",
    ),
    "noise inside forward": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return super().forward(z + 0.1 * torch.randn_like(z))
        """,
        "is_a_pure_function",
        r"generator 'generator' draws random numbers in its forward; make its noise a declared input or a buffer",
        "loads_the_same_picture",
    ),
    "seeding inside forward": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                torch.manual_seed(0)
                return super().forward(z + 0.1 * torch.randn(z.shape[1]))
        """,
        "is_a_pure_function",
        r"draws random numbers in its forward",
    ),
    "pictures that are mixed": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return super().forward(z - z.mean(0))
        """,
        "is_a_pure_function",
        r"mixes the pictures of a batch: 3 together differ from 3 alone by .*; in eval mode each",
    ),
    "pixels of a sigmoid in a range of tanh": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return self.body[:-1](z).sigmoid().reshape(-1, 1, 28, 28)
        """,
        "keeps_its_spec",
        r"makes numbers in \[.*\] only, whatever its weights; its spec promises \[-1, 1\]: .*range=\(0, 1\)",
    ),
    "pixels without a bound": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return self.body[:-1](z).reshape(-1, 1, 28, 28)
        """,
        "keeps_its_spec",
        r"its spec promises \[-1, 1\]: end it in a tanh",
    ),
    "an input that is ignored": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return super().forward(torch.ones_like(z))
        """,
        "every_input_matters",
        r"generator 'generator' ignores its input 'z'; use it in forward, or do not declare it",
    ),
    "what ONNX cannot follow": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return super().forward(z.clone().apply_(lambda v: 2 * v))
        """,
        "exports_to_onnx",
        r"generator 'generator' cannot be exported: .*; its forward must be tensor operations",
    ),
    "a trace of the batch in every picture": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                return (super().forward(z) + 1e-5 * z.mean()).tanh()
        """,
        "onnx_repeats_to_the_byte",
        r"generator 'generator' in ONNX makes other bytes at batch 3, threads 1, than alone, by .*e-0[56];",
    ),
    "a second optimiser for a penalty": (
        "loss",
        """
        class Mine(NonSaturating):
            def discriminator(self, round):
                own = torch.optim.SGD(round._game.D.parameters(), lr=1e-3)
                round.judge(round.x, {}).score.square().mean().backward()
                own.step()
                own.zero_grad()
                return super().discriminator(round)
        """,
        "one_step_a_turn",
        r"D's turn makes 2 optimiser steps; exactly 1 is expected: return every summand from the cost",
        "a_turn_moves_its_own_player",
    ),
    "a step while settling": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return round.real.score.square().mean()
            def settle(self, round):
                torch.optim.SGD(round._game.D.parameters(), lr=1e-3).step()
        """,
        "one_step_a_turn",
        r"D's turn makes 2 optimiser steps",
    ),
    "a backward of its own": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                penalty = round.judge(round.x, {}).score.square().mean()
                penalty.backward()
                return penalty.detach()
        """,
        "one_backward_of_the_sum",
        r"the gradient that D's turn gives 'D.body.*' is not that of its summed costs; .* must not call backward\(\)",
    ),
    "a term that moves the other player": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return round.real.score.square().mean()
            def settle(self, round):
                for parameter in round._game.G.parameters():
                    parameter.clamp_(-0.01, 0.01)
        """,
        "a_turn_moves_its_own_player",
        r"D's turn moves 'G.body.0.weight', which is not D's, in its settle",
    ),
    "state that moves in a cost": (
        "term",
        """
        class Mine(ganzoo.Term):
            def __init__(self):
                super().__init__()
                self.register_buffer("k", torch.zeros(()))
            def generator(self, round):
                self.k += 0.01
                return self.k * round.fake.score.mean()
        """,
        "a_turn_moves_its_own_player",
        r"G's turn moves 'terms.mine.k' while its cost is computed; .* state in settle\(\)",
    ),
    "a sigmoid left on the critic": (
        "D",
        """
        class Mine(MaxoutDiscriminator):
            def forward(self, x):
                return super().forward(x)["score"].sigmoid()
        """,
        "scores_are_raw",
        r"D's score stays in \[0, 1\], however large .*; return the score before the sigmoid",
    ),
    "the logarithm of a probability": (
        "loss",
        """
        class Mine(NonSaturating):
            def discriminator(self, round):
                real, fake = round.pair()
                return -(real.sigmoid().log() + (1 - fake.sigmoid()).log()).mean()
        """,
        "costs_are_finite",
        r"the cost 'D/mine' is inf at scores of ±100; write it with the score, as softplus",
    ),
    "softmax before cross-entropy": (
        "term",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                score = round.real.score
                classes = torch.stack([score, -score], 1).softmax(1)
                return nn.CrossEntropyLoss()(classes, torch.zeros(len(score), dtype=torch.int64))
        """,
        "entropies_take_logits",
        r"D's cost takes the cross-entropy of probabilities, which applies a second softmax",
    ),
    "one minibatch for all repeats": (
        "game",
        """
        class Mine(ganzoo.TwoPlayer):
            held = None
            def deal(self, minibatch, turn):
                if self.held is None or self.held.step != minibatch.step:
                    self.held = minibatch
                return super().deal(self.held, turn)
        """,
        "repeats_draw_afresh",
        r"turn 0 of step 0 is repeated 2 times but draws 1 minibatches; deal\(\) must read the minibatch it is handed",
    ),
    "a source that deals the same again": (
        "source",
        """
        def Mine():
            source = ganzoo.data.digits()
            minibatch = source.minibatch
            source.minibatch = lambda seed, step, draw, size: minibatch(seed, step // 2, 0, size)
            return source
        """,
        "repeats_draw_afresh",
        r"the minibatch of step 1 \(turn 0, repeat 0\) was dealt before, at step 0",
    ),
    "fakes with labels of their own": (
        "labels",
        """
        class Mine(ganzoo.TwoPlayer):
            def draw_inputs(self, minibatch):
                drawn = super().draw_inputs(minibatch)
                return {**drawn, "label": torch.randint(10, (minibatch.size,))}
        """,
        "fakes_carry_their_labels",
        r"label input 'label' is declared distribution='data' but a fake got another label than the minibatch's",
    ),
    "a cost that is not a number": (
        "loss",
        """
        class Mine(NonSaturating):
            def generator(self, round):
                return super().generator(round) / 0
        """,
        "plays",
        r"at step 0 the cost 'G/mine' became",
    ),
    "a parameter that nobody moves": (
        "game",
        """
        class Mine(ganzoo.TwoPlayer):
            def players(self):
                return {"D": self.D, "G": self.G.body[:2]}
        """,
        "plays",
        r"no player owns 'G.body.2.weight'",
    ),
    "a layer that is not seeded": (
        "G",
        """
        class Mine(MlpGenerator):
            def __init__(self, inputs, output):
                super().__init__(inputs, output)
                self.register_buffer("mask", torch.tensor([random.random() for _ in range(8)]))
            def forward(self, z):
                return super().forward(z * self.mask)
        """,
        "builds_from_its_seed",
        r"two builds from one seed differ in 'G.mask'; make networks with build.network\(\)",
        "resumes_to_the_bit",
    ),
    "a layer that knows no bf16": (
        "G",
        """
        class Mine(MlpGenerator):
            def forward(self, z):
                made = torch.zeros(len(z), 1, 28, 28)
                return made.index_add(0, torch.arange(len(z)), super().forward(z))
        """,
        "plays_in_bf16",
        r"in bf16 it cannot be played: .*; Term.precision = 'fp32' asks for a turn in fp32",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_plugin_is_caught_by_the_check_meant_for_it(results, name):
    kind, code, meant, words, *also = WRONG[name]
    slow = () if meant in [one.__name__ for one in EXPORTS] else EXPORTS
    found = failed(results(kind, code, slow))
    assert set(found) == {meant, *also}
    assert re.search(words, found[meant]), found[meant]
    assert all("\n" not in message for message in found.values())


RIGHT = {
    "a penalty of each sample, in turns of its own": (
        "lazy",
        """
        class Mine(ganzoo.Term):
            watch = ("x",)
            def discriminator(self, round):
                slope = torch.autograd.grad(round.real.score.sum(), round.x, create_graph=True)[0]
                return 0.5 * slope.flatten(1).square().sum(1).mean()
            def closed_form(self, slope):
                return 0.5 * slope ** 2
        """,
        "penalties_are_per_sample",
    ),
    "a gradient penalty between real and fake": (
        "term",
        """
        class Mine(ganzoo.Term):
            precision = "fp32"
            def discriminator(self, round):
                share = torch.rand(len(round.x), 1, 1, 1)
                x = (share * round.x + (1 - share) * round.x_fake).detach().requires_grad_()
                slope = torch.autograd.grad(round.judge(x, {}).score.sum(), x, create_graph=True)[0]
                return ((slope.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
        """,
        "penalties_are_per_sample",
    ),
    "state in a buffer, weights clipped": (
        "term",
        """
        class Mine(ganzoo.Term):
            def __init__(self):
                super().__init__()
                self.register_buffer("k", torch.zeros(()))
            def discriminator(self, round):
                return self.k * round.fake.score.mean()
            def settle(self, round):
                self.k += 0.01 * round.fake.score.mean().sign()
                for parameter in round._game.D.parameters():
                    parameter.clamp_(-0.1, 0.1)
        """,
        "resumes_to_the_bit",
    ),
    "a cost of differences, which sees no offset of the score": (
        "loss",
        """
        class Mine(ganzoo.Term):
            def discriminator(self, round):
                return softplus(round.fake.score - round.real.score).mean()
            def generator(self, round):
                return softplus(round.real.score - round.fake.score).mean()
        """,
        "every_parameter_learns",
    ),
    "labels of the minibatch": ("labels", "Mine = ganzoo.TwoPlayer", "fakes_carry_their_labels"),
    "a blend set in at()": (
        "game",
        """
        class Mine(ganzoo.TwoPlayer):
            def at(self, step):
                self.G.alpha = min(1.0, (step + 1) / 10)
        """,
        "loads_the_same_picture",
    ),
    "a game that is not of D against G": (
        "game",
        """
        class Mine(ganzoo.Game):
            def __init__(self, build, *, k: int = 1, latent: int = 8, prior: str = "normal", generator: dict = {},
                         discriminator: dict = {}, loss: str = ""):
                super().__init__()
                self.z = build.latent("z", 8, "normal")
                self.A = build.network(generator, "generator", inputs=(self.z,), output=build.output)
                self.D = build.discriminator(discriminator, self.A.spec.output)
            def players(self):
                return {"G": self.A, "D": self.D}
            def generators(self):
                return {"generator": self.A}
            def turns(self, step):
                return [ganzoo.Turn("D", self.d, repeat=2), ganzoo.Turn("G", self.g, every=2)]
            def deal(self, minibatch, turn):
                x = minibatch.real(self.A.spec.output) if turn.player == "D" else None
                return x, self.A(minibatch.draw(self.z))
            def d(self, seen):
                real, fake = (self.D(x)["score"] for x in seen)
                return {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}
            def g(self, seen):
                return {"fake": softplus(-self.D(seen[1])["score"]).mean()}
        """,
        "repeats_draw_afresh",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_plugin_passes(results, name):
    kind, code, meant = RIGHT[name]
    found = results(kind, code)
    assert not failed(found)
    assert found[meant].verdict == "passed"


def test_a_tiny_that_was_handed_on_is_named(results):
    """A new network on the recipe of another's: what tiny sets is not what it has."""
    code = """
        class Mine(MlpGenerator):
            def __init__(self, inputs, output, *, units: int = 16):
                super().__init__(inputs, output, widths=(units,))
    """
    text = (
        "generator 'mine' has no option 'widths', which the tiny of recipe 'mine' sets as 'generator.widths': but() "
        "hands tiny on from recipe to recipe, so give this one its own, tiny={...}"
    )
    found = results("G", code, tiny=dict(zoo.variant("vanilla").tiny))
    assert found["plays"].message == text
    assert {result.verdict for name, result in found.items() if name != "plays"} == {"not applicable"}
    assert not failed(results("G", code, tiny={"batch": 8, "steps": 20, "generator.units": 8}))


def test_three_lines_are_a_test_of_a_plugin(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "from ganzoo.testing import conformance\n\ntest_conformance = conformance('vanilla')\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-rs",
        "-k",
        "plays or labels",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed, 1 skipped" in done.stdout
    assert "no generator takes a label" in done.stdout


def test_a_failure_in_pytest_is_the_sentence(results, tmp_path):
    wrong = WRONG["a sigmoid left on the critic"]
    results(wrong[0], wrong[1])
    test = testing.conformance("mine")
    cases = {case.id: case.values for case in test.pytestmark[0].args[1]}
    with pytest.raises(pytest.fail.Exception, match=r"^mine: D's score stays in \[0, 1\]"):
        test(*cases["mine-scores_are_raw"])
    with pytest.raises(pytest.skip.Exception, match="no generator takes a label"):
        test(*cases["mine-fakes_carry_their_labels"])
    test(*cases["mine-plays"])


def test_what_is_to_be_checked_must_be_there(results):
    results("term", RIGHT["state in a buffer, weights clipped"][1])
    for wrong, kind, words in (
        ({"plugin": "mien"}, PluginError, "there is no plugin 'mien'; did you mean 'mine'?"),
        ({"variants": ("mien",)}, RecipeError, "did you mean 'mine'?"),
        ({}, RecipeError, "name a variant"),
    ):
        with pytest.raises(kind, match=re.escape(words)):
            list(testing.check(*wrong.pop("variants", ()), **wrong))
    assert {one.variant for one in testing.check(plugin="mine")} == {"mine"}


def test_data_that_are_not_here_are_named(results):
    found = results("term", "class Mine(ganzoo.Term): pass", data="folder:/nowhere/of/this/name")
    assert set(failed(found)) == {"plays"}
    assert "let tiny name data that need no download, such as data=digits" in found["plays"].message
    assert found["keeps_its_spec"].message == "not tried: the variant cannot be played"


class Penalty(ganzoo.Term):
    """R1 with a factor, of which the kit is told in penalty_check."""

    def discriminator(self, round):
        x = round.x.detach().requires_grad_()
        slope = torch.autograd.grad(round.judge(x, {}).score.sum(), x, create_graph=True)[0]
        return slope.flatten(1).square().sum(1).mean()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (2,)])
def test_penalty_check(shape):
    testing.penalty_check(Penalty(), lambda s: s**2, shape)
    with pytest.raises(AssertionError, match=r"slope 0\.5 it is 0\.25 at batch 1 where the closed form gives 0\.5"):
        testing.penalty_check(Penalty(), lambda s: s, shape)


def test_every_check_says_what_it_holds_and_is_proven():
    assert all(one.__doc__ and one.__doc__.count("\n") == 0 for one in testing.CHECKS)
    proven = {wrong[2] for wrong in WRONG.values()}
    assert proven == {one.__name__ for one in testing.CHECKS}


def test_check_on_the_command_line(results, tmp_path):
    wrong = WRONG["a sigmoid left on the critic"]
    results(wrong[0], wrong[1])

    def run(*words):
        return CliRunner().invoke(cli, ["check", *words, "--plugins-dir", str(tmp_path)])

    found = run("--plugin", "mine")
    assert found.exit_code == 1
    assert re.search(r"mine +scores_are_raw +failed", found.stdout)
    assert "mine, scores_are_raw: D's score stays in [0, 1]" in found.stdout
    assert f"1 of {len(testing.CHECKS)} checks failed" in found.stderr
    good = run("vanilla", "--json")
    assert good.exit_code == 0
    assert [row["check"] for row in json.loads(good.stdout)] == [one.__name__ for one in testing.CHECKS]
    assert run().exit_code == 2
