"""Curves: the same bytes from the same rows, the right panels, and no row that breaks them."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from ganzoo import curves
from ganzoo.errors import SpaceError


def rows_of(count: int) -> list[dict[str, float]]:
    noise = np.random.default_rng(0)
    return [
        {
            "step": 100 * k, "images": 6400 * k, "V": -1.3 + 0.1 * noise.normal(),
            "D(x)": 0.6, "D(G(z))": 0.4,
            "D/vanilla": 1.3, "D/r1": 0.1, "G/vanilla": -0.7, "D/grad_norm": 1.0, "G/grad_norm": 0.1,
        }
        for k in range(1, count + 1)
    ]  # fmt: skip


def test_same_rows_same_bytes_whatever_the_users_settings(tmp_path: Path) -> None:
    curves.draw(rows_of(40), tmp_path / "a.png", "vanilla")
    with matplotlib.rc_context({"lines.linewidth": 9, "savefig.dpi": 30, "axes.facecolor": "black"}):
        curves.draw(rows_of(40), tmp_path / "b.png", "vanilla")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 800
        assert not {"Software", "Creation Time", "date"} & set(image.info)


def test_panels_stand_in_order() -> None:
    rows = rows_of(3)
    rows[1] |= {"found/classes": 9, "found/confident": 0.5, "lr": 1e-4}
    found = curves.panels(curves.series(rows))
    assert [name for name, _ in found] == [
        "V(D, G)", "what D believes", "cost of D", "cost of G", "gradient norms",
        "found: classes", "found: confident", "lr",
    ]  # fmt: skip
    together = dict(found)
    assert list(together["cost of D"]) == ["vanilla", "r1"]
    assert list(together["gradient norms"]) == ["D", "G"]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        rows_of(1),
        [{"step": 1}],
        [{"step": k, "V": math.nan, "D/a": None, "D/grad_norm": 0.0} for k in range(1, 30)],
        [{"step": k, "G/a": math.inf if k == 3 else 1.0, "G/grad_norm": 0.0} for k in range(1, 30)],
        [{"step": k, **{f"D/t{i}": float(i) for i in range(20)}, "D/grad_norm": 1e-30} for k in range(1, 15)],
    ],
    ids=["none", "one", "only a step", "NaN", "infinite", "many terms"],
)
def test_any_rows_can_be_drawn(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    curves.draw(rows, tmp_path / "curves.png", "x $_{ [not TeX")
    with Image.open(tmp_path / "curves.png") as image:
        image.load()


def test_smoothing_keeps_constants_lines_and_length() -> None:
    assert np.allclose(curves.smooth(np.full(50, 3.0)), 3.0)
    line = np.arange(50.0)
    assert np.allclose(curves.smooth(line)[5:-5], line[5:-5])
    assert len(curves.smooth(np.arange(3.0))) == 3


def test_a_missing_folder_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="cannot write"):
        curves.draw(rows_of(2), tmp_path / "no" / "curves.png", "x")
    assert list(tmp_path.iterdir()) == []
