"""What the tabs compute, without a browser."""

from __future__ import annotations

import asyncio
import inspect
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from app_model import tiny
from PIL import Image

import ganzoo
from ganzoo.app.page import QUIET, without_stubs

os.environ.update(QUIET)  # before Gradio is imported
pytest.importorskip("gradio", reason="gradio is not installed")

import gradio as gr

from ganzoo.app import compare_tab, places, recall, sample_tab, training_tab, walk_tab
from ganzoo.app.controls import Sheet, sentence
from ganzoo.app.inputs import clip_of, clips_within, requested
from ganzoo.app.page import build
from ganzoo.app.photo import Photo
from ganzoo.app.schema import public_card
from ganzoo.app.snippets import _line, card
from ganzoo.app.studio import Pool, Studio
from ganzoo.app.walk_tab import EASINGS
from ganzoo.errors import InputError
from ganzoo.folder import RunFolder
from ganzoo.images import png_text
from ganzoo.samples import CHUNK, Samples
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec


def test_a_walk_passes_its_seeds_and_holds_the_rest(tmp_path: Path) -> None:
    sampler = ganzoo.load(tiny(tmp_path / "m.onnx", "conditional"))
    given = {"label": "dog", "truncation": 0.5}
    keys = sampler.sample(seeds=[3, 7, 5], **given)
    way = sampler.way([3, 7, 5], np.asarray([0.0, 1.0, 1.5, 2.0, 3.0]), **given)
    assert (way.output[[0, 1, 3, 4]] == keys.output[[0, 1, 2, 0]]).all()
    assert set(way.inputs["y"].tolist()) == {1}
    assert way.inputs["truncation"] == 0.5
    a, b = (keys.inputs["z"][k].astype(float) for k in (1, 2))
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    middle = (np.linalg.norm(a) + np.linalg.norm(b)) / 2 * np.sin(angle / 2) / np.sin(angle)
    middle = middle * (a / np.linalg.norm(a) + b / np.linalg.norm(b))
    assert np.allclose(way.inputs["z"][2], middle, atol=1e-6)


def test_a_way_needs_keys_and_places(tmp_path: Path) -> None:
    sampler = ganzoo.load(tiny(tmp_path / "m.onnx"))
    for keys, at in (([], [0.0]), ([1, 2], []), ([1, 2], [float("nan")]), ([1, 2], [[0.0]])):
        with pytest.raises(InputError, match="a way needs keys"):
            sampler.way(keys, at)


def test_what_a_picture_is_made_from_can_be_asked(tmp_path: Path) -> None:
    sampler = ganzoo.load(tiny(tmp_path / "m.onnx", "conditional"))
    made, asked = sampler.sample(seeds=[3, 7], label="dog"), sampler.inputs_of([3, 7], label="dog")
    assert made.inputs.keys() == asked.keys()
    assert all(np.array_equal(made.inputs[name], asked[name]) for name in asked)


def test_a_photo_that_is_drawn_from_is_as_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that it lies in is swept. Files of other folders are not read."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    photo, other = tmp_path / "photo.png", tmp_path.parent / "other.png"
    photo.write_bytes(b"some bytes")
    other.write_bytes(b"other bytes")
    os.utime(photo, (0, 0))
    for path in (other, tmp_path / ".." / "other.png"):
        assert Photo().preprocess(SimpleNamespace(path=str(path))) is None
    assert Photo().preprocess(SimpleNamespace(path=str(photo))) == b"some bytes"
    assert photo.stat().st_mtime > time.time() - 60
    assert Photo().preprocess(SimpleNamespace(path=str(tmp_path / "swept.png"))) is None


def test_a_message_is_shown_as_text() -> None:
    """Gradio shows HTML, and a name in an address may be some."""
    assert sentence(InputError("y", "no <a href='x'>bird</a>")) == "No &lt;a href='x'&gt;bird&lt;/a&gt;"


