"""A folder, a .zip or a .tar as a list of named files, read in memory: nothing is ever extracted."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path
from typing import IO, Protocol

from ganzoo.errors import DataError

MAX_BYTES = 256 * 2**20  # of one file: more is a bomb, or no picture


class Files(Protocol):
    """`names` in order, with / between the parts; `open` gives one of them."""

    names: list[str]

    def open(self, name: str) -> IO[bytes]: ...


class Folder:
    """The regular files below a folder; links to other folders are not followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = sorted(
            file.relative_to(path).as_posix()
            for at, _, names in os.walk(path, onerror=_refuse)
            for file in (Path(at) / name for name in names)
            if file.is_file()
        )

    def open(self, name: str) -> IO[bytes]:
        return open(self.path / name, "rb")


class Zip:
    """The files of a zip archive."""

    def __init__(self, path: Path) -> None:
        self.file = zipfile.ZipFile(path)
        self.names = sorted({i.filename for i in self.file.infolist() if not i.is_dir()})

    def open(self, name: str) -> IO[bytes]:
        return self.file.open(name)


class Tar:
    """The regular files of a plain tar archive."""

    def __init__(self, path: Path) -> None:
        self.file = tarfile.open(path, "r:")  # noqa: SIM115 (read from as long as the source lives)
        self.members = {m.name.removeprefix("./"): m for m in self.file if m.isfile()}
        self.names = sorted(self.members)

    def open(self, name: str) -> IO[bytes]:
        file = self.file.extractfile(self.members[name])
        assert file is not None  # only regular files are members
        return file


def open_files(path: Path) -> Files:
    """The files at `path`: a folder, or an archive known by its suffix; DataError if there is none."""
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise DataError(
            f"there is no folder or archive {path}; check the path, or name the folder that it lies in by --data-root"
        )
    kinds: dict[str, type[Zip | Tar]] = {".zip": Zip, ".tar": Tar}
    if path.suffix.lower() not in kinds:
        raise DataError(f"{path.name} is neither a folder nor a .zip or .tar file; unpack it")
    try:
        return kinds[path.suffix.lower()](path)
    except (OSError, zipfile.BadZipFile, tarfile.TarError, NotImplementedError) as error:
        raise DataError(f"{path} cannot be read ({error}); make or fetch the archive again") from error


def read(files: Files, name: str) -> bytes:
    """The bytes of one file; ValueError when they are more than a picture has."""
    with files.open(name) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES // 2**20} MB")
    return content


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be read ({error.strerror}); change its permissions") from error
