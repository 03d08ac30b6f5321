"""`ganzoo evaluate` and the metrics behind it: floors, controls, and a third party's Fréchet distance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo.cli import cli
from ganzoo.data import open_source
from ganzoo.errors import GanzooError
from ganzoo.evaluation import CoveredModes, FoundDigits, FrechetDistance, evaluate
from ganzoo.metrics import frechet, gaussian


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
    found = evaluate(run.path, ["found"])
    assert found["metrics"]["found"]["figures"]["classes"] == 0
    ganzoo.export(run, tmp_path / "G.onnx")
    shown = CliRunner().invoke(cli, ["evaluate", str(tmp_path / "G.onnx"), "--metric", "found", "--json"])
    assert json.loads(shown.stdout)["metrics"]["found"]["figures"] == found["metrics"]["found"]["figures"]
    with pytest.raises(GanzooError, match="needs a mixture of known modes"):
        evaluate(run.path, ["modes"])
    table = CliRunner().invoke(cli, ["evaluate", str(run.path), "--metric", "found"]).stdout
    assert "real digits" in table
    assert "smoothed noise" in table
