"""The tabs Walk, Explore and Compare."""

from __future__ import annotations

from browser import Seen, sync
from serving import Running

import ganzoo


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


def test_each_gallery_can_be_clicked(seen: Seen, server: Running) -> None:
    """The browser sends the selected image with its index; the server reads the index only."""
    from_box = seen.page.locator("#explore-seed input, #explore-seed textarea")
    bodies: list[str] = []
    seen.page.on("request", lambda r: bodies.append(r.post_data) if "queue/join" in r.url else None)

    def click(gallery: str, place: int) -> None:
        bodies.clear()
        seen.page.locator(f"{gallery} .thumbnail-item").nth(place).click()
        seen.page.wait_for_timeout(300)
        assert any('"path"' in body for body in bodies)  # there is a file to drop

    seen.of("?model=conditional&seed=3,9&y=dog", "3")
    seen.pixels("#strip", 7)
    click("#gallery", 1)
    seen.explore("9")
    seen.tab("Sample")
    seen.page.keyboard.press("Escape")
    click("#strip", 2)
    seen.explore("3")
    sync.expect(seen.page.get_by_text("Class dog, Truncation 0.5, as in the tab Sample.")).to_be_visible()
    seen.pixels("#around", 16)
    click("#around", 4)
    sync.expect(from_box).to_have_value("(3~8@0.3)")
    seen.page.click("#explore-keep")
    seen.pixels("#favourites", 1)
    from_box.fill("5")
    from_box.press("Enter")
    seen.page.click("#explore-keep")
    seen.pixels("#favourites", 2)
    click("#favourites", 0)
    sync.expect(from_box).to_have_value("(3~8@0.3)")


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
