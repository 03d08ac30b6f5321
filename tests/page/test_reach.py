"""Whom the page is for: by keyboard alone, by ear, on a narrow screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import Keys, Seen, sync
from serving import Running

import ganzoo


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
