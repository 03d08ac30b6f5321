"""The page in a real browser, against a real server: Debian's chromium, driven by playwright."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import ganzoo

sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed (apt-get install chromium)", allow_module_level=True)

tiny = runpy.run_path(str(Path(__file__).with_name("app_model.py")))["tiny"]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SERVER = """
import socket, sys
real = socket.getaddrinfo
def told(host, *rest, **more):
    if host not in ("127.0.0.1", "localhost", "::1", None):
        print("LOOKED UP", host, file=sys.stderr, flush=True)
    return real(host, *rest, **more)
socket.getaddrinfo = told
def connect(own, place):
    if isinstance(place, tuple) and place[0] not in ("127.0.0.1", "::1"):
        print("LOOKED UP", place, file=sys.stderr, flush=True)
    return super(socket.socket, own).connect(place)
socket.socket.connect = connect
from ganzoo.app import serve
serve(sys.argv[1:], port=0)
"""
"""A server that says which hosts it looks up or connects to."""


@dataclass
class Running:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    address: str
    models: list[Path]
    log: Path


def start(models: list[Path], folder: Path, **environment: str) -> Running:
    """Starts a server and waits for the address that it prints."""
    log = folder / "server.log"
    known = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO", "HF_", "GANZOO"))}
    known |= {"OMP_NUM_THREADS": "1", "TMPDIR": str(folder), **environment}
    root = str(Path(ganzoo.__file__).parent.parent)
    known["PYTHONPATH"] = os.pathsep.join(filter(None, [root, known.get("PYTHONPATH", "")]))
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, *map(str, models)],
            stdout=subprocess.PIPE, stderr=written, text=True, env=known, cwd=folder,
        )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), log.read_text()
    return Running(process, address, models, log)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    models = [tiny(folder / f"{kind}.onnx", kind) for kind in ("plain", "conditional", "points")]
    running = start(models, folder)
    yield running
    running.process.kill()
    running.process.wait(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync.sync_playwright() as player:
        found = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


class Seen:
    """A page, and what went wrong or abroad while it was open."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.wrong: list[str] = []
        page.on("request", lambda r: self.hosts.add(urlsplit(r.url).netloc))
        page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.wrong.append(str(e)))
        page.on("response", lambda r: self.wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.goto(address)
        self.shows("0")

    def shows(self, first: str) -> None:
        """Waits until the first picture's caption is this, and all have arrived."""
        sync.expect(self.page.locator("#gallery .caption-label").first).to_have_text(first, timeout=15000)
        loaded = "[...document.querySelectorAll('#gallery img')].every(i => i.complete && i.naturalWidth > 0)"
        self.page.wait_for_function(loaded)

    def captions(self) -> list[str]:
        return self.page.locator("#gallery .caption-label").all_inner_texts()

    def pictures(self) -> list[bytes]:
        """The bytes of every picture in the gallery."""
        images = self.page.locator("#gallery img").all()
        return [self.page.request.get(i.get_attribute("src")).body() for i in images]

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def seed(self, text: str) -> None:
        box = self.page.locator("#seed input, #seed textarea")
        box.fill(text)
        box.press("Enter")


@pytest.fixture
def seen(server: Running, browser: Any) -> Iterator[Seen]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    found = Seen(page, server.address)
    yield found
    assert found.wrong == []
    assert found.hosts <= {urlsplit(server.address).netloc, ""}  # data: and blob: have no host
    page.close()


def test_it_opens_with_sixteen_pictures_of_the_default_seed(seen: Seen, server: Running) -> None:
    assert seen.captions() == [str(k) for k in range(16)]
    expected = ganzoo.load(server.models[0]).sample(16)
    found = [pixels(data) for data in seen.pictures()]
    assert found == [pixels(expected.png(k)) for k in range(16)]


def pixels(data: bytes) -> bytes:
    from PIL import Image

    return Image.open(io.BytesIO(data)).tobytes()


def test_a_seed_is_the_same_picture_again(seen: Seen) -> None:
    seen.seed("7")
    seen.shows("7")
    first = seen.pictures()
    seen.seed("12")
    seen.shows("12")
    assert seen.pictures()[:3] == first[5:8]
    seen.seed("7, 12-13")
    seen.shows("7")
    assert seen.captions() == ["7", "12", "13"]
    assert seen.pictures() == [first[0], first[5], first[6]]


def test_new_pictures_and_the_lock(seen: Seen) -> None:
    seen.page.click("#new")
    sync.expect(seen.page.locator("#gallery .caption-label").first).not_to_have_text("0")
    seen.seed("40")  # a seed that was typed is kept
    seen.shows("40")
    sync.expect(seen.page.get_by_label("Keep this seed")).to_be_checked()
    seen.page.click("#new")
    seen.page.wait_for_timeout(500)
    seen.shows("40")


def test_what_is_saved_is_what_is_shown(seen: Seen, server: Running) -> None:
    seen.seed("3,5")
    seen.shows("3")
    with seen.page.expect_download() as saved:
        seen.page.click("#save-all")
    archive = zipfile.ZipFile(saved.value.path())
    expected = ganzoo.load(server.models[0]).sample(seeds=[3, 5])
    assert archive.read("000001-seed-5.png") == expected.png(1)
    with seen.page.expect_download() as saved:
        seen.page.click("#save-png")
    assert Path(saved.value.path()).read_bytes() == expected.png()


def test_models_have_the_controls_that_their_specs_say(seen: Seen, server: Running) -> None:
    def choose(box: str, name: str) -> None:
        seen.page.click(f"{box} input")
        seen.page.get_by_role("option", name=name, exact=True).click()

    choose("#model", "conditional")
    sync.expect(seen.page.locator("#input-y")).to_be_visible()
    sync.expect(seen.page.locator("#input-truncation")).to_be_visible()
    choose("#input-y", "dog")
    seen.tab("Model")
    sync.expect(seen.page.locator("#code")).to_contain_text("y='dog'")
    sync.expect(seen.page.locator("#card")).to_contain_text(ganzoo.load(server.models[1]).checksum)
    seen.tab("Sample")
    expected = ganzoo.load(server.models[1]).sample(16, label="dog")
    assert [pixels(data) for data in seen.pictures()] == [pixels(expected.png(k)) for k in range(16)]
    choose("#model", "points")
    seen.shows("1024 points")
    sync.expect(seen.page.locator("#input-y")).to_be_hidden()


def test_a_walk_is_a_film_that_plays_in_a_loop(seen: Seen) -> None:
    seen.tab("Walk")
    seen.page.locator("#walk-keys input, #walk-keys textarea").fill("3, 7")
    seen.page.locator("#walk-seconds input[type=number]").fill("1")
    seen.page.click("#walk-go")
    seen.page.wait_for_function("document.querySelector('#film video')?.currentTime > 0.1")
    film = seen.page.evaluate("(({duration, loop, muted}) => [duration, loop, muted])(document.querySelector('video'))")
    assert film == [1, True, True]
    with seen.page.expect_download() as saved:
        seen.page.click("#walk-gif")
    from PIL import Image

    with Image.open(saved.value.path()) as gif:
        assert (gif.format, gif.n_frames, gif.info["loop"]) == ("GIF", 24, 0)


def test_exploring_and_comparing(seen: Seen, server: Running) -> None:
    def bytes_of(where: str) -> list[bytes]:
        sources = [i.get_attribute("src") for i in seen.page.locator(f"{where} img").all()]
        inline = [base64.b64decode(s.partition(",")[2]) if s.startswith("data:") else None for s in sources]
        return [pixels(b or seen.page.request.get(s).body()) for b, s in zip(inline, sources)]

    sampler = ganzoo.load(server.models[0])
    seen.tab("Explore")
    sync.expect(seen.page.locator("#around img")).to_have_count(16)
    varied = sampler.vary(0, 0.3)
    assert bytes_of("#around") == [varied.picture(k).tobytes() for k in range(16)]
    seen.page.click("#explore-find")
    sync.expect(seen.page.locator("#along img")).to_have_count(7)
    along = sampler.along(0)
    assert bytes_of("#along") == [along.picture(k).tobytes() for k in range(7)]
    seen.tab("Compare")
    sync.expect(seen.page.locator("#compare img")).to_have_count(2 * 6)
    expected = [ganzoo.load(server.models[k]).sample(6) for k in (0, 1)]
    assert bytes_of("#compare") == [made.picture(k).tobytes() for made in expected for k in range(6)]
    assert seen.page.locator("#compare img").last.get_attribute("alt") == "conditional, seed 5"


def test_what_cannot_be_drawn_is_said(seen: Seen) -> None:
    seen.seed("cat")
    sync.expect(seen.page.locator(".toast-body, [data-testid=toast-body]").first).to_contain_text("seeds")
    assert seen.captions() == [str(k) for k in range(16)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_does_not_scroll_sideways(server: Running, browser: Any, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    seen = Seen(page, server.address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#gallery").bounding_box()["y"] < page.locator("#seed").bounding_box()["y"]
    assert seen.wrong == []
    page.close()


def test_the_server_looked_nobody_up(server: Running, seen: Seen) -> None:
    assert server.log.read_text() == ""


def test_gradios_events_check_what_they_are_given(server: Running) -> None:
    """They can be called by anybody, so nonsense is an error of the event, never a file or a traceback."""
    drawing = 0
    with urllib.request.urlopen(f"{server.address}/config", timeout=10) as answer:
        events = [d for d in json.load(answer)["dependencies"] if d["backend_fn"]]
    assert len(events) > 15
    nonsense = [(d["id"], [what] * len(d["inputs"])) for d in events for what in ("../x", {"path": "/etc/passwd"})]
    for number, data in (
        (drawing, [None] * 6),
        (drawing, ["../x", "0", 1, None, None, None]),
        (drawing, ["plain", "0", 1e9, *[{"path": "/etc/passwd"}] * 3]),
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
