"""`ganzoo evaluate` and the metrics behind it: floors, controls, and a third party's Fréchet distance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo import zoo
from ganzoo.cli import cli
from ganzoo.data import open_source
from ganzoo.errors import DataError, GanzooError
from ganzoo.evaluation import CoveredModes, DigitsCnn, FoundDigits, FrechetDistance, evaluate, fitting, some_of
from ganzoo.metrics import classify, frechet, gaussian
from ganzoo.parts import Part


def test_the_controls_of_each_metric_fail() -> None:
    digits = open_source("digits")
    found = FoundDigits(digits).beside()
    assert found["real digits"]["classes"] == 10
    fid = FrechetDistance(digits).beside()
    floors = [about["fid"] for name, about in fid.items() if name.startswith("floor")]
    controls = {name: about for name, about in found.items() if name != "real digits"}
    assert len(floors) == 2
    assert len(controls) >= 2
    for name, about in controls.items():
        assert about["classes"] < 9
        assert fid[name]["fid"] > 10 * max(floors)
    ring = CoveredModes(open_source("ring")).beside()
    assert ring.pop("floor: points of the data")["covered"] == 8
    assert all(about["high_quality"] < 0.2 for about in ring.values())


def test_a_gaussian_stands_for_its_features() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(200, 5)), random.normal(1.0, 2.0, size=(300, 5))
    assert frechet(gaussian(a), b) == frechet(a, b)
    one, other = (np.zeros(1), np.eye(1)), (np.ones(1), 4 * np.eye(1))
    assert frechet(one, other) == pytest.approx(1 + (2 - 1) ** 2)


def test_our_distance_is_torch_fidelitys() -> None:
    fidelity = pytest.importorskip("torch_fidelity.metric_fid")
    import torch

    random = np.random.default_rng(1)
    a, b = random.normal(size=(400, 16)), random.normal(0.3, 1.5, size=(500, 16)) @ random.normal(size=(16, 16))
    theirs: Any = [fidelity.fid_features_to_statistics(torch.from_numpy(x)) for x in (a, b)]
    due = fidelity.fid_statistics_to_metric(*theirs, verbose=False)["frechet_inception_distance"]
    assert frechet(a, b) == pytest.approx(float(due), rel=1e-6)


def test_evaluate_a_run_and_its_file(tmp_path: Path) -> None:
    small = {"generator.widths": [16], "discriminator.units": 8, "batch": 8, "latent": 8}
    run = ganzoo.train("vanilla", steps=2, out=tmp_path / "run", set=small)
    found = evaluate(run, ["found"])
    assert found["metrics"]["found"]["figures"]["classes"] == 0
    ganzoo.export(run, tmp_path / "G.onnx")
    shown = CliRunner().invoke(cli, ["evaluate", str(tmp_path / "G.onnx"), "--metric", "found", "--json"])
    assert json.loads(shown.stdout)["metrics"]["found"]["figures"] == found["metrics"]["found"]["figures"]
    with pytest.raises(GanzooError, match="needs a mixture of known modes"):
        evaluate(run.path, ["modes"])
    table = CliRunner().invoke(cli, ["evaluate", str(run.path), "--metric", "found"]).stdout
    assert "real digits" in table
    assert "smoothed noise" in table


def test_a_file_is_evaluated_without_torch(tmp_path: Path) -> None:
    small = {"generator.widths": [16], "discriminator.units": 8, "batch": 8, "latent": 8}
    run = ganzoo.train("vanilla", steps=1, out=tmp_path / "run", set=small)
    ganzoo.export(run, tmp_path / "G.onnx")
    code = (
        "import sys; sys.modules['torch'] = None; from ganzoo.cli import main; "
        f"sys.argv = ['ganzoo', 'evaluate', {str(tmp_path / 'G.onnx')!r}, '--json']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["metrics"]
    assert set(found) == {"fid", "found", "swd"}
    assert found["fid"]["figures"]["fid"] > 10


@pytest.fixture
def stripes(tmp_path: Path) -> Any:
    """Pictures of a digit's size that show none, sorted: the darker half of them first."""
    images = np.zeros((300, 28, 28, 1), np.uint8)
    images[:, ::4] = 60
    images[150:, ::4] = 250
    np.savez(tmp_path / "stripes.npz", images=images)
    return open_source(f"npz:{tmp_path / 'stripes.npz'}")


