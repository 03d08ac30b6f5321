"""Two players: G makes samples, D judges them.

A variant is a loss and any number of terms (a loss is a term that both players have), on two networks.
A cost reads what it needs from the `Round`; what no cost reads is never computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.build import Builder
from ganzoo.errors import RecipeError
from ganzoo.game import Game, Minibatch, Turn, kind_of
from ganzoo.parts import Slot, Use
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec


class NotSaid(RecipeError, AttributeError):
    """A cost asks for what the discriminator does not return; `hasattr` and `copy` know it as any missing attribute."""


class Judgement(dict[str, Tensor]):
    """What a discriminator said of a batch: `.score` float [N], or [N, H, W] of one that judges patches, and whatever
    else its network returns, such as `.features` float [N, d], what its last layer sees."""

    @classmethod
    def of(cls, said: Tensor | Mapping[str, Tensor]) -> Judgement:
        """A network's answer, scores alone or a mapping, in float32 whatever the precision of the pass."""
        parts = {"score": said} if isinstance(said, Tensor) else said
        if not isinstance(parts, Mapping) or not all(isinstance(t, Tensor) for t in parts.values()):
            raise RecipeError(
                f"the discriminator returned {kind_of(said)}; a tensor of scores, or a dictionary of tensors with "
                f"'score' among them, is expected"
            )
        return cls({name: t.float() if t.dtype.itemsize < 4 else t for name, t in parts.items()})

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self[name]
        except KeyError:
            raise NotSaid(
                f"the discriminator returned {sorted(self)}; this loss or term needs '{name}': "
                f"choose a discriminator that returns it"
            ) from None


class Round:
    """One minibatch of play; each thing is computed at most once, and only if a cost asks for it.

    step        the training step
    G, D        the two networks; a game may deal a round with a D of its own
    inputs      what the generator was given, by input name; `z` [N, d]
    conditions  what D is told beside x, by name; beside x_fake it is told `inputs`
    x           real samples in the generator's output range, float [N, C, H, W] or [N, d]
    x_fake      G(inputs), like x
    real        what D said of x, as a `Judgement`
    fake        what D said of x_fake
    m           samples that stand together in x and have one score
    """

    m: int = 1

    def __init__(self, game: TwoPlayer, minibatch: Minibatch, watch: tuple[str, ...]) -> None:
        self._game, self._minibatch, self._watch = game, minibatch, watch
        self._sealed = False
        self.G, self.D = game.G, game.D
        self.step = minibatch.step
        self.mean = minibatch.mean
        self.inputs = game.draw_inputs(minibatch)

    @cached_property
    def x(self) -> Tensor:
        self._open("x")
        return self._watched("x", self._minibatch.real(self.G.spec.output))

    @cached_property
    def x_fake(self) -> Tensor:
        self._open("x_fake")
        made, due = self.generate(**self.inputs), self.G.spec.output.shape
        if made.shape[1:] != due:
            raise RecipeError(f"the generator made samples of shape {list(made.shape[1:])}; its spec says {list(due)}")
        return self._watched("x_fake", made)

    @cached_property
    def conditions(self) -> Mapping[str, Tensor]:
        return {spec.name: self._minibatch.draw(spec) for spec in self._game.conditions}

    @cached_property
    def real(self) -> Judgement:
        self._open("real")
        return self.judge(self.x, self.conditions)

    @cached_property
    def fake(self) -> Judgement:
        self._open("fake")
        return self.judge(self.x_fake, self.inputs)

    def pair(self) -> tuple[Tensor, Tensor]:
        """The scores of real and of fake, float [N] each: in one pass through D where its judgement of a
        sample does not depend on the others (`D.separable`), which is the same and faster. In two where a cost
        differentiates by the samples, which would go through the other half too, in vain."""
        if self._game.separable and not (self._watch or self.computed("real") or self.computed("fake")):
            told = {name: torch.cat([t, self.inputs[name]]) for name, t in self.conditions.items()}
            both = self.judge(torch.cat([self.x, self.x_fake]), told)
            sizes = [len(self.x), len(self.x_fake)]
            halves = {name: t.split(sizes) for name, t in both.items()}  # type: ignore[no-untyped-call]
            self.__dict__["real"] = Judgement({name: real for name, (real, _) in halves.items()})
            self.__dict__["fake"] = Judgement({name: fake for name, (_, fake) in halves.items()})
        return self.real.score, self.fake.score

    def generate(self, **inputs: Tensor) -> Tensor:
        """G of these inputs."""
        return self.G(*(inputs[spec.name] for spec in self.G.spec.inputs))

    def judge(self, x: Tensor, conditions: Mapping[str, Tensor]) -> Judgement:
        """What D says of x, through the augmentation and what terms make of x, if there are any."""
        for term in self._game.showing:
            x = term.shown(x)
        return self.judge_plain(self._game.augment(x), conditions)

    def judge_plain(self, x: Tensor, conditions: Mapping[str, Tensor]) -> Judgement:
        """What D says of x as it is."""
        told = (conditions[name] for name in getattr(self._game.D, "conditions", ()))
        judgement = Judgement.of(self.D(x, *told))
        for term in self._game.judging:
            judgement = _a_judgement(term, term.judged(judgement, conditions))
        if judgement.score.dim() not in (1, 3) or len(judgement.score) != len(x):
            raise RecipeError(
                f"the discriminator's score has shape {list(judgement.score.shape)}; one number a sample, shape "
                f"[{len(x)}], or one a patch, [{len(x)}, H, W], is expected"
            )
        return judgement

    def computed(self, name: str) -> bool:
        """Whether a cost asked for this already."""
        return name in self.__dict__

    def seal(self) -> None:
        """From here on only what the costs computed may be read."""
        self._sealed = True

    def _open(self, name: str) -> None:
        if self._sealed:
            raise RecipeError(f"settle() reads round.{name}, which no cost of this turn computed")

    def _watched(self, name: str, t: Tensor) -> Tensor:
        return t.detach().requires_grad_() if name in self._watch and not t.requires_grad else t


