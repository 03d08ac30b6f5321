"""Ask a trained generator for pictures: the same methods for torch and ONNX models.

    sampler = ganzoo.load("vanilla.onnx")
    sampler.sample(16, seed=7).save("sixteen.png")

A seed is one picture: image k of `sample(n, seed=s)` is the picture of seed s + k, whatever n, the batch
size or the backend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import DamagedFile, GanzooError, InputError, did_you_mean
from ganzoo.feeds import MAX_SEED, Request, check_seeds, find_prior, parse_seeds, request, spread
from ganzoo.images import to_uint8
from ganzoo.priors import between
from ganzoo.samples import Samples, chunk_of, settings, settings_of
from ganzoo.specs import GeneratorSpec, InputSpec

__all__ = ["Backend", "Sampler", "Samples", "load", "parse_seeds", "settings_of"]

BATCH = 64
Key = int | NDArray[Any] | Mapping[str, NDArray[Any]]
"""A place in latent space: a seed, the latent of the only latent input, or latents by input name."""


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

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Images [N, C, H, W] in the spec's range, or points [N, d], of inputs as the spec describes them."""


class Sampler:
    """Draws samples from one generator; `generators` are all of the model's, by name."""

    def __init__(self, backend: Backend, generators: Mapping[str, Sampler] | None = None) -> None:
        self.backend = backend
        self.generators = generators if generators is not None else {backend.spec.name: self}

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

        n            how many; when left out, as many as seeds or arrays are given, else 16
        label        a class by name or number for all, or a list of n
        truncation   where the spec declares it: nearer the mean, less varied
        batch        how many are run at once; it never changes a picture
        inputs       by name: latents [n, *shape] or [*shape], labels, pictures (file, uint8 [H, W, C] or
                     float32 [N, C, H, W]), scalars
        InputError names the input that the spec does not allow.
        """
        wanted = request(self.spec, n, seed, seeds, label, truncation, inputs)
        arguments = {"seeds": wanted.seeds, "label": label, "truncation": truncation, **inputs}
        return self._make(wanted, batch, "sample", arguments)

    def stream(self, n: int, batch: int = BATCH, seed: int = 0, **inputs: Any) -> Iterator[Samples]:
        """The same pictures as `sample(n, seed)`, `batch` at a time; memory stays flat."""
        _positive("batch", batch)
        label, truncation = inputs.pop("label", None), inputs.pop("truncation", None)
        wanted = request(self.spec, n, seed, None, label, truncation, inputs)
        arguments = {"label": label, "truncation": truncation, **inputs}
        return (self._part(wanted, k, min(k + batch, n), arguments) for k in range(0, n, batch))

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
        """From a, through `via`, to b: `steps` pictures a leg, both its ends included.

        Latents move as their prior says (slerp keeps the norm of normal ones, lerp is a straight line);
        everything else is held as given, or as the first seed says. With `loop` the last leg leads back
        to a, which is not shown twice.
        """
        if _positive("steps", steps) < 2:
            raise InputError("steps", "a way has two ends at least; 2 steps or more are needed")
        keys = [a, *via, b]
        legs = len(keys) if loop else len(keys) - 1
        places = [leg + t / (steps - 1) for leg in range(legs) for t in range(steps - 1)]
        places += [] if loop else [float(legs)]
        arguments = {"keys": [k if isinstance(k, int) else None for k in keys], "steps": steps, "loop": loop}
        return self._way(keys, places, batch, "interpolate", arguments, inputs)

    def walk(
        self, seconds: float = 6.0, fps: float = 24.0, seed: int = 0, batch: int = BATCH, **inputs: Any
    ) -> Samples:
        """A closed walk through latent space, a new seed every second and a half, to be saved as a film."""
        frames = max(2, round(_positive("seconds", seconds) * _positive("fps", fps)))
        if frames > 100_000:
            raise InputError("seconds", f"a walk of {frames} frames is too long; 100,000 at most")
        corners = max(2, round(seconds / 1.5))
        keys = [(int(seed) + k) % MAX_SEED for k in range(corners)]
        places = [t * corners / frames for t in range(frames)]
        arguments = {"seconds": seconds, "fps": fps, "seed": seed}
        return self._way(keys, places, batch, "walk", arguments, inputs, fps)

    def vary(self, seed: int, amount: float = 0.2, n: int = 16, batch: int = BATCH, **inputs: Any) -> Samples:
        """n variations of a seed: latents moved by `amount` (0 none, 1 all the way) towards seed + 1 + k."""
        if not 0 <= amount <= 1:
            raise InputError("amount", f"amount is {amount}; a number from 0 to 1 is needed")
        given = {k: v for k, v in inputs.items() if v is not None}
        label, truncation = given.pop("label", None), given.pop("truncation", None)
        here = request(self.spec, n, seed, [seed] * int(_positive("n", n)), label, truncation, given)
        others = np.asarray([(seed + 1 + k) % MAX_SEED for k in range(n)], dtype=np.int64)
        moved = {**here.given}
        for spec in self.spec.of_kind("latent"):
            if spec.name not in moved:
                geometry = find_prior(spec.distribution).geometry
                start, end = here.drawn(spec, here.seeds), here.drawn(spec, others)
                moved[spec.name] = between(start, end, np.full(n, amount), geometry)
        arguments = {"seed": seed, "amount": amount, "n": n, **inputs}
        return self._make(Request(self.spec, here.seeds, moved, here.clip), batch, "vary", arguments)

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
        )

    def like(self, path: str | Path) -> Samples:
        """The samples of a PNG that was saved by ganzoo from this very model; InputError otherwise."""
        found = chunk_of(path)
        if found.get("model") != self.checksum:
            raise InputError("like", f"{path} was made by another model; load the one with its checksum")
        wanted = settings_of(path)
        wanted.pop("generator")
        return self.sample(**wanted)

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
        given = {k: v for k, v in inputs.items() if v is not None}
        label, truncation = given.pop("label", None), given.pop("truncation", None)
        first = keys[0] if isinstance(keys[0], int | np.integer) else 0
        start = request(self.spec, len(places), 0, [int(first)] * len(places), label, truncation, given)
        whole = np.floor(places).astype(int)
        share = np.asarray(places) - whole
        moved = {**start.given}
        for spec in self.spec.of_kind("latent"):
            if spec.name not in moved:
                at = np.stack([self._latent(spec, key, start) for key in keys])
                ends = at[whole % len(keys)], at[(whole + 1) % len(keys)]
                moved[spec.name] = between(*ends, share, find_prior(spec.distribution).geometry)
        wanted = Request(self.spec, start.seeds, moved, start.clip)
        return self._make(wanted, batch, call, {**arguments, **inputs}, fps)

    def _latent(self, spec: InputSpec, key: Key, wanted: Request) -> NDArray[np.float32]:
        """The latent float32 [*shape] of one input at a key."""
        if isinstance(key, int | np.integer):
            return wanted.drawn(spec, check_seeds(1, key, None))[0]
        if isinstance(key, Mapping):
            if spec.name not in key:
                raise InputError(spec.name, f"a key lacks the latent '{spec.name}'; give it, or a seed")
            key = key[spec.name]
        return spread(spec, key, 1)[0]

    def _make(self, wanted: Request, batch: int, call: str, arguments: Mapping[str, Any], fps: float = 12.0) -> Samples:
        """Runs a request in batches."""
        _positive("batch", batch)
        fed: list[dict[str, NDArray[Any]]] = []
        made: list[NDArray[Any]] = []
        for start in range(0, len(wanted), int(batch)):
            fed.append(wanted.rows(start, min(start + int(batch), len(wanted))))
            made.append(self._edge(self.backend.run(fed[-1])))
        kept = {
            i.name: fed[0][i.name] if i.kind == "scalar" else np.concatenate([f[i.name] for f in fed])
            for i in self.spec.inputs
        }
        named = call == "sample" and wanted.from_seeds()
        seeds = tuple(int(s) for s in wanted.seeds) if named else ()
        return Samples(self.spec, np.concatenate(made), kept, seeds, self._settings(call, arguments), fps)

    def _part(self, wanted: Request, start: int, stop: int, arguments: Mapping[str, Any]) -> Samples:
        """Pictures `start` to `stop` of a request, as samples of their own."""
        rows = {
            name: value if self.spec.input(name).kind == "scalar" else value[start:stop]
            for name, value in wanted.given.items()
        }
        part = Request(self.spec, wanted.seeds[start:stop], rows, wanted.clip)
        cut = {k: v[start:stop] if isinstance(v, list | tuple) else v for k, v in arguments.items()}
        return self._make(part, stop - start, "sample", {"seeds": part.seeds, **cut})

    def _edge(self, output: NDArray[np.float32]) -> NDArray[Any]:
        """Pictures become uint8 [N, H, W, C]; points stay float32 [N, d]."""
        if self.spec.output.kind == "points":
            return np.asarray(output, dtype=np.float32)
        return to_uint8(output, self.spec.output.range)

    def _settings(self, call: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {k: v for k, v in arguments.items() if v is not None}
        return settings(self.checksum, self.spec.name, call, wanted)


def _positive(name: str, value: Any) -> Any:
    """The value, if it is a number above 0; InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
        raise InputError(name, f"{name} is {value!r}; a number above 0 is needed")
    return value


