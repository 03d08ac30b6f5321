"""The page in a real browser, against a real server: Debian's chromium, driven by playwright."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed (apt-get install chromium)", allow_module_level=True)

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def launched() -> Iterator[Any]:
    """A browser. While it is open, this thread has a running event loop: no test may run another beside it."""
    with sync.sync_playwright() as player:
        found = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


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


def pixels(data: bytes) -> bytes:
    from PIL import Image

    return Image.open(io.BytesIO(data)).tobytes()


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
