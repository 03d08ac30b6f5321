"""The server behind the page."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from app_model import tiny
from browser import Seen, sync
from serving import Running, start


def test_an_idle_server_rests(server: Running) -> None:
    """Gradio's queue would look for events a thousand times a second."""

    def woken() -> int:
        status = [p.read_text() for p in Path(f"/proc/{server.process.pid}/task").glob("*/status")]
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in status)

    before = woken()
    time.sleep(2)
    assert woken() - before < 300


def test_the_server_looked_nobody_up(server: Running, seen: Seen) -> None:
    assert server.log.read_text() == ""


def test_gradios_events_check_what_they_are_given(server: Running) -> None:
    """Every client can call them, so wrong values are an error of the event, never a file or a traceback.

    tests/test_page_events.py tries values that name files.
    """
    with urllib.request.urlopen(f"{server.address}/config", timeout=10) as answer:
        found = json.load(answer)
    events = [d for d in found["dependencies"] if d["backend_fn"]]
    assert len(events) > 15
    kinds = {one["id"]: one["type"] for one in found["components"]}

    def filled(event: Any, value: Any) -> list[Any]:
        return [None if kinds[one] == "image" else value for one in event["inputs"]]

    draw = next(d for d in events if d["api_name"] == "draw")
    drawing = draw["id"]
    nonsense = [(d["id"], filled(d, what)) for d in events for what in ("../x", {"x": "/etc/passwd"})]
    for number, data in (
        (drawing, filled(draw, None)),
        (drawing, ["../x", "0", 1, *filled(draw, None)[3:]]),
        (drawing, ["plain", "0", 1e9, *filled(draw, "/etc/passwd")[3:]]),
        *nonsense,
    ):
        session = f"s{time.monotonic_ns()}"
        body = json.dumps({"data": data, "fn_index": number, "session_hash": session}).encode()
        said = {"content-type": "application/json"}
        url = f"{server.address}/gradio_api/queue/"
        urllib.request.urlopen(urllib.request.Request(f"{url}join", body, said), timeout=10).close()
        with urllib.request.urlopen(f"{url}data?session_hash={session}", timeout=10) as stream:
            text = stream.read().decode()
        assert number != drawing or '"success":false' in text.replace(" ", "")
        assert not re.search(r"Traceback|root:|\.py", text)


TRAIN = """
import sys, torch, ganzoo
torch.set_num_threads(1)
tiny = {"generator.widths": [16], "log.every": 20, "log.pictures": 100, "log.checkpoint": 100,
        "optimizers.D.lr": 1e-5}
ganzoo.train("vanilla", data="digits", steps=1_000_000, out=sys.argv[1], set=tiny)
"""


@pytest.mark.slow
def test_a_run_is_watched_while_it_goes_on(tmp_path: Path, window: Any) -> None:
    """A real run beside the server: newer grids, steps and numbers arrive by themselves; its end too."""
    run = tmp_path / "run"
    log = (tmp_path / "train.log").open("w")
    training = subprocess.Popen([sys.executable, "-c", TRAIN, str(run)], stderr=log, cwd=tmp_path)
    running = None
    try:
        end = time.monotonic() + 60
        while not list(run.glob("checkpoints/*.safetensors")):
            assert time.monotonic() < end
            assert training.poll() is None, (tmp_path / "train.log").read_text()
            time.sleep(0.1)
        running = start([run], tmp_path)
        seen = Seen(window.new_page(), running.address)
        seen.shows("0")
        seen.tab("Training")
        status = seen.page.locator("#run")
        sync.expect(status).to_contain_text("running · step")

        def now() -> tuple[int, int]:
            found = re.search(r"step ([\d,]+) of .*grid of step ([\d,]+)", status.inner_text())
            assert found is not None
            return int(found[1].replace(",", "")), int(found[2].replace(",", ""))

        first, picture = now(), seen.pictures("#run-picture")
        assert "V -" in status.inner_text()
        end = time.monotonic() + 30
        while now()[0] <= first[0] or now()[1] <= first[1]:
            assert time.monotonic() < end
            seen.page.wait_for_timeout(100)
        assert seen.pictures("#run-picture") != picture
        training.kill()
        training.wait(10)
        about = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**about, "status": "interrupted", "step": 100}))
        sync.expect(status).to_contain_text("interrupted · step 100", timeout=15000)
        seen.tab("Compare")
        seen.page.get_by_label("Training steps").check()
        sync.expect(seen.page.locator("#compare img").first).to_be_visible(timeout=15000)
        assert seen.wrong == []
        seen.page.close()
    finally:
        training.kill()
        if running:
            running.process.kill()


TAKEN = ("sample-1280", "explore-1280", "compare-1280", "sample-390")


@pytest.mark.slow
def test_the_pictures_of_the_manual_can_be_taken(tmp_path: Path) -> None:
    """By the script that took those in docs/serving.md; a model that is no run has no tab Training."""
    from PIL import Image

    script = Path(__file__).parents[2] / "docs" / "pictures" / "page.py"
    model = tiny(tmp_path / "conditional.onnx", "conditional")
    subprocess.run([sys.executable, script, model, "--out", tmp_path], check=True, timeout=300)
    found = {path.name: Image.open(path).width for path in tmp_path.glob("*.webp")}
    assert found == {f"page-{name}.webp": int(name[-4:].strip("-")) for name in TAKEN}


def test_with_a_password(tmp_path: Path, browser: Any) -> None:
    """The whole page works behind it; SIGTERM ends the server within seconds, page open or not."""
    running = start([tiny(tmp_path / "plain.onnx")], tmp_path, GANZOO_PASSWORD="open sesame")
    try:
        context = browser.new_context(http_credentials={"username": "ganzoo", "password": "open sesame"})
        page = context.new_page()
        page.goto(running.address)
        sync.expect(page.locator("#gallery .caption-label").first).to_have_text("0", timeout=15000)
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(10)
        assert time.monotonic() - began < 10
        assert list(tmp_path.glob("ganzoo-serve-*")) == []
        assert "Traceback" not in running.log.read_text()
        context.close()
    finally:
        running.process.kill()
