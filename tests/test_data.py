"""Sources: purity, the formats they read, and every way a picture can be unfit."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import importlib
import io
import logging
import os
import pickle
import re
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo import zoo
from ganzoo.data import data_root, open_source, prepare
from ganzoo.data import decode as decoding
from ganzoo.data.idx import read_idx
from ganzoo.data.source import generator_at
from ganzoo.data.vision import read_mat
from ganzoo.errors import DataError, RecipeError, SpaceError
from ganzoo.images import to_uint8
from ganzoo.recipes import Recipe
from ganzoo.seeds import mix

ASSETS = Path(__file__).parents[1] / "ganzoo" / "assets"
folder_module = importlib.import_module("ganzoo.data.folder")  # its name in the package is the function


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """The user's cache folder and data root, of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("GANZOO_DATA", raising=False)
    return tmp_path / "cache" / "ganzoo" / "decoded"


def png(seed: int = 0, size: tuple[int, int] = (8, 8), mode: str = "RGB", **options) -> bytes:
    """A small random picture."""
    shape = size[::-1] + ((3,) if mode == "RGB" else (4,) if mode in ("CMYK", "RGBA") else ())
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, options.pop("format", "PNG"), **options)
    return file.getvalue()


def fill(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def sentence(error: pytest.ExceptionInfo) -> str:
    """The error's text, which has to be one line."""
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 700
    return text


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


# -- the contract ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"flip": True}, {"balanced": True}, {"flip": True, "balanced": True}])
def test_a_minibatch_is_a_pure_function(options):
    source = open_source("digits", **options)
    first = source.minibatch(3, 17, 1, 64)
    for other in ((4, 17, 1), (3, 18, 1), (3, 17, 2), (17, 3, 1)):
        assert not same(first, source.minibatch(*other, 64))
    torch.manual_seed(99)
    np.random.seed(99)
    assert same(first, source.minibatch(3, 17, 1, 64))
    assert same(first, open_source("digits", **options).minibatch(3, 17, 1, 64))
    assert first["x"].shape == (64, 1, 28, 28)
    assert (first["x"].dtype, first["label"].dtype) == (torch.uint8, torch.int64)


def test_a_minibatch_is_drawn_without_replacement(tmp_path):
    numbered = np.arange(50, dtype=np.uint8).reshape(50, 1, 1) * np.ones((1, 4, 4), np.uint8)
    np.savez(tmp_path / "a.npz", x=numbered, y=np.arange(50) % 5)
    source = open_source(f"npz:{tmp_path / 'a.npz'}")
    batch = source.minibatch(0, 0, 0, 50)
    assert sorted(batch["x"][:, 0, 0, 0].tolist()) == list(range(50))
    assert batch["label"].tolist() == (batch["x"][:, 0, 0, 0] % 5).tolist()
    seen = torch.cat([source.minibatch(0, step, 0, 10)["x"][:, 0, 0, 0] for step in range(500)])
    counts = torch.bincount(seen.long(), minlength=50).float()
    assert 60 < counts.min() <= counts.max() < 140  # 100 each, spread 9
    with pytest.raises(DataError, match="50 samples where a minibatch needs 51"):
        source.minibatch(0, 0, 0, 51)


def test_balanced_deals_classes_equally(tmp_path):
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    np.savez(tmp_path / "a.npz", x=np.zeros((100, 4, 4), np.uint8), y=labels)
    plain, even = (open_source(f"npz:{tmp_path / 'a.npz'}", balanced=b) for b in (False, True))
    assert plain.spec.frequencies == (0.8, 0.15, 0.05)
    assert even.spec.frequencies == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert plain.fingerprint != even.fingerprint
    assert torch.bincount(even.minibatch(0, 0, 0, 9)["label"]).tolist() == [3, 3, 3]
    assert sorted(torch.bincount(even.minibatch(0, 0, 0, 10)["label"]).tolist()) == [3, 3, 4]
    with pytest.raises(DataError, match=r"a class .* has 5 samples"):
        even.minibatch(0, 0, 0, 30)


def test_a_limit_takes_some_samples_always_the_same(tmp_path):
    """With their labels, in their order; a smaller limit takes some of a greater one's."""
    numbered = np.arange(50, dtype=np.uint8).reshape(50, 1, 1) * np.ones((1, 4, 4), np.uint8)
    np.savez(tmp_path / "a.npz", x=numbered, y=np.arange(50) % 5)
    whole, most, least = (open_source(f"npz:{tmp_path / 'a.npz'}", limit=n) for n in (0, 20, 7))
    rows, fewer = (source.all()[:, 0, 0, 0].tolist() for source in (most, least))
    assert (len(rows), len(fewer)) == (most.spec.size, least.spec.size) == (20, 7)
    assert rows == sorted(set(rows)) != list(range(20))
    assert set(fewer) < set(rows) < set(range(50))
    assert most.labels.tolist() == [row % 5 for row in rows] == most.columns()["label"].tolist()
    assert set(most.minibatch(0, 3, 0, 20)["x"][:, 0, 0, 0].tolist()) == set(rows)
    assert len({source.fingerprint for source in (whole, most, least)}) == 3
    assert open_source(f"npz:{tmp_path / 'a.npz'}").fingerprint == whole.fingerprint
    assert sum(least.spec.frequencies) == pytest.approx(1)
    with pytest.raises(DataError, match="7 samples where a minibatch needs 8"):
        least.minibatch(0, 0, 0, 8)


@pytest.mark.parametrize("limit", [-1, 10_001])
def test_a_limit_that_does_not_fit_is_named(limit):
    with pytest.raises(
        DataError, match=f"option limit is {limit}; a number from 1 up to the 10000 samples of 'digits'"
    ):
        open_source("digits", limit=limit).spec  # noqa: B018 (it is read when first needed)


def test_a_run_on_few_data_goes_on_with_them(tmp_path):
    tiny = {**zoo.variant("vanilla").tiny, "data.limit": 30}
    run = ganzoo.train("vanilla", out=tmp_path / "run", set=tiny)
    assert ganzoo.resume(run.path, steps=22).metrics
    assert Recipe.read(run.path / "recipe.toml").data == {"name": "digits", "limit": 30}


def test_flip_mirrors_half_of_the_pictures():
    plain, mirrored = open_source("digits"), open_source("digits", flip=True)
    a, b = (s.minibatch(0, 0, 0, 1000) for s in (plain, mirrored))
    assert torch.equal(a["label"], b["label"])
    kept = (a["x"] == b["x"]).flatten(1).all(1)
    assert torch.equal(a["x"][~kept].flip(-1), b["x"][~kept])
    assert 400 < kept.sum() < 600
    assert plain.fingerprint != mirrored.fingerprint


def test_what_is_prepared_comes_back_as_the_same_pixels():
    x = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    for low, high in ((-1.0, 1.0), (0.0, 1.0)):
        y = prepare(x, (low, high))
        assert y.dtype == torch.float32
        assert (y.min().item(), y.max().item()) == pytest.approx((low, high), abs=1e-6)
        assert (to_uint8(y.numpy(), (low, high))[..., 0] == x[:, 0].numpy()).all()
    points = torch.randn(3, 2)
    assert prepare(points, (-1, 1)) is points


def test_names_and_options_are_checked():
    for name, options, said in (
        ("digts", {}, "did you mean 'digits'"),
        ("digits", {"flp": True}, "did you mean 'flip'"),
        ("digits:9", {}, "takes no argument"),
        ("folder", {}, "needs an argument"),
        ("mnist", {"split": "trian"}, "'train', 'test'"),
    ):
        with pytest.raises(RecipeError, match=said) as error:
            open_source(name, **options)
        sentence(error)


def test_the_data_package_loads_no_torch():
    code = "import ganzoo.data, sys; assert 'torch' not in sys.modules and 'torchvision' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ASSETS.parents[1])})


def test_the_root_is_the_option_then_the_variable_then_the_cache(tmp_path, monkeypatch):
    assert data_root(None) == tmp_path / "cache" / "ganzoo" / "data"
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path / "b"))
    assert data_root(None) == tmp_path / "b"
    assert data_root(tmp_path / "a") == tmp_path / "a"


