"""The server's own temporary folder: bounded in age and size, gone when the server is."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from ganzoo.files import space_errors

AGE = 600.0
"""Seconds that a file is kept; a browser fetches it within one."""
SIZE = 256 * 1024 * 1024
"""Bytes of all files; the oldest go first."""
EVERY = 30.0


def stored(folder: Path, name: str, data: bytes) -> str:
    """The path of a file of this content, in a folder that is swept; as if new if it is there. SpaceError."""
    path = folder / hashlib.sha256(data).hexdigest()[:32] / name
    with space_errors(path):
        try:
            os.utime(path)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            aside = path.with_name(f".{secrets.token_hex(4)}")
            aside.write_bytes(data)  # not synced: it need not outlive the server
            aside.replace(path)
    return str(path)


class Scratch:
    """A folder that only this server writes into."""

    def __init__(self) -> None:
        # removed by Python where the server never starts
        self._made = tempfile.TemporaryDirectory(prefix="ganzoo-serve-", ignore_cleanup_errors=True)
        self.folder = Path(self._made.name)

    def sweep(self, age: float = AGE, size: int = SIZE) -> int:
        """Removes what is too old or too much; returns how many files."""
        found = []
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file():
                    about = path.stat()
                    found.append((about.st_mtime, about.st_size, path))
        left, removed = sum(entry[1] for entry in found), 0
        for changed, length, path in sorted(found):
            if time.time() - changed > age or left > size:
                with contextlib.suppress(OSError):
                    path.unlink()
                    if path.parent != self.folder:
                        path.parent.rmdir()  # only if it is empty now
                left -= length
                removed += 1
        return removed

    @contextlib.asynccontextmanager
    async def kept_small(self) -> AsyncIterator[None]:
        """Within: swept regularly; afterwards: removed."""
        task = asyncio.create_task(self._regularly())
        try:
            yield
        finally:
            task.cancel()
            self._made.cleanup()

    async def _regularly(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await asyncio.to_thread(self.sweep)
