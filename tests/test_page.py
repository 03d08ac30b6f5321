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
    kinds = ("plain", "conditional", "points", "picture", "styled", "coded")
    models = [tiny(folder / (kind if kind == "styled" else f"{kind}.onnx"), kind) for kind in kinds]
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


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[Any]:
    """One for all tests: what it has loaded once it keeps."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


BAD = ("error", "warning")
CLOSED = "Method not implemented."
"""What Gradio's client says of each upload, when it closes the stream of its progress."""


class Seen:
    """A page, and what went wrong or abroad while it was open."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.wrong: list[str] = []
        page.on("request", lambda r: self.hosts.add(urlsplit(r.url).netloc))
        page.on("console", lambda m: self.wrong.append(m.text) if m.type in BAD and m.text != CLOSED else None)
        page.on("pageerror", lambda e: self.wrong.append(str(e)))
        page.on("response", lambda r: self.wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.goto(address)

    def of(self, query: str, first: str = "0") -> Seen:
        """Opens another address of the page."""
        address = self.page.url.partition("?")[0]
        before = list(self.wrong)
        self.page.goto("about:blank")  # which cuts a stream that is open, and a script complains
        self.page.wait_for_timeout(50)
        self.wrong[:] = before
        self.page.goto(address + query)
        self.shows(first)
        return self

    def shows(self, first: str) -> None:
        """Waits until the first picture's caption is this, and all have arrived."""
        sync.expect(self.page.locator("#gallery .caption-label").first).to_have_text(first, timeout=15000)
        loaded = "[...document.querySelectorAll('#gallery img')].every(i => i.complete && i.naturalWidth > 0)"
        self.page.wait_for_function(loaded)

    def captions(self) -> list[str]:
        return self.page.locator("#gallery .caption-label").all_inner_texts()

    def pictures(self, where: str = "#gallery") -> list[bytes]:
        """The bytes of every picture in a gallery or a table."""
        sources = [i.get_attribute("src") for i in self.page.locator(f"{where} img").all()]
        inline = [base64.b64decode(s.partition(",")[2]) if s.startswith("data:") else None for s in sources]
        return [b or self.page.request.get(s).body() for b, s in zip(inline, sources)]

    def pixels(self, where: str, count: int) -> list[bytes]:
        """The pixels of the pictures in a gallery, when there are so many."""
        sync.expect(self.page.locator(f"{where} img")).to_have_count(count, timeout=15000)
        return [pixels(data) for data in self.pictures(where)]

    def becomes(self, where: str, wanted: list[bytes]) -> None:
        """Waits until the pictures in a gallery have these pixels: until then it shows what was there before."""
        for _ in range(150):
            if [pixels(data) for data in self.pictures(where)] == wanted:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{where} never shows them; its captions: {self.page.locator(where).inner_text()}")

    def explore(self, seed: str) -> None:
        """Opens the tab Explore, which starts from that seed."""
        self.tab("Explore")
        sync.expect(self.page.locator("#explore-seed input, #explore-seed textarea")).to_have_value(seed)

    def choose(self, box: str, name: str) -> None:
        """Takes an entry of a list."""
        self.page.click(f"{box} input")
        self.page.get_by_role("option", name=name, exact=True).click()

    def says(self, text: str) -> None:
        """Waits for a message that holds this text, and puts it away."""
        toast = self.page.locator("[data-testid=toast-body]").filter(has_text=text)
        sync.expect(toast.first).to_be_visible(timeout=15000)
        toast.first.locator("button").click()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def seed(self, text: str) -> None:
        box = self.page.locator("#seed input, #seed textarea")
        box.fill(text)
        box.press("Enter")


@pytest.fixture(scope="module")
def opened(server: Running, window: Any) -> Iterator[Seen]:
    found = Seen(window.new_page(), server.address)
    yield found
    found.page.close()


@pytest.fixture
def seen(server: Running, opened: Seen) -> Iterator[Seen]:
    """The page anew; afterwards nothing was wrong and nobody else was asked."""
    opened.of("")
    yield opened
    assert opened.wrong == []
    assert opened.hosts <= {urlsplit(server.address).netloc, ""}  # data: and blob: have no host