def load(path: str | Path, generator: str | None = None, step: int | None = None, raw: bool = False) -> Sampler:
    """The sampler of a model: an .onnx file, a folder of them, a run folder or a checkpoint.

    generator   which one, if the model has several; the first is the default
    step        of a run: the snapshot of that step
    raw         of a run: the weights themselves, not their average
    An .onnx file never imports torch. GanzooError, one sentence, for anything that cannot be loaded.
    """
    place = Path(path)
    files = sorted(place.glob("*.onnx")) if place.is_dir() and not (place / "run.json").exists() else []
    if place.suffix.lower() == ".onnx" and not place.is_dir():
        files = [place]
    if files:
        if step is not None or raw:
            raise InputError("step", f"{place} is exported, not a run; leave out step and raw")
        from ganzoo.onnx_backend import OnnxBackend

        backends: dict[str, Backend] = {}
        for file in files:
            backend = OnnxBackend.open(file)
            name = backend.spec.name
            if name in backends:
                raise DamagedFile(f"{place} holds generator '{name}' twice; keep one of the files")
            backends[name] = backend
        return _choose(place, _first(backends), generator)
    if not place.exists():
        raise GanzooError(f"there is no model at {place}; an .onnx file, a run or a checkpoint is needed")
    if not place.is_dir() and place.suffix.lower() != ".safetensors":
        raise DamagedFile(f"{place} is no model; an .onnx or .safetensors file or a run is needed")
    from ganzoo.torch_backend import open_run

    return _choose(place, dict(open_run(place, step, raw)), generator)


def _first(backends: dict[str, Backend]) -> dict[str, Backend]:
    """The default generator to the front: the one whose card says so."""
    ordered = sorted(backends, key=lambda name: not backends[name].card.get("default"))
    return {name: backends[name] for name in ordered}


def _choose(path: Path, backends: Mapping[str, Backend], generator: str | None) -> Sampler:
    if generator is not None and generator not in backends:
        raise InputError("generator", f"{path} has no generator '{generator}'" + did_you_mean(generator, backends))
    samplers: dict[str, Sampler] = {}
    for name, backend in backends.items():
        samplers[name] = Sampler(backend, samplers)
    return samplers[generator if generator is not None else next(iter(samplers))]
