"""Where data sets lie, and how a missing one is fetched."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs

from ganzoo.errors import DataError

TIMEOUT = 8.0  # seconds of silence from a server that are taken for no answer


def data_root(root: Path | None) -> Path:
    """`root` if given, else GANZOO_DATA, else `data` in the user's cache folder."""
    given = root or os.environ.get("GANZOO_DATA")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("ganzoo") / "data"


def download(name: str, folder: Path, files: str, fetch: Callable[[], object]) -> None:
    """Runs `fetch`, which downloads into `folder`; its talk goes to stderr.

    DataError, one sentence that says what to fetch and where to put it, when nothing comes; then no empty
    folders stay behind.
    """
    fresh = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _patience(), contextlib.redirect_stdout(sys.stderr):
            fetch()
    except (OSError, RuntimeError, ValueError, EOFError, ImportError) as error:
        if fresh:
            for place in (*sorted(folder.rglob("*"), reverse=True), folder):
                with contextlib.suppress(OSError):  # what is not an empty folder stays
                    place.rmdir()
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1].rstrip(".") if lines else type(error).__name__
        raise DataError(
            f"'{name}' is not in {folder} and could not be downloaded ({reason}); fetch {files} elsewhere, "
            "put what you fetched there, or name another folder by --data-root or GANZOO_DATA"
        ) from error


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
