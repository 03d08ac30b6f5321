"""`ganzoo sample` on models in files: inputs from files, and one sentence in the command line's own words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from app_model import tiny
from click.testing import CliRunner, Result
from PIL import Image

import ganzoo
from ganzoo.cli import cli
from ganzoo.errors import InputError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a model from noise and one from pictures, and files that are right and wrong."""
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path / "plain.onnx")
    tiny(tmp_path / "picture.onnx", "picture")
    z = ganzoo.load("plain.onnx").sample(3, seed=7).save("three.npz")
    with np.load(z) as held:
        np.save("z.npy", held["z"])
        np.save("one.npy", held["z"][0])
    np.save("nan.npy", np.full(4, np.nan))
    np.save("wide.npy", np.zeros((3, 5)))
    np.save("text.npy", np.asarray(["a"]))
    np.save("pickle.npy", np.asarray([{}], dtype=object))
    np.savez("other.npz", w=np.zeros(4))
    np.savez("none.npz")
    Path("empty.npy").write_bytes(b"")
    Path("short.npz").write_bytes(Path("three.npz").read_bytes()[:60])
    Path("folder.npy").mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save("p.png")
    Path("bad.png").write_bytes(Path("p.png").read_bytes()[:50])
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, ["sample", *args])


def test_latents_in_from_what_came_out(here: Path) -> None:
    expected = ganzoo.load("plain.onnx").sample(3, seed=7).images
    for name in ("three.npz", "z.npy"):
        assert run("plain.onnx", "--input", f"z={name}", "-o", "again.npz").exit_code == 0
        with np.load("again.npz") as again:
            assert np.array_equal(again["images"], expected)
    assert run("plain.onnx", "--input", "z=one.npy", "-o", "again.npz").exit_code == 0
    with np.load("again.npz") as again:
        assert np.array_equal(again["images"], expected[:1])  # nothing else is drawn, so there is one


def test_latents_of_one_generator_are_those_of_the_next(here: Path) -> None:
    styled = tiny(here / "styled", "styled")
    assert run("styled", "--generator", "mapping", "-n", "3", "-o", "w.npz").exit_code == 0
    assert run("styled", "--generator", "synthesis", "--input", "w=w.npz", "-o", "x.npz").exit_code == 0
    with np.load("x.npz") as made:
        assert np.array_equal(made["images"], ganzoo.load(styled, "synthesis").sample(3).images)


def test_what_has_no_latent_is_not_walked_through(here: Path) -> None:
    sampler = ganzoo.load("picture.onnx")
    for way in (lambda: sampler.interpolate(1, 2, photo="p.png"), lambda: sampler.walk(photo="p.png"),
                lambda: sampler.vary(1, photo="p.png")):  # fmt: skip
        with pytest.raises(InputError, match="no latent to move through"):
            way()


def test_a_picture_alone_makes_one(here: Path) -> None:
    done = run("picture.onnx", "--input", "p.png", "-o", "made")
    assert (done.exit_code, done.stderr) == (0, "1 sample of picture.onnx\n")
    assert [path.name for path in sorted(Path("made").iterdir())] == ["000000-seed-0.png", "samples.json"]


def test_a_picture_made_from_a_picture_is_made_again_with_it(here: Path) -> None:
    assert run("picture.onnx", "--input", "p.png", "-o", "made.png").exit_code == 0
    assert b"p.png" not in Path("made.png").read_bytes()
    assert run("picture.onnx", "--like", "made.png", "-o", "again.png").stderr.endswith(
        "'photo' it was made from; give it again\n"
    )
    for given in ("p.png", "photo=p.png"):
        assert run("picture.onnx", "--like", "made.png", "--input", given, "-o", "again.png").exit_code == 0
        assert np.array_equal(np.asarray(Image.open("again.png")), np.asarray(Image.open("made.png")))
    sampler = ganzoo.load("picture.onnx")
    again = sampler.like("made.png", photo="p.png")
    assert np.array_equal(again.images, sampler.sample(photo="p.png").images)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ("plain.onnx --input z=absent.npy", 1, "there is no file absent.npy; 'z' takes numbers, or an .npy or .npz"),
        ("plain.onnx --input z=nan.npy", 1, "'z' contains NaN or infinity; finite numbers are needed"),
        ("plain.onnx --input z=wide.npy", 1, "'z' has the shape (3, 5); (3, 4), or (4,) for all pictures alike"),
        ("plain.onnx --input z=text.npy", 1, "text.npy holds <U1 for 'z'; real numbers are needed"),
        ("plain.onnx --input z=pickle.npy", 1, "pickle.npy cannot be read as an .npy or .npz file of numbers"),
        ("plain.onnx --input z=empty.npy", 1, "empty.npy cannot be read as an .npy or .npz"),
        ("plain.onnx --input z=short.npz", 1, "short.npz cannot be read as an .npy or .npz"),
        ("plain.onnx --input z=p.png", 1, "p.png cannot be read as an .npy or .npz"),
        (
            "plain.onnx --input z=folder.npy",
            1,
            "folder.npy cannot be read as an .npy or .npz file of numbers: is a dir",
        ),
        ("plain.onnx --input z=other.npz", 1, "other.npz holds no 'z'; it holds w"),
        ("plain.onnx --input z=none.npz", 1, "none.npz holds no 'z'; it holds nothing"),
        ("plain.onnx --input z=one.npy --input z=one.npy", 2, "the input 'z' is given twice"),
        ("plain.onnx --seed 3 --input seed=4", 2, "the input 'seed' is given twice"),
        ("plain.onnx --input p.png", 1, "has 0 image inputs"),
        ("plain.onnx --like absent.png", 1, "there is no file absent.png"),
        ("plain.onnx --like folder.npy", 1, "cannot read folder.npy: is a directory"),
        ("plain.onnx --like p.png", 1, "p.png carries no settings of ganzoo's"),
        ("picture.onnx", 1, "generator 'G' starts from a picture; give one by --input photo=FILE"),
        ("picture.onnx --input photo=absent.png", 1, "there is no file absent.png"),
        ("picture.onnx --input photo=folder.npy", 1, "cannot read folder.npy: is a directory"),
        ("picture.onnx --input photo=bad.png", 1, "bad.png cannot be read as a picture; a PNG or JPEG is needed"),
        ("plain.onnx --seed -1", 2, "range"),
        ("plain.onnx --seed 4294967296", 2, "range"),
        ("plain.onnx --seed 4294967295 -n 2", 2, "seed 4294967296 is out of range"),
        ("plain.onnx --seeds 4294967296", 2, "no range of seeds"),
        ("plain.onnx --seeds 5-3", 2, "no range of seeds"),
    ],
)
def test_a_mistake_is_one_sentence(here: Path, args: str, code: int, said: str) -> None:
    before = sorted(here.rglob("*"))
    done = run(*args.split(), "-o", "out.png")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    assert said in done.stderr
    assert sorted(here.rglob("*")) == before
