"""The models that are served, and the few workers that draw for everybody.

The page and the HTTP API ask the same `Studio` in the same words: a `Wish`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from ganzoo.app.wishes import Unknown, Wish, asked_of
from ganzoo.errors import GanzooError, InputError, did_you_mean
from ganzoo.folder import RunFolder
from ganzoo.loading import load
from ganzoo.sampler import Sampler, Samples
from ganzoo.specs import GIVEN, GeneratorSpec

T = TypeVar("T")
Gone = Callable[[], Awaitable[bool]]
"""Says whether the client that asked has left."""


SNAPSHOTS = 16
"""Generators of earlier steps that stay in memory."""


DRAWING = "ganzoo-draw"
"""How the names of the threads begin."""


class Busy(GanzooError):
    """Every worker is at work and the queue is full, or the server is closing."""


class Pool:
    """`workers` threads and a queue of at most `queue` jobs."""

    def __init__(self, workers: int, queue: int) -> None:
        self.workers = workers
        self.closing = False
        self._slots = threading.BoundedSemaphore(workers + queue)
        self._under_way = 0
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=DRAWING)

    @property
    def under_way(self) -> int:
        """Jobs accepted and not finished."""
        return self._under_way

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Runs `job` when a worker is free; Busy when the queue is full."""
        if self.closing:
            raise Busy("the server is closing; ask again when it is back")
        if not self._slots.acquire(blocking=False):
            raise Busy("too many requests are waiting; ask again in a moment")
        self._count(1)
        try:
            future = self._threads.submit(job)
        except RuntimeError as error:
            self._free(None)
            raise Busy("the server is closing; ask again when it is back") from error
        future.add_done_callback(self._free)
        return future

    async def run(self, job: Callable[[], T], gone: Gone | None = None) -> T:
        """Awaits `job`; a job that still waits is dropped when `gone()` says that nobody wants it."""
        future = asyncio.wrap_future(self.submit(job))
        while gone is not None:
            done, _ = await asyncio.wait({future}, timeout=0.5)
            if done:
                break
            if await gone():
                future.cancel()
                raise Busy("the client has left")
        return await future

    async def drain(self, seconds: float) -> None:
        """Accepts nothing more and waits until all is done, at most so long."""
        self.closing = True
        end = asyncio.get_running_loop().time() + seconds
        while self.under_way and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """Ends the threads; jobs that wait are dropped."""
        self.closing = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _count(self, by: int) -> None:
        with self._lock:
            self._under_way += by

    def _free(self, _: Future[Any] | None) -> None:
        self._count(-1)
        self._slots.release()


