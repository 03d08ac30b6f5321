"""Pairs of pictures: side by side or in two folders, dealt, flipped and cut alike; models that start from them."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import platformdirs
import pytest
import torch
from PIL import Image

from ganzoo import shown, zoo
from ganzoo.data import Content, Pairs, open_source
from ganzoo.errors import DataError
from ganzoo.picture_metrics import ToTarget
from ganzoo.samples import Samples
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec

DATA = Path(os.environ.get("GANZOO_DATA") or "-")


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)


def one(k, right=False, size=8):
    """Picture k: 10 k in its left column to 10 k + 7 in its right one; the right of a pair is 100 more."""
    row = np.arange(size) * 8 // size + 10 * k + 100 * right
    return np.broadcast_to(row[None, :, None], (size, size, 3)).astype(np.uint8)


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def side_by_side(k):
    return png(np.concatenate([one(k), one(k, right=True)], axis=1))


FILES = {
    **{f"set/train/{k}.png": side_by_side(k) for k in range(6)},
    **{f"set/val/{k}.png": side_by_side(k) for k in range(6, 9)},
}


def write(place, files=FILES):
    """A folder, .zip or .tar of these files."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    elif place.suffix == ".tar":
        with tarfile.open(place, "w") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    else:
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
    return f"pairs:{place}"


@pytest.mark.parametrize("name", ["pictures", "pictures.zip", "pictures.tar"])
def test_halves_side_by_side(tmp_path, name):
    source = open_source(write(tmp_path / name))
    assert source.spec.shape == source.spec.pictures["input"] == (3, 8, 8)
    assert (source.spec.kind, source.spec.size, source.spec.classes) == ("image", 6, ())
    columns = source.columns()
    for k in range(6):
        assert np.array_equal(columns["input"][k].permute(1, 2, 0), one(k))
        assert np.array_equal(columns["x"][k].permute(1, 2, 0), one(k, right=True))
    assert np.array_equal(source.all(2), columns["x"][:2])
    turned = open_source(write(tmp_path / "again"), direction="b-to-a").columns()
    assert np.array_equal(turned["x"], columns["input"])
    assert np.array_equal(turned["input"], columns["x"])


@pytest.mark.parametrize("shape", ["{split}/{side}/{k}", "{side}/{split}/{k}"])
def test_two_folders(tmp_path, shape):
    files = {}
    for k in range(8):
        for side, right in (("labels", False), ("photos", True)):
            place = shape.format(split="train" if k < 6 else "val", side=side, k=k)
            files[f"{place}.{'bmp' if right else 'png'}"] = png(one(k, right))
    name = write(tmp_path / "two", files)
    columns = open_source(name).columns()
    assert len(columns["x"]) == 6
    assert np.array_equal(columns["input"][4].permute(1, 2, 0), one(4))
    assert np.array_equal(columns["x"][4].permute(1, 2, 0), one(4, right=True))
    assert open_source(name, split="val").columns()["x"].shape == (2, 3, 8, 8)
    assert open_source(name, direction="b-to-a", size=4).columns()["input"].shape == (6, 3, 4, 4)
    (tmp_path / "two" / shape.format(split="train", side="labels", k=99)).with_suffix(".png").write_bytes(png(one(9)))
    with pytest.raises(DataError, match="1 pictures that are in one of its two folders only"):
        _ = open_source(name).spec


def test_splits(tmp_path):
    name = write(tmp_path / "set.tar")
    assert open_source(name, split="val").spec.size == 3
    assert open_source(name).held_out.spec.size == 3
    assert open_source(name, split="val").held_out is None
    few = open_source(name, limit=2)
    assert (few.spec.size, few.held_out.spec.size) == (2, 3)
    assert few.fingerprint != open_source(name).fingerprint
    assert open_source(name, split="all").spec.size == 9
    with pytest.raises(DataError, match="no folder 'test'"):
        _ = open_source(name, split="test").spec
    plain = write(tmp_path / "plain.zip", {f"{k}.png": side_by_side(k) for k in range(4)})
    assert open_source(plain).spec.size == 4
    assert open_source(plain).held_out is None


