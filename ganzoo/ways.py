"""Ways through latent space: where the pictures of a walk, a variation or a mixture of styles lie.

Each takes a checked request and returns it with its latents moved; what was given by hand stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import InputError
from ganzoo.feeds import Request, check_seeds, geometry, spread
from ganzoo.priors import MAX_SEED, between
from ganzoo.specs import InputSpec

Key = int | NDArray[Any] | Mapping[str, NDArray[Any]]
"""A place in latent space: a seed, the latent of the only latent input, or latents by input name."""
FRAMES = 100_000
"""The most that a walk may have."""


def stops(legs: int, steps: int) -> list[float]:
    """`steps` places a leg, both its ends included, the ends between legs once: 1.25 is a quarter of leg 1."""
    return [leg + t / (steps - 1) for leg in range(legs) for t in range(steps - 1)]


def seeds_from(seed: int, n: int) -> list[int]:
    """n seeds from this one up; 0 follows the last there is."""
    return [(int(seed) + k) % MAX_SEED for k in range(n)]


def through(here: Request, keys: Sequence[Key], places: Sequence[float]) -> Request:
    """At these places on the way through the keys: 1.25 is a quarter of the way from key 1 to 2; key 0 follows the
    last. Latents move as their prior says."""
    whole = np.floor(places).astype(int)
    share = np.asarray(places) - whole
    moved = {}
    for spec in _latents(here):
        at = np.stack([_latent(spec, key, here) for key in keys])
        ends = at[whole % len(keys)], at[(whole + 1) % len(keys)]
        moved[spec.name] = between(*ends, share, geometry(spec))
    return here.but(**moved)


def towards(here: Request, others: Sequence[int], amount: float) -> Request:
    """Each picture moved by `amount` (0 none, 1 all the way) towards a seed of its own."""
    ends = np.asarray(others, dtype=np.int64)
    moved = {}
    for spec in _latents(here):
        start, end = here.drawn(spec, here.seeds), here.drawn(spec, ends)
        moved[spec.name] = between(start, end, np.full(len(ends), amount), geometry(spec))
    return here.but(**moved)


def crossed(here: Request, spec: InputSpec, others: NDArray[np.int64], at: NDArray[np.integer]) -> Request:
    """Layers of w before `at` as they are, the others those of other seeds."""
    layers = spec.shape[0]
    early = (np.arange(layers) < at[:, None]).reshape(-1, layers, *[1] * (len(spec.shape) - 1))
    return here.but(**{spec.name: np.where(early, here.drawn(spec, here.seeds), here.drawn(spec, others))})


def crossings(
    a: Any, b: Any, at: Any, layers: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.integer], int]:
    """The seeds and the layer of each mixture, as numpy broadcasts them, and how many there are in a row; InputError
    if they do not fit."""
    try:
        table = np.broadcast_arrays(a, b, layers // 2 if at is None else at)
    except ValueError as error:
        raise InputError("mix", "a, b and at have lengths that do not fit together; give one or as many") from error
    cross = table[2].ravel()
    if not len(cross):
        raise InputError("mix", "no seeds are given to mix; give one of each at least")
    if cross.dtype.kind not in "iu" or cross.min() < 0 or cross.max() > layers:
        raise InputError("at", f"at is {at}; a layer from 0 to {layers} is needed")
    first, second = (check_seeds(0, 0, part.ravel().tolist()) for part in table[:2])
    return first, second, cross, table[2].shape[-1] if table[2].ndim else 1


def _latents(here: Request) -> list[InputSpec]:
    """The latents there are to move, those that are not given; InputError if there is none, for all pictures would be
    alike."""
    found = here.spec.of_kind("latent")
    if not found:
        raise InputError("latent", f"generator '{here.spec.name}' has no latent to move through; use sample()")
    moving = [spec for spec in found if spec.name not in here.given]
    if not moving:
        raise InputError(found[0].name, f"'{found[0].name}' is given, so nothing moves; leave it out, or use sample()")
    return moving


def _latent(spec: InputSpec, key: Key, wanted: Request) -> NDArray[np.float32]:
    """The latent float32 [*shape] of one input at a key."""
    if isinstance(key, int | np.integer):
        return wanted.drawn(spec, check_seeds(1, key, None))[0]
    if isinstance(key, Mapping):
        if spec.name not in key:
            raise InputError(spec.name, f"a key lacks the latent '{spec.name}'; give it, or a seed")
        key = key[spec.name]
    return spread(spec, key, 1)[0]
