"""What all tests share."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in its background with Ctrl-C ignored, and the processes that tests interrupt inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
