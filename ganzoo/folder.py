"""The folder of a run: what lies where, who may write it, and what is kept.

run.json        status and provenance        metrics.jsonl   a line of numbers for every log interval
recipe.toml     the recipe                   log.txt         what was said
samples/        pictures by step             checkpoints/    to resume from: the last few and the best
curves.png      the numbers drawn            snapshots/      generators to look back at, never deleted
tensorboard/    event files                  run.lock        held by the process that trains
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ganzoo.errors import DamagedFile, GanzooError, SpaceError
from ganzoo.files import AnyPath, atomic, finite, read_bytes, read_json, space_errors, sweep, sync, write_json

FORMAT = 1
T = TypeVar("T")


class RunFolder:
    """The folder of one run: `create` makes one, `open` finds one; only the holder of `lock` writes to it."""

    def __init__(self, path: AnyPath) -> None:
        self.path = Path(path)
        self.run = self.path / "run.json"
        self.recipe = self.path / "recipe.toml"
        self.metrics = self.path / "metrics.jsonl"
        self.curves = self.path / "curves.png"
        self.log = self.path / "log.txt"
        self.tensorboard = self.path / "tensorboard"

    @classmethod
    def create(cls, variant: str, source: str, out: AnyPath | None = None, root: AnyPath = "runs") -> RunFolder:
        """A new run's folder: `out` if given, else `<root>/<variant>-<source>-<n>` with the smallest free n.

        A source's argument (after the colon) is no part of the name. Raises GanzooError when `out` exists and
        is not an empty folder, SpaceError where no folder can be made.
        """
        if out is not None:
            return cls(_claimed(Path(out)))
        stem = f"{_slug(variant)}-{_slug(source.partition(':')[0])}"
        with space_errors(root):
            n = 1
            while not _made(Path(root) / f"{stem}-{n}"):
                n += 1
        return cls(Path(root) / f"{stem}-{n}")

    @classmethod
    def open(cls, path: AnyPath) -> RunFolder:
        """The run at `path`; GanzooError if it is none or a newer ganzoo's, DamagedFile if unreadable."""
        folder = cls(path)
        if folder.path.is_file():
            raise GanzooError(f"{path} is a file, and a run is a folder; give the folder that 'ganzoo train' made")
        if not folder.path.is_dir():
            raise GanzooError(f"there is no run folder {path}; check the path")
        if not folder.run.is_file():
            raise GanzooError(f"{path} is not a run folder: it has no run.json")
        folder.read()
        return folder

    # run.json

    def read(self) -> dict[str, Any]:
        """What run.json says; errors as in `open`."""
        about = read_json(self.run)
        number = about.get("format") if isinstance(about, dict) else None
        if not isinstance(number, int):
            raise DamagedFile(f"{self.run} is damaged: it has no format number; restore it from a copy")
        if number > FORMAT:
            known = f"this ganzoo reads formats up to {FORMAT}"
            raise GanzooError(f"{self.path} has format {number} and {known}; install a newer ganzoo")
        return dict(about)

    def update(self, **changes: Any) -> dict[str, Any]:
        """Writes run.json with these keys set (it need not exist yet), and returns all of it."""
        about = {**(self.read() if self.run.exists() else {}), **changes, "format": FORMAT}
        write_json(self.run, about)
        return about

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Within: this process alone writes here, and what killed ones left half-written is removed.

        Raises GanzooError, naming the other process, when one holds it. The system lets go of it when a
        process dies, however it dies.
        """
        import fcntl

        path = self.path / "run.lock"
        with contextlib.ExitStack() as stack:
            with space_errors(path):
                file = stack.enter_context(open(path, "a+", encoding="utf-8"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = " of ".join(file.read().split()[:2]) or "unknown"
                what = f"{self.path} is in use by process {holder}"
                raise GanzooError(f"{what}; wait for it to end, or stop it") from error
            except OSError as error:
                raise GanzooError(f"cannot lock {path}: {error.strerror}; use a local disk") from error
            with space_errors(path):
                file.truncate(0)
                file.write(f"{os.getpid()} {socket.gethostname()}\n")
                file.flush()
            for name in (".", "checkpoints", "snapshots", "samples"):
                sweep(self.path / name)
            yield

    # metrics.jsonl and log.txt

    def append(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Adds one line of metrics, keys in the order given, and returns it; a number that is not finite becomes null.

        Rows hold `step` and what follows from the seed: never a clock value. SpaceError as in `atomic`.
        """
        written: dict[str, Any] = finite(dict(row))
        line = json.dumps(written) + "\n"
        with space_errors(self.metrics), open(self.metrics, "a+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":  # half a line of a killed process
                    file.truncate(self.metrics.read_bytes().rfind(b"\n") + 1)
            file.write(line.encode())
        return written

    def flush(self) -> None:
        """The metrics are on the disk: a checkpoint written after this never knows rows that a power cut takes."""
        if self.metrics.exists():
            with space_errors(self.metrics):
                sync(self.metrics)

    def rows(self) -> list[dict[str, Any]]:
        """The metrics, without a last line that was cut short; DamagedFile if another line is unreadable."""
        return [row for row, _ in self._lines()]

    def cut(self, step: int) -> None:
        """Makes the folder that of a run at `step`: drops later metrics, sets later checkpoints aside.

        When `step` is that of `newest_good`, later ones are damaged; they are renamed to `*.damaged`.
        """
        kept = b"".join(line for row, line in self._lines() if int(row["step"]) <= step)
        if self.metrics.exists():
            with atomic(self.metrics) as temporary:
                temporary.write_bytes(kept)
        for later in self.checkpoints():
            if _step(later) > step:
                with space_errors(later):
                    later.replace(later.with_name(later.name + ".damaged"))

    def _lines(self) -> list[tuple[dict[str, Any], bytes]]:
        if not self.metrics.exists():
            return []
        found = []
        for number, line in enumerate(read_bytes(self.metrics).splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                row = json.loads(line)
                int(row["step"])
            except (ValueError, TypeError, KeyError) as error:
                what = f"{self.metrics} is damaged: line {number} is unreadable"
                raise DamagedFile(f"{what}; remove that line") from error
            found.append((row, line))
        return found

    def say(self, text: str) -> None:
        """Adds a line to log.txt."""
        with space_errors(self.log), open(self.log, "a", encoding="utf-8") as file:
            file.write(text.rstrip("\n") + "\n")

    # files of a step

    def checkpoint_path(self, step: int) -> Path:
        """Where the checkpoint of a step goes; makes its folder."""
        return self._path("checkpoints", step, "safetensors")

    def snapshot_path(self, step: int) -> Path:
        """Where the snapshot of a step goes; makes its folder."""
        return self._path("snapshots", step, "safetensors")

    def sample_path(self, step: int) -> Path:
        """Where the picture of a step goes; makes its folder."""
        return self._path("samples", step, "png")

    def checkpoints(self) -> list[Path]:
        """All checkpoints, oldest first, good or not."""
        return _by_step(self.path / "checkpoints", "safetensors")

    def snapshots(self) -> list[Path]:
        """All snapshots, oldest first."""
        return _by_step(self.path / "snapshots", "safetensors")

    def samples(self) -> list[Path]:
        """All pictures made while training, oldest first."""
        return _by_step(self.path / "samples", "png")

    def newest_good(self, read: Callable[[Path], T], warn: Callable[[str], None]) -> tuple[Path, T]:
        """The newest checkpoint that `read` takes without DamagedFile, and what it made of it.

        Each damaged one is told to `warn` in a sentence. GanzooError if there is no checkpoint, DamagedFile
        if every one is damaged; other errors of `read` pass.
        """
        found = self.checkpoints()
        if not found:
            raise GanzooError(f"{self.path} has no checkpoint yet; train it anew")
        for path in reversed(found):
            try:
                return path, read(path)
            except DamagedFile as error:
                warn(str(error))
            except GanzooError:
                if path.exists():
                    raise  # else the run that trains has just removed it
        raise DamagedFile(f"no checkpoint of {self.path} is whole; train it anew")

    def keep(self, last: int = 3, best: int | None = None) -> list[Path]:
        """Removes all checkpoints but the newest `last` and that of step `best`; returns what it removed."""
        removed = [path for path in self.checkpoints()[: -max(last, 1)] if _step(path) != best]
        for path in removed:
            with space_errors(path):
                path.unlink(missing_ok=True)
        return removed

    def _path(self, folder: str, step: int, suffix: str) -> Path:
        with space_errors(self.path / folder):
            (self.path / folder).mkdir(exist_ok=True)
        return self.path / folder / f"step-{step:08d}.{suffix}"


def snapshot_due(step: int, first: int) -> bool:
    """Whether a snapshot is kept after `step` steps: at first, 2 first, 4 first, ...; never if `first` is 0.

    A function of the step and the recipe alone, so that a run that is resumed keeps the same ones.
    """
    times, rest = divmod(step, first) if first > 0 else (0, 0)
    return rest == 0 and times > 0 and times & (times - 1) == 0


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "run"


def _made(path: Path) -> bool:
    """Whether this call made the folder: of several callers, one does."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return False
    except NotADirectoryError as error:
        raise GanzooError(f"cannot make the folder {path}: a file is in the way; name another") from error
    except FileNotFoundError as error:  # with parents=True: in such as /proc
        raise SpaceError(f"cannot write {path}: no folder can be made there; choose another place") from error
    return True


def _claimed(path: Path) -> Path:
    """`path`, made if it is absent; GanzooError if it is there and not an empty folder."""
    with space_errors(path):
        if _made(path):
            return path
        if not path.is_dir():
            raise GanzooError(f"{path} is not a folder; name an empty folder or one that does not exist yet")
        if any(path.iterdir()):
            raise GanzooError(f"{path} is not empty; name a new folder, or use `ganzoo resume {path}`")
    return path


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _by_step(folder: Path, suffix: str) -> list[Path]:
    found = [path for path in folder.glob(f"step-*.{suffix}") if re.fullmatch(r"step-\d+", path.stem)]
    return sorted(found, key=_step)