def test_it_opens_with_sixteen_pictures_of_the_default_seed(seen: Seen, server: Running) -> None:
    assert seen.captions() == [str(k) for k in range(16)]
    sync.expect(seen.page.locator("#about")).to_contain_text("This model makes up pictures like those of digits.")
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
    seen.seed("40, 50")
    seen.shows("40")
    seen.page.click("#new")  # the button gives new ones, of a list too
    sync.expect(seen.page.locator("#gallery .caption-label").first).not_to_have_text("40")
    seen.page.fill("#seed textarea, #seed input", "60")
    seen.page.click("#new")  # but first what was typed and not yet shown
    seen.shows("60")
    seen.page.get_by_label("Keep this seed").check()
    seen.page.click("#new")
    seen.page.wait_for_timeout(500)
    seen.shows("60")


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
    seen.choose("#model", "conditional")
    sync.expect(seen.page.locator("#input-y")).to_be_visible()
    sync.expect(seen.page.locator("#input-truncation")).to_be_visible()
    seen.choose("#input-y", "dog")
    seen.tab("Model")
    sync.expect(seen.page.locator("#code")).to_contain_text("y='dog'")
    sync.expect(seen.page.locator("#card")).to_contain_text(ganzoo.load(server.models[1]).checksum)
    seen.tab("Sample")
    expected = ganzoo.load(server.models[1]).sample(16, label="dog")
    assert [pixels(data) for data in seen.pictures()] == [pixels(expected.png(k)) for k in range(16)]
    seen.choose("#model", "points")
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
    sampler = ganzoo.load(server.models[0])
    seen.explore("0")
    varied = sampler.vary(0, 0.3)
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])
    seen.page.click("#explore-find")
    along = sampler.along(0)
    assert seen.pixels("#along", 7) == [along.picture(k).tobytes() for k in range(7)]
    seen.page.fill("#explore-seed textarea, #explore-seed input", "(0~3@0.3)")
    seen.page.click("#explore-find")  # from the place, not from its first seed
    near = sampler.along(0, z=sampler.vary(0, 0.3, 3).inputs["z"][2])
    sync.expect(seen.page.locator("#along img")).to_have_count(7)
    seen.page.wait_for_timeout(1500)
    assert seen.pixels("#along", 7) == [near.picture(k).tobytes() for k in range(7)]
    seen.tab("Compare")
    expected = [ganzoo.load(server.models[k]).sample(6) for k in (0, 1, 4, 5)]
    assert seen.pixels("#compare", 4 * 6) == [made.picture(k).tobytes() for made in expected for k in range(6)]
    assert seen.page.locator("#compare img").last.get_attribute("alt") == "coded, seed 5"


def test_an_address_is_its_pictures(seen: Seen, server: Running) -> None:
    """Settings travel in the address: opened anew, or by somebody else, it shows the same."""
    seen.of("?model=conditional&seed=5&n=3&y=dog&truncation=0.5", "5")
    expected = ganzoo.load(server.models[1]).sample(3, 5, y="dog", truncation=0.5)
    assert seen.pictures() == [expected.png(k) for k in range(3)]
    seen.seed("7,9")
    seen.shows("7")
    seen.page.wait_for_function("location.search.includes('seed=7,9')")
    assert seen.page.url.endswith("?model=conditional&seed=7,9&y=dog&truncation=0.5")
    shown = seen.pictures()
    seen.of("?" + seen.page.url.partition("?")[2], "7")
    assert seen.pictures() == shown
    seen.of("?model=conditional&seed=3&y=bird")
    seen.says("The address of this page asks for what is not here: 'y' has no class 'bird'")
    assert len(seen.captions()) == 16