def test_an_exported_model_asks_where_its_data_lie(stripes: Any, tmp_path: Path) -> None:
    small = {"generator.widths": [16], "discriminator.units": 8, "batch": 8, "latent": 8}
    run = ganzoo.train("vanilla", data=stripes.name, steps=1, out=tmp_path / "run", set=small)
    ganzoo.export(run, tmp_path / "G.onnx")
    with pytest.raises(DataError, match=r"no file stripes.npz; check the path, or name .* by --data"):
        evaluate(tmp_path / "G.onnx", ["swd"])
    found = evaluate(tmp_path / "G.onnx", ["swd"], data=stripes.name)
    assert found["metrics"]["swd"]["figures"] == evaluate(run.path, ["swd"])["metrics"]["swd"]["figures"]


def test_data_that_were_moved_are_read_as_they_were(tmp_path: Path) -> None:
    """Pictures of several sizes, which the run's own option levels."""
    (tmp_path / "here").mkdir()
    for k in range(40):
        shade = Image.fromarray(np.full((30 + k % 2, 28, 3), 6 * k, np.uint8))
        shade.save(tmp_path / "here" / f"{k:02d}.png")
    small = {"generator.widths": [16], "discriminator.units": 8, "batch": 8, "latent": 8, "data.size": 28}
    run = ganzoo.train("vanilla", data=f"folder:{tmp_path / 'here'}", steps=1, out=tmp_path / "run", set=small)
    due = evaluate(run.path, ["swd"])["metrics"]["swd"]["figures"]
    ganzoo.export(run, tmp_path / "G.onnx")
    (tmp_path / "here").rename(tmp_path / "there")
    assert (
        evaluate(tmp_path / "G.onnx", ["swd"], data=f"folder:{tmp_path / 'there'}")["metrics"]["swd"]["figures"] == due
    )
    shown = CliRunner().invoke(cli, ["data", f"folder:{tmp_path / 'there'}", "--set", "data.size=28", "--json"])
    assert json.loads(shown.stdout)["shape"] == [3, 28, 28]


def test_what_shows_no_digits_is_not_judged_as_digits(stripes: Any) -> None:
    with pytest.raises(DataError, match=r"classes 0 to 9; these data have shape \[1, 28, 28\] and the classes none"):
        FoundDigits(stripes)
    assert list(FrechetDistance(stripes).beside()) == ["floor: every second training image against the others"]


def test_a_strangers_broken_metric_is_left_out_and_said(
    stripes: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crashes(source: Any) -> Any:
        raise ZeroDivisionError("no")

    broken = {
        "lost": Part("metric", "lost", "no_such_module:Metric", "theirs"),
        "crash": Part("metric", "crash", crashes, "theirs"),
    }
    part, names = zoo.part, zoo.zoo().names
    monkeypatch.setattr(zoo, "part", lambda kind, name: broken.get(name) or part(kind, name))
    monkeypatch.setattr(zoo.zoo(), "names", lambda kind: [*names(kind), *((name, "theirs", "") for name in broken)])
    with caplog.at_level("WARNING"):
        assert [m.name for m in fitting(stripes)] == ["fid", "swd"]
    assert "the metric 'lost' is left out: metric 'lost' of plugin 'theirs' cannot be loaded" in caplog.text
    assert "the metric 'crash' is left out" in caplog.text
    assert "found" not in caplog.text, "what is for other data is no warning"


def test_some_of_sorted_pictures_are_of_all_of_them(stripes: Any) -> None:
    some = some_of(stripes, 100)
    assert some.shape == (100, 28, 28, 1)
    assert 30 < (some[:, 0, 0, 0] == 60).sum() < 70
    assert np.array_equal(some, some_of(stripes, 100))
    assert len(some_of(stripes, 1000)) == 300


def test_the_floor_is_that_of_mnists_test_images() -> None:
    folder = Path(os.environ.get("GANZOO_DATA") or "-")
    if not (folder / "mnist" / "t10k-images-idx3-ubyte.gz").is_file():
        pytest.skip("GANZOO_DATA names no folder with mnist/t10k-images-idx3-ubyte.gz")
    mean, covariance = gaussian(classify(open_source("mnist", folder, split="test").all()[:, 0].numpy())[1])
    kept_mean, kept_covariance = DigitsCnn().held_out
    assert kept_mean == pytest.approx(mean, abs=1e-4)
    assert kept_covariance == pytest.approx(covariance, abs=1e-4)
