"""The displays of a run, with a clock of the test's own; and TensorBoard as an observer."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from ganzoo import progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


ROW = {"images": 1, "V": -1.25, "D/vanilla": 1.2, "D/grad_norm": 3.0}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


RUN = SimpleNamespace(path="runs/vanilla-digits-1", until=1000, recipe=SimpleNamespace(name="vanilla"))


def play(display: Any, clock: Clock, seconds: float = 60.0) -> None:
    """A run of 1,000 steps, with an event every tenth of a second."""
    with display:
        display.watch(RUN).started()
        display.said("vanilla on digits: steps 0 to 1000 on cpu")
        for tick in range(1, int(seconds * 10) + 1):
            clock.now += 0.1
            step = int(1000 * tick / (seconds * 10))
            if step % 100 == 0:
                display.measured(step, {**ROW, "step": step})
            display.stepped(step)
        logging.getLogger("ganzoo").warning("checkpoint 3 is damaged")
        display.said("warning: the disk is slow")
        display.ended("done")


def test_without_a_terminal_one_plain_line_every_ten_seconds() -> None:
    clock, out = Clock(), io.StringIO()
    play(progress.Lines(out, clock), clock)
    text = out.getvalue()
    lines = [line for line in text.splitlines() if line.startswith("step")]
    assert 5 <= len(lines) <= 6
    assert lines[2].startswith("step  50")
    assert "17 it/s  ETA 0:" in lines[2]
    assert "V -1.25  D/vanilla 1.2" in lines[2]
    assert "grad_norm" not in text
    assert all(c == "\n" or c.isprintable() for c in text)
    assert text.splitlines()[-1] == "done at step 1,000 after 1:00"


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    clock, out = Clock(), Terminal()
    play(progress.Bar(out, clock), clock, seconds=5)
    text = out.getvalue()
    assert "500/1,000" in text
    assert "200 it/s" in text
    assert "ETA 0:01" in text
    assert "V -1.25" in text
    assert "\x1b[" in text
    assert text.endswith("done at step 1,000 after 0:05\n")
    assert "\x1b[?25h" in text  # the cursor is back


def test_no_color_leaves_colours_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    clock, out = Clock(), Terminal()
    play(progress.Bar(out, clock), clock, seconds=2)
    assert "\x1b[3" not in out.getvalue()
    assert "\x1b[38" not in out.getvalue()


def test_a_broken_run_gives_the_cursor_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()

    def broken(display: progress.Quiet) -> None:
        with display:
            display.watch(RUN).started()
            display.stepped(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken(progress.Bar(out))
    assert out.getvalue().rstrip().endswith("\x1b[?25h")


def test_quiet_says_warnings_only() -> None:
    clock, out = Clock(), io.StringIO()
    play(progress.Quiet(out, clock), clock)
    assert out.getvalue() == "warning: checkpoint 3 is damaged\nwarning: the disk is slow\n"


@pytest.mark.parametrize(
    ("stream", "term", "quiet", "kind"),
    [
        (io.StringIO(), "xterm", False, "Lines"),
        (Terminal(), "dumb", False, "Lines"),
        (Terminal(), "xterm", False, "Bar"),
        (Terminal(), "xterm", True, "Quiet"),
    ],
)
def test_the_display_suits_the_stream(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, term: str, quiet: bool, kind: str
) -> None:
    monkeypatch.setenv("TERM", term)
    assert type(progress.progress(quiet, stream)).__name__ == kind


def test_speed_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    pace = progress.Pace(clock)
    for step in (100, 101, 102):  # resumed at 100, and slow at first
        pace.stepped(step)
        clock.now += 20
    for step in range(202, 3000, 100):
        clock.now += 1
        pace.stepped(step)
    assert pace.rate == pytest.approx(100, rel=0.1)
    assert progress.duration(3725) == "1:02:05"
    assert progress.duration(59.7) == "1:00"


def test_tensorboard_has_the_rows_and_pictures_and_forgets_what_a_resume_cut(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from ganzoo.folder import RunFolder
    from ganzoo.observers import ganzoo_observe

    run = SimpleNamespace(folder=RunFolder(tmp_path), metrics=[])
    picture = tmp_path / "a.png"
    Image.new("RGB", (7, 5)).save(picture)
    for rows, steps in (([], (100, 200, 300)), ([{"step": 100}], (200,))):
        run.metrics = rows
        observer = ganzoo_observe(run)
        observer.started()
        for step in steps:
            observer.measured(step, {"step": step, "images": 64, "V": -1.0 - len(rows), "note": "text"})
        observer.pictured(steps[-1], picture)
        observer.saved(steps[-1], tmp_path)
        observer.ended("done")
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert sorted(found.Tags()["scalars"]) == ["V", "images"]
    assert [(e.step, e.value) for e in found.Scalars("V")] == [(100, -1.0), (200, -2.0)]
    image = found.Images("samples")[-1]
    assert (image.step, image.width, image.height) == (200, 7, 5)
    assert image.encoded_image_string == picture.read_bytes()