METHOD = {"D": "discriminator", "G": "generator"}
"""Of a term, by the player whose cost it is in."""


class Term(nn.Module):
    """A summand of one player's cost, or of both.

    Override `discriminator`, `generator` or both: each takes a `Round` and returns a scalar. Buffers are
    the term's state and are saved; parameters are extra heads and belong to `owner`. A method `at(step)`
    sets what depends on the step.
    """

    weight: float = 1.0  # the cost is multiplied by it
    every: int = 1  # act only at steps divisible by this, in a turn of its own, as strong as all those it stands for
    watch: tuple[str, ...] = ()  # 'x', 'x_fake': inputs the cost differentiates by
    owner: Literal["D", "G"] = "D"  # whose optimiser moves the term's parameters
    precision: Literal["any", "fp32"] = "any"
    inputs: tuple[InputSpec, ...] = ()  # inputs that the term adds to the generator
    separable: bool = True  # whether what `judged` does to one sample does not depend on the others
    needs: tuple[str, str] | None = None  # an attribute of the game, G, D or a term, to be given; and that in words
    rehearsed: tuple[int, ...] = ()  # steps beside the first whose turns are tried before it, since other things act

    def attach(self, G: Any, D: Any) -> None:
        """Once, when the networks are there: make the heads and the state whose sizes depend on them."""

    def shown(self, x: Tensor) -> Tensor:
        """What D is shown of a batch, real or fake, amended: noise on it, for instance."""
        return x

    def judged(self, said: Judgement, conditions: Mapping[str, Tensor]) -> Judgement:
        """What D says of a batch, amended: a head's answer added under a name, or the score changed."""
        return said

    def discriminator(self, round: Round) -> Tensor:
        """What D descends."""
        raise NotImplementedError

    def generator(self, round: Round) -> Tensor:
        """What G descends."""
        raise NotImplementedError

    def settle(self, round: Round) -> None:
        """After D's step, or after its own turn if it acts on G alone and lazily: move this term's state, by what the
        costs computed."""

    def report(self, round: Round) -> Mapping[str, Tensor]:
        """Scalars worth logging, from what D's cost computed."""
        return {}

    def acts(self, player: str) -> bool:
        """Whether it has a cost for that player."""
        return self.overrides(METHOD[player])

    def overrides(self, method: str) -> bool:
        """Whether it has a method of its own by that name."""
        return getattr(type(self), method) is not getattr(Term, method)


Generator = Annotated[Use, Slot("network", "generator")]
Discriminator = Annotated[Use, Slot("network", "discriminator")]
Loss = Annotated[Use, Slot("loss")]
Terms = Annotated[Mapping[str, Use], Slot("term", many=True)]
Augment = Annotated[Use | None, Slot("augment")]
Prior = Annotated[Use, Slot("prior")]