def test_a_picture_brings_its_settings_back(seen: Seen, server: Running, tmp_path: Path) -> None:
    conditional = ganzoo.load(server.models[1])
    saved = conditional.sample(seeds=[3, 8], label=1, truncation=0.25).save(tmp_path / "saved.png")

    def choose(file: Path) -> None:
        with seen.page.expect_file_chooser() as chooser:
            seen.page.click("#recall")
        chooser.value.set_files(file)

    choose(saved)
    seen.shows("3")
    expected = conditional.sample(seeds=[3, 8], y="dog", truncation=0.25)
    assert seen.pictures() == [expected.png(k) for k in range(2)]
    assert "model=conditional&seed=3,8&y=dog&truncation=0.25" in seen.page.url
    one = tmp_path / "one.png"
    one.write_bytes(seen.pictures()[1])  # as the gallery's own button saves it
    drop(seen, one)
    seen.shows("8")
    assert seen.captions() == ["8"]
    seen.explore("8")
    variation = tmp_path / "variation.png"
    seen.pixels("#around", 16)
    seen.page.wait_for_timeout(1000)
    variation.write_bytes(seen.pictures("#around")[1])
    seen.of("")
    drop(seen, variation)
    seen.says("This is a picture of the tab Explore: there it is where you start from")
    seen.shows("8")
    assert "model=conditional&seed=8&n=16&y=dog&truncation=0.25" in seen.page.url
    seen.explore("(8~10@0.3)")
    seen.tab("Sample")
    drop(seen, one)
    seen.shows("8")
    foreign = tmp_path / "foreign.png"
    foreign.write_bytes(base64.b64decode(DOT))
    drop(seen, foreign)
    seen.says("This picture carries no settings")
    drop(seen, ganzoo.load(tiny(tmp_path / "other.onnx", "plain", seed=1)).sample(1).save(tmp_path / "other.png"))
    seen.says("made by a model that is not served here")
    (tmp_path / "no.png").write_text("no picture")
    choose(tmp_path / "no.png")
    seen.says("This picture carries no settings")
    assert seen.captions() == ["8"]


DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAWk1v8QAAAABJRU5ErkJggg=="


def drop(seen: Seen, file: Path, where: str = "#gallery") -> None:
    """Drops a file onto the pictures, or elsewhere."""
    script = """([where, name, data]) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const moved = new DataTransfer();
      moved.items.add(new File([bytes], name, {type: "image/png"}));
      for (const kind of ["dragover", "drop"])
        document.querySelector(where).dispatchEvent(
          new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: moved}));
    }"""
    seen.page.evaluate(script, [where, file.name, base64.b64encode(file.read_bytes()).decode()])


def test_every_class_in_turn_and_the_strip(seen: Seen, server: Running) -> None:
    conditional = ganzoo.load(server.models[1])
    seen.of("?model=conditional&seed=4&n=2", "4")
    seen.choose("#input-y", "each in turn")
    seen.shows("cat · 4")
    assert seen.captions() == [f"{name} · {seed}" for seed in (4, 5) for name in ("cat", "dog", "3")]
    table = conditional.sample(seeds=[4, 4, 4, 5, 5, 5], y=["cat", "dog", "3"] * 2)
    assert seen.pictures() == [table.png(k) for k in range(6)]
    shown = seen.page.url
    with seen.page.expect_download() as saved:
        seen.page.click("#save-png")
    assert Path(saved.value.path()).read_bytes() == table.png()
    seen.of("?model=plain")
    drop(seen, Path(saved.value.path()))  # the table comes back as the table
    seen.shows("cat · 4")
    assert seen.page.url == shown
    seen.of("?model=conditional&seed=4&n=2&y=dog", "4")
    values = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]
    by_truncation = [conditional.sample(seeds=[4], y="dog", truncation=v).picture(0).tobytes() for v in values]
    assert seen.pixels("#strip", 7) == by_truncation
    seen.choose("#strip-what", "Class")
    assert seen.pixels("#strip", 3) == [conditional.sample(seeds=[4], y=c).picture(0).tobytes() for c in range(3)]