def test_classes_in_turn_are_one_input_of_the_command_line() -> None:
    line = _line("m.onnx", None, {"n": 2, "seed": 0}, {"label": ["cat", "dog"], "truncation": 0.5})
    assert "--input 'label=['\"'\"'cat'\"'\"', '\"'\"'dog'\"'\"']'" in line
    assert "--truncation 0.5" in line


@pytest.mark.parametrize("name", EASINGS)
def test_a_pace_goes_from_end_to_end_and_never_back(name: str) -> None:
    places = EASINGS[name](np.linspace(0, 1, 101))
    assert places[0] == 0
    assert places[-1] == 1
    assert places[50] == pytest.approx(0.5)
    assert (np.diff(places) >= 0).all()


@pytest.fixture
def sheet(tmp_path: Path) -> Iterator[Sheet]:
    pool = Pool(1, 1)
    studio = Studio.open([tiny(tmp_path / f"{kind}.onnx", kind) for kind in ("plain", "conditional", "points")], pool)
    with gr.Blocks():
        yield Sheet(studio, gr.Dropdown(list(studio.samplers)), tmp_path)
    pool.close()


NONE = [None] * 3


@pytest.mark.parametrize(
    ("model", "keys", "seconds", "field"),
    [
        ("plain", "3", 2, "seeds"),
        ("plain", "0-12", 2, "seeds"),
        ("plain", "../x", 2, "seeds"),
        ("plain", "0,1", 21, "seconds"),
        ("plain", "0,1", float("nan"), "seconds"),
        ("plain", "0,1", None, "seconds"),
        ("points", "0,1", 2, "model"),
        ("nobody", "0,1", 2, "model"),
    ],
)
def test_a_film_is_bounded(sheet: Sheet, model: str, keys: str, seconds: Any, field: str) -> None:
    with pytest.raises(InputError) as error:
        walk_tab._asked(sheet, model, keys, seconds, NONE)
    assert error.value.field == field


def test_a_table_is_bounded_and_offers_what_the_model_declares(sheet: Sheet) -> None:
    studio = sheet.studio
    assert compare_tab._kinds(studio, "plain") == ["Models", "Truncation"]
    assert compare_tab._kinds(studio, "conditional") == ["Models", "Classes", "Truncation"]
    assert compare_tab._kinds(studio, "points") == ["Models"]
    rows = compare_tab._rows(sheet, "plain", "Truncation", [], {"seeds": "0-2"}, NONE)
    assert [wish.arguments["truncation"] for _, wish, _ in rows] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    made = compare_tab._draw(studio, rows)
    expected = studio.sampler("plain").sample(seeds=[0, 1, 2], truncation=0.4)
    assert (made[0][1].output == expected.output).all()
    rows = compare_tab._rows(sheet, "conditional", "Truncation", [], {"seeds": "0"}, NONE)
    assert [name for name, _, _ in rows] == ["0.3", "0.6", "0.9", "1.2", "1.5"]
    assert compare_tab._draw(studio, rows)
    for what, chosen, seeds in (
        ("Models", ["plain"] * 13, "0-4"),
        ("Models", ["plain"], "0-16"),
        ("Models", ["nobody"], "0"),
        ("Models", ["points"], "0"),
        ("Training steps", [], "0"),
        ("../x", [], "0"),
    ):
        with pytest.raises(InputError):
            compare_tab._rows(sheet, "plain", what, chosen, {"seeds": seeds}, NONE)


def test_truncations_are_those_of_the_input_that_means_it(sheet: Sheet) -> None:
    """Where it is one: within its range, and with no second widget or strip beside its own."""
    psi = InputSpec("psi", "scalar", distribution="given", range=(-0.1, 0.4), default=0.4)
    spec = GeneratorSpec("G", (InputSpec("z", shape=(4,), range=(-2.0, 2.0)), psi), OutputSpec())
    assert clips_within(spec, 5) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert clip_of(spec) is None
    assert sample_tab.sweeps(spec) == ["psi"]
    plain, conditional = (sheet.studio.spec(name) for name in ("plain", "conditional"))
    assert [clip_of(plain), clip_of(conditional)] == [2.0, None]
    assert sample_tab.sweeps(plain) == ["truncation"]
    assert requested(conditional, {"truncation": 1.0}) == {}
    assert requested(conditional, {"truncation": 1.5}) == {"truncation": 1.5}


