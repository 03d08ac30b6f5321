"""Writing files so that a reader never meets half of one.

`atomic` writes beside the target, syncs, and renames: whatever kills the process, the target is the old
file or the new one. The disk's refusals become `SpaceError`, one sentence that names the file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganzoo.errors import DamagedFile, GanzooError, SpaceError

AnyPath = str | os.PathLike[str]

_FULL = {
    errno.ENOSPC: "there is no space left on the disk; free some or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EFBIG: "the file would be larger than the system allows; raise the limit or choose another place",
}
_CLOSED = {
    errno.EROFS: "the place is read-only; choose another",
    errno.EACCES: "there is no permission to write there; change it or choose another place",
    errno.EPERM: "the system does not permit it; choose another place",
}
_TEMPORARY = re.compile(r"\.tmp-(\d+)-([0-9a-f]{8})-\d+-.+", re.DOTALL)
_TOKEN = secrets.token_hex(4)  # tells this process from a dead one whose pid it was given
_count = itertools.count()


@contextlib.contextmanager
def space_errors(path: AnyPath) -> Iterator[None]:
    """Within: what the disk refuses (full, quota, size, read-only, permission) is a SpaceError about `path`.

    A refused permission that names a file elsewhere is not about `path` and passes unchanged.
    """
    try:
        yield
    except OSError as error:
        reason = _FULL.get(error.errno or 0)
        if reason is None and _is_at(error.filename, Path(path)):
            reason = _CLOSED.get(error.errno or 0)
        if reason is None:
            raise
        raise SpaceError(f"cannot write {path}: {reason}") from error


@contextlib.contextmanager
def atomic(path: AnyPath) -> Iterator[Path]:
    """Yields an empty file beside `path`, of the same suffix, to write into; then it becomes `path`.

    It is synced to disk, has the permissions that the umask gives a new file, replaces `path` in one step,
    and the folder is synced. If the block raises, `path` is as it was and the file beside it is gone.
    Raises SpaceError where the place cannot be written, also for refusals of the disk within the block, and
    GanzooError when `path` exists and is not a regular file.
    """
    target = Path(path)
    _refuse_irregular(target)
    temporary = target.parent / f".tmp-{os.getpid()}-{_TOKEN}-{next(_count)}-{target.name[-100:]}"
    try:
        with space_errors(target):
            with _ours(target):
                descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
                mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
                os.close(descriptor)
            yield temporary
            with _ours(target):
                os.chmod(temporary, mode)  # a writer may have put a file of its own in place of the empty one
                sync(temporary)
                os.replace(temporary, target)
            with contextlib.suppress(OSError):  # the file is in place, and some systems sync no folders
                sync(target.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def check_file(path: AnyPath) -> None:
    """SpaceError unless a file can be made at `path`: to be found out before the work, not after it."""
    target = Path(path)
    if not os.path.isdir(target.parent):  # which a folder that may not be entered does not make raise
        raise SpaceError(f"cannot write {target}: there is no folder {target.parent}; create it")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise SpaceError(f"cannot write {target}: {_CLOSED[errno.EACCES]}")


def check_folder(path: AnyPath) -> None:
    """As `check_file`, of a folder that is there or is made together with the folders above it."""
    target = Path(path)
    there = next(place for place in (target.absolute(), *target.absolute().parents) if os.path.exists(place))
    if not there.is_dir():
        raise SpaceError(f"cannot write {target}: {there} is no folder; choose another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise SpaceError(f"cannot write {target}: {_CLOSED[errno.EACCES]}")


def make_folder(path: AnyPath) -> None:
    """Makes a folder, and those above it, unless it is there; SpaceError if that cannot be."""
    check_folder(path)
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        number = error.errno or 0
        reason = _FULL.get(number) or _CLOSED.get(number) or "no folder can be made there; choose another place"
        raise SpaceError(f"cannot write {path}: {reason}") from error


def write_bytes(path: AnyPath, data: bytes | bytearray | memoryview) -> None:
    """Writes `data` as the whole of the file at `path`, atomically; errors as in `atomic`."""
    with atomic(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


def write_text(path: AnyPath, text: str) -> None:
    """Writes `text` in UTF-8 as the whole of the file at `path`, atomically; errors as in `atomic`."""
    write_bytes(path, text.encode("utf-8"))


def canonical(value: Any) -> str:
    """The one JSON text of a value: ASCII, keys sorted, no spaces; ValueError for NaN and infinities."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def finite(value: Any) -> Any:
    """A value of JSON with null for each number that is not finite: JSON has no NaN."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


def write_json(path: AnyPath, value: Any) -> None:
    """Writes JSON for people: keys sorted, indented by two, a newline at the end.

    Errors as in `atomic`; ValueError for NaN and infinities.
    """
    text = json.dumps(value, sort_keys=True, indent=2, separators=(",", ": "), allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: AnyPath) -> Any:
    """What `write_json` wrote; DamagedFile if it is not JSON, GanzooError if it cannot be read."""
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise DamagedFile(f"{path} is damaged: it is not JSON ({error}); restore it from a copy") from error


def read_bytes(path: AnyPath) -> bytes:
    """The whole file; GanzooError, one sentence, if it is missing or cannot be read."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise GanzooError(f"there is no file {path}; check the path") from error
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror or error}") from error


def sha256_of(path: AnyPath) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits; OSError if it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep(folder: AnyPath) -> list[Path]:
    """Removes what killed processes of this machine left behind in `atomic`; returns the files removed.

    Call it where no other machine writes at the same time (a run folder under its lock).
    """
    removed = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in sorted(Path(folder).iterdir()):
            left = _TEMPORARY.fullmatch(entry.name)
            if left and not _writing(int(left[1]), left[2]):
                with contextlib.suppress(OSError):
                    entry.unlink()
                    removed.append(entry)
    return removed


def _writing(pid: int, token: str) -> bool:
    """Whether the process that made a temporary file may still be writing it."""
    if pid == os.getpid():
        return token == _TOKEN
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _refuse_irregular(target: Path) -> None:
    try:
        kind = os.lstat(target).st_mode
    except OSError:
        return  # absent, or an error that opening it says better
    if not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "a link" if stat.S_ISLNK(kind) else "not a regular file"
        raise GanzooError(f"cannot write {target}: it is {what}; name a file, or one that does not exist yet")


@contextlib.contextmanager
def _ours(target: Path) -> Iterator[None]:
    """Within: our own dealings with the target's folder, where every refusal means: not writable."""
    try:
        yield
    except FileNotFoundError as error:
        reason = f"there is no folder {target.parent}; create it"
        if target.parent.is_dir():
            reason = "the system keeps no file there; choose another place"
        raise SpaceError(f"cannot write {target}: {reason}") from error
    except OSError as error:
        number = error.errno or 0
        reason = _FULL.get(number) or _CLOSED.get(number) or f"{error.strerror}; choose another place"
        raise SpaceError(f"cannot write {target}: {reason}") from error


def _is_at(filename: Any, target: Path) -> bool:
    """Whether an error's file is the target, its temporary file or its folder; yes if it names none."""
    if not isinstance(filename, str | os.PathLike):
        return True
    name = Path(filename)
    return name in (target, target.parent) or name.parent == target.parent


def sync(path: AnyPath) -> None:
    """What was written to a file, or into a folder, is on the disk; OSError if it cannot be."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