class TwoPlayer(Game):
    """D ascends k times, then G descends once: Algorithm 1 with any loss, terms and networks.

    conditions  what G and D are told of each sample: 'label' is its class, 'input' of pairs the picture it belongs to
    latent      dimensions of z; 0: G has no noise, and makes its samples of the conditions alone
    k           turns of D for one of G
    """

    def __init__(
        self,
        build: Builder,
        *,
        generator: Generator,
        discriminator: Discriminator,
        loss: Loss,
        terms: Terms = {},  # noqa: B006 (a schema's default is never written to)
        augment: Augment = None,
        prior: Prior = "normal",
        conditions: tuple[str, ...] = (),
        latent: int = 100,
        k: int = 1,
    ) -> None:
        super().__init__()
        if k < 1:
            raise RecipeError(f"k is {k}; at least 1 is expected")
        self.k = k
        self.terms = nn.ModuleDict({build.name(loss): build.part("loss", loss, "loss")})
        for name, use in terms.items():
            if name in self.terms:
                raise RecipeError(f"loss and term have one name, '{name}'; leave one out, as by terms.{name}=none")
            self.terms[name] = build.part("term", use, f"terms.{name}")
        acting: list[Any] = list(self.terms.values())
        for player, method in METHOD.items():
            if not any(term.acts(player) for term in acting):
                raise RecipeError(f"{player} has no cost: loss '{build.name(loss)}' has no method {method}(round)")
        self.augment = nn.Identity() if augment is None else build.part("augment", augment, "augment")
        self.conditions = tuple(build.condition(name) for name in conditions)
        latents = (build.latent("z", latent, prior),) if latent else ()
        inputs = (*latents, *self.conditions, *(spec for term in self._terms() for spec in term.inputs))
        if not inputs:
            raise RecipeError("latent is 0 and conditions are empty, so G would have no input; set one of the two")
        self.G = build.network(generator, "generator", inputs=inputs, output=build.output)
        self.D = build.discriminator(discriminator, self.sample(), self.told())
        names = [*self.terms, *([] if augment is None else [build.name(augment)])]
        for number, (name, term) in enumerate(zip(names, self._terms())):
            self._give_needed(name, term)
            build.attach(term, number, self.G, self.D)
        self.showing = [term for term in self._terms() if term.overrides("shown")]
        self.judging = [term for term in self._terms() if term.overrides("judged")]
        self.separable = getattr(self.D, "separable", False) and all(term.separable for term in self.judging)

    def sample(self) -> OutputSpec:
        """The spec of what D gives one score: what G makes."""
        return self.G.spec.output

    def told(self) -> tuple[InputSpec, ...]:
        """The specs of what D is told beside a sample: the conditions."""
        return self.conditions

    def players(self) -> Mapping[str, nn.Module]:
        return {player: nn.ModuleList([net, *self._heads(player)]) for player, net in (("D", self.D), ("G", self.G))}

    def generators(self) -> Mapping[str, nn.Module]:
        return {"generator": self.G}

    def turns(self, step: int) -> Iterable[Turn | tuple[Turn, ...]]:
        return [*self._turns("D", 1, self.k), *self._turns("G", 1, 1), *self._lazy("D"), *self._lazy("G")]

    def rehearsals(self) -> Iterable[int]:
        return (0, *(step for term in self._terms() for step in term.rehearsed))

    def deal(self, minibatch: Minibatch, turn: Turn) -> Round:
        return Round(self, minibatch, turn.watch)

    def report(self, seen: Round, turn: Turn) -> Mapping[str, Tensor]:
        if turn.player != "D" or turn.every != 1:
            return {}
        return {name: value for term in self._terms() for name, value in term.report(seen).items()}

    def draw_inputs(self, minibatch: Minibatch) -> dict[str, Tensor]:
        """What the generator is given in a round, by input name."""
        return {spec.name: minibatch.draw(spec) for spec in self.G.spec.inputs}

    def _turns(self, player: Literal["D", "G"], every: int, repeat: int) -> list[Turn]:
        terms: dict[str, Any] = dict(self.terms.items())
        acting = {name: t for name, t in terms.items() if t.acts(player) and t.every == every}
        if not acting:
            return []

        stands_for = every * {"D": self.k, "G": 1}[player] // repeat  # turns of the game, each of these

        def cost(round: Round) -> dict[str, Tensor]:
            method = METHOD[player]
            return {name: _scaled(getattr(t, method)(round), t.weight * stands_for) for name, t in acting.items()}

        def settle(round: Round) -> None:
            round.seal()
            for term in self._settling(player, every):
                term.settle(round)

        watch = tuple(dict.fromkeys(name for t in acting.values() for name in t.watch))
        exact = any(t.precision == "fp32" for t in acting.values())
        return [Turn(player, cost, repeat, every, settle, watch, precision="fp32" if exact else "any")]

    def _settling(self, player: str, every: int) -> list[Any]:
        """The terms whose state moves after such a turn: G's lazy terms after their own, all others after D's step."""
        own = [t for t in self._terms() if t.every > 1 and t.acts("G") and not t.acts("D")]
        if player == "G":
            return [t for t in own if t.every == every]
        return [t for t in self._terms() if t not in own] if every == 1 else []

    def _lazy(self, player: Literal["D", "G"]) -> list[Turn]:
        cadences = sorted({t.every for t in self._terms() if t.acts(player)} - {1})
        return [turn for every in cadences for turn in self._turns(player, every, 1)]

    def _give_needed(self, name: str, term: Any) -> None:
        """What a term needs becomes its own attribute; RecipeError where nothing has it."""
        if term.needs:
            fact, choice = term.needs
            found = [value for part in (self, self.G, self.D, *self._terms()) if (value := getattr(part, fact, None))]
            if not found:
                raise RecipeError(f"{name} needs {choice}")
            setattr(term, fact, found[0])

    def _terms(self) -> list[Any]:
        return [*self.terms.values(), *([self.augment] if isinstance(self.augment, Term) else [])]

    def _heads(self, player: str) -> list[nn.Module]:
        return [term for term in self._terms() if term.owner == player]