def test_the_card_is_that_of_the_model_that_is_served_now(tmp_path: Path) -> None:
    """Of one model the picker never changes, so what the page says of it is asked for when it is opened."""
    pool = Pool(1, 1)
    studio = Studio.open([tiny(tmp_path / "plain.onnx")], pool)
    page = build(studio, tmp_path)
    tiny(tmp_path / "plain.onnx", seed=1)
    assert studio.reload() == []
    opened = [one for one in page.fns.values() if any(event == "load" for _, event in one.targets)]
    said = {out.elem_id: one.fn for one in opened for out in one.outputs if out.elem_id in ("card", "about")}
    assert studio.sampler("plain").checksum in asyncio.run(said["card"]("plain"))
    assert "its seed" in asyncio.run(said["about"]("plain"))
    pool.close()


def test_gradio_is_imported_without_writing_its_stubs() -> None:
    """Each component would look for its file and rewrite the stub beside it; it goes on if there is no file."""
    from gradio import component_meta

    file = inspect.getfile(gr.Image)
    with without_stubs():
        assert inspect.getfile(gr.Image) == file
        with patch.object(component_meta, "create_pyi", side_effect=AssertionError):
            component_meta.create_or_modify_pyi(gr.Image, "Image", [])
    with patch.object(component_meta, "create_pyi", side_effect=AssertionError), pytest.raises(AssertionError):
        component_meta.create_or_modify_pyi(gr.Image, "Image", [])


def test_one_model_is_compared_with_itself_if_at_all(tmp_path: Path) -> None:
    """Of a class or a truncation there are rows; of one plain pair of pictures there is nothing to compare."""
    pool = Pool(1, 1)
    for kind, kinds in (("conditional", ["Classes", "Truncation"]), ("plain", ["Truncation"]), ("picture", [])):
        studio = Studio.open([tiny(tmp_path / f"{kind}.onnx", kind)], pool)
        assert compare_tab._kinds(studio, kind) == kinds
        assert compare_tab.comparable(studio) == bool(kinds)
    pool.close()


def test_a_model_is_served_without_its_parts(tmp_path: Path) -> None:
    """A synthesis beside a generator that holds it would show the same pictures once more."""
    pool = Pool(1, 1)
    folder = tiny(tmp_path / "styled", "styled", default=False)
    tiny(folder / "whole.onnx", "plain", default=True)
    assert list(ganzoo.load(folder).generators) == ["G", "mapping", "synthesis"]
    assert list(Studio.open([folder], pool).samplers) == ["styled"]
    pool.close()


def test_the_card_shows_what_is_known(sheet: Sheet) -> None:
    studio = sheet.studio
    about = studio.samplers["plain"].backend.card
    assert "Players" not in card(studio, "plain")  # files of before say none
    about["players"] = {"D": "<D>, 12 parameters", "G": "Net, 7 parameters"}
    about["turns"] = ["D, 5 times", "G"]
    about["figures"] = {"step": 1200, "images": 9, "D/x": 0.123456, "V": -1.38629, "D/grad_norm": None}
    about["evaluated"] = "nonsense"
    shown = card(studio, "plain")
    assert "<li>D: &lt;D&gt;, 12 parameters</li><li>G: Net, 7 parameters</li>" in shown
    assert "<td>Turns of a step</td><td><ul><li>D, 5 times</li><li>G</li></ul>" in shown
    assert "<ul><li>at step 1,200</li><li>V -1.386</li><li>D/x 0.1235</li></ul>" in shown
    assert "Evaluated" not in shown
    assert shown.index("What it is") < shown.index("<td>Checksum</td>") < shown.index("How it was made")
    about["data_card"]["origin"] = "Alpaydin (https://archive.ics.uci.edu/dataset/80)."
    found = 'Alpaydin (<a href="https://archive.ics.uci.edu/dataset/80" target="_blank" rel="noopener">'
    assert f"{found}https://archive.ics.uci.edu/dataset/80</a>)." in card(studio, "plain")
    assert public_card(studio.samplers["plain"].card)["figures"]["V"] == -1.38629


