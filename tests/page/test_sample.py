"""The tab Sample: seeds, what is saved, addresses, settings of a picture."""

from __future__ import annotations

import base64
import zipfile
from pathlib import Path

from app_model import tiny
from browser import Seen, drop, pixels, sync
from serving import Running

import ganzoo

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAWk1v8QAAAABJRU5ErkJggg=="


def test_it_opens_with_sixteen_pictures_of_the_default_seed(seen: Seen, server: Running) -> None:
    assert seen.captions() == [str(k) for k in range(16)]
    sync.expect(seen.page.locator("#about")).to_contain_text("This model makes up pictures like those of digits.")
    expected = ganzoo.load(server.models[0]).sample(16)
    found = [pixels(data) for data in seen.pictures()]
    assert found == [pixels(expected.png(k)) for k in range(16)]


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


def test_what_cannot_be_drawn_is_said(seen: Seen) -> None:
    seen.seed("cat")
    seen.says("seeds")
    assert seen.captions() == [str(k) for k in range(16)]
