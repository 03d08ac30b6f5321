"""The judge of digits and its controls; the Frechet distance and the modes against closed forms."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganzoo import metrics
from ganzoo.data import embedded, open_source
from ganzoo.errors import DataError

ASSETS = Path(__file__).parents[1] / "ganzoo" / "assets"
DATA = Path(os.environ.get("GANZOO_DATA") or "-")


def test_real_digits_pass_and_the_controls_fail():
    rows = metrics.controls(*embedded())
    print("\n" + metrics.found_table(rows))
    real = metrics.found(rows.pop("real digits"))
    assert real.classes == 10
    assert real.confident >= 0.97
    assert set(rows) == {"smoothed noise", "averages of two digits", "untrained generator"}
    for name, images in rows.items():
        assert images.shape == (1000, 28, 28)
        control = metrics.found(images)
        assert control.classes <= 2, name  # some averages of two digits are good eights
        assert control.confident < 0.2, name


def test_kinds_of_nonsense_the_judge_was_not_trained_on_fail_too():
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        hidden = torch.nn.Sequential(torch.nn.Linear(64, 128 * 49), torch.nn.Unflatten(1, (128, 7, 7)), torch.nn.ReLU())
        deconv = torch.nn.Sequential(
            torch.nn.ConvTranspose2d(128, 64, 4, 2, 1), torch.nn.BatchNorm2d(64), torch.nn.ReLU(),
            torch.nn.ConvTranspose2d(64, 1, 4, 2, 1),
        )  # fmt: skip
        made = deconv(hidden(torch.randn(1000, 64)))[:, 0]
        made = torch.tanh(made / made.std() * 2)
    images, _ = embedded()
    rows = {
        "untrained convolutions": ((made + 1) * 127.5).round().byte().numpy(),
        "mean of all digits": np.repeat(images.mean(0, keepdims=True).astype(np.uint8), 1000, 0),
        "inverted digits": 255 - images[:1000],
        "black": np.zeros((1000, 28, 28), np.uint8),
        "half a digit": np.where(np.arange(28)[:, None] < 9, images[:1000], 0).astype(np.uint8),
    }
    print("\n" + metrics.found_table(rows))
    for name, pictures in rows.items():
        control = metrics.found(pictures)
        assert control.classes == 0, name
        assert control.confident < 0.2, name


def test_one_class_of_digits_is_one_class_found():
    images, labels = embedded()
    found = metrics.found(images[labels == 7])
    assert found.classes == 1
    assert found.per_class[7] > 900
    assert sum(found.per_class) == round(found.confident * 1000)
    assert metrics.found(images[labels == 7][:10]).classes == 0


def test_the_judge_is_small_free_of_traces_and_takes_any_number():
    content = (ASSETS / "digits-cnn.onnx").read_bytes()
    assert len(content) <= 2_000_000
    assert b".py" not in content  # the exporter writes the files it ran through
    card = json.loads((ASSETS / "digits-cnn.json").read_text())
    assert card["accuracy"] >= 0.993
    images = embedded()[0][:700]
    whole, features = metrics.classify(images)
    assert whole.shape == (700, 10)
    assert features.shape == (700, 128)
    assert whole.sum(1) == pytest.approx(1)
    alone = metrics.classify(images[3:4, ..., None])[0]
    assert alone == pytest.approx(whole[3:4], abs=1e-4)


@pytest.mark.skipif(
    not (DATA / "mnist" / "t10k-images-idx3-ubyte.gz").is_file(),
    reason="GANZOO_DATA names no folder with mnist/t10k-images-idx3-ubyte.gz",
)
def test_the_judge_is_as_good_as_its_card_says():
    test = open_source("mnist", DATA, split="test")
    probabilities, _ = metrics.classify(test.all()[:, 0].numpy())
    accuracy = (probabilities.argmax(1) == test.labels).mean()
    print(f"accuracy {accuracy:.4f}, confident {(probabilities.max(1) >= 0.95).mean():.4f}")
    assert accuracy == json.loads((ASSETS / "digits-cnn.json").read_text())["accuracy"]
    assert (probabilities.max(1) >= 0.95).mean() >= 0.97


def test_the_judge_refuses_other_pictures():
    for images in (np.zeros((2, 32, 32), np.uint8), np.zeros((2, 28, 28, 3), np.uint8), np.zeros((2, 28, 28))):
        with pytest.raises(DataError, match=r"uint8 \[N, 28, 28\]"):
            metrics.classify(images)
    with pytest.raises(DataError, match="uint8"):
        metrics.classify(np.zeros((0, 28, 28), np.uint8))


def test_metrics_load_no_torch():
    code = (
        "import sys; from ganzoo import metrics; from ganzoo.data import embedded; "
        "metrics.found(embedded()[0][:20]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ASSETS.parents[1])})


def exact(n: int, mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """n points whose sample mean and covariance are exactly these."""
    x = np.random.default_rng(n).standard_normal((n, len(mean)))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(cov).T + mean


def test_frechet_of_gaussians_is_the_closed_form():
    one = metrics.frechet(np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0]]))  # means 0, 3; variances 2, 8
    assert one == pytest.approx(9 + (math.sqrt(8) - math.sqrt(2)) ** 2)
    a, b = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[1.0, -0.4], [-0.4, 3.0]])
    # of a 2 x 2 matrix M with positive eigenvalues, tr M^1/2 = (tr M + 2 det(M)^1/2)^1/2
    product = a @ b
    root = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
    two = metrics.frechet(exact(50, np.zeros(2), a), exact(80, np.array([1.0, -2.0]), b))
    assert two == pytest.approx(5 + np.trace(a) + np.trace(b) - 2 * root, rel=1e-9)


def test_frechet_is_zero_for_the_same_and_symmetric_even_when_singular():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((30, 64)).astype(np.float32), random.standard_normal((40, 64)) + 1
    assert metrics.frechet(a, a) == pytest.approx(0, abs=1e-5)
    assert metrics.frechet(a, b) == pytest.approx(metrics.frechet(b, a), rel=1e-7)
    for wrong in (a[:1], a[:, :3], a[0]):
        with pytest.raises(DataError, match="Frechet"):
            metrics.frechet(wrong, b)


@pytest.mark.parametrize(("name", "floor"), [("ring", 0.0014), ("grid", 0.0046)])
def test_modes_of_the_data_itself_are_all_there(name, floor):
    source = open_source(name)
    points = source.all(2500).numpy()
    result = metrics.modes(points, source.centres, source.sigma)
    assert result.covered == len(source.centres)
    assert result.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.006)  # Rayleigh: within 3 sigma
    assert 0 <= result.reverse_kl < 3 * floor


def test_modes_of_made_points():
    centres = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    points = np.array([[0, 0], [0.029, 0], [1, 0], [1, 0.01], [0.5, 0.5], [0, 0.031]])
    result = metrics.modes(points, centres, 0.01)
    assert result.covered == 2
    assert result.high_quality == pytest.approx(4 / 6)
    assert result.reverse_kl == pytest.approx(math.log(2))
    nowhere = metrics.modes(points + 50, centres, 0.01)
    assert (nowhere.covered, nowhere.high_quality) == (0, 0)
    assert nowhere.reverse_kl == pytest.approx(math.log(4))
