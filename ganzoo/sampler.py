"""Ask a trained generator for pictures: the same methods for torch and ONNX models.

    sampler = ganzoo.load("vanilla.onnx")
    sampler.sample(16, seed=7).save("sixteen.png")

A seed is one picture: image k of `sample(n, seed=s)` is the picture of seed s + k, whatever n, the batch
size or the backend.

`loading` opens models, `feeds` checks what is asked for, `ways` moves latents, `family` knows which generator
makes what for another, and `samples` is what comes out.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzoo import directions, family, ways
from ganzoo.cores import cores
from ganzoo.directions import Directions
from ganzoo.errors import InputError, did_you_mean
from ganzoo.feeds import Request, check_seeds, cut, request, rows_of
from ganzoo.images import to_uint8
from ganzoo.samples import Samples, settings, settings_of
from ganzoo.specs import GIVEN, GeneratorSpec
from ganzoo.ways import Key

__all__ = ["Backend", "Sampler", "Samples"]

BATCH = 64
WIDEST = 32
"""A way that is longer is no longer one row of its grid."""


class Backend(Protocol):
    """One generator, ready to run."""

    @property
    def spec(self) -> GeneratorSpec:
        """What goes in and what comes out."""

    @property
    def card(self) -> Mapping[str, Any]:
        """Where it comes from: variant, data, licence, steps, versions."""

    @property
    def checksum(self) -> str:
        """SHA-256 of the model, 64 hex digits."""

    def onnx(self) -> bytes:
        """The generator as an ONNX file of ganzoo's."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Images [N, C, H, W] in the spec's range, or points [N, d], of inputs as the spec describes them."""


class Sampler:
    """Draws samples from one generator; `generators` are all of the model's, by name."""

    def __init__(
        self, backend: Backend, generators: Mapping[str, Sampler] | None = None, place: Path | None = None
    ) -> None:
        self.backend = backend
        self.generators = generators if generators is not None else {backend.spec.name: self}
        self.place = place  # the folder the model lies in, if it lies anywhere
        self._directions: Directions | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """The generator's inputs and output."""
        return self.backend.spec

    @property
    def card(self) -> dict[str, Any]:
        """Where the model comes from: variant, data, licence, steps, versions."""
        return dict(self.backend.card)

    @property
    def checksum(self) -> str:
        """SHA-256 of the model."""
        return self.backend.checksum

    @property
    def identity(self) -> dict[str, Any]:
        """What a picture says of its model: the checksum, and of a run its step, of an export what was exported."""
        card = self.backend.card
        return {"model": self.checksum} | {key: card[key] for key in ("exported_from", "step") if key in card}

    def __repr__(self) -> str:
        return f"<Sampler of {self.spec.name}: {', '.join(i.name for i in self.spec.inputs)}>"

    def sample(
        self,
        n: int | None = None,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        label: Any = None,
        truncation: float | None = None,
        batch: int = BATCH,
        **inputs: Any,
    ) -> Samples:
        """The pictures of seeds `seed` to `seed + n - 1`, or of `seeds`.

        n            how many; when left out, as many as seeds or arrays are given, else 16; 1 where nothing is drawn
        label        a class by name or number for all, or a list of n
        truncation   where the spec declares it: nearer the mean, less varied
        batch        how many are run at once; it never changes a picture
        inputs       by name: latents [n, *shape] or [*shape], labels, pictures (file, uint8 [H, W, C] or
                     float32 [N, C, H, W]), scalars
        InputError names the input that the spec does not allow.
        """
        wanted = self._ask(n, seed, seeds, label, truncation, inputs)
        arguments = {"seeds": wanted.seeds, "label": label, "truncation": truncation, **inputs}
        return self._make(wanted, batch, "sample", arguments)

    def stream(self, n: int, batch: int = BATCH, seed: int = 0, **inputs: Any) -> Iterator[Samples]:
        """The same pictures as `sample(n, seed)`, `batch` at a time; memory stays flat."""
        batch = _count("batch", batch)
        label, truncation, given = family.apart(inputs)
        wanted = self._ask(n, seed, None, label, truncation, given)
        arguments = self._said({"label": label, "truncation": truncation, **given})
        return (self._part(wanted, k, min(k + batch, n), arguments) for k in range(0, n, batch))

    def count(self, n: int | None = None, **arguments: Any) -> int:
        """How many pictures `sample` makes of these arguments; InputError as there."""
        label, truncation, inputs = family.apart(arguments)
        return len(self._ask(n, inputs.pop("seed", 0), inputs.pop("seeds", None), label, truncation, inputs))

    def shards(
        self,
        out: str | Path,
        n: int | None = None,
        shards: int = 8,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        label: Any = None,
        truncation: float | None = None,
        format: Literal["tar", "npz"] | None = None,
        workers: int | None = None,
        progress: Callable[[int], None] = lambda done: None,
        **inputs: Any,
    ) -> Path:
        """The samples of `sample`, however many, as `shards` files in the folder `out`; returns its index.json.

        format     'tar' of PNGs (and class numbers), or 'npz' arrays; by default tar of pictures, npz of points
        workers    processes, each with one session of one thread; by default as many as there are cores
        progress   is told now and then how many samples there are
        The bytes are the same for any number of workers. Called again, it makes only what is missing or
        damaged; a worker that is killed costs the shard it was at. GanzooError if the folder was begun with
        other settings, SpaceError when it cannot be written; the shards that are finished are kept.
        """
        from ganzoo.bulk import write

        wanted = self._ask(n, seed, seeds, label, truncation, inputs)
        said = self._said({"label": label, "truncation": truncation, **inputs})
        kind = format or ("tar" if self.spec.output.kind == "image" else "npz")
        if kind not in ("tar", "npz"):
            raise InputError("format", f"shards are written as tar or npz, not as {kind!r}")
        processes = cores() if workers is None else _count("workers", workers)
        return write(self, Path(out), wanted, said, _count("shards", shards), processes, kind, progress)

    def interpolate(
        self,
        a: Key,
        b: Key,
        steps: int = 8,
        *,
        via: Sequence[Key] = (),
        loop: bool = False,
        batch: int = BATCH,
        **inputs: Any,
    ) -> Samples:
        """From a, through `via`, to b: `steps` pictures a leg, both its ends included; a leg is a row of the grid.

        Latents move as their prior says (slerp keeps the norm of normal ones, lerp is a straight line);
        everything else is held as given, or as the first seed says. With `loop` the last leg leads back
        to a, which is not shown twice.
        """
        if _count("steps", steps) < 2:
            raise InputError("steps", "a way has two ends at least; 2 steps or more are needed")
        keys = [a, *via, b]
        legs = len(keys) if loop else len(keys) - 1
        places = ways.stops(legs, steps) + ([] if loop else [float(legs)])
        arguments = {"keys": [k if isinstance(k, int) else None for k in keys], "steps": steps, "loop": loop}
        made = self._way(keys, places, batch, "interpolate", arguments, inputs)
        return replace(made, columns=min(steps if legs == 1 else max(steps - 1, 2), WIDEST))

    def walk(
        self, seconds: float = 6.0, fps: float = 24.0, seed: int = 0, batch: int = BATCH, **inputs: Any
    ) -> Samples:
        """A closed walk through latent space, a new seed every second and a half, to be saved as a film."""
        frames = max(2, round(_positive("seconds", seconds) * _positive("fps", fps)))
        if frames > ways.FRAMES:
            raise InputError("seconds", f"a walk of {frames} frames is too long; {ways.FRAMES:,} at most")
        check_seeds(1, seed, None)
        corners = max(2, round(seconds / 1.5))
        keys = ways.seeds_from(seed, corners)
        places = [t * corners / frames for t in range(frames)]
        arguments = {"seconds": seconds, "fps": fps, "seed": seed}
        return self._way(keys, places, batch, "walk", arguments, inputs, fps)

    def way(
        self,
        keys: Sequence[Key],
        places: Sequence[float] | NDArray[np.floating],
        fps: float = 12.0,
        batch: int = BATCH,
        **inputs: Any,
    ) -> Samples:
        """Pictures at these places on the closed way through the keys: 1.25 is a quarter of the way from key 1 to 2,
        and key 0 follows the last. What is no latent is held as given, or as the first seed says."""
        at = np.asarray(places, dtype=np.float64)
        if not len(keys) or at.ndim != 1 or not len(at) or not np.isfinite(at).all():
            raise InputError("places", "a way needs keys, and finite places on it; give at least one of each")
        arguments = {"keys": [k if isinstance(k, int) else None for k in keys], "places": at.tolist()}
        return self._way(keys, at.tolist(), batch, "way", arguments, inputs, _positive("fps", fps))

    def inputs_of(self, seeds: Sequence[int], **inputs: Any) -> dict[str, NDArray[Any]]:
        """What the pictures of these seeds are made from, by name, as the spec describes it; nothing is run but what
        makes a latent. Inputs as in `sample`."""
        label, truncation, given = family.apart(inputs)
        return self._ask(None, 0, seeds, label, truncation, given).rows(0, len(seeds))

    def vary(self, seed: int, amount: float = 0.2, n: int = 16, batch: int = BATCH, **inputs: Any) -> Samples:
        """n variations of a seed: latents moved by `amount` (0 none, 1 all the way) towards seed + 1 + k."""
        if not 0 <= amount <= 1:
            raise InputError("amount", f"amount is {amount}; a number from 0 to 1 is needed")
        label, truncation, given = family.apart(inputs)
        here = self._ask(n, seed, [seed] * _count("n", n), label, truncation, given)
        arguments = {"seed": seed, "amount": amount, "n": n, **inputs}
        return self._make(ways.towards(here, ways.seeds_from(seed + 1, n), amount), batch, "vary", arguments)

    def sweep(self, name: str, values: Sequence[Any], seed: int = 0, **inputs: Any) -> Samples:
        """One seed at each of these values of a scalar input, of the truncation, or of a label."""
        names = [i.name for i in self.spec.inputs if i.kind in ("scalar", "label")] + ["label", "truncation"]
        if name not in names:
            raise InputError(name, f"'{name}' cannot be swept" + did_you_mean(name, names[:-2]))
        if not len(values):
            raise InputError(name, "a sweep needs at least one value")
        parts = [self.sample(1, seed, **{**inputs, name: value}) for value in values]
        arguments = {"name": name, "values": list(values), "seed": seed, **inputs}
        kept = {i.name: np.concatenate([np.atleast_1d(p.inputs[i.name]) for p in parts]) for i in self.spec.inputs}
        return Samples(
            self.spec,
            np.concatenate([p.output for p in parts]),
            kept,
            settings=self._settings("sweep", arguments),
            data=self._data(),
            columns=min(len(values), WIDEST),
        )

    def directions(self, k: int = 8) -> Directions:
        """The k ways in the latent in which this model's pictures differ most, the greatest first.

        Of a model whose w another generator makes they are directions of w, otherwise of the first latent;
        `ganzoo.directions` says how they are found. That is done once, with 2,048 seeds; then they are kept
        in a file beside the model. InputError if there are fewer than k.
        """
        where = family.steered(self, self.generators.values())
        if where._directions is None:
            where._directions = where._find_directions()
        found = where._directions
        if not 1 <= _whole("k", k) <= len(found):
            raise InputError("k", f"k is {k}; this model has directions 1 to {len(found)}")
        return found.first(k)

    def along(
        self,
        direction: int,
        amounts: Sequence[float] = (-3, -2, -1, 0, 1, 2, 3),
        seed: int = 0,
        batch: int = BATCH,
        **inputs: Any,
    ) -> Samples:
        """One seed, or an own latent, moved along principal direction `direction` (from 0 up) by each of `amounts`.

        1 is a standard deviation of the latent along that direction; 0 is the seed's own picture. A bounded
        latent stays within its bounds. Inputs as in `sample`.
        """
        where = family.steered(self, self.generators.values())
        if not len(amounts) or not np.isfinite(np.asarray(amounts, dtype=np.float64)).all():
            raise InputError("amounts", f"amounts are {amounts!r}; at least one finite number is needed")
        if _whole("direction", direction) < 0:
            raise InputError("direction", f"direction is {direction}; a whole number from 0 up is needed")
        found = self.directions(direction + 1)
        label, truncation, given = family.apart(inputs)
        here = where._ask(len(amounts), seed, [seed] * len(amounts), label, truncation, given)
        arguments = {"direction": direction, "amounts": list(amounts), "seed": seed, **inputs}
        made = where._make(directions.moved(here, found, direction, amounts), batch, "along", arguments)
        return replace(made, columns=min(len(amounts), WIDEST))

    def mix(
        self,
        a: int | Sequence[int],
        b: int | Sequence[int],
        at: int | Sequence[int] | None = None,
        batch: int = BATCH,
        **inputs: Any,
    ) -> Samples:
        """Styles mixed: the layers of w before `at` from seed a, the others from seed b.

        Karras et al. 2019 (arXiv:1812.04948), section 3.1: early layers are coarse (pose, shape), late ones
        fine (colour). a, b and `at` are numbers or lists that numpy can broadcast together, one picture for
        each: `mix([[1], [2]], [3, 4, 5])` is a table of two rows. By default `at` is the middle.
        InputError if no generator of the model takes a w, layer by layer, that another one makes.
        """
        where, spec = family.styled(self, self.generators.values())
        first, second, cross, across = ways.crossings(a, b, at, spec.shape[0])
        label, truncation, given = family.apart(inputs)
        here = where._ask(len(first), 0, first, label, truncation, given)
        arguments = {"a": first, "b": second, "at": cross, **inputs}
        return replace(where._make(ways.crossed(here, spec, second, cross), batch, "mix", arguments), columns=across)

    def reconstruct(self, images: Any, batch: int = BATCH, **inputs: Any) -> Samples:
        """Pictures taken to their latents by the model's encoder, and back by its generator.

        images   a file or a list of them, uint8 [H, W, C] or [N, H, W, C], or float32 [N, C, H, W]
        The latents are in `.inputs` of what is returned. InputError if the model has no encoder.
        """
        where, encoder = family.encoded(self, self.generators.values())
        name = encoder.spec.of_kind("image")[0].name
        n = rows_of(encoder.spec.input(name), images) or 1
        theirs, mine = family.shared(encoder.spec, where.spec, inputs)
        found = encoder.sample(n, batch=batch, **{name: images}, **theirs).latents
        label, truncation, given = family.apart(mine)
        here = where._ask(n, 0, None, label, truncation, {**given, encoder.spec.output.gives: found})
        return where._make(here, batch, "reconstruct", {"images": None, **inputs})

    def like(self, path: str | Path, **changes: Any) -> Samples:
        """The samples of a PNG that was saved by ganzoo from this very model, exported or not; InputError otherwise.

        changes   arguments of `sample`, in place of those that it was made with
        """
        wanted = settings_of(path, self.identity, changes, [one.spec for one in self.generators.values()])
        wanted.pop("generator")
        return self.sample(**wanted)

    def _ask(
        self,
        n: int | None,
        seed: int,
        seeds: Sequence[int] | NDArray[np.integer] | None,
        label: Any,
        truncation: float | None,
        inputs: Mapping[str, Any],
    ) -> Request:
        """A checked request; a latent that another generator of the model makes is asked of that one."""
        makers = {}
        for spec in self.spec.of_kind("latent"):
            if spec.distribution == GIVEN and inputs.get(spec.name) is None:
                maker = family.maker(spec, self, self.generators.values())
                theirs, inputs = family.shared(
                    maker.spec, self.spec, {"label": label, "truncation": truncation, **inputs}
                )
                label, truncation, inputs = family.apart(inputs)
                family.same_for_all(maker.spec, theirs)
                makers[spec.name] = _Made(maker, theirs)
        return replace(request(self.spec, n, seed, seeds, label, truncation, inputs), makers=makers)

    def _find_directions(self) -> Directions:
        """From the file that keeps them, else from the seeds."""
        latents = self.spec.of_kind("latent")
        spec = next((s for s in latents if s.distribution == GIVEN), latents[0])
        makers = [family.maker(spec, self, self.generators.values())] if spec.distribution == GIVEN else []
        key = directions.key_of(self.checksum, *(maker.checksum for maker in makers))
        here = self._ask(directions.SEEDS, 0, None, None, None, {})
        return directions.kept(key, self.place, lambda: directions.find(here, spec, self.backend.run))

    def _way(
        self,
        keys: Sequence[Key],
        places: Sequence[float],
        batch: int,
        call: str,
        arguments: Mapping[str, Any],
        inputs: Mapping[str, Any],
        fps: float = 12.0,
    ) -> Samples:
        """Pictures at these places: 1.25 is a quarter of the way from key 1 to 2; key 0 follows the last."""
        label, truncation, given = family.apart(inputs)
        first = keys[0] if isinstance(keys[0], int | np.integer) else 0
        start = self._ask(len(places), 0, [int(first)] * len(places), label, truncation, given)
        return self._make(ways.through(start, keys, places), batch, call, {**arguments, **inputs}, fps)

    def _make(self, wanted: Request, batch: int, call: str, arguments: Mapping[str, Any], fps: float = 12.0) -> Samples:
        """Runs a request in batches."""
        batch = _count("batch", batch)
        fed: list[dict[str, NDArray[Any]]] = []
        made: list[NDArray[Any]] = []
        for start in range(0, len(wanted), batch):
            fed.append(wanted.rows(start, min(start + batch, len(wanted))))
            made.append(self._edge(self.backend.run(fed[-1])))
        kept = {
            i.name: fed[0][i.name] if i.kind == "scalar" else np.concatenate([f[i.name] for f in fed])
            for i in self.spec.inputs
        }
        named = call == "sample" and wanted.from_seeds()
        seeds = tuple(int(s) for s in wanted.seeds) if named else ()
        told = self._settings(call, arguments)
        return Samples(self.spec, np.concatenate(made), kept, seeds, told, fps, self._data())

    def _part(self, wanted: Request, start: int, stop: int, arguments: Mapping[str, Any]) -> Samples:
        """Pictures `start` to `stop` of a checked request, run at once; `arguments` say how it was asked for."""
        part = wanted.part(start, stop)
        return self._make(part, stop - start, "sample", {"seeds": part.seeds, **cut(arguments, start, stop)})

    def _edge(self, output: NDArray[np.float32]) -> NDArray[Any]:
        """Pictures become uint8 [N, H, W, C]; points and latents stay float32."""
        if self.spec.output.kind != "image":
            return np.asarray(output, dtype=np.float32)
        return to_uint8(output, self.spec.output.range)

    def _data(self) -> NDArray[np.float32] | None:
        """For points: data to draw beneath them, if what the model was trained on is ganzoo's own."""
        if self.spec.output.kind != "points":
            return None
        from ganzoo.data.points import beneath

        return beneath(self.card)

    def _settings(self, call: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return settings(self.identity, self.spec, call, self._said(arguments))

    def _said(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that are given, those with a value for each sample as lists, latents as arrays."""
        latents = {spec.name for one in self.generators.values() for spec in one.spec.of_kind("latent")}
        given = {k: v for k, v in arguments.items() if v is not None}
        for name, value in given.items():
            if name in latents and isinstance(value, list | tuple):
                given[name] = np.asarray(value, dtype=np.float64)
            if name not in latents and isinstance(value, np.ndarray) and value.ndim == 1:
                given[name] = value.tolist()
        return given


class _Made:
    """The latents that a mapping makes of seeds, under one set of its own inputs."""

    def __init__(self, maker: Sampler, inputs: Mapping[str, Any]) -> None:
        self.maker, self.inputs = maker, inputs

    def __call__(self, seeds: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.maker.sample(seeds=seeds.tolist(), **self.inputs).latents if len(seeds) else np.empty(0, np.float32)


def _whole(name: str, value: Any) -> int:
    """The value, if it is a whole number; InputError otherwise."""
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(name, f"{name} is {value!r}; a whole number is needed") from None


def _count(name: str, value: Any) -> int:
    """The value, if it is a whole number above 0; InputError otherwise."""
    return int(_positive(name, _whole(name, value)))


def _positive(name: str, value: Any) -> Any:
    """The value, if it is a number above 0; InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
        raise InputError(name, f"{name} is {value!r}; a number above 0 is needed")
    return value