def test_both_of_a_pair_are_flipped_and_cut_alike(tmp_path):
    name = write(tmp_path / "set.zip")
    source = open_source(name, flip=True, size=8, jitter=4)
    assert source.spec.shape == (3, 8, 8)
    seen = set()
    for step in range(12):
        batch = source.minibatch(1, step, 0, 4)
        again = source.minibatch(1, step, 0, 4)
        inputs, targets = batch["input"].int(), batch["x"].int()
        assert all(np.array_equal(batch[key], again[key]) for key in batch)
        assert inputs.shape == targets.shape == (4, 3, 8, 8)
        assert ((targets - inputs) - 100).abs().max() <= 1  # resampling rounds
        rows = inputs[:, 0, 0]
        seen |= {(bool(row[0] > row[-1]), int(row.min()) % 10) for row in rows}
        assert len({int(row.float().mean() // 10) for row in rows}) == 4  # without replacement
    assert {flipped for flipped, _ in seen} == {True, False}
    assert len({least for _, least in seen}) > 1
    assert not np.array_equal(source.minibatch(1, 0, 0, 4)["x"], source.minibatch(1, 0, 1, 4)["x"])
    assert open_source(name).fingerprint != open_source(name, flip=True).fingerprint
    assert open_source(name).fingerprint != open_source(name, direction="b-to-a").fingerprint
    assert np.array_equal(source.held_out.columns()["x"], open_source(name, split="val", size=8).columns()["x"])


@pytest.mark.parametrize(
    ("files", "options", "what"),
    [
        ({}, {}, "holds no picture"),
        ({"1.png": png(one(1)[:, :7])}, {}, "no two halves"),
        ({"a/1.png": png(one(1)), "b/1.png": png(one(1, size=16))}, {}, "differ in size; set size=N"),
        ({"1.png": side_by_side(1), "2.png": png(np.zeros((4, 8, 3), np.uint8))}, {}, "different sizes"),
        ({"1.png": side_by_side(1)}, {"channels": 2}, "1 .grey. or 3"),
        ({"1.png": side_by_side(1)}, {"size": 0}, "at least 1"),
        ({"1.png": side_by_side(1)}, {"jitter": 2}, "needs size=N"),
    ],
)
def test_what_is_unfit_is_one_sentence(tmp_path, files, options, what):
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match=what) as caught:
        _ = open_source(write(tmp_path / "set", files), **options).spec
    assert "\n" not in str(caught.value)


def test_too_few_pairs(tmp_path):
    with pytest.raises(DataError, match="has 6 pairs where a minibatch needs 7"):
        open_source(write(tmp_path / "set.zip")).minibatch(0, 0, 0, 7)


@pytest.mark.skipif(not (DATA / "facades-256.tar").exists(), reason="needs facades-256.tar below GANZOO_DATA")
def test_facades():
    source = open_source("pairs:facades-256.tar", size=32, direction="b-to-a")
    assert source.spec.size == 400
    assert source.held_out.spec.size == 100
    assert open_source("pairs:facades-256.tar", size=32, split="test").spec.size == 106
    first = source.columns(1)
    colours = [len(np.unique(first[key][0].numpy().reshape(3, -1) // 64, axis=1)[0]) for key in ("input", "x")]
    assert colours[0] != colours[1]


# ---------------------------------------------------------------- models that start from pictures


def pairs(n=40, held_out=None, seed=0):
    random = np.random.default_rng(seed)
    samples = random.integers(0, 256, (n, 6, 8, 8), dtype=np.uint8)
    return Pairs("mine", lambda: Content(samples, str(seed)), {}, held_out=held_out)


SPEC = GeneratorSpec("generator", (InputSpec("input", "image", (3, 8, 8), "given"),), OutputSpec("image", (3, 8, 8)))


class Model:
    """What a sampler is to those who draw from it; `change` takes inputs to outputs."""

    def __init__(self, change, spec=SPEC):
        self.change, self.spec = change, spec

    def sample(self, n, seed=0, batch=64, **inputs):
        assert len(inputs["input"]) == n
        return Samples(self.spec, self.change(inputs["input"]), inputs)


def test_l1_is_the_mean_difference_to_held_out_targets():
    rest = pairs(9, seed=1)
    metric = ToTarget(pairs(40, held_out=lambda: rest))
    targets, inputs = (rest.columns()[key].numpy().transpose(0, 2, 3, 1) for key in ("x", "input"))
    perfect = metric.of(Model(lambda given: targets))
    assert perfect == {"l1": 0.0, "of_mean": 0.0}
    seen = metric.of(Model(lambda given: given))
    expected = np.abs(targets.astype(float) - inputs).mean() / 255
    assert seen["l1"] == pytest.approx(expected)
    mean = pairs(40).all().numpy().astype(float).mean(0).transpose(1, 2, 0)
    floor = np.abs(targets - mean).mean() / 255
    assert seen["of_mean"] == pytest.approx(expected / floor)
    beside = metric.beside()
    assert beside["floor: the mean target for each"] == {"l1": pytest.approx(floor), "of_mean": 1.0}
    assert beside["the input as it is"]["l1"] == pytest.approx(expected)
    assert "held out (9)" in metric.protocol
    assert "none of which are held out (40)" in ToTarget(pairs()).protocol


def test_l1_says_nothing_of_models_without_pictures():
    noise = GeneratorSpec("generator", (InputSpec("z", shape=(4,)),), OutputSpec("image", (3, 8, 8)))
    assert ToTarget(pairs()).of(SimpleNamespace(spec=noise)) == {}
    with pytest.raises(DataError, match="needs pairs"):
        zoo.part("metric", "l1").build("l1", {"source": open_source("ring")})


def test_a_sheet_is_input_output_target():
    source = pairs(5)
    sheet = np.asarray(shown.sheet(Model(lambda given: 255 - given), source, 16, across=2))
    columns = {key: column.numpy().transpose(0, 2, 3, 1) for key, column in source.columns().items()}
    assert sheet.shape == (3 * 10 + 2, 6 * 10 + 2, 3)
    for k in range(5):
        for place, pixels in enumerate((columns["input"][k], 255 - columns["input"][k], columns["x"][k])):
            top, left = 2 + k // 2 * 10, 2 + (3 * (k % 2) + place) * 10
            assert np.array_equal(sheet[top : top + 8, left : left + 8], pixels)


def test_a_sheet_shows_smaller_and_grey_inputs_too():
    spec = GeneratorSpec(
        "generator", (InputSpec("input", "image", (1, 4, 4), "given"),), OutputSpec("image", (3, 8, 8))
    )
    targets, small = np.zeros((2, 3, 8, 8), np.uint8), np.full((2, 1, 4, 4), 7, np.uint8)
    columns = {"x": torch.from_numpy(targets), "input": torch.from_numpy(small)}
    source = SimpleNamespace(columns=lambda n: columns)
    sheet = np.asarray(shown.sheet(Model(lambda given: targets.transpose(0, 2, 3, 1), spec), source, 2, across=1))
    assert (sheet[2:10, 2:10] == 7).all()


def test_what_starts_from_nothing_is_given_nothing():
    noise = GeneratorSpec("generator", (InputSpec("z", shape=(4,)),), OutputSpec("image", (3, 8, 8)))
    assert shown.starts(noise, pairs(), 3) == {}
    assert {name: given.shape for name, given in shown.starts(SPEC, pairs(), 3).items()} == {"input": (3, 8, 8, 3)}