def test_each_class_in_turn_is_any_class_elsewhere(sheet: Sheet) -> None:
    """The tab Sample makes a table of it; a film, variations and comparisons have no such table."""
    values = [2.0, "**", 1.0]
    assert sheet.sheet_wish("conditional", "0", 1, values).asked["y"] == ["cat", "dog", "3"]
    assert "y" not in sheet.wish("conditional", values, seeds="0-5").asked
    assert walk_tab._asked(sheet, "conditional", "0,1", 1, values)[0].asked["seeds"] == [0, 1]
    for what in ("Models", "Classes", "Truncation"):
        rows = compare_tab._rows(sheet, "conditional", what, ["plain", "conditional"], {"seeds": "0-2"}, values)
        assert compare_tab._draw(sheet.studio, rows)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"model": "nobody"}, "model"),
        ({"seed": "cat"}, "seeds"),
        ({"seed": "0-99"}, "n"),
        ({"n": "1e9"}, "n"),
        ({"n": "x"}, "n"),
        ({"model": "conditional", "y": "bird"}, "y"),
        ({"model": "conditional", "truncation": "nan"}, "truncation"),
        ({"truncation": "9"}, "truncation"),
    ],
)
def test_an_address_is_read_as_untrusted(sheet: Sheet, settings: Any, field: str) -> None:
    with pytest.raises(InputError) as error:
        sheet.recalled(settings)
    assert error.value.field == field


def test_settings_come_back_from_an_address(sheet: Sheet) -> None:
    from urllib.parse import parse_qsl

    values = [2.0, "**", 0.5]
    found = dict(parse_qsl(recall.to_address(sheet.settings("conditional", "3", 4, values))[1:]))
    assert found == {"model": "conditional", "seed": "3", "n": "4", "y": "**", "truncation": "0.5"}
    assert sheet.recalled({**found, "utm_source": "x"}) == ["conditional", "3", 4, *values]


@pytest.mark.parametrize("text", ["", "null", "[1]", "{" * 9000, "[" * 7000, '{"arguments": 3}', None, 7, "\x00"])
def test_a_picture_that_is_not_ours(sheet: Sheet, text: Any) -> None:
    with pytest.raises(InputError, match="carries no settings"):
        recall.from_picture(sheet.studio, text)


def brought(sheet: Sheet, samples: Samples, folder: Path) -> dict[str, Any]:
    """The settings that a dropped sheet brings."""
    return recall.from_picture(sheet.studio, png_text(samples.save(folder / "sheet.png"), CHUNK))


def test_a_sheet_of_many_seeds_brings_them_all(sheet: Sheet, tmp_path: Path) -> None:
    plain, conditional, points = sheet.studio.samplers.values()
    many = random.Random(0).sample(range(10**9, 2**32), 64)
    found = brought(sheet, plain.sample(seeds=many), tmp_path)
    assert recall.seed_list(found["seed"], 64) == many
    assert sheet.recalled(found)[1] == found["seed"]
    assert found["seed"] in recall.to_address(found)
    seeds, classes = recall.in_turn(("cat", "dog", "3"), many[:20])
    found = brought(sheet, conditional.sample(seeds=seeds, label=classes), tmp_path)
    assert recall.seed_list(found["seed"], 64) == many[:20]
    assert found["y"] == recall.EACH
    assert brought(sheet, points.sample(1024, 5), tmp_path) == {"model": "points", "seed": "5", "n": 1024}


def test_a_sheet_that_the_page_cannot_show_is_none_of_other_seeds(sheet: Sheet, tmp_path: Path) -> None:
    plain = sheet.studio.sampler("plain")
    for count, words in ((100, "100 seeds, more than the page shows"), (300, "longer than 3072 characters")):
        samples = plain.sample(seeds=random.Random(0).sample(range(10**9, 2**32), count))
        with pytest.raises(InputError, match=words):
            brought(sheet, samples, tmp_path)
    with pytest.raises(InputError, match="made from a z of its own"):
        brought(sheet, plain.sample(z=np.zeros((2, 4))), tmp_path)