def test_favourites_and_their_children(seen: Seen, server: Running) -> None:
    sampler = ganzoo.load(server.models[0])
    seen.explore("0")
    seen.pixels("#around", 16)
    seen.page.click("#explore-keep")
    assert seen.pixels("#favourites", 1) == [sampler.sample(seeds=[0]).picture(0).tobytes()]
    seen.page.locator("#around .thumbnail-item").nth(2).click()
    sync.expect(seen.page.locator("#explore-seed input, #explore-seed textarea")).to_have_value("(0~3@0.3)")
    seen.page.click("#explore-keep")
    kept = [sampler.sample(seeds=[0]), sampler.vary(0, 0.3, 3)]
    assert seen.pixels("#favourites", 2) == [kept[0].picture(0).tobytes(), kept[1].picture(2).tobytes()]
    before = seen.pixels("#around .grid-container", 16) if seen.page.locator("#around .grid-container").count() else []
    seen.page.click("#explore-breed")
    sync.expect(seen.page.locator("#around")).to_contain_text("child 16")
    children = seen.pixels("#around .grid-container", 16)
    assert len(set(children)) == 16
    assert children != before


def test_a_picture_of_sample_is_explored(seen: Seen, server: Running) -> None:
    """What is clicked there is where Explore starts from; what is set there is said."""
    seen.of("?model=conditional&seed=3,9&y=dog", "3")
    seen.page.wait_for_timeout(1000)  # another model begins with seed 0, in Explore too
    seen.page.locator("#gallery .thumbnail-item").nth(1).click()
    seen.explore("9")
    varied = ganzoo.load(server.models[1]).vary(9, 0.3, y="dog")
    sync.expect(seen.page.get_by_text("Class dog, as in the tab Sample.")).to_be_visible()
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])


def test_a_picture_of_a_table_is_explored_with_its_class(seen: Seen, server: Running) -> None:
    conditional = ganzoo.load(server.models[1])
    from_box = seen.page.locator("#explore-seed input, #explore-seed textarea")
    seen.of("?model=conditional&seed=4&n=2&y=**", "cat · 4")
    seen.explore("4")  # where Sample is
    seen.tab("Sample")
    seen.page.locator("#gallery .thumbnail-item").nth(4).click()  # dog · 5
    seen.explore("5")
    sync.expect(seen.page.get_by_text("Class dog, as in the tab Sample.")).to_be_visible()
    varied = conditional.vary(5, 0.3, y="dog")
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])
    seen.tab("Sample")
    seen.page.locator("#strip .thumbnail-item").nth(1).click()  # seed 4 at a truncation of 0.25
    seen.explore("4")
    varied = conditional.vary(4, 0.3, y="cat", truncation=0.25)
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])
    from_box.fill("6")  # a seed that is typed has no class of its own
    from_box.press("Enter")
    sync.expect(seen.page.locator("#around .caption-label").first).to_have_text("to 7")
    varied = conditional.vary(6, 0.3)
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])


def test_who_hurries_through_the_tabs_sees_the_last(seen: Seen, server: Running) -> None:
    hurry = """async names => {
      for (const name of names) {  // faster than the server hears of it
        [...document.querySelectorAll("[role=tab]")].find(tab => tab.innerText.trim() == name).click();
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    }"""
    seen.page.evaluate(hurry, ["Walk", "Explore", "Compare"])
    seen.pixels("#compare", 24)
    seen.page.evaluate(hurry, ["Model", "Compare", "Walk", "Explore"])
    varied = ganzoo.load(server.models[0]).vary(0, 0.3)
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])


def test_what_cannot_be_bred_hides_nothing(seen: Seen) -> None:
    seen.explore("0")
    shown = seen.pixels("#around", 16)
    seen.page.locator("#around .thumbnail-item").nth(2).click()  # enlarged
    sync.expect(seen.page.locator("#around .preview")).to_be_visible()
    seen.page.click("#explore-breed")
    seen.says("Choose two parents")
    sync.expect(seen.page.locator("#around .preview")).to_have_count(0)
    assert seen.pixels("#around", 16) == shown
    sync.expect(seen.page.locator("#around").get_by_text("Error")).to_have_count(0)


