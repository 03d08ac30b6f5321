"""What each kind of model shows: classes, codes, styles, a picture to start from."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from browser import Seen, drop, pixels, sync
from serving import Running

import ganzoo


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
