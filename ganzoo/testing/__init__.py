"""The conformance kit: what every variant keeps, ours and a stranger's.

In a plugin's tests, three lines:

    from ganzoo.testing import conformance

    test_conformance = conformance("my-variant")

gives one pytest test for each check; `ganzoo check my-variant` prints the same as a table. A check is a function of a
`Subject`; its docstring says what it holds; it raises `CheckFailed` with one sentence, or `NotApplicable`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ganzoo import zoo
from ganzoo.errors import PluginError, RecipeError, did_you_mean
from ganzoo.testing import costs, generating, playing
from ganzoo.testing.costs import penalty_check
from ganzoo.testing.subject import CheckFailed, NotApplicable, Subject, sentence

__all__ = ["CHECKS", "CheckFailed", "NotApplicable", "Result", "Subject", "check", "conformance", "penalty_check"]

Check = Callable[[Subject], None]

CHECKS: tuple[Check, ...] = (
    playing.plays,
    playing.builds_from_its_seed,
    playing.plays_in_bf16,
    playing.a_turn_moves_its_own_player,
    playing.one_step_a_turn,
    playing.one_backward_of_the_sum,
    playing.every_parameter_learns,
    playing.repeats_draw_afresh,
    playing.resumes_to_the_bit,
    generating.keeps_its_spec,
    generating.is_a_pure_function,
    generating.every_input_matters,
    generating.fakes_carry_their_labels,
    generating.loads_the_same_picture,
    generating.exports_to_onnx,
    generating.onnx_repeats_to_the_byte,
    costs.costs_are_finite,
    costs.scores_are_raw,
    costs.entropies_take_logits,
    costs.penalties_are_per_sample,
)
"""Every check, in the order in which they are tried."""


@dataclass(frozen=True)
class Result:
    """What became of one check of one variant; `message` says why unless it passed."""

    variant: str
    check: str
    verdict: Literal["passed", "failed", "not applicable"]
    seconds: float
    message: str = ""


def conformance(*variants: str, plugin: str | None = None) -> Callable[..., None]:
    """A pytest test for every check of these variants, or of all variants of a plugin.

    Assign it to a name that begins with `test_`. RecipeError for a variant there is not.
    """
    import pytest

    held: dict[str, Subject] = {}  # the newest subject only: what one check played the next one reads

    def subject(name: str) -> Subject:
        if name not in held:
            held.clear()
            held[name] = Subject(name)
        return held[name]

    cases = [
        pytest.param(name, one, id=f"{name}-{one.__name__}")
        for name in _names(variants, plugin)
        for one in CHECKS
    ]  # fmt: skip

    @pytest.mark.parametrize(("variant", "holds"), cases)
    def test_conformance(variant: str, holds: Check) -> None:
        result = _result(holds, subject(variant))
        if result.verdict == "not applicable":
            pytest.skip(result.message)
        if result.verdict == "failed":
            pytest.fail(f"{variant}: {result.message}", pytrace=False)

    return test_conformance


def check(*variants: str, plugin: str | None = None) -> Iterator[Result]:
    """Try every check on these variants, or on all variants of a plugin, and give each result as it comes.

    RecipeError for a variant there is not, PluginError for a plugin there is not.
    """
    for name in _names(variants, plugin):
        subject = Subject(name)
        for one in CHECKS:
            yield _result(one, subject)


def _result(one: Check, subject: Subject) -> Result:
    """Try a check; whatever a variant raises is its failure."""
    begun = time.perf_counter()
    verdict: Any = "passed"
    message = ""
    try:
        if subject.unplayable and one is not playing.plays:
            raise NotApplicable("not tried: the variant cannot be played")
        one(subject)
    except NotApplicable as reason:
        verdict, message = "not applicable", str(reason)
    except Exception as error:  # a stranger's code may raise anything
        verdict, message = "failed", sentence(error)
    return Result(subject.name, one.__name__, verdict, round(time.perf_counter() - begun, 2), message)


def _names(variants: tuple[str, ...], plugin: str | None) -> list[str]:
    rows = zoo.variants()
    for name in variants:
        zoo.zoo().tell(zoo.owner("variant", name).warnings)
    if plugin is None:
        if not variants:
            raise RecipeError("name a variant to check, or a plugin")
        return list(variants)
    known = zoo.zoo().by_name
    if plugin not in known:
        raise PluginError(f"there is no plugin '{plugin}'{did_you_mean(plugin, known)}")
    if known[plugin].error:
        raise PluginError(f"plugin '{plugin}' failed: {known[plugin].error}")
    zoo.zoo().tell(known[plugin].warnings)
    theirs = [row["name"] for row in rows if row["plugin"] == plugin]
    if not theirs and not variants:
        raise PluginError(f"plugin '{plugin}' registers no variant; name a variant that uses its parts")
    return [*variants, *(name for name in theirs if name not in variants)]
