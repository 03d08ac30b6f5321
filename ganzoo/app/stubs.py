"""Gradio's habit of writing beside source files, kept from ours."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def without_stubs() -> Iterator[None]:
    """Within: Gradio writes no type stubs beside the source of a component, its own or ours.

    It does so for every component, each time, for the editors of those who write pages; that is half of the time of
    its import. It skips a component whose file is not to be found, so here none is, for that one function.
    """
    real = inspect.getfile

    def getfile(thing: Any) -> str:
        if sys._getframe(1).f_code.co_name == "create_or_modify_pyi":
            raise OSError("no stubs")
        return real(thing)

    inspect.getfile = getfile  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = real