def test_how_many_is_said_by_what_is_shown(seen: Seen) -> None:
    count = seen.page.locator("#count")
    number = count.locator("input[type=number]")
    sync.expect(number).to_have_value("16")
    seen.seed("3, 7")
    seen.shows("3")
    sync.expect(count).to_be_hidden()  # the list says it
    seen.seed("5")
    seen.shows("5")
    sync.expect(number).to_have_value("16")
    seen.of("?model=conditional&seed=4&n=30&y=**", "cat · 4")
    assert len(seen.captions()) == 63
    sync.expect(count).to_contain_text("How many of each class")
    sync.expect(number).to_have_value("21")


def test_a_code_can_be_chosen(seen: Seen, server: Running, tmp_path: Path) -> None:
    """A latent of one number has a list; its strip goes from the least to the greatest."""
    coded = ganzoo.load(server.models[5])
    seen.of("?model=coded&seed=4&n=2", "4")
    assert seen.pictures() == [coded.sample(2, 4).png(k) for k in range(2)]
    by_code = [
        coded.sample(1, 4, c2=[v]).picture(0).tobytes() for v in (-1, -0.666667, -0.333333, 0, 0.333333, 0.666667, 1)
    ]
    assert seen.pixels("#strip", 7) == by_code
    seen.choose("#input-c2", "-0.75")
    seen.page.wait_for_function("location.search.includes('c2=-0.75')")
    expected = coded.sample(2, 4, c2=[-0.75])
    assert seen.pictures() == [expected.png(k) for k in range(2)]
    seen.tab("Model")
    sync.expect(seen.page.locator("#code")).to_contain_text("c2=[-0.75]")
    sync.expect(seen.page.locator("#code")).to_contain_text("--input 'c2=[-0.75]'")
    shown = seen.page.url
    seen.of("?model=plain")
    (tmp_path / "one.png").write_bytes(expected.png(1))
    drop(seen, tmp_path / "one.png")
    seen.shows("5")
    assert seen.page.url == shown.replace("seed=4&n=2", "seed=5&n=1")
    sync.expect(seen.page.locator("#input-c2 input")).to_have_value("-0.75")
    seen.of("?model=coded&c2=3")
    seen.says("'c2' is not a number from -1 to 1")


def test_a_conditional_model(seen: Seen, server: Running) -> None:
    """The class that is set in Sample holds in every tab."""
    conditional = ganzoo.load(server.models[1])
    seen.of("?model=conditional&seed=4&n=2&y=dog", "4")
    seen.explore("4")
    varied = conditional.vary(4, 0.3, y="dog")
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])
    seen.tab("Compare")
    seen.page.get_by_label("Classes").check()
    sync.expect(seen.page.locator("#compare")).to_contain_text("class 3")
    by_class = [conditional.sample(6, y=k) for k in range(3)]
    assert seen.pixels("#compare", 18) == [made.picture(k).tobytes() for made in by_class for k in range(6)]
    assert seen.page.locator("#compare th[scope=row]").all_inner_texts() == ["seed", "cat", "dog", "class 3"]
    seen.tab("Walk")
    seen.page.locator("#walk-seconds input[type=number]").fill("1")
    seen.page.click("#walk-go")
    seen.page.wait_for_function("document.querySelector('#film video')?.currentTime > 0.1")
    seen.choose("#model", "plain")  # whose film it is not
    sync.expect(seen.page.locator("#film")).to_contain_text("It is shown here, in a loop", timeout=15000)


def test_a_style_based_model(seen: Seen, server: Running) -> None:
    """Its page asks for what the mapping takes, and mixes styles."""
    styled = ganzoo.load(server.models[4])
    seen.of("?model=styled&seed=2&n=4&psi=0.5", "2")
    expected = styled.sample(4, 2, psi=0.5)
    assert seen.pictures() == [expected.png(k) for k in range(4)]
    by_psi = [styled.sample(1, 2, psi=v).picture(0).tobytes() for v in (0, *(k / 6 for k in range(1, 6)), 1)]
    assert seen.pixels("#strip", 7) == by_psi
    seen.explore("2")
    varied = styled.vary(2, 0.3, psi=0.5)
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])
    seen.page.click("#explore-find")
    along = styled.along(0, seed=2, psi=0.5)
    assert seen.pixels("#along", 7) == [along.picture(k).tobytes() for k in range(7)]
    seen.tab("Compare")
    seen.page.get_by_label("Styles").check()
    mixed = [styled.mix(a, list(range(6)), psi=0.5) for a in range(6)]
    assert seen.pixels("#compare", 36) == [made.picture(k).tobytes() for made in mixed for k in range(6)]
    seen.tab("Walk")
    seen.page.click("#walk-go")
    seen.page.wait_for_function("document.querySelector('#film video')?.currentTime > 0.1")