# -- digits, points, stacks --------------------------------------------------------------------------------


def test_digits_are_small_balanced_and_what_their_card_says():
    source = open_source("digits")
    assert source.spec.shape == (1, 28, 28)
    assert source.spec.size == 10_000
    assert source.spec.frequencies == (0.1,) * 10
    assert source.card["content"] == source.content.digest
    assert "CC BY-SA 3.0" in source.card["licence"]
    assert (ASSETS / "digits.npz").stat().st_size <= 2_000_000
    notice = (ASSETS / "LICENSE-digits.txt").read_text()
    assert all(word in notice for word in ("LeCun", "Cortes", "Burges", "creativecommons.org/licenses/by-sa/3.0/"))
    assert len({row.tobytes() for row in source.all().numpy()}) > 9_990


@pytest.mark.parametrize(("name", "count", "sigma"), [("ring", 8, 0.01), ("grid", 25, 0.05)])
def test_points_have_every_mode_once(name, count, sigma):
    source = open_source(name)
    points = source.all().numpy().astype(float)
    assert points.shape == (100_000, 2)
    assert source.minibatch(0, 0, 0, 5)["x"].dtype == torch.float32
    apart = np.linalg.norm(source.centres[:, None] - source.centres, axis=2) + 9 * np.eye(count)
    assert apart.min() > 0.7  # two on one place is the trap of linspace(0, 2 pi, 8)
    nearest = np.linalg.norm(points[:, None] - source.centres, axis=2).argmin(1)
    share = np.bincount(nearest, minlength=count) / len(points)
    assert np.abs(share - 1 / count).max() < 0.005
    assert (points - source.centres[nearest]).std() == pytest.approx(sigma, rel=0.01)


