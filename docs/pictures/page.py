"""Screenshots of the page for docs/serving.md: `python docs/pictures/page.py MODEL... [--out FOLDER] [--all]`.

A browser (chromium, by playwright) does in each tab what the tab is for. The first model is shown; a run has the tab
Training too. With --all each tab at two widths, light and dark: to look at, not to keep.
"""

from __future__ import annotations

import argparse
import io
import itertools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect, sync_playwright

TABS = ("Sample", "Walk", "Explore", "Compare", "Training", "Model")
KEPT = [("Sample", 1280, "light"), ("Explore", 1280, "light"), ("Compare", 1280, "dark"), ("Training", 1280, "light"),
        ("Sample", 390, "dark")]  # fmt: skip
ALL = list(itertools.product(TABS, (1280, 390), ("light", "dark")))


def show(page: Any, tab: str) -> None:
    """Opens a tab and does what it is for."""
    name = page.get_by_role("tab", name=tab, exact=True)
    if not name.is_visible():  # on a narrow screen some are in a menu
        page.locator(".overflow-menu > button").click()
        name = page.locator(".overflow-dropdown button", has_text=tab)
    name.click()
    if tab == "Walk":
        page.click("#walk-go")
        page.wait_for_function("document.querySelector('#film video')?.currentTime > 0.3")
    if tab == "Explore":
        expect(page.locator("#around img")).to_have_count(16)
        page.click("#explore-keep")
        expect(page.locator("#favourites img")).to_have_count(1)
        for seed in ("4", "11"):
            page.locator("#explore-seed textarea, #explore-seed input").fill(seed)
            page.click("#explore-keep")
            page.wait_for_timeout(800)
        page.click("#explore-breed")
        expect(page.locator("#around")).to_contain_text("child 16")
    if tab == "Compare":
        expect(page.locator("#compare img").first).to_be_visible()
        for rows in ("Training steps", "Classes", "Truncation"):
            if page.get_by_label(rows, exact=True).count():
                page.get_by_label(rows, exact=True).check()
                page.wait_for_timeout(1500)
                break
    if tab == "Training":
        expect(page.locator("#run-picture img")).to_be_visible()
    page.wait_for_timeout(1200)


def main() -> None:
    """Serves the models, takes the screenshots, writes page-<tab>-<width>.webp."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ganzoo", "serve", *map(str, asked.models), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with sync_playwright() as player:
            browser = player.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            context = browser.new_context()
            for tab, width, scheme in ALL if asked.all else KEPT:
                page = context.new_page()
                page.set_viewport_size({"width": width, "height": 800})
                page.emulate_media(color_scheme=scheme)
                page.goto(address)
                expect(page.locator("#gallery .caption-label").first).to_be_visible(timeout=30000)
                if page.get_by_role("tab", name=tab, exact=True).count() or width < 700:
                    show(page, tab)
                    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                    name = f"page-{tab.lower()}-{width}" + (f"-{scheme}" if asked.all else "")
                    picture.convert("RGB").save(asked.out / f"{name}.webp", quality=80, method=6)
                page.close()
            browser.close()
    finally:
        server.terminate()
        server.wait(15)


if __name__ == "__main__":
    main()
