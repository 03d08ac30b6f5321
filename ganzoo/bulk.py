"""Many samples, in shards: several processes, one single-threaded session of ONNX Runtime each.

A shard is a range of the request and nothing else, so its bytes are the same however many processes there
are, and whichever makes it. `index.json` is written after every shard; a shard gets its name when it is
whole. So the same request into the same folder makes only what is missing or damaged.

The workers are processes of their own (`work`), which start without torch and never import the caller's
main module. Nothing here takes more memory for more samples than eight bytes each for their seeds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import itertools
import multiprocessing.connection
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import GanzooError, InputError, SpaceError
from ganzoo.feeds import Request, cut, seed_ranges
from ganzoo.files import atomic, canonical, make_folder, read_json, sha256_of, space_errors, sweep, write_json
from ganzoo.onnx_file import parse
from ganzoo.placeless import placeless_card
from ganzoo.priors import PRIORS
from ganzoo.sampler import BATCH, Sampler
from ganzoo.samples import Samples, settings
from ganzoo.specs import GIVEN

FORMAT = 1
"""Of `index.json`."""
INDEX = "index.json"
TRIES = 3
"""How often a shard is begun before its killed workers are taken for its fault."""
PAUSE = 0.25
"""Seconds between two reports of a worker."""

Kind = Literal["tar", "npz"]
Connection = multiprocessing.connection.Connection


@dataclasses.dataclass(frozen=True)
class Model:
    """What a worker is told first.

    generators   ONNX files, the one that is sampled first, then those that make its latents
    identity     of the model that was named: what its samples carry
    plugins      the folder of plugins, where a prior is one of theirs
    """

    generators: tuple[bytes, ...]
    identity: Mapping[str, Any]
    plugins: Path | None


@dataclasses.dataclass(frozen=True)
class Shard:
    """Samples `start` and on of a request, as one file.

    seeds, given, truncation   as `Sampler.sample` takes them
    theirs                     inputs of the generators that make latents for this one
    arguments                  as they were asked for, to be written into pictures
    """

    path: Path
    start: int
    seeds: NDArray[np.int64]
    given: Mapping[str, NDArray[Any]]
    truncation: float | None
    theirs: Mapping[str, Any]
    arguments: Mapping[str, Any]


def write(
    sampler: Sampler,
    out: Path,
    wanted: Request,
    arguments: Mapping[str, Any],
    shards: int,
    workers: int,
    kind: Kind,
    progress: Callable[[int], None],
) -> Path:
    """Makes the shards that are not there yet; `Sampler.shards` says what is written and raised."""
    plan = _plan(sampler, wanted, arguments, shards, kind)
    big = [name for name, value in arguments.items() if isinstance(value, np.ndarray) and value.ndim > 1]
    arguments = {**arguments, **dict.fromkeys(big)}  # which no picture carries, and every process would be sent
    with _alone(out):
        done = _finished(out, plan)
        entries = [{**entry, **done.get(entry["file"], {})} for entry in plan["shards"]]
        lacking = [k for k, entry in enumerate(entries) if "sha256" not in entry]
        ready = len(wanted) - sum(entries[k]["n"] for k in lacking)
        progress(ready)
        write_json(out / INDEX, {**plan, "shards": entries})
        if lacking:
            model = _model(sampler, wanted)
            todo = ((k, _shard(out / entries[k]["file"], wanted, arguments, *_edges(len(wanted), shards, k)))
                    for k in lacking)  # fmt: skip
            for k, about in _made(model, todo, min(workers, len(lacking)), lambda n: progress(ready + n)):
                entries[k] |= about
                write_json(out / INDEX, {**plan, "shards": entries})
    return out / INDEX


def _plan(sampler: Sampler, wanted: Request, arguments: Mapping[str, Any], shards: int, kind: Kind) -> dict[str, Any]:
    """What `index.json` says before anything is made."""
    if not 1 <= shards <= len(wanted):
        raise InputError("shards", f"{len(wanted)} samples cannot be put in {shards} shards; 1 to {len(wanted)} can be")
    if kind == "tar" and sampler.spec.output.kind == "points":
        raise InputError("format", "a tar holds pictures; points are written as npz")
    theirs = {name: repr(value) for name, value in _theirs(wanted).items()}
    digest = hashlib.sha256(canonical([wanted.clip, sorted(wanted.given), *([theirs] if theirs else [])]).encode())
    for array in (wanted.seeds, *(wanted.given[name] for name in sorted(wanted.given))):
        digest.update(np.ascontiguousarray(array).data)
    listed = []
    for k in range(shards):
        start, stop = _edges(len(wanted), shards, k)
        seeds = seed_ranges(wanted.seeds[start:stop]) if wanted.from_seeds() else ""
        listed.append({"file": f"shard-{k:05d}.{kind}", "n": stop - start, "seeds": seeds})
    return {
        "format": FORMAT,
        "model": sampler.checksum,
        "generator": sampler.spec.name,
        "card": placeless_card(sampler.card),
        "n": len(wanted),
        "settings": settings(sampler.identity, sampler.spec, "sample", {"seeds": wanted.seeds, **arguments}),
        "request": digest.hexdigest(),
        "shards": listed,
    }


def _edges(n: int, shards: int, k: int) -> tuple[int, int]:
    """The samples of shard k: from, and up to."""
    return k * n // shards, (k + 1) * n // shards


def _shard(path: Path, wanted: Request, arguments: Mapping[str, Any], start: int, stop: int) -> Shard:
    part = wanted.part(start, stop)
    return Shard(path, start, part.seeds, part.given, part.clip, _theirs(part), cut(arguments, start, stop))


def _theirs(wanted: Request) -> dict[str, Any]:
    """The inputs of those that make its latents, which are alike for all samples."""
    makers: Any = wanted.makers.values()
    return {name: value for made in makers for name, value in made.inputs.items() if value is not None}


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Within: the folder is there, this process alone fills it, and nothing half-written is left behind."""
    if out.exists() and not out.is_dir():
        raise InputError("out", f"{out} is a file; shards are written into a folder")
    make_folder(out)
    with space_errors(out):
        folder = os.open(out, os.O_RDONLY)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, folder)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GanzooError(f"{out} is being filled by another process; wait for it to end") from error
        stack.callback(sweep, out)
        sweep(out)
        yield