def test_the_grid_is_that_of_the_paper():
    assert sorted(set(open_source("grid").centres.ravel())) == [-4, -2, 0, 2, 4]
    with pytest.raises(DataError, match="no square"):
        open_source("grid", modes=24)


def test_stacks_are_three_digits_and_their_mode():
    source, digits = open_source("stacked-mnist", of="digits", count=500), open_source("digits")
    known = {d.numpy().tobytes(): int(c) for d, c in zip(digits.all()[:, 0], digits.labels)}
    batch = source.minibatch(0, 0, 0, 32)
    assert batch["x"].shape == (32, 3, 28, 28)
    for x, label in zip(batch["x"], batch["label"]):
        a, b, c = (known[channel.numpy().tobytes()] for channel in x)
        assert source.spec.classes[label] == f"{a}{b}{c}"
    again = open_source("stacked-mnist", of="digits", count=500)
    assert again.fingerprint == source.fingerprint
    assert open_source("stacked-mnist", of="digits", count=500, seed=1).fingerprint != source.fingerprint


# -- MNIST's files -----------------------------------------------------------------------------------------


def mnist_files(n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (n, 28, 28), dtype=np.uint8), (np.arange(n) % 10).astype(np.uint8)


@pytest.mark.parametrize("where", ["mnist", "MNIST/raw", "mnist/MNIST/raw"])
@pytest.mark.parametrize("zipped", [True, False])
def test_idx_files_are_found_plain_and_gzipped(tmp_path, where, zipped):
    images, labels = mnist_files()
    pack, end = (gzip.compress, ".gz") if zipped else (bytes, "")
    fill(tmp_path / "d" / where, {
        f"train-images-idx3-ubyte{end}": pack(idx(images)), f"train-labels-idx1-ubyte{end}": pack(idx(labels)),
    })  # fmt: skip
    source = open_source("mnist", tmp_path / "d")
    assert np.array_equal(source.all()[:, 0].numpy(), images)
    assert source.labels.tolist() == labels.tolist()