def test_a_model_that_starts_from_a_picture(seen: Seen, server: Running, tmp_path: Path) -> None:
    from PIL import Image

    photo = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((64, 32)).save(photo)
    seen.choose("#model", "picture")
    sync.expect(seen.page.locator("#hint")).to_contain_text("starts from a picture. Give it one")
    sync.expect(seen.page.locator("#input-photo")).to_contain_text("Drop a picture here")
    for hidden in ("#gallery", "#seed", "#new", "#recall", "#save-png"):  # of no use, or not yet
        sync.expect(seen.page.locator(hidden)).to_be_hidden()
    seen.page.locator("#input-photo input[type=file]").set_input_files(photo)
    seen.shows("output")
    small = Image.open(io.BytesIO(photo.read_bytes()))
    expected = ganzoo.load(server.models[3]).sample(1, photo=fit(small))
    assert seen.pixels("#gallery", 1) == [expected.picture(0).tobytes()]
    sync.expect(seen.page.locator("#hint")).to_be_hidden()
    with seen.page.expect_download() as saved:
        seen.page.click("#save-all")
    assert "000000-seed-0.png" in zipfile.ZipFile(saved.value.path()).namelist()
    seen.tab("Compare")
    for name in ("plain", "conditional", "styled", "coded"):
        seen.page.locator("#compare-models").get_by_label(name, exact=True).uncheck()
    seen.page.locator("#compare-models").get_by_label("picture", exact=True).check()
    seen.page.click("#compare-go")
    assert seen.pixels("#compare", 1) == [expected.picture(0).tobytes()]  # another seed would be the same again
    seen.page.locator("#compare-models").get_by_label("plain", exact=True).check()
    seen.page.click("#compare-go")
    plain = ganzoo.load(server.models[0]).sample(6)
    assert sorted(seen.pixels("#compare", 7)) == sorted(
        [expected.picture(0).tobytes(), *(plain.picture(k).tobytes() for k in range(6))]
    )
    seen.tab("Model")
    sync.expect(seen.page.locator("#code")).to_contain_text("photo.png")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no.png", "'photo' is no picture that can be read; a PNG, JPEG or WebP is needed"),
        ("no.svg", "'photo' is no picture that can be read"),
        ("no.txt", "Only image/* allowed"),
        ("large.png", "exceed the maximum allowed size of 8.0 Mb"),
    ],
)
def test_a_file_that_is_no_picture(seen: Seen, server: Running, tmp_path: Path, name: str, said: str) -> None:
    """One sentence, the box is empty again, and nothing in the server's log."""
    file = tmp_path / name
    file.write_bytes(b"<svg/>" if name != "large.png" else bytes(9 << 20))
    seen.choose("#model", "picture")
    sync.expect(seen.page.locator("#hint")).to_be_visible()
    seen.page.locator("#input-photo input[type=file]").set_input_files(file)
    seen.says(said)
    sync.expect(seen.page.locator("#input-photo")).to_contain_text("Drop a picture here")
    sync.expect(seen.page.locator("#hint")).to_be_visible()
    assert server.log.read_text() == ""


def test_a_picture_dropped_on_the_hint_is_the_models(seen: Seen, server: Running, tmp_path: Path) -> None:
    from PIL import Image

    photo = tmp_path / "photo.png"
    Image.radial_gradient("L").resize((8, 8)).save(photo)
    seen.choose("#model", "picture")
    sync.expect(seen.page.locator("#hint")).to_be_visible()
    drop(seen, photo, "#hint")
    seen.shows("output")
    expected = ganzoo.load(server.models[3]).sample(1, photo=fit(Image.open(photo)))
    assert seen.pixels("#gallery", 1) == [expected.picture(0).tobytes()]