def _finished(out: Path, plan: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By file name, the checksum and size of every shard that is there and whole.

    GanzooError if the folder holds anything but what the plan makes.
    """
    if not (out / INDEX).exists():
        if any(out.iterdir()):
            raise GanzooError(f"{out} is not empty and has no {INDEX}; name an empty or a new folder")
        return {}
    found = read_json(out / INDEX)
    number = found.get("format") if isinstance(found, dict) else None
    if isinstance(number, int) and number > FORMAT:
        raise GanzooError(f"{out} has format {number} and this ganzoo knows up to {FORMAT}; install a newer ganzoo")
    stored = found.get("shards") if isinstance(found, dict) else None
    whole = isinstance(stored, list) and all(isinstance(entry, dict) for entry in stored)
    if not isinstance(found, dict) or not whole or not isinstance(stored, list):
        raise GanzooError(f"{out / INDEX} is not an index of shards; name another folder")
    begun = {**found, "shards": [{k: entry.get(k) for k in ("file", "n", "seeds")} for entry in stored]}
    for name, value in plan.items():
        if canonical(begun.get(name)) != canonical(value):
            which = f"the number or kind of {name}" if name == "shards" else name
            what = f"{out} was begun with other settings ({which} is not the same)"
            raise GanzooError(f"{what}; give the same again, or name another folder")
    done = {}
    for entry in stored:
        place = out / str(entry["file"])
        if entry.get("sha256") and place.is_file() and sha256_of(place) == entry["sha256"]:
            done[str(entry["file"])] = {"sha256": entry["sha256"], "bytes": place.stat().st_size}
    return done


def _model(sampler: Sampler, wanted: Request) -> Model:
    """What the workers need of a model for this request."""
    drawn = [i.distribution for i in sampler.spec.of_kind("latent") if i.name not in wanted.given]
    others = [other for other in sampler.generators.values() if other is not sampler and GIVEN in drawn]
    plugins = None
    if not {*drawn, *(i.distribution for o in others for i in o.spec.of_kind("latent"))} <= {*PRIORS, GIVEN}:
        from ganzoo import zoo

        plugins = zoo.folder()
    return Model(tuple(one.backend.onnx() for one in (sampler, *others)), sampler.identity, plugins)


class _Worker:
    """One process and what it is at; `made` counts the samples of its shard."""

    def __init__(self, model: Model) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        path = os.pathsep.join(place for place in sys.path if place)
        command = "import sys; from ganzoo.bulk import work; work(int(sys.argv[1]))"
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C is the caller's, who stops the workers
                env={**os.environ, "PYTHONPATH": path},
            )
        self.made = 0
        self.give(model)

    def give(self, what: Any) -> None:
        with contextlib.suppress(ConnectionError):  # a dead one is met when it is listened to
            self.connection.send(what)

    def stop(self) -> int:
        """Ends the process, which has nothing to lose, and says how it ended."""
        self.connection.close()
        self.process.kill()
        return self.process.wait()


def _made(
    model: Model, todo: Iterator[tuple[int, Shard]], workers: int, progress: Callable[[int], None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (number, {"sha256", "bytes"}) of each shard as it is finished.

    The shard of a worker that dies goes to a new one. GanzooError for what a worker cannot do, and for a
    shard whose workers die again and again.
    """
    busy: dict[Connection, tuple[_Worker, int, Shard]] = {}
    idle: list[_Worker] = []
    again: deque[tuple[int, Shard]] = deque()
    deaths: Counter[int] = Counter()
    total = 0
    try:
        while True:
            while len(busy) < workers:
                following = again.popleft() if again else next(todo, None)
                if following is None:
                    break
                worker = idle.pop() if idle else _Worker(model)
                worker.give(following[1])
                busy[worker.connection] = (worker, *following)
            if not busy:
                return
            for ready in multiprocessing.connection.wait(list(busy)):
                assert isinstance(ready, Connection)
                worker, k, shard = busy[ready]
                try:
                    said = ready.recv()
                except (EOFError, ConnectionError):
                    del busy[ready]
                    worker.made = 0
                    deaths[k] += 1
                    code = worker.process.wait()
                    if deaths[k] == TRIES:
                        how = f"by signal {-code}" if code < 0 else f"with code {code}"
                        what = f"the process that makes {shard.path} ended {how}, {TRIES} times"
                        raise GanzooError(f"{what}; give it more memory, or use fewer workers") from None
                    again.append((k, shard))
                    continue
                if isinstance(said, GanzooError):
                    raise said
                if isinstance(said, int):
                    worker.made = said
                else:
                    del busy[ready]
                    idle.append(worker)
                    total, worker.made = total + len(shard.seeds), 0
                    yield k, said
                progress(total + sum(other.made for other, *_ in busy.values()))
    finally:
        for worker in (*idle, *(worker for worker, *_ in busy.values())):
            worker.stop()


def work(descriptor: int) -> None:
    """What a worker does: takes the model, then shards, until nobody listens any more."""
    connection = Connection(descriptor)
    with contextlib.suppress(EOFError, ConnectionError):
        model: Model = connection.recv()
        try:
            sampler = _sampler(model)
            while True:
                connection.send(_shard_made(sampler, model.identity, connection.recv(), connection))
        except (EOFError, ConnectionError):
            raise
        except GanzooError as error:
            kind = SpaceError if isinstance(error, SpaceError) else GanzooError
            connection.send(kind(str(error)))
        except Exception as error:  # told to the one who can say it
            connection.send(GanzooError(f"a worker failed with an unexpected {type(error).__name__}: {error}"))


def _sampler(model: Model) -> Sampler:
    """The model in a session of its own."""
    from ganzoo.onnx_backend import OnnxBackend

    if model.plugins is not None:
        from ganzoo import zoo

        zoo.configure(model.plugins)
    samplers: dict[str, Sampler] = {}
    for data in model.generators:
        backend = OnnxBackend(parse(Path("the model"), data))
        samplers[backend.spec.name] = Sampler(backend, samplers)
    return next(iter(samplers.values()))


def _shard_made(sampler: Sampler, identity: Mapping[str, Any], shard: Shard, connection: Connection) -> dict[str, Any]:
    """Writes a shard; its checksum and size."""
    with atomic(shard.path) as aside:
        with open(aside, "wb") as file:
            parts = _parts(sampler, identity, shard, connection)
            if shard.path.suffix == ".tar":
                _tar(file, parts, shard.start)
            else:
                _npz(file, parts, len(shard.seeds))
        about = {"sha256": sha256_of(aside), "bytes": aside.stat().st_size}
    return about


def _parts(sampler: Sampler, identity: Mapping[str, Any], shard: Shard, connection: Connection) -> Iterator[Samples]:
    """The shard's samples, a batch at a time; how far it is is told now and then."""
    told = time.monotonic()
    count = len(shard.seeds)
    scalars = {spec.name for spec in sampler.spec.of_kind("scalar")}
    for start in range(0, count, BATCH):
        rows = slice(start, min(start + BATCH, count))
        given = {k: v if k in scalars else v[rows] for k, v in shard.given.items()}
        made = sampler.sample(seeds=shard.seeds[rows], **{"truncation": shard.truncation, **shard.theirs, **given})  # type: ignore[arg-type]
        said = {"seeds": shard.seeds[rows], **cut(shard.arguments, rows.start, rows.stop)}
        yield dataclasses.replace(made, settings=settings(identity, sampler.spec, "sample", said))
        if time.monotonic() - told > PAUSE:
            told = time.monotonic()
            connection.send(rows.stop)


def _tar(file: IO[bytes], parts: Iterator[Samples], number: int) -> None:
    """One PNG each, and NAME.cls with the class number for each label input, as WebDataset reads them.

    Written block by block: `tarfile` would keep a record of every member.
    """
    for samples in parts:
        labels = [spec.name for spec in samples.spec.of_kind("label")]
        for k in range(len(samples)):
            stem = f"{number:08d}" + (f"-seed-{samples.seeds[k]}" if samples.seeds else "")
            _member(file, f"{stem}.png", samples.png(k))
            for name in labels:
                _member(file, f"{stem}.{name}.cls", str(int(samples.inputs[name][k])).encode())
            number += 1
    file.write(bytes(2 * tarfile.BLOCKSIZE))


def _member(file: IO[bytes], name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    file.write(entry.tobuf(tarfile.USTAR_FORMAT))
    file.write(data)
    file.write(bytes(-len(data) % tarfile.BLOCKSIZE))


def _npz(file: IO[bytes], parts: Iterator[Samples], count: int) -> None:
    """`images` or `points`, `seeds`, and the class numbers of each label input by its name."""
    first = next(parts)
    main = {"image": "images", "points": "points", "latent": "latents"}[first.spec.output.kind]
    columns: dict[str, list[NDArray[np.int64]]] = {"seeds": []}
    names = {spec.name: f"input_{spec.name}" if spec.name in (main, "seeds") else spec.name
             for spec in first.spec.of_kind("label")}  # fmt: skip
    with zipfile.ZipFile(file, "w") as archive:
        with _array(archive, main, (count, *first.output.shape[1:]), first.output.dtype) as place:
            for samples in itertools.chain([first], parts):
                place.write(np.ascontiguousarray(samples.output).data)
                columns["seeds"].append(np.asarray(samples.seeds, dtype=np.int64))
                for name, column in names.items():
                    columns.setdefault(column, []).append(samples.inputs[name])
        for column, pieces in columns.items():
            whole = np.concatenate(pieces)
            with _array(archive, column, whole.shape, whole.dtype) as place:
                place.write(whole.data)


@contextlib.contextmanager
def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[IO[bytes]]:
    """A member of an .npz to write an array's values to."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as place:
        np.lib.format.write_array_header_1_0(place, header)
        yield place