def test_damaged_idx_files_get_a_sentence(tmp_path):
    good = idx(mnist_files()[0])
    for content, said in (
        (good[:-1], "holds 23535 bytes where its header needs 23536"),
        (good + b"x", "where its header needs"),
        (b"\0\0\x09\x03" + good[4:], "begins with 00000903"),
        (good[:9], "where its header needs"),
        (gzip.compress(good)[:-20], "cannot be read"),
        (b"<html>", "begins with"),
    ):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(DataError, match=said) as error:
            read_idx(tmp_path / "f", 3)
        sentence(error)
    images, labels = mnist_files()
    fill(tmp_path / "d" / "mnist", {
        "train-images-idx3-ubyte": idx(images), "train-labels-idx1-ubyte": idx(labels[:-1]),
    })  # fmt: skip
    with pytest.raises(DataError, match="29 labels"):
        _ = open_source("mnist", tmp_path / "d").spec


@pytest.mark.parametrize(("name", "file"), [
    ("mnist", "train-images-idx3-ubyte.gz"), ("fashion-mnist", "train-labels-idx1-ubyte.gz"),
    ("kmnist", "train-images-idx3-ubyte.gz"), ("cifar10", "cifar-10-python.tar.gz"),
    ("cifar100", "cifar-100-python.tar.gz"), ("svhn", "train_32x32.mat"), ("celeba", "img_align_celeba.zip"),
    ("stacked-mnist", "train-images-idx3-ubyte.gz"),
])  # fmt: skip
def test_without_a_network_one_sentence_says_what_to_fetch(tmp_path, monkeypatch, capsys, name, file):
    def no(*args, **kwargs):
        raise OSError("the network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", no)
    monkeypatch.setattr(socket.socket, "connect", no)
    with pytest.raises(DataError, match="could not be downloaded") as error:
        open_source(name, tmp_path / "d")
    assert file in sentence(error)
    folder = "mnist" if name == "stacked-mnist" else name
    assert str(tmp_path / "d" / folder) in sentence(error)
    assert not (tmp_path / "d" / folder).exists()
    assert capsys.readouterr().out == ""
    assert socket.getdefaulttimeout() is None


def test_a_download_that_was_cut_is_no_file(tmp_path, monkeypatch):
    class Cut(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(bytes(50_000))

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cut)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("ganzoo.data.vision.SVHN_URL", f"http://127.0.0.1:{server.server_port}/")
    for _ in range(2):
        with pytest.raises(DataError, match="could not be downloaded"):
            open_source("svhn", tmp_path / "d")
        assert not list((tmp_path / "d").rglob("*.mat"))
    server.shutdown()


MNIST = pytest.mark.skipif(
    not (Path(os.environ.get("GANZOO_DATA") or "-") / "mnist" / "train-images-idx3-ubyte.gz").is_file(),
    reason="GANZOO_DATA names no folder with mnist/train-images-idx3-ubyte.gz",
)
DATA = Path(os.environ.get("GANZOO_DATA") or "-")


@MNIST
def test_the_embedded_digits_are_mnists():
    whole = open_source("mnist", DATA)
    assert whole.spec.size == 60_000
    with np.load(ASSETS / "digits.npz") as file:
        assert np.array_equal(whole.all()[:, 0].numpy()[file["index"]], file["images"])
        assert np.array_equal(whole.labels[file["index"]], file["labels"])


@MNIST
def test_the_embedded_digits_can_be_made_again(tmp_path):
    root = ASSETS.parents[1]
    command = [sys.executable, root / "benchmarks" / "make_digits.py", DATA / "mnist", "-o", tmp_path / "digits.npz"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True)
    for name in ("digits.npz", "digits.json"):
        assert (tmp_path / name).read_bytes() == (ASSETS / name).read_bytes()


# -- colour sets -------------------------------------------------------------------------------------------


def test_cifar_is_found_in_torchvisions_layout(tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR10

    random = np.random.default_rng(0)
    data, labels = random.integers(0, 256, (20, 3072), dtype=np.uint8), [k % 10 for k in range(20)]
    files = {
        "data_batch_1": pickle.dumps({"data": data, "labels": labels}),
        "batches.meta": pickle.dumps({"label_names": [f"thing {k}" for k in range(10)]}),
    }
    for place in (tmp_path / "a" / "cifar10", tmp_path / "b"):
        fill(place / "cifar-10-batches-py", files)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", md5["data_batch_1"]]])
    monkeypatch.setattr(CIFAR10, "test_list", [])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5["batches.meta"]}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    for root in ("a", "b"):
        source = open_source("cifar10", tmp_path / root)
        assert np.array_equal(source.all().numpy(), data.reshape(20, 3, 32, 32))
        assert source.spec.classes[3] == "thing 3"


