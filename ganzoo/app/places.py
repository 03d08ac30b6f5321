"""Names for pictures between seeds: what a visitor keeps, varies and breeds.

A place is a seed, `7`, or a way between two places and how far along it, `(7~12@0.25)`. So each picture of the
tab Explore has a name that is the same everywhere, and its ancestors can be read off it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import InputError
from ganzoo.feeds import MAX_SEED, geometry
from ganzoo.priors import between
from ganzoo.sampler import Sampler, Samples

LONGEST = 2000
"""Characters of a place, which bounds how deep it is; a picture carries it."""
_TOKEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|[()~@])")


@dataclass(frozen=True)
class Place:
    """A way from one place to another, `share` of which is gone; of a seed, both ends are None.

    seed   itself, or of a way the seed it starts from; it decides what is no latent: a class that was left open

    `Sampler.vary(7, 0.3)` moves to `(7~8@0.3)`, `(7~9@0.3)`, ...
    """

    seed: int = 0
    start: Place | None = None
    end: Place | None = None
    share: float = 0.0

    def __str__(self) -> str:
        return self.name()

    def name(self) -> str:
        """What `read` reads. As a method: `str` within `str` within `str` would go three times as deep."""
        if self.start is None or self.end is None:
            return str(self.seed)
        return f"({self.start.name()}~{self.end.name()}@{self.share:g})"

    @property
    def seeds(self) -> list[int]:
        """All seeds that are named, in order."""
        return [*self.start.seeds, *self.end.seeds] if self.start and self.end else [self.seed]


def read(text: Any) -> Place:
    """The place of that name; InputError."""
    wrong = InputError("place", "a seed such as 7, or a place such as (7~12@0.25), is needed")
    plain = str(text).strip()
    if len(plain) > LONGEST:
        raise _too_long()
    tokens, at = [], 0
    while at < len(plain):
        found = _TOKEN.match(plain, at)
        if found is None:
            raise wrong
        tokens.append(found[1])
        at = found.end()
    try:
        place = _place(tokens)
    except (IndexError, ValueError, RecursionError):
        raise wrong from None
    if tokens:
        raise wrong
    return place


def _place(tokens: list[str]) -> Place:
    """Takes one place off the front; IndexError, ValueError."""
    if tokens[0] != "(":
        seed = int(tokens.pop(0))
        if seed >= MAX_SEED:
            raise ValueError("too great")
        return Place(seed)
    _take(tokens, "(")
    start = _place(tokens)
    _take(tokens, "~")
    end = _place(tokens)
    _take(tokens, "@")
    share = float(tokens.pop(0))
    _take(tokens, ")")
    if not 0 <= share <= 1:
        raise ValueError("not a share")
    return Place(start.seed, start, end, share)


def _take(tokens: list[str], due: str) -> None:
    if tokens.pop(0) != due:
        raise ValueError(due)


def variations(place: Place, amount: float, count: int) -> list[Place]:
    """Places around one: `amount` of the way to each of the seeds that follow."""
    seeds = [(place.seed + 1 + k) % MAX_SEED for k in range(count)]
    return _named([Place(place.seed, place, Place(seed), amount) for seed in seeds])


def children(a: Place, b: Place, count: int) -> list[Place]:
    """Places between two, each a little off towards a seed of its own, so that no two are on one line."""
    found = []
    for k in range(count):
        share = round(0.25 + 0.5 * k / max(1, count - 1), 3)
        middle = Place(a.seed, a, b, share)
        stranger = Place((a.seed * 1_000_003 + b.seed * 10_007 + k) % MAX_SEED)
        found.append(Place(a.seed, middle, stranger, 0.15))
    return _named(found)


def _named(places: list[Place]) -> list[Place]:
    """These places; InputError if `read` would not take the name of one."""
    if any(len(str(place)) > LONGEST for place in places):
        raise _too_long()
    return places


def _too_long() -> InputError:
    return InputError("place", f"the name of this place is longer than {LONGEST} characters; start anew from a seed")


def drawn(sampler: Sampler, places: list[Place], given: Mapping[str, Any]) -> Samples:
    """The pictures at these places; `given` are inputs as `Sampler.sample` takes them, for all alike."""
    return sampler.sample(len(places), **_inputs(sampler, places, given))


def latents(sampler: Sampler, place: Place, given: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    """The latents of a place, float32 [*shape] by name."""
    found = _inputs(sampler, [place], given)
    return {spec.name: found[spec.name][0] for spec in sampler.spec.inputs if spec.kind == "latent"}


def _inputs(sampler: Sampler, places: list[Place], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the pictures at these places are made from, by name."""
    seeds = list(dict.fromkeys(seed for place in places for seed in place.seeds))
    of_seeds = sampler.inputs_of(seeds, **given)
    firsts = [seeds.index(place.seed) for place in places]
    inputs: dict[str, Any] = {}
    for spec in sampler.spec.inputs:
        held = of_seeds[spec.name]
        if spec.kind == "latent":
            at = {seed: held[k : k + 1] for k, seed in enumerate(seeds)}
            inputs[spec.name] = np.concatenate([_latent(place, at, geometry(spec)) for place in places])
        elif spec.kind == "scalar":
            inputs[spec.name] = held
        else:
            inputs[spec.name] = held[firsts]
    return inputs


def _latent(place: Place, of: Mapping[int, NDArray[np.float32]], geometry: str) -> NDArray[np.float32]:
    """The latent float32 [1, *shape] at a place."""
    if place.start is None or place.end is None:
        return of[place.seed]
    start, end = _latent(place.start, of, geometry), _latent(place.end, of, geometry)
    return between(start, end, np.asarray([place.share]), geometry)