class Studio:
    """Samplers by the name they are served under; the first is the default.

    files   what each was loaded from, for the command lines that the page shows
    runs    of those that were loaded from a run, its folder
    root    the path a proxy serves us under, or ''
    """

    def __init__(
        self,
        samplers: Mapping[str, Sampler],
        pool: Pool,
        files: Mapping[str, str],
        root: str,
        runs: Mapping[str, RunFolder] | None = None,
    ) -> None:
        self.samplers = dict(samplers)
        self.runs = dict(runs or {})
        self._given: dict[str, tuple[Path, str]] = {}
        self._kept = lru_cache(SNAPSHOTS)(self._load)
        self.pool = pool
        self.files = dict(files)
        self.root = root

    @classmethod
    def open(cls, models: Sequence[Path], pool: Pool, root: str = "") -> Studio:
        """Loads models; the second of a name is called name-2. GanzooError if one cannot be loaded."""
        if not models:
            raise GanzooError("there is no model to serve; name an .onnx file or a run")
        samplers: dict[str, Sampler] = {}
        files: dict[str, str] = {}
        runs: dict[str, RunFolder] = {}
        given: dict[str, tuple[Path, str]] = {}
        for path in models:
            base = _free_name(path.resolve().stem if path.is_file() else path.resolve().name, samplers)
            for name, sampler in _shown(path, base).items():
                samplers[name] = sampler
                files[name] = path.name or path.resolve().name
                given[name] = path, base
                if (path / "run.json").is_file():
                    runs[name] = RunFolder(path)
        studio = cls(samplers, pool, files, root, runs)
        studio._given = given
        return studio

    def reload(self) -> list[str]:
        """Loads every model anew; one that cannot be stays as it was, and the reason is returned."""
        reasons = []
        self._kept.cache_clear()
        for path, base in dict.fromkeys(self._given.values()):
            names = [name for name, given in self._given.items() if given == (path, base)]
            try:
                fresh = _shown(path, base)
                for name in names:
                    if name not in fresh or asked_of(fresh[name]) != self.spec(name):
                        raise GanzooError(f"'{name}' now takes or makes something else; start the server anew")
            except GanzooError as error:
                reasons.append(f"{path} is not loaded again, the model from before goes on: {error}")
                continue
            self.samplers.update({name: fresh[name] for name in names})
        return reasons

    @property
    def default(self) -> str:
        """The name of the model that is meant when none is named."""
        return next(iter(self.samplers))

    @property
    def takes_pictures(self) -> bool:
        """Whether any served model starts from a picture."""
        return any(self.spec(name).of_kind("image") for name in self.samplers)

    def sampler(self, name: str) -> Sampler:
        """The model of that name; Unknown if it is not served."""
        if name not in self.samplers:
            raise Unknown("model", f"no model is named '{str(name)[:100]}'" + did_you_mean(str(name), self.samplers))
        return self.samplers[name]

    def spec(self, name: str) -> GeneratorSpec:
        """What may be asked of the model of that name; Unknown if it is not served."""
        return asked_of(self.sampler(name))

    def steps(self, name: str) -> list[int]:
        """The steps of a model's training that can be looked back at: those that are kept, and the newest."""
        if name not in self.runs:
            return []
        there = [*self.runs[name].snapshots(), *self.runs[name].checkpoints()[-1:]]
        return sorted({int(path.stem.removeprefix("step-")) for path in there})

    def snapshot(self, name: str, step: int) -> Sampler:
        """The model as it was at a step; InputError if it is not kept, or not whole."""
        if step not in self.steps(name):
            raise InputError("step", f"nothing is kept of step {step}")
        return self._kept(name, step)

    def _load(self, name: str, step: int) -> Sampler:
        try:
            return load(self.runs[name].path, generator=self.sampler(name).spec.name, step=step)
        except GanzooError as error:
            raise InputError("step", f"what was kept of step {step} cannot be read") from error

    def wish(self, asked: Any) -> Wish:
        """What was asked for, checked; InputError names the field at fault."""
        return Wish.read(asked, self.spec, self.default)

    async def draw(
        self, wish: Wish, make: Callable[[Samples], T], gone: Gone | None = None, sampler: Sampler | None = None
    ) -> T:
        """`make(samples)` of a wish, drawn and made by a worker; Busy, InputError."""
        drawing = sampler or self.sampler(wish.model)
        return await self.pool.run(lambda: make(drawing.sample(**wish.arguments)), gone)


def _shown(path: Path, base: str) -> dict[str, Sampler]:
    """The generators of a model that make something to look at, by the name they are served under."""
    found = {}
    default = load(path)
    for generator, sampler in default.generators.items():
        if sampler.spec.output.kind == "latent":
            continue  # made for another generator, not for the eye
        if sampler is not default and any(i.distribution == GIVEN for i in sampler.spec.of_kind("latent")):
            continue  # a part of the default, whose pictures are the same
        if not sampler.spec.of_kind("image"):
            sampler.sample(1)  # what cannot draw is said now, not to the first visitor
        found[base if sampler is default else f"{base}/{generator}"] = sampler
    if not found:
        made = f"{path} makes latents for another generator and nothing to look at"
        raise GanzooError(f"{made}; serve the folder that holds all generators of the model")
    return found


def _free_name(wanted: str, taken: Mapping[str, Any]) -> str:
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name