def test_a_place_is_a_way_between_seeds(tmp_path: Path) -> None:
    sampler = ganzoo.load(tiny(tmp_path / "m.onnx", "conditional"))
    found = places.drawn(sampler, [places.read("7"), places.read("(7~8@0.3)"), places.read("(7~8@1)")], {"y": "dog"})
    assert (found.output[1] == sampler.vary(7, 0.3, 1, y="dog").output[0]).all()
    assert (found.output[[0, 2]] == sampler.sample(seeds=[7, 8], y="dog").output).all()
    child = places.children(places.read("7"), places.read("(7~8@0.3)"), 3)[1]
    assert str(child).startswith("((7~(7~8@0.3)@0.5)~")
    assert str(places.read(str(child))) == str(child)
    assert child.seed == 7


def test_a_name_may_be_long_but_not_longer_than_it_is_read(tmp_path: Path) -> None:
    sampler = ganzoo.load(tiny(tmp_path / "m.onnx"))
    place = places.read("7")
    for _ in range(249):
        (place,) = places.variations(place, 0.3, 1)
        assert str(places.read(str(place))) == str(place)
    assert len(str(place)) == 1993
    assert places.drawn(sampler, [place], {}).output.shape == (1, 8, 8, 1)
    with pytest.raises(InputError, match="longer than 2000 characters; start anew from a seed"):
        places.variations(place, 0.3, 1)
    a, b = places.read("7"), places.read("12")
    for _ in range(6):
        a, b = places.children(a, b, 2)
        assert places.read(str(b)).seed == 7
    with pytest.raises(InputError, match="longer than 2000"):
        places.children(a, b, 2)
    with pytest.raises(InputError, match="longer than 2000"):
        places.read("9" * 2001)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "4294967296", "(7~8)", "(7~8@2)", "7)", "(7~8@0.1", "(" * 200, "(" * 2000, "7 8", None]
)
def test_what_is_no_place(text: Any) -> None:
    with pytest.raises(InputError) as error:
        places.read(text)
    assert error.value.field == "place"


def test_of_many_steps_some_are_compared() -> None:
    assert compare_tab._some([1, 2, 3]) == [1, 2, 3]
    some = compare_tab._some(list(range(100)))
    assert (len(some), some[0], some[-1]) == (8, 0, 99)


def test_the_newest_step_is_among_those_to_look_back_at(tmp_path: Path) -> None:
    changes = {**ganzoo.recipe("vanilla").tiny, "log.snapshot": 5, "log.checkpoint": 10}
    ganzoo.train("vanilla", out=tmp_path / "run", set={**changes, "steps": 30})
    pool = Pool(1, 1)
    studio = Studio.open([tmp_path / "run"], pool)
    assert studio.steps("run") == [5, 10, 20, 30]
    last = studio.snapshot("run", 30).sample(2)
    assert (last.images == studio.sampler("run").sample(2).images).all()
    with pytest.raises(InputError):
        studio.snapshot("run", 15)
    pool.close()


def test_a_run_is_read_as_it_is_now(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.update(variant="<b>", status="running", step=20, until=1000)
    assert training_tab._read(run, None)[1:] == (True, 0, 1, [None, None])
    for k, step in enumerate((0, 10, 20)):
        Image.new("L", (4 + k, 4)).save(run.sample_path(step))
    text, going, count, at, (grid, curves) = training_tab._read(run, 2)
    assert "&lt;b&gt; · running · step 20 of 1,000 · grid of step 10" in text
    assert (going, count, at, curves) == (True, 3, 2, None)
    assert grid is not None
    assert grid.size == (5, 4)
    run.update(status="done")
    assert training_tab._read(run, 99)[1:4] == (False, 3, 3)