@pytest.mark.parametrize("compressed", [True, False])
def test_svhn_is_read_without_scipy_as_scipy_wrote_it(tmp_path, compressed):
    savemat = pytest.importorskip("scipy.io").savemat
    x = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 12), dtype=np.uint8)
    y = (np.arange(12, dtype=np.uint8) % 10 + 1)[:, None]
    (tmp_path / "svhn").mkdir()
    savemat(tmp_path / "svhn" / "train_32x32.mat", {"X": x, "y": y}, do_compression=compressed)
    source = open_source("svhn", tmp_path)
    assert np.array_equal(source.all().numpy(), x.transpose(3, 2, 0, 1))
    assert source.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    content = (tmp_path / "svhn" / "train_32x32.mat").read_bytes()
    for damaged in (content[:-30], content[:50], b"x" * 400):
        (tmp_path / "broken.mat").write_bytes(damaged)
        with pytest.raises(DataError, match="fetch the file again"):
            read_mat(tmp_path / "broken.mat")


def test_celeba_takes_the_split_from_its_list(tmp_path):
    faces = {f"img_align_celeba/{k:06d}.jpg": png(k, (178, 218), format="JPEG") for k in range(6)}
    fill(tmp_path / "celeba", {
        **faces, "list_eval_partition.txt": b"".join(f"{k:06d}.jpg {k // 3}\n".encode() for k in range(6)),
    })  # fmt: skip
    train, valid = (open_source("celeba", tmp_path, split=s, size=32) for s in ("train", "valid"))
    assert train.spec.shape == (3, 32, 32)
    assert (train.spec.size, valid.spec.size) == (3, 3)
    assert train.fingerprint != valid.fingerprint
    assert "CelebA" in train.card["origin"]


# -- folders and archives ----------------------------------------------------------------------------------


def packed(root: Path, kind: str) -> Path:
    """The folder itself, or the same files in an archive."""
    if kind == "folder":
        return root
    out = root.parent / f"{root.name}.{kind}"
    files = sorted(p for p in root.rglob("*") if p.is_file())
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as file:
            for path in files:
                file.write(path, path.relative_to(root))
    else:
        with tarfile.open(out, "w") as file:
            for path in files:
                file.add(path, f"./{path.relative_to(root)}")
    return out


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_folders_zips_and_tars_give_the_same(tmp_path, kind):
    files = {f"pets/{c}/{k}.png": png(10 * i + k) for i, c in enumerate(("dog", "cat")) for k in range(3)}
    fill(tmp_path / "d", {**files, "pets/readme.txt": b"hello", "__MACOSX/pets/._1.png": b"", "pets/.x.png": b""})
    source = open_source(f"folder:{packed(tmp_path / 'd', kind)}")
    assert source.spec.classes == ("cat", "dog")
    assert source.spec.size == 6
    expected = [np.asarray(Image.open(io.BytesIO(files[n]))).transpose(2, 0, 1) for n in sorted(files)]
    assert np.array_equal(source.all().numpy(), np.stack(expected))
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert source.card["skipped"] == []


