"""What the tabs compute, without a browser."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import ganzoo

pytest.importorskip("gradio", reason="gradio is not installed")

from ganzoo.app.walk_tab import EASINGS, walked

tiny = runpy.run_path(str(Path(__file__).with_name("app_model.py")))["tiny"]


def test_a_walk_passes_its_seeds_and_holds_the_rest(tmp_path: Path) -> None:
    sampler = ganzoo.load(tiny(tmp_path / "m.onnx", "conditional"))
    keys = sampler.sample(seeds=[3, 7, 5], label="dog", truncation=0.5)
    way = walked(sampler, keys, np.asarray([0.0, 1.0, 1.5, 2.0, 3.0]))
    assert (way.output[[0, 1, 3, 4]] == keys.output[[0, 1, 2, 0]]).all()
    assert set(way.inputs["y"].tolist()) == {1}
    assert way.inputs["truncation"] == 0.5
    a, b = (keys.inputs["z"][k].astype(float) for k in (1, 2))
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    middle = (np.linalg.norm(a) + np.linalg.norm(b)) / 2 * np.sin(angle / 2) / np.sin(angle)
    middle = middle * (a / np.linalg.norm(a) + b / np.linalg.norm(b))
    assert np.allclose(way.inputs["z"][2], middle, atol=1e-6)


@pytest.mark.parametrize("name", EASINGS)
def test_a_pace_goes_from_end_to_end_and_never_back(name: str) -> None:
    places = EASINGS[name](np.linspace(0, 1, 101))
    assert places[0] == 0
    assert places[-1] == 1
    assert places[50] == pytest.approx(0.5)
    assert (np.diff(places) >= 0).all()
