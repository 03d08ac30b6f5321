"""Which files of a folder or an archive are its pictures, and which class each one has."""

from __future__ import annotations

import csv
import io
from pathlib import Path, PurePosixPath

from ganzoo.data.archive import Files, read
from ganzoo.data.decode import SUFFIXES
from ganzoo.errors import DataError, did_you_mean


def pictures_in(files: Files, path: Path, under: str, only: frozenset[str] | None) -> list[str]:
    """The names of the pictures below the folder `under`, and of these `only` those of such file names.

    Hidden files and what macOS adds to archives are no pictures; a folder that holds everything may be left
    out of `under`. DataError when nothing is left.
    """
    names = [
        name
        for name in files.names
        if name.lower().endswith(SUFFIXES)
        and not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
        and (only is None or PurePosixPath(name).name in only)
    ]
    top = "".join(f"{part}/" for part in _shared(names))
    inside = {name.removeprefix(top).split("/")[0] for name in names if "/" in name.removeprefix(top)}
    if under:
        names = [name for name in names if name.startswith((f"{under}/", f"{top}{under}/"))]
    if not names:
        hint = did_you_mean(under, inside) if under else f"; name one that holds {', '.join(SUFFIXES)}"
        raise DataError(f"{path} holds no picture{f' below {under}' if under else ''}{hint}")
    return names


def _shared(names: list[str]) -> tuple[str, ...]:
    """The folders that hold all of these files, outermost first."""
    if not names:
        return ()
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    depth = 0
    while all(len(p) > depth for p in parts) and len({p[depth] for p in parts}) == 1:
        depth += 1
    return parts[0][:depth]


def classes_of(files: Files, path: Path, names: list[str], labels: str) -> dict[str, str] | None:
    """The class of every picture by name; None when there are no classes."""
    if labels == "none":
        return None
    if labels == "folders":
        depth = len(_shared(names))  # a folder that holds everything is no class
        parts = [PurePosixPath(name).parts for name in names]
        if any(len(p) <= depth + 1 for p in parts):
            return None
        return {name: p[depth] for name, p in zip(names, parts)}
    return _table(_csv(files, path, labels), names, labels)


def _csv(files: Files, path: Path, labels: str) -> str:
    """The text of the CSV: inside the folder or archive, or a path of its own."""
    try:
        content = read(files, labels) if labels in files.names else Path(labels).expanduser().read_bytes()
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(
            f"the labels '{labels}' cannot be read ({error}); name a CSV inside "
            f"{path.name} or by its path, or 'folders' or 'none'"
        ) from error


def _table(text: str, names: list[str], labels: str) -> dict[str, str]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    given = {row[0]: row[1] for row in rows if len(row) > 1}
    classes = {name: given.get(name, given.get(PurePosixPath(name).name, "")) for name in names}
    missing = [name for name, label in classes.items() if not label]
    if missing:
        raise DataError(
            f"{labels} has no class for {len(missing)} of {len(names)} pictures ({missing[0]} is "
            "one); write one row 'file,class' for each"
        )
    return classes


def ordered(labels: set[str]) -> tuple[str, ...]:
    """Classes in their order: by value if all are whole numbers, else by the alphabet."""
    numbers = all(label.isascii() and label.isdigit() for label in labels)
    return tuple(sorted(labels, key=lambda label: (int(label), label) if numbers else (0, label)))