class Simultaneous(TwoPlayer):
    """Both gradients from the same minibatch, then both steps: the order of play in the code that
    Goodfellow et al. released with the paper, and in the analysis of gradient descent-ascent."""

    def __init__(self, build: Builder, **options: Any) -> None:
        super().__init__(build, **options)
        if self.k > 1:
            raise RecipeError(f"k is {self.k}; D and G step together in this game, once each: choose game=two-player")

    def turns(self, step: int) -> Iterable[Turn | tuple[Turn, ...]]:
        together = (*self._turns("D", 1, 1), *self._turns("G", 1, 1))
        return [together, *self._lazy("D"), *self._lazy("G")]


def _a_judgement(term: Term, said: Any) -> Judgement:
    if isinstance(said, Judgement):
        return said
    raise RecipeError(
        f"judged() of {type(term).__name__} returned {kind_of(said)}; a Judgement is expected: return what it was "
        f"handed, or ganzoo.Judgement({{**said, 'NAME': tensor}})"
    )


def _scaled(cost: Tensor, weight: float) -> Tensor:
    return cost if weight == 1.0 or cost is None else cost * weight  # None is for the engine to refuse


class GeneratorNet(nn.Module):
    """The base of a generator network: keeps the spec that everything after training reads.

    width  of `joined(...)`
    """

    def __init__(self, inputs: tuple[InputSpec, ...], output: OutputSpec) -> None:
        super().__init__()
        self.spec = GeneratorSpec("generator", inputs, output)
        self.width = sum(len(spec.classes) or math.prod(spec.shape) for spec in inputs if spec.kind != "scalar")

    def joined(self, *inputs: Tensor) -> Tensor:
        """All inputs side by side, float [N, width]: latents flat, labels one-hot; scalars are left out."""
        given = [(spec, t) for spec, t in zip(self.spec.inputs, inputs) if spec.kind != "scalar"]
        dtype = next((t.dtype for spec, t in given if spec.kind != "label"), torch.float32)
        flat = [one_hot(t, spec).to(dtype) if spec.kind == "label" else t.flatten(1) for spec, t in given]
        return flat[0] if len(flat) == 1 else torch.cat(flat, 1)


class EncoderNet(nn.Module):
    """The base of an encoder network, from a picture to a latent of a generator: keeps the spec by which it is
    sampled and exported. Its forward takes x, float [N, C, H, W], to float [N, *latent.shape].

    sample  what the generator makes
    latent  the input of the generator that it finds
    """

    def __init__(self, sample: OutputSpec, latent: InputSpec) -> None:
        super().__init__()
        if sample.kind != "image":
            raise RecipeError("an encoder takes pictures, and these data are points; choose data of pictures")
        x = InputSpec("x", "image", sample.shape, "given", range=sample.range)
        self.spec = GeneratorSpec("encoder", (x,), OutputSpec("latent", latent.shape, gives=latent.name))


def one_hot(labels: Tensor, spec: InputSpec) -> Tensor:
    """Labels int64 [N] as float [N, K] for the K classes of their spec; RecipeError for what is no label."""
    if spec.kind != "label":
        raise RecipeError(f"this network can be told labels, and '{spec.name}' is no label; choose another one")
    return nn.functional.one_hot(labels, len(spec.classes)).float()
