"""The generators of one model, and what each makes for another: read from their specs alone.

A mapping makes the w that a synthesis takes, an encoder the z that its generator takes. Whoever looks comes
first: of several that would do, its own part is preferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from ganzoo.errors import InputError
from ganzoo.feeds import rows_of, truncated_by
from ganzoo.specs import GIVEN, GeneratorSpec, InputSpec


class Member(Protocol):
    """One generator of the model."""

    @property
    def spec(self) -> GeneratorSpec:
        """What goes in and what comes out."""


M = TypeVar("M", bound=Member)


def maker(spec: InputSpec, one: M, others: Iterable[M]) -> M:
    """The mapping that makes this latent of `one`; InputError if it is not loaded."""
    for other in others:
        output = other.spec.output
        if output.kind == "latent" and output.gives == spec.name and not other.spec.of_kind("image"):
            return other
    text = f"generator '{one.spec.name}' takes a {spec.name} that another generator makes, which is not here"
    raise InputError(spec.name, f"{text}; load the folder with all of the model's generators, or give {spec.name}")


def styled(first: M, others: Iterable[M]) -> tuple[M, InputSpec]:
    """The generator that takes a layered w of another one's, and that input; InputError if none does."""
    for one in (first, *others):
        for spec in one.spec.of_kind("latent"):
            if spec.distribution == GIVEN and len(spec.shape) > 1 and one.spec.output.kind != "latent":
                return one, spec
    text = f"generator '{first.spec.name}' mixes no styles: no generator loaded with it takes a w of several layers"
    raise InputError("mix", f"{text}; a style-based model, with all of its generators, is needed")


def encoded(first: M, others: Iterable[M]) -> tuple[M, M]:
    """A generator, and the encoder that gives its latent; InputError if the model has no encoder."""
    held = list(others)
    for one in (first, *held):
        names = [spec.name for spec in one.spec.of_kind("latent")]
        for other in held:
            output = other.spec.output
            if output.kind == "latent" and output.gives in names and other.spec.of_kind("image"):
                return one, other
    text = f"generator '{first.spec.name}' reconstructs nothing: no encoder is loaded with it"
    raise InputError("reconstruct", f"{text}; a model that has one, with all of its generators, is needed")


def steered(first: M, others: Iterable[M]) -> M:
    """The generator whose latent has directions: one that takes a w of another one's, else the first."""
    for one in (first, *others):
        made = [s for s in one.spec.of_kind("latent") if s.distribution == GIVEN]
        if made and one.spec.output.kind != "latent" and one.spec.output == first.spec.output:
            return one
    if not first.spec.of_kind("latent"):
        raise InputError("directions", f"generator '{first.spec.name}' has no latent, so it has no directions")
    return first


def apart(inputs: Mapping[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Label, truncation, and the inputs that were given by name."""
    given = {k: v for k, v in inputs.items() if v is not None}
    return given.pop("label", None), given.pop("truncation", None), given


def shared(theirs: GeneratorSpec, mine: GeneratorSpec, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Inputs dealt out to another generator and to this one, by what they declare; a stranger's is this one's."""
    given = {k: v for k, v in inputs.items() if v is not None}
    owned = [{k for k in given if _named(spec, k) is not None} for spec in (theirs, mine)]
    here = {k: v for k, v in given.items() if k in owned[1] or k not in owned[0]}
    return {k: v for k, v in given.items() if k in owned[0]}, here


def same_for_all(spec: GeneratorSpec, inputs: Mapping[str, Any]) -> None:
    """InputError if a mapping is given an input for each picture: it is asked for all of them alike."""
    for name, value in inputs.items():
        named = _named(spec, name)
        if named is not None and rows_of(named, value):
            text = f"'{name}' goes to generator '{spec.name}', for all pictures alike"
            raise InputError(name, f"{text}; give one value, or sample that generator yourself")


def alike(name: str, other: str, specs: Iterable[GeneratorSpec]) -> bool:
    """Whether two names are of one input of these generators, as 'label' and the label's own name are."""
    return any((found := _named(spec, name)) is not None and found == _named(spec, other) for spec in specs)


def _named(spec: GeneratorSpec, name: str) -> InputSpec | None:
    """The input that goes by a name, 'label' and 'truncation' among them; None if there is none."""
    if name == "label":
        return next(iter(spec.of_kind("label")), None)
    if name == "truncation":
        return truncated_by(spec)
    return next((i for i in spec.inputs if i.name == name), None)