@pytest.mark.parametrize(("model", "why"), [("picture", "takes no noise"), ("points", "makes points")])
def test_a_tab_says_what_it_is_for(seen: Seen, server: Running, model: str, why: str) -> None:
    """No error for who only looks, and the widgets are back with a model that they are for."""
    seen.choose("#model", model)
    for tab, button in (("Walk", "#walk-go"), ("Explore", "#explore-near")):
        seen.tab(tab)
        reason = seen.page.get_by_text(f"'{model}' {why}").locator("visible=true")
        sync.expect(reason).to_have_text(f"This tab is for models that make pictures from noise; '{model}' {why}.")
        sync.expect(seen.page.locator(button)).to_be_hidden()
    seen.tab("Compare")
    seen.pixels("#compare", 24)
    if model == "picture":
        seen.page.locator("#compare-models").get_by_label("picture", exact=True).check()
        seen.page.click("#compare-go")
        sync.expect(seen.page.locator("#compare")).to_contain_text("picture: This model starts from a picture. Give it")
        seen.pixels("#compare", 24)  # the others are there all the same
    seen.tab("Explore")
    seen.choose("#model", "plain")
    varied = ganzoo.load(server.models[0]).vary(0, 0.3)
    seen.becomes("#around", [varied.picture(k).tobytes() for k in range(16)])
    sync.expect(reason).to_have_count(0)
    assert seen.page.locator("[data-testid=toast-body]").count() == 0


def fit(image: Any) -> Any:
    """As the page fits a photo: the middle of it, 8 x 8."""
    import numpy as np
    from PIL import ImageOps

    return np.asarray(ImageOps.fit(image.convert("L"), (8, 8)))[..., None]


class Keys:
    """Somebody without a mouse."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def go_to(self, name: str, role: str = "") -> None:
        """Moves the focus to what has this text, this label or this id; with `role`, to such a one."""
        script = """([name, role]) => {
          const at = document.activeElement;
          if (role && at.getAttribute("role") !== role) return false;
          const said = [at.innerText, at.getAttribute("aria-label"), ...[...(at.labels || [])].map((l) => l.innerText)];
          return said.some((text) => (text || "").trim() === name) || !!(name[0] === "#" && at.closest(name));
        }"""
        for _ in range(80):
            self.press("Tab")
            if self.page.evaluate(script, [name, role]):
                return
        raise AssertionError(f"{name} cannot be reached")

    def tab(self, name: str) -> None:
        self.page.locator("#title").click()  # the focus is at the top, as for whoever opens the page
        self.go_to(name, "tab")
        self.press("Enter")

    def type(self, where: str, text: str) -> None:
        self.go_to(where)
        self.press("Control+A")
        self.page.keyboard.type(text)


def test_by_keyboard_alone(seen: Seen, server: Running) -> None:
    """Every tab does what it is for, and nothing is clicked."""
    keys, page = Keys(seen.page), seen.page
    plain = ganzoo.load(server.models[0])
    keys.type("#seed", "11")
    keys.press("Enter")
    seen.shows("11")
    keys.go_to("Keep this seed")
    keys.press("Space")
    keys.press("Space")
    keys.go_to("New pictures")
    keys.press("Enter")
    sync.expect(page.locator("#gallery .caption-label").first).not_to_have_text("11")
    keys.go_to("Save sheet (PNG)")
    with page.expect_download() as saved:
        keys.press("Enter")
    assert Path(saved.value.path()).read_bytes()[:4] == b"\x89PNG"
    keys.tab("Walk")
    keys.type("#walk-keys", "3, 7")
    keys.go_to("#walk-seconds")
    page.keyboard.type("1")
    keys.go_to("Make the film")
    keys.press("Enter")
    page.wait_for_function("document.querySelector('#film video')?.currentTime > 0.1")
    keys.tab("Explore")
    seen.pixels("#around", 16)
    keys.type("#explore-seed", "5")
    keys.go_to("Variations")
    keys.press("Enter")
    sync.expect(page.locator("#around .caption-label").first).to_have_text("to 6")
    keys.go_to("Keep as a favourite")
    keys.press("Enter")
    assert seen.pixels("#favourites", 1) == [plain.sample(seeds=[5]).picture(0).tobytes()]
    keys.go_to("to 7")  # a variation
    keys.press("Enter")
    sync.expect(page.locator("#explore-seed input, #explore-seed textarea")).to_have_value("(5~7@0.3)")
    keys.press("Escape")
    keys.tab("Compare")
    seen.pixels("#compare", 24)
    keys.go_to("Truncation")
    keys.press("Space")
    seen.pixels("#compare", 30)
    keys.type("#compare-seeds", "8,9")
    keys.press("Enter")
    expected = [plain.sample(seeds=[8, 9], truncation=t) for t in (0.4, 0.8, 1.2, 1.6, 2.0)]
    assert seen.pixels("#compare", 10) == [made.picture(k).tobytes() for made in expected for k in (0, 1)]
    keys.tab("Model")
    sync.expect(page.locator("#card")).to_contain_text(plain.checksum)


def test_every_picture_has_a_text(seen: Seen) -> None:
    seen.of("?model=conditional")
    seen.explore("0")
    seen.pixels("#around", 16)
    seen.page.click("#explore-keep")
    seen.pixels("#favourites", 1)
    texts = seen.page.evaluate("[...document.querySelectorAll('img')].map(i => i.alt)")
    assert len(texts) > 33
    assert all(texts)


def test_an_idle_server_rests(server: Running) -> None:
    """Gradio's queue would look for events a thousand times a second."""

    def woken() -> int:
        status = [p.read_text() for p in Path(f"/proc/{server.process.pid}/task").glob("*/status")]
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in status)

    before = woken()
    time.sleep(2)
    assert woken() - before < 300


