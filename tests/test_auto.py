"""What `auto` chooses, why, and that a run keeps to it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch

import ganzoo
from ganzoo import auto, zoo
from ganzoo.build import engine_of
from ganzoo.errors import GanzooError, RecipeError
from ganzoo.inspect import inspect, table
from ganzoo.run import open_data
from ganzoo.specs import DataSpec
from ganzoo.state import read_state


def rehearsed(variant="vanilla-ns", most=2, threads=None, **changes):
    recipe = zoo.variant(variant).but(changes=changes)
    source = open_data(recipe, None)
    settled = auto.settle(recipe, source.spec, "cpu")
    engine = engine_of(recipe, source, settled)
    with auto.using(most):
        return auto.rehearse(engine, settled, threads)


def train(out, steps, **options):
    changes = {**zoo.variant("vanilla").tiny, "steps": steps}
    return ganzoo.train("vanilla", out=out, set=changes, **options)


def test_products_count_what_they_take():
    a, b = torch.randn(3, 5), torch.randn(5, 7, requires_grad=True)
    x = torch.randn(2, 4, 8, 8)
    with auto.Products() as products:
        y = a @ b
        assert (products.count, products.flop) == (1, 2 * 3 * 5 * 7)
        (slope,) = torch.autograd.grad(y.square().sum(), b, create_graph=True)
        slope.square().sum().backward()
        assert products.count == 4  # aᵀ g; then by g and, through y, by b
        torch.nn.functional.conv2d(x, torch.randn(6, 4, 3, 3))
    assert products.flop == 4 * 2 * 3 * 5 * 7 + 2 * 2 * 6 * 6 * 6 * 4 * 9


@pytest.mark.parametrize("kind", [torch.nn.Conv2d, torch.nn.ConvTranspose2d])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolution_s_derivatives_take_twice_what_it_takes(kind, groups):
    layer, x = kind(4, 8, 3, stride=2, padding=1, groups=groups), torch.randn(2, 4, 8, 8, requires_grad=True)
    with auto.Products() as forward:
        y = layer(x)
    with auto.Products() as backward:
        y.sum().backward()
    small = min(x.shape[2] * x.shape[3], y.shape[2] * y.shape[3])
    assert forward.flop == 2 * 2 * 9 * 4 * 8 // groups * small
    assert (backward.count, backward.flop) == (1, 2 * forward.flop)
    with auto.Products() as only_x:
        torch.autograd.grad(layer(x).sum(), x)
    assert only_x.flop == 2 * forward.flop


def test_small_networks_take_one_thread_and_large_ones_all():
    assert rehearsed(data="ring", batch=32)["threads"] == 1
    assert rehearsed(data="ring", batch=64)["threads"] == 2
    large = rehearsed("dcgan")
    assert large["threads"] == 2
    assert large["why"]["threads"].endswith("MFLOP, enough for all")
    assert rehearsed("dcgan", most=1)["threads"] == 1


@pytest.mark.parametrize(
    ("variant", "changes", "precision"),
    [
        ("dcgan", {}, "bf16"),
        ("wgan-gp", {}, "fp32"),
        ("wgan-gp", {"terms.gradient-penalty.precision": "any"}, "bf16"),
        ("dcgan", {"terms.r1": "r1"}, "fp32"),
        ("dcgan", {"terms.r1.weight": 2.0}, "fp32"),
        ("dcgan", {"terms.other.name": "r1"}, "fp32"),
        ("dcgan", {"terms.r1.precision": "any"}, "bf16"),
        ("stylegan2", {}, "fp32"),
        ("cramer-gan", {}, "fp32"),
        ("mmd-gan", {}, "fp32"),
    ],
)
def test_what_goes_through_a_slope_is_learned_in_fp32(monkeypatch, variant, changes, precision):
    monkeypatch.setattr(auto, "has_bf16", lambda: True)
    settled = auto.settle(zoo.variant(variant).but(changes=changes), PICTURES, "cpu")
    assert settled["precision"] == precision
    assert ("a cost asks for fp32" in settled["why"]["precision"]) == (precision == "fp32")


@pytest.mark.parametrize("changes", [{"terms": "r1"}, {"terms.r1": 5}, {"terms.nothing": "nothing"}])
def test_terms_that_there_are_not_are_a_sentence(monkeypatch, tmp_path, changes):
    monkeypatch.setattr(auto, "has_bf16", lambda: True)
    with pytest.raises(RecipeError):
        ganzoo.train("vanilla", out=tmp_path / "run", set=changes)


def test_what_is_given_wins_and_is_said():
    settled = rehearsed(data="ring", threads=2, precision="bf16")
    assert (settled["threads"], settled["precision"]) == (2, "bf16")
    assert settled["why"]["threads"] == settled["why"]["precision"] == settled["why"]["device"] == "asked for"


def test_pictures_lie_as_convolutions_take_them():
    assert rehearsed("dcgan")["layout"] == "channels-last"
    assert rehearsed(data="ring")["layout"] == "contiguous"


PICTURES, POINTS = DataSpec("image", (1, 28, 28)), DataSpec("points", (2,))


@pytest.mark.parametrize(
    ("has", "spec", "chosen", "why"),
    [
        (True, PICTURES, "bf16", "faster on this processor"),
        (True, POINTS, "fp32", "points gain nothing"),
        (False, PICTURES, "fp32", "no bf16 arithmetic"),
        (False, POINTS, "fp32", "no bf16 arithmetic"),
    ],
)
def test_pictures_are_learned_in_bf16_where_the_processor_has_it(has, spec, chosen, why, monkeypatch, caplog):
    monkeypatch.setattr("ganzoo.auto.has_bf16", lambda: has)
    settled = auto.settle(zoo.variant("vanilla"), spec, "cpu")
    assert settled["precision"] == chosen
    assert why in settled["why"]["precision"]
    assert not caplog.text


@pytest.mark.parametrize("has", [False, True])
def test_bf16_that_is_asked_for_is_taken(has, monkeypatch, caplog):
    monkeypatch.setattr("ganzoo.auto.has_bf16", lambda: has)
    settled = auto.settle(zoo.variant("vanilla").but(changes={"precision": "bf16"}), POINTS, "cpu")
    assert (settled["precision"], settled["why"]["precision"]) == ("bf16", "asked for")
    assert ("emulates" in caplog.text) == (not has)


@pytest.mark.parametrize(
    ("unit", "machine", "has"), [(False, "x86_64", False), (True, "AMD64", True), (False, "aarch64", True)]
)
def test_avx512_without_the_unit_is_no_bf16(unit, machine, has, monkeypatch):
    monkeypatch.setattr("torch.ops.mkldnn._is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: unit)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert auto.has_bf16() == has


def test_a_run_keeps_what_was_chosen(tmp_path):
    here, before = [], torch.get_num_threads()

    class Eye:
        def stepped(self, step):
            here.append(torch.get_num_threads())

        def said(self, text):
            here.append(text)

    watch = {"observers": [lambda run: Eye()]}
    whole = train(tmp_path / "whole", 10, threads=2)
    train(tmp_path / "parts", 5, threads=2, **watch)
    with auto.using(1):
        parts = ganzoo.resume(tmp_path / "parts", steps=10, **watch)
    assert torch.get_num_threads() == before
    assert {count for count in here if isinstance(count, int)} == {2}
    assert here.count("threads   2: asked for") == 2
    assert any(str(line).startswith(f"precision {whole.settled['precision']}: ") for line in here)
    assert parts.settled == whole.settled == parts.folder.read()["settled"]
    files = [run.path / "checkpoints" / "step-00000010.safetensors" for run in (whole, parts)]
    a, b = (read_state(file).tensors for file in files)
    assert all(a[name].equal(b[name]) for name in a)
    for model in (parts.path, files[1]):
        assert inspect(model)["settled"] == whole.settled
    assert "asked for" in table(inspect(parts.path))


def test_the_first_weights_do_not_depend_on_threads(tmp_path):
    first = []
    for most in (1, 2):
        with auto.using(most):
            run = train(tmp_path / str(most), 1)
        first.append((run.path / "checkpoints" / "step-00000001.safetensors").read_bytes())
        assert run.settled["threads"] == 1
    assert re.fullmatch(r"of 2; a product has [0-9.]+ MFLOP, too little for more", run.settled["why"]["threads"])


def test_no_threads_are_refused_before_anything_is_made(tmp_path):
    with pytest.raises(GanzooError, match="threads is 0; a number of at least 1 is expected"):
        train(tmp_path / "run", 1, threads=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")],
)
def test_threads_sleep_when_they_wait_long(given: dict[str, str], expected: str) -> None:
    """Unless the environment says how they wait: spinning is in vain where another process holds the core."""
    known = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    asked = [sys.executable, "-c", "import ganzoo, os; print(os.environ.get('GOMP_SPINCOUNT'))"]
    found = subprocess.run(asked, env=known | given, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == expected
