"""Ctrl-C and SIGTERM: once means finish the step and save, twice means stop at once.

Only a program may decide this, so only the command line uses it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Stopped(SystemExit):
    """What the second signal raises: unlike a `sys.exit()` in a plugin, nothing may swallow it."""


class Request:
    """`requested` is the number of the first signal that came, None as long as there was none."""

    def __init__(self) -> None:
        self.requested: int | None = None


@contextlib.contextmanager
def finish_on_signals(callback: Callable[[int], None] | None = None) -> Iterator[Request]:
    """Within: the first SIGINT or SIGTERM is noted and given to `callback`, the second stops the program.

    The second raises Stopped, a SystemExit(128 + number), so that half-written files go and the terminal is put right;
    from then on the system's own handling is back, so that a third kills. A signal that was ignored before
    (as under nohup) stays ignored. Else handlers are put back. RuntimeError outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("signals can be handled in the main thread only")
    request = Request()

    def handle(number: int, frame: FrameType | None) -> None:
        if request.requested is None:
            request.requested = number
            if callback is not None:
                callback(number)
            return
        for other in previous:
            signal.signal(other, signal.SIG_DFL)
        previous.clear()  # nothing to put back
        raise Stopped(128 + number)

    watched = (signal.SIGINT, signal.SIGTERM)
    previous = {n: signal.getsignal(n) for n in watched if signal.getsignal(n) is not signal.SIG_IGN}
    try:
        for number in previous:
            signal.signal(number, handle)
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