def test_what_cannot_be_drawn_is_said(seen: Seen) -> None:
    seen.seed("cat")
    seen.says("seeds")
    assert seen.captions() == [str(k) for k in range(16)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_does_not_scroll_sideways(server: Running, window: Any, scheme: str) -> None:
    page = window.new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme=scheme)
    seen = Seen(page, server.address)
    seen.shows("0")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#gallery").bounding_box()["y"] < page.locator("#seed").bounding_box()["y"]
    assert seen.wrong == []
    page.close()


def test_the_server_looked_nobody_up(server: Running, seen: Seen) -> None:
    assert server.log.read_text() == ""


def test_gradios_events_check_what_they_are_given(server: Running) -> None:
    """They can be called by anybody, so nonsense is an error of the event, never a file or a traceback."""
    with urllib.request.urlopen(f"{server.address}/config", timeout=10) as answer:
        events = [d for d in json.load(answer)["dependencies"] if d["backend_fn"]]
    assert len(events) > 15
    drawing = next(d["id"] for d in events if d["api_name"] == "draw")
    inputs = next(len(d["inputs"]) for d in events if d["id"] == drawing)
    nonsense = [(d["id"], [what] * len(d["inputs"])) for d in events for what in ("../x", {"path": "/etc/passwd"})]
    for number, data in (
        (drawing, [None] * inputs),
        (drawing, ["../x", "0", 1, *[None] * (inputs - 3)]),
        (drawing, ["plain", "0", 1e9, *[{"path": "/etc/passwd"}] * (inputs - 3)]),
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


@pytest.mark.slow
def test_the_pictures_of_the_manual_can_be_taken(tmp_path: Path) -> None:
    """By the script that took those in docs/serving.md; a model that is no run has no tab Training."""
    from PIL import Image

    script = Path(__file__).parent.parent / "docs" / "pictures" / "page.py"
    model = tiny(tmp_path / "conditional.onnx", "conditional")
    subprocess.run([sys.executable, script, model, "--out", tmp_path], check=True, timeout=300)
    found = {path.name: Image.open(path).width for path in tmp_path.glob("*.webp")}
    assert found == {f"page-{name}.webp": int(name[-4:].strip("-")) for name in TAKEN}


TAKEN = ("sample-1280", "explore-1280", "compare-1280", "sample-390")


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
