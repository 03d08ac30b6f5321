"""Ctrl-C and SIGTERM: once to finish, twice to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ganzoo.signals
from ganzoo.signals import finish_on_signals

SCRIPT = """
import os, signal, sys, time
from ganzoo.signals import finish_on_signals
try:
    with finish_on_signals(lambda number: print("first", flush=True)) as signals:
        print("ready", flush=True)
        while True:
            time.sleep(0.01)
finally:
    print("tidied", flush=True)
    if "third" in sys.argv:
        print("waiting", signal.getsignal(signal.SIGINT) is signal.SIG_DFL, flush=True)
        time.sleep(30)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_noted_and_handlers_come_back(number: signal.Signals) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    told: list[int] = []
    with finish_on_signals(told.append) as signals:
        assert signals.requested is None
        os.kill(os.getpid(), number)
        assert signals.requested == number
    assert told == [number]
    assert {n: signal.getsignal(n) for n in before} == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with finish_on_signals() as signals:
            os.kill(os.getpid(), signal.SIGINT)
            assert signals.requested is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_only_the_main_thread_may() -> None:
    caught: list[RuntimeError] = []

    def use() -> None:
        try:
            with finish_on_signals():
                pass
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(caught) == 1


def started(*arguments: str) -> subprocess.Popen[str]:
    root = Path(ganzoo.signals.__file__).parents[1]
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, text=True, cwd=root)
    assert line(process) == "ready"
    return process


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (signal.SIGINT, signal.SIGINT, 130),
        (signal.SIGTERM, signal.SIGTERM, 143),
        (signal.SIGINT, signal.SIGTERM, 143),
    ],
)
def test_the_second_stops_and_tidies(first: signal.Signals, second: signal.Signals, code: int) -> None:
    process = started()
    process.send_signal(first)
    assert line(process) == "first"
    assert process.poll() is None
    process.send_signal(second)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert out.strip() == "tidied"


def test_the_third_kills() -> None:
    process = started("third")
    for expected in ("first", "tidied"):
        process.send_signal(signal.SIGINT)
        assert line(process) == expected
    assert line(process) == "waiting True"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == -signal.SIGINT
