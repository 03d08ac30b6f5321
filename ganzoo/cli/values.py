"""How values are written on the command line."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

MAX_SEED = 2**32


def value(text: str) -> Any:
    """A TOML value, else the text itself: `5` an int, `true` a bool, `[1, 2]` a list, `hinge` a string."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    alone = parsed["value"] if len(parsed) == 1 else text
    return text if isinstance(alone, datetime.date | datetime.time) else alone


def assignment(text: str) -> tuple[str, Any]:
    """`generator.width=64` -> ("generator.width", 64); ValueError without a path or an equals sign."""
    path, equals, written = text.partition("=")
    if not equals or not path.strip():
        raise ValueError(f"'{text}' is not of the form PATH=VALUE, such as loss=hinge or terms.r1.weight=1")
    return path.strip(), value(written.strip())


def given(text: str) -> tuple[str, str]:
    """An input of a generator: `strength=0.5`, or a file alone, whose name is then empty."""
    name, equals, written = text.partition("=")
    if equals and name.isidentifier():
        return name, written
    if Path(text).is_file():
        return "", text
    raise ValueError(f"'{text}' is neither of the form NAME=VALUE nor an existing file")


def numbers_in(path: str, name: str) -> Any:
    """The array in an .npy file, or the one of that name, else the latents that were made, in an .npz; InputError, one
    sentence, if there is none."""
    import zipfile

    import numpy as np

    from ganzoo.errors import InputError

    try:
        with open(path, "rb") as file:
            held = np.load(file, allow_pickle=False)
            arrays = {name: held} if isinstance(held, np.ndarray) else held
            kept = next((key for key in (name, "latents") if key in arrays), None)
            found = None if kept is None else arrays[kept]
    except FileNotFoundError:
        raise InputError(name, f"there is no file {path}; '{name}' takes numbers, or an .npy or .npz file") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        why = f": {error.strerror.lower()}" if isinstance(error, OSError) and error.strerror else ""
        raise InputError(name, f"{path} cannot be read as an .npy or .npz file of numbers{why}") from error
    if found is None:
        raise InputError(name, f"{path} holds no '{name}'; it holds {', '.join(held) or 'nothing'}")
    if found.dtype.kind not in "fiu":
        raise InputError(name, f"{path} holds {found.dtype} for '{name}'; real numbers are needed")
    return found


def seeds(text: str) -> list[int]:
    """`0-3,7` -> [0, 1, 2, 3, 7]; ValueError for anything that is not seeds."""
    from ganzoo.errors import InputError
    from ganzoo.feeds import parse_seeds

    try:
        return parse_seeds(text)
    except InputError as error:
        raise ValueError(str(error)) from error


class Written(click.ParamType):
    """A click type from one of the functions above: its ValueError becomes a usage error."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


SEEDS = Written("seeds", seeds)
ASSIGNMENT = Written("path=value", assignment)
GIVEN = Written("name=value", given)


def settings_given(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Repeated `--set` as one mapping; a path set twice is a usage error."""
    found: dict[str, Any] = {}
    for path, parsed in pairs:
        if path in found:
            raise click.UsageError(f"'{path}' is set twice")
        found[path] = parsed
    return found