def test_size_crop_channels_and_transparency(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    Image.fromarray(wide).save(tmp_path / "a.png")
    name = f"folder:{tmp_path}"
    assert open_source(name, size=5).all().min() == 255  # only the middle is left
    assert open_source(name, size=6, crop="none").all().shape == (1, 3, 6, 6)
    assert open_source(name, size=6, crop="none").all().min() == 0
    assert open_source(name, channels=1).all().shape == (1, 1, 10, 30)
    clear = Image.new("RGBA", (4, 4), (9, 9, 9, 0))
    (tmp_path / "b").mkdir()
    clear.save(tmp_path / "b" / "a.png")
    assert (open_source(f"folder:{tmp_path / 'b'}").all() == 255).all()
    for options in ({"channels": 2}, {"size": 0}):
        with pytest.raises(DataError, match="is expected"):
            open_source(name, **options)
    with pytest.raises(RecipeError, match="'centre', 'none'"):
        open_source(name, crop="middle")


def test_pictures_of_different_sizes_ask_for_a_size(tmp_path, cache):
    fill(tmp_path / "d", {"a.png": png(size=(8, 8)), "b.png": png(size=(9, 7))})
    with pytest.raises(DataError, match=r"a.png 8x8, b.png 9x7.*set size=N \(--set data.size=N\)") as error:
        _ = open_source(f"folder:{tmp_path / 'd'}").spec
    sentence(error)
    assert not list(cache.iterdir())


def test_labels_from_a_csv(tmp_path):
    fill(tmp_path / "d", {
        "x/a.png": png(0), "x/b.png": png(1), "c.png": png(2), 
        "names.csv": b"file,class\nx/a.png,10\nb.png,9\nc.png,9\n",
    })  # fmt: skip
    source = open_source(f"folder:{packed(tmp_path / 'd', 'zip')}", labels="names.csv")
    assert source.spec.classes == ("9", "10")
    assert source.labels.tolist() == [0, 1, 0]  # c.png, x/a.png, x/b.png
    outside = tmp_path / "short.csv"
    outside.write_text("a.png,1\n")
    with pytest.raises(DataError, match="no class for 2 of 3 pictures"):
        _ = open_source(f"folder:{tmp_path / 'd'}", labels=str(outside)).spec
    with pytest.raises(DataError, match="cannot be read"):
        _ = open_source(f"folder:{tmp_path / 'd'}", labels="nope.csv").spec
    assert open_source(f"folder:{tmp_path / 'd'}").spec.classes == ()  # one picture lies in no sub-folder
    assert open_source(f"folder:{tmp_path / 'd'}", under="x").spec.size == 2


def unfit() -> dict[str, tuple[bytes, str]]:
    """Every kind of picture that is skipped, with the reason."""
    good = png(0, (32, 32))
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    apng = io.BytesIO()
    frames[0].save(apng, "PNG", save_all=True, append_images=frames[1:])
    deep = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 999).save(deep, "PNG")
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    deep_rgb = png_of(header, b"\0" * ((8 * 6 + 1) * 8))
    bomb = png_of(struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0), b"\0" * 1000)
    large = png_of(struct.pack(">IIBBBBB", 9_000, 6_000, 1, 0, 0, 0, 0), b"\0" * 1000)
    return {
        "empty.png": (b"", "empty"),
        "text.png": (b"this is no picture", "not a picture"),
        "truncated.png": (good[: len(good) // 2], "damaged"),
        "truncated.jpg": (png(0, (64, 64), format="JPEG")[:900], "damaged"),
        "cmyk.jpg": (png(0, mode="CMYK", format="JPEG"), "CMYK"),
        "deep.png": (deep.getvalue(), "16 bits"),
        "deep-rgb.png": (deep_rgb, "16 bits"),
        "moving.gif": (moving.getvalue(), "animated, 2 frames"),
        "moving.png": (apng.getvalue(), "animated, 2 frames"),
        "bomb.png": (bomb, "more than 50000000 pixels"),
        "large.png": (large, "more than 50000000 pixels"),
    }


def png_of(header: bytes, rows: bytes) -> bytes:
    """A PNG file of a header and unpacked rows."""
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", unfit())
def test_unfit_pictures_are_refused_with_the_reason(name):
    content, reason = unfit()[name]
    with pytest.raises(decoding.Unfit, match=re.escape(reason)):
        decoding.decode(content, 3, None, "centre")


def test_a_photo_with_previews_is_its_photo():
    """Phones write JPEGs that hold more pictures, which Pillow calls MPO and of several frames."""
    photo, preview = (Image.new("RGB", size, colour) for size, colour in (((16, 8), "red"), ((4, 2), "blue")))
    file = io.BytesIO()
    photo.save(file, "MPO", save_all=True, append_images=[preview])
    assert Image.open(file).n_frames == 2
    found = decoding.decode(file.getvalue(), 3, None, "centre")
    assert found.shape == (3, 8, 16)
    assert found[0].min() > 250 > 5 > found[2].max()


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_unfit_pictures_are_counted_listed_and_skipped(tmp_path, caplog, kind):
    bad = {name: content for name, (content, _) in list(unfit().items())[:4]}
    fill(tmp_path / "d", {f"{k:03d}.png": png(k) for k in range(396)} | bad)
    source = open_source(f"folder:{packed(tmp_path / 'd', kind)}")
    with caplog.at_level(logging.WARNING, "ganzoo.data"):
        assert source.spec.size == 396
    assert "4 of 400 pictures skipped" in caplog.text
    assert sorted(name for name, _ in source.card["skipped"]) == sorted(bad)
    assert (open_source(source.name).all() == source.all()).all()  # from the cache
    fill(tmp_path / "d", {"zzz.png": b""})
    with pytest.raises(DataError, match=r"5 unfit pictures of 401 .*more than 1 %") as error:
        _ = open_source(f"folder:{packed(tmp_path / 'd', kind)}").spec
    sentence(error)


def test_a_damaged_member_of_a_zip_is_skipped(tmp_path):
    fill(tmp_path / "d", {f"{k:03d}.png": png(k) for k in range(120)})
    path = packed(tmp_path / "d", "zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"005.png") + 60] ^= 0xFF
    path.write_bytes(content)
    source = open_source(f"folder:{path}")
    assert [name for name, _ in source.card["skipped"]] == ["005.png"]
    path.write_bytes(content[:200])
    with pytest.raises(DataError, match="make or fetch the archive again"):
        open_source(f"folder:{path}")


def test_nothing_is_written_where_an_archive_points(tmp_path):
    path = tmp_path / "d" / "evil.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../../escaped.png", png())
        file.writestr("/tmp/ganzoo-escaped.png", png(1))
    with tarfile.open(path.with_suffix(".tar"), "w") as file:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    before = sorted(tmp_path.iterdir())
    assert open_source(f"folder:{path}", labels="none").spec.size == 1  # names with .. are passed over
    assert sorted(p for p in tmp_path.iterdir() if p.name != "cache") == before
    assert not Path("/tmp/ganzoo-escaped.png").exists()
    with pytest.raises(DataError, match="holds no picture"):
        _ = open_source(f"folder:{path.with_suffix('.tar')}").spec


def test_the_cache_is_keyed_by_content_and_options(tmp_path, cache, monkeypatch):
    pixels = np.zeros((8, 8, 3), np.uint8)
    (tmp_path / "d").mkdir()
    Image.fromarray(pixels).save(tmp_path / "d" / "a.png")
    name = f"folder:{tmp_path / 'd'}"
    first = open_source(name)
    fingerprint = first.fingerprint
    assert len(list(cache.glob("*.npy"))) == 1
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == ["a.png"]

    def no(*args):
        raise AssertionError("decoded again")

    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "decode", no)
        assert open_source(name).fingerprint == fingerprint
        assert torch.equal(open_source(name).all(), first.all())
    assert open_source(name, size=4).fingerprint != fingerprint
    pixels[3, 3, 1] = 1
    Image.fromarray(pixels).save(tmp_path / "d" / "a.png")
    changed = open_source(name)
    assert changed.fingerprint != fingerprint
    assert changed.all()[0, 1, 3, 3] == 1
    assert len(list(cache.glob("*.npy"))) == 3
    assert not list(cache.glob(".tmp-*"))


def test_large_folders_stay_in_the_mapped_file(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "IN_MEMORY", 100)
    fill(tmp_path / "d", {f"{k}.png": png(k) for k in range(9)})
    source = open_source(f"folder:{tmp_path / 'd'}", flip=True)
    assert isinstance(source.content.samples, np.memmap)
    batch = source.minibatch(0, 0, 0, 4)
    batch["x"].zero_()  # a copy: the file is not touched
    assert source.all().any()


def test_a_cache_folder_that_cannot_be_written_gets_a_sentence(tmp_path):
    fill(tmp_path / "d", {"a.png": png()})
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(SpaceError, match="XDG_CACHE_HOME") as error:
        _ = open_source(f"folder:{tmp_path / 'd'}").spec
    sentence(error)


def test_missing_and_empty_folders_get_a_sentence(tmp_path):
    for path in (tmp_path / "nope", tmp_path / "d.rar"):
        if path.suffix:
            path.write_bytes(b"x")
        with pytest.raises(DataError) as error:
            open_source(f"folder:{path}")
        sentence(error)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no picture"):
        _ = open_source(f"folder:{tmp_path / 'empty'}").spec


# -- arrays ------------------------------------------------------------------------------------------------


def test_npz_takes_each_layout(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), dtype=np.uint8)
    channels_first = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    for array, expected in (
        (x, channels_first), (channels_first.numpy(), channels_first), (x[..., 0], channels_first[:, :1]),
        (np.ones((6, 2)), torch.ones(6, 2)),
    ):  # fmt: skip
        np.savez(tmp_path / "a.npz", images=array, labels=np.array([3, 3, 5, 5, 9, 9]))
        source = open_source(f"npz:{tmp_path / 'a.npz'}")
        assert torch.equal(source.all(), expected)
        assert source.spec.classes == ("3", "5", "9")
        assert source.labels.tolist() == [0, 0, 1, 1, 2, 2]
    np.savez(tmp_path / "a.npz", x=x, y=np.array([1, 0, 1, 0, 1, 0]), classes=np.array(["cat", "dog", "cow"]))
    assert open_source("npz:a.npz", tmp_path).spec.classes == ("cat", "dog", "cow")


