"""Every error ganzoo raises on purpose.

    GanzooError                 exit code 1
    ├── RecipeError             a name, option or combination that does not exist or does not fit
    ├── PluginError             a plugin that is missing, broken or clashes
    ├── DataError               data that is missing, unreadable or too small
    ├── InputError              a request for samples that the generator's spec does not allow (has `.field`)
    ├── DamagedFile             a checkpoint, snapshot or model that is not whole
    ├── SpaceError              no space left, or not writable           exit code 3
    ├── NonFiniteError          a cost or a weight became NaN or infinite  exit code 4
    └── Interrupted             stopped by a signal, after saving          exit code 130 or 143

A message is one sentence for a person: what was wrong, what was expected, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanzooError(Exception):
    """What the command line prints as one sentence before it exits with `exit_code`."""

    exit_code = 1


class RecipeError(GanzooError):
    """A variant, part, option or value that does not exist or does not fit."""


class PluginError(GanzooError):
    """A plugin that is missing, broken, or in conflict with another."""


class DataError(GanzooError):
    """Data that is missing, unreadable, or too small for what was asked."""


class InputError(GanzooError):
    """A request that a generator's spec does not allow; `field` names the input at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class DamagedFile(GanzooError):
    """A file that is truncated, altered, or not one of ours."""


class SpaceError(GanzooError):
    """The disk is full or the place is not writable."""

    exit_code = 3


class NonFiniteError(GanzooError):
    """A cost or a weight became NaN or infinite."""

    exit_code = 4


class Interrupted(GanzooError):
    """Training was stopped by a signal after the step was finished and saved."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal


def did_you_mean(name: str, known: Iterable[str], lists: str = "") -> str:
    """`; did you mean 'dcgan'?` when something close is known, else the names there are, of many the first, and the
    command that `lists` all."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    if not names:
        return "; there is none"
    shown = names[: 12 if lists else 30]
    more = f" and {len(names) - len(shown)} more" if names[len(shown) :] else ""
    return f"; choose from {', '.join(shown)}{more}" + (f" ({lists})" if more and lists else "")