def test_npz_refuses_with_a_sentence(tmp_path):
    good = np.zeros((6, 8, 8), np.uint8)
    for arrays, said in (
        ({"pictures": good}, "neither 'x' nor 'images'"),
        ({"x": good.astype(np.float32)}, "float32 of shape"),
        ({"x": good[:0]}, r"shape \(0, 8, 8\)"),
        ({"x": np.zeros((6, 8, 8, 4), np.uint8)}, "with C 1 or 3"),
        ({"x": np.array([{"a": 1}], dtype=object)}, "free of pickles"),
        ({"x": good, "y": np.zeros(5, int)}, r"labels int64 of shape \(5,\)"),
        ({"x": good, "y": np.zeros(6)}, "labels float64"),
        ({"x": good, "y": np.full(6, 2), "classes": np.array(["a", "b"])}, "but 2 names"),
        ({"x": np.array([[1.0, np.nan]])}, "not finite"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(DataError, match=said) as error:
            _ = open_source(f"npz:{tmp_path / 'a.npz'}").spec
        sentence(error)
    np.save(tmp_path / "alone.npy", good)
    for content in (b"", b"PK\x03\x04 nonsense", b"text", (tmp_path / "alone.npy").read_bytes()):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(DataError, match="free of pickles"):
            _ = open_source(f"npz:{tmp_path / 'a.npz'}").spec
    with pytest.raises(DataError, match="there is no file"):
        open_source("npz:nope.npz", tmp_path)
    np.savez(tmp_path / "a.npz", x=np.ones((4, 2)))
    with pytest.raises(DataError, match="cannot be flipped"):
        _ = open_source("npz:a.npz", tmp_path, flip=True).spec
    with pytest.raises(DataError, match="no classes"):
        _ = open_source("npz:a.npz", tmp_path, balanced=True).spec


@pytest.mark.parametrize("numbers", [(0, 0, 0), (7, 123_456, 2 << 40), (2**31, 5, 1)])
def test_a_minibatch_s_numbers_are_philox_under_the_mixed_key(numbers):
    wanted = np.random.Generator(np.random.Philox(key=mix(*numbers)))
    random = generator_at(*numbers)
    assert random.choice(100_000, 64, replace=False).tolist() == wanted.choice(100_000, 64, replace=False).tolist()
    assert random.standard_normal(5).tolist() == wanted.standard_normal(5).tolist()
