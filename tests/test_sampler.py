"""The sampler, over a backend of plain numpy: seeds, requests, walks, files."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_model import tiny
from PIL import Image

from ganzoo import priors
from ganzoo.data import ring
from ganzoo.errors import DamagedFile, GanzooError, InputError, PluginError
from ganzoo.feeds import parse_seeds, seed_ranges
from ganzoo.images import DATA
from ganzoo.loading import load
from ganzoo.sampler import Sampler
from ganzoo.samples import Samples, settings_of
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec

Z = InputSpec("z", shape=(6,), range=(-2.0, 2.0))
Y = InputSpec("y", "label", classes=("cat", "dog", "3", "eel"), distribution="uniform")
PSI = InputSpec("psi", "scalar", default=1.0, range=(0.0, 1.5))
W = InputSpec("w", shape=(2, 3), distribution="uniform")
X = InputSpec("x", "image", (1, 4, 5), "given", range=(-1.0, 1.0))
IMAGE = OutputSpec("image", (1, 4, 5))


class Plain:
    """Pixels are a fixed mixture of all inputs; calls are remembered."""

    checksum = hashlib.sha256(b"plain").hexdigest()

    def __init__(self, *inputs: InputSpec, output: OutputSpec = IMAGE) -> None:
        self.spec = GeneratorSpec("G", inputs, output)
        self.card = {"variant": "plain"}
        self.batches: list[int] = []

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        assert list(inputs) == [i.name for i in self.spec.inputs]
        flat = [v.reshape(len(v), -1).astype(np.float64) for v in inputs.values() if v.ndim]
        rows = np.concatenate(flat, axis=1) * np.prod([v for v in inputs.values() if not v.ndim])
        self.batches.append(len(rows))
        size = int(np.prod(self.spec.output.shape))
        mixture = np.sin(np.arange(rows.shape[1] * size).reshape(rows.shape[1], size))
        # summed row by row: a matrix product may add in another order for another batch
        out = np.stack([np.tanh((row[:, None] * mixture).sum(0)) for row in rows])
        return out.reshape(-1, *self.spec.output.shape).astype(np.float32)


def sampler(*inputs: InputSpec, output: OutputSpec = IMAGE) -> Sampler:
    return Sampler(Plain(*inputs, output=output))


def test_a_seed_is_one_picture() -> None:
    s = sampler(Z, Y)
    many = s.sample(100, seed=5)
    assert many.images.shape == (100, 4, 5, 1)
    assert many.images.dtype == np.uint8
    assert many.seeds == tuple(range(5, 105))
    assert np.array_equal(s.sample(1, seed=47).images[0], many.images[42])
    assert np.array_equal(s.sample(seeds=[104, 5, 47]).images, many.images[[99, 0, 42]])
    assert len({p.tobytes() for p in many.images}) == 100
    for batch in (1, 7, 64, 1000):
        assert np.array_equal(s.sample(100, seed=5, batch=batch).images, many.images)


def test_another_input_never_changes_the_latents() -> None:
    alone = sampler(Z).sample(9).inputs["z"]
    for others in [(Z, Y), (Y, Z), (W, Z, PSI), (Z, W)]:
        assert np.array_equal(sampler(*others).sample(9).inputs["z"], alone)
    assert np.array_equal(sampler(Z, Y).sample(9, label="dog").inputs["z"], alone)


def test_stream_gives_the_same_pictures_bit_by_bit() -> None:
    s = sampler(Z, Y, PSI)
    parts = list(s.stream(20, batch=8, seed=3, label=["cat"] * 20, psi=0.5))
    assert [len(p) for p in parts] == [8, 8, 4]
    assert sum((p.seeds for p in parts), ()) == tuple(range(3, 23))
    whole = s.sample(20, seed=3, label="cat", psi=0.5)
    assert np.array_equal(np.concatenate([p.images for p in parts]), whole.images)
    assert max(s.backend.batches) <= 20


@pytest.mark.parametrize("kind", [list, np.asarray])
def test_a_part_s_settings_are_its_own(kind: Any) -> None:
    """Classes are one for each picture, a latent's numbers for all."""
    latent = [0.5, 0.0, -0.5, 1.0, 0.25, 2.0]
    parts = list(sampler(Z, Y).stream(6, batch=4, label=kind([0, 1, 2, 0, 1, 2]), z=kind(latent)))
    said = [part.settings["arguments"] for part in parts]
    assert [arguments["label"] for arguments in said] == [[0, 1, 2, 0], [1, 2]]
    assert [arguments["z"] for arguments in said] == [latent, latent]


@pytest.mark.parametrize("label", ["dog", 1, np.int64(1), "1", [1] * 6, ["dog"] * 6])
def test_labels_by_name_and_number(label: Any) -> None:
    assert sampler(Z, Y).sample(6, label=label).inputs["y"].tolist() == [1] * 6
    assert sampler(Z, Y).sample(6, y=label).inputs["y"].tolist() == [1] * 6


def test_a_name_goes_before_a_number() -> None:
    assert sampler(Z, Y).sample(1, label="3").inputs["y"].tolist() == [2]
    assert sampler(Z, Y).sample(1, label=3).inputs["y"].tolist() == [3]


def test_how_many() -> None:
    s = sampler(Z, Y)
    assert len(s.sample()) == 16
    assert len(s.sample(z=np.zeros((5, 6)))) == 5
    assert len(s.sample(label=["cat", "dog"])) == 2
    assert len(s.sample(3, z=np.zeros(6))) == 3
    assert s.sample(z=np.zeros((5, 6))).seeds == ()


def test_own_latents_in_and_out() -> None:
    s = sampler(Z, Y)
    first = s.sample(8, seed=2)
    again = s.sample(**first.inputs)
    assert np.array_equal(first.images, again.images)


def test_a_code_beside_the_noise_is_for_all(tmp_path: Path) -> None:
    """Its numbers are one list, not one for each sample; the seed still names the picture, and its PNG carries both."""
    code = InputSpec("c", shape=(2,), distribution="uniform", range=(-1.0, 1.0))
    s = sampler(Z, Y, code)
    made = s.sample(3, 5, label=["cat", "dog", "eel"], c=[0.5, -0.25])
    assert made.seeds == (5, 6, 7)
    path = tmp_path / "one.png"
    path.write_bytes(made.png(2))
    again = settings_of(path)
    assert (again["seeds"], again["label"], again["c"]) == ([7], "eel", [0.5, -0.25])
    assert np.array_equal(s.sample(**{k: v for k, v in again.items() if k != "generator"}).images[0], made.images[2])


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("label", {"label": "dogg"}, "did you mean 'dog'"),
    ("label", {"label": 4}, "0 to 3"),
    ("label", {"label": -1}, "0 to 3"),
    ("label", {"label": 1.5}, "no class"),
    ("label", {"label": True}, "no class True; choose from cat, dog, 3, eel, numbered from 0 to 3"),
    ("y", {"label": ["cat"] * 3, "n": 2}, "3 labels"),
    ("label", {"label": "cat", "y": "dog"}, "twice"),
    ("n", {"n": 0}, "between 1"),
    ("n", {"n": -3}, "between 1"),
    ("n", {"n": 2.5}, "whole number"),
    ("n", {"n": 10**12}, "between 1"),
    ("n", {"n": 3, "seeds": [1, 2]}, "leave out one"),
    ("n", {"seeds": []}, "between 1"),
    ("seed", {"seed": -1}, "out of range"),
    ("seed", {"seed": 2**32}, "out of range"),
    ("seed", {"seed": 2**32 - 3, "n": 4}, "out of range"),
    ("seed", {"seed": 10**30}, "out of range"),
    ("seed", {"seed": "x"}, "whole number"),
    ("seeds", {"seeds": [1, 2**32]}, "out of range"),
    ("seeds", {"seeds": [1, 0.5]}, "whole number"),
    ("z", {"z": np.full(6, np.nan)}, "NaN"),
    ("z", {"z": np.full(6, 1e39)}, "NaN or infinity"),
    ("z", {"z": np.zeros((3, 7))}, "shape"),
    ("z", {"z": "noise"}, "not an array"),
    ("z", {"z": np.zeros((3, 6)), "n": 2}, "shape"),
    ("psi", {"psi": 2.0}, "from 0 to 1.5"),
    ("psi", {"psi": "much"}, "number"),
    ("psi", {"psi": float("nan")}, "finite"),
    ("psi", {"truncation": 9}, "from 0 to 1.5"),
    ("zz", {"zz": 3}, "no input named 'zz'; did you mean 'z'"),
    ("batch", {"batch": 0}, "above 0"),
    ("batch", {"batch": 2.5}, "whole number"),
]


@pytest.mark.parametrize(("field", "asked", "words"), BAD)
def test_bad_requests_get_one_sentence(field: str, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        sampler(Z, Y, PSI).sample(**asked)
    assert caught.value.field in (field, "y")
    assert "\n" not in str(caught.value)


def test_halves_of_pictures_are_refused(tmp_path: Path) -> None:
    s = sampler(Z)
    for asked in (
        lambda: s.stream(4, batch=2.5),  # type: ignore[arg-type]
        lambda: s.interpolate(0, 1, steps=2.5),  # type: ignore[arg-type]
        lambda: s.vary(0, n=2.5),  # type: ignore[arg-type]
        lambda: s.shards(tmp_path / "out", n=4, shards=2.5),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match=r"is 2\.5; a whole number is needed"):
            asked()


def test_requests_that_a_spec_has_no_room_for() -> None:
    with pytest.raises(InputError, match="no classes"):
        sampler(Z).sample(label=1)
    with pytest.raises(InputError, match="declares no truncation"):
        sampler(W).sample(truncation=0.5)
    with pytest.raises(InputError, match="up to 2"):
        sampler(Z).sample(truncation=3)
    with pytest.raises(InputError, match="starts from a picture"):
        sampler(X).sample()
    with pytest.raises(PluginError, match="'magic'"):
        sampler(InputSpec("z", shape=(2,), distribution="magic")).sample(2)


def test_truncation_as_declared() -> None:
    within = sampler(Z).sample(100, truncation=0.5).inputs["z"]
    free = sampler(Z).sample(100).inputs["z"]
    assert np.array_equal(within, priors.truncated(free, 0.5).astype(np.float32))
    assert np.abs(within).max() < 0.5
    assert np.array_equal(np.argsort(within, None), np.argsort(free, None))
    assert sampler(Z, PSI).sample(2, truncation=0.5).inputs["psi"] == np.float32(0.5)


def test_image_inputs(tmp_path: Path) -> None:
    s = sampler(X)
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5, 1)
    Image.fromarray(pixels[:, :, 0]).save(tmp_path / "x.png")
    from_file = s.sample(2, x=str(tmp_path / "x.png"))
    assert np.array_equal(from_file.images, s.sample(2, x=pixels).images)
    floats = from_file.inputs["x"]
    assert floats.shape == (2, 1, 4, 5)
    assert np.array_equal(s.sample(x=floats).images, from_file.images)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "y.png")
    assert s.sample(2, x=tmp_path / "y.png").inputs["x"].shape == (2, 1, 4, 5)
    with pytest.raises(InputError, match="shape"):
        s.sample(2, x=np.zeros((4, 4, 1), np.uint8))


def test_interpolate_meets_its_ends() -> None:
    s = sampler(Z, W, Y)
    line = s.interpolate(3, 9, 5, label="cat")
    assert len(line) == 5
    ends = s.sample(seeds=[3, 9], label="cat").images
    assert np.array_equal(line.images[[0, -1]], ends)
    middle = (line.inputs["w"][0] + line.inputs["w"][-1]) / 2
    assert np.allclose(line.inputs["w"][2], middle, atol=1e-6)  # uniform: a straight line
    norms = np.linalg.norm(line.inputs["z"], axis=1)
    assert norms.min() >= min(norms[0], norms[-1]) - 1e-5  # normal: never through the middle
    assert np.array_equal(s.interpolate(3, 9, 5).inputs["y"], np.repeat(s.sample(1, seed=3).inputs["y"], 5))


@pytest.mark.parametrize("bad", [{"seed": -1}, {"seed": 1.7}, {"batch": 0.5}])
def test_a_walk_starts_at_a_seed(bad) -> None:
    with pytest.raises(InputError):
        sampler(Z).walk(2, 4, **bad)


def test_a_way_is_a_row_of_its_grid() -> None:
    s = sampler(Z)
    line = s.interpolate(3, 9, 6)
    assert line.grid() == line.grid(columns=6) != line.grid(columns=3)
    assert s.interpolate(3, 9, 200).columns == 32


def test_interpolate_keyframes_and_loops() -> None:
    s = sampler(Z)
    keys = s.sample(seeds=[3, 4, 9]).images
    assert np.array_equal(s.interpolate(3, 9, 4, via=[4]).images[[0, 3, 6]], keys)
    loop = s.interpolate(3, 9, 4, via=[4], loop=True)
    assert len(loop) == 9
    assert np.array_equal(loop.images[[0, 3, 6]], keys)
    assert len({p.tobytes() for p in loop.images}) == 9
    assert loop.columns == 3
    latent = s.sample(seeds=[3, 9]).inputs["z"]
    assert np.array_equal(s.interpolate(latent[0], {"z": latent[1]}, 4).images, s.interpolate(3, 9, 4).images)
    for bad in ({"steps": 1}, {"a": -1}, {"a": np.zeros(5)}, {"a": {}}, {"via": [2**32]}):
        with pytest.raises(InputError):
            s.interpolate(**{"a": 1, "b": 2, **bad})


def test_vary() -> None:
    s = sampler(Z, Y)
    assert np.array_equal(s.vary(7, 0.0, 3).images, np.repeat(s.sample(1, seed=7).images, 3, 0))
    label = int(s.sample(1, seed=7).inputs["y"][0])
    assert np.array_equal(s.vary(7, 1.0, 3).images, s.sample(3, seed=8, label=label).images)
    near = s.vary(7, 0.1, 5).inputs["z"] - s.sample(1, seed=7).inputs["z"]
    far = s.vary(7, 0.5, 5).inputs["z"] - s.sample(1, seed=7).inputs["z"]
    assert (np.linalg.norm(near, axis=1) < np.linalg.norm(far, axis=1)).all()
    assert len(s.vary(2**32 - 1, 0.5, 3)) == 3
    for bad in ({"amount": 2}, {"amount": float("nan")}, {"n": 0}, {"seed": -1}):
        with pytest.raises(InputError):
            s.vary(**{"seed": 1, **bad})


def test_walk_is_closed_and_even() -> None:
    s = sampler(Z)
    film = s.walk(3.0, fps=20, seed=4)
    assert len(film) == 60
    assert film.fps == 20
    assert np.array_equal(film.images[[0, 30]], s.sample(seeds=[4, 5]).images)
    step = np.linalg.norm(np.diff(film.inputs["z"], axis=0, append=film.inputs["z"][:1]), axis=1)
    assert step.max() < 4 * np.median(step)
    for bad in ({"seconds": 0}, {"fps": -1}, {"seconds": 1e9}, {"seconds": float("inf")}):
        with pytest.raises(InputError):
            s.walk(**bad)


def test_sweep() -> None:
    s = sampler(Z, Y, PSI)
    strip = s.sweep("psi", [0.1, 0.5, 1.0], seed=3)
    assert np.allclose(strip.inputs["psi"], [0.1, 0.5, 1.0])
    assert np.array_equal(strip.images[2], s.sample(1, seed=3, psi=1.0).images[0])
    assert s.sweep("y", ["cat", "eel"]).inputs["y"].tolist() == [0, 3]
    assert len(s.sweep("truncation", [0.2, 0.4])) == 2
    assert strip.columns == 3
    for name, values in [("z", [1]), ("psii", [1]), ("psi", []), ("psi", [9])]:
        with pytest.raises(InputError):
            s.sweep(name, values)


def test_points(tmp_path: Path) -> None:
    s = sampler(Z, output=OutputSpec("points", (2,)))
    drawn = s.sample(10)
    assert drawn.points.shape == (10, 2)
    assert drawn.points.dtype == np.float32
    with pytest.raises(GanzooError, match="points"):
        _ = drawn.images
    drawn.save(tmp_path / "p.png")
    assert len(settings_of(tmp_path / "p.png")["seeds"]) == 10
    with np.load(drawn.save(tmp_path / "p.npz")) as arrays:
        assert np.array_equal(arrays["points"], drawn.points)
    for name in ("p.zip", "p.tar", "folder"):
        with pytest.raises(InputError):
            drawn.save(tmp_path / name)
        assert not (tmp_path / name).exists()
    with pytest.raises(GanzooError, match="pictures"):
        _ = sampler(Z).sample(1).points


@pytest.mark.parametrize("name", ["a.png", "a.npz", "a.zip", "a.tar", "a.gif", "a.webp"])
def test_files_have_the_same_bytes_twice(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    film = name in ("a.gif", "a.webp")
    first = _made(film).save(tmp_path / name).read_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    assert _made(film).save(tmp_path / name).read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_data_are_drawn_beneath_points_if_they_are_ours() -> None:
    here = ring()
    ours = {"data": "ring", "data_card": here.card}
    cards = [
        ours,
        {},
        {"data": "ring"},
        {"data": "ring", "data_card": ring(modes=5).card},
        {"data": "grid", "data_card": here.card},
        {"data": "npz:/etc/passwd", "data_card": here.card},
        {"data": ["ring"], "data_card": here.card},
    ]
    for card in cards:
        one = sampler(Z, output=OutputSpec("points", (2,)))
        one.backend.card = card
        for drawn in (one.sample(3), one.walk(1, 4), one.sweep("truncation", [0.5])):
            under = (np.asarray(drawn.grid()) == DATA).all(axis=2).sum()
            if card is ours:
                assert np.array_equal(drawn.data, here.content.samples[:2000])
                assert under > 100
                assert not (np.asarray(drawn.grid(data=np.empty((0, 2)))) == DATA).all(axis=2).any()
            else:
                assert drawn.data is None
                assert not under
    assert sampler(Z).sample(1).data is None


def _made(film: bool) -> Samples:
    return sampler(Z).walk(1, fps=5) if film else sampler(Z).sample(5)


def test_a_film_is_of_pictures_that_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    with pytest.raises(InputError, match=r"unrelated seeds would flicker as a film; save a walk\(\), or"):
        sampler(Z).sample(2).save(path)
    with pytest.raises(InputError, match=r"points are saved as \.npz"):
        sampler(Z, output=OutputSpec("points", (2,))).walk(1, 5).save(path)
    assert not path.exists()
    own = sampler(Z).sample(z=np.linspace(-np.ones(6), np.ones(6), 4, dtype=np.float32))
    for one in (own, sampler(Z).sample(1), sampler(Z).sample(seeds=[7, 7]), sampler(Z).vary(7, n=3)):
        assert one.save(path).read_bytes()[:3] == b"GIF"


def test_archives_and_folders_hold_one_picture_each(tmp_path: Path) -> None:
    drawn = sampler(Z, Y).sample(3, seed=7, label=["cat", "dog", "eel"])
    drawn.save(tmp_path / "a.zip")
    drawn.save(tmp_path / "a.tar")
    drawn.save(tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "a.zip") as z, tarfile.open(tmp_path / "a.tar") as t:
        names = z.namelist()
        assert names == t.getnames() == sorted(p.name for p in (tmp_path / "folder").iterdir())
        assert names[0] == "000000-seed-7.png"
        for k, name in enumerate(names[:3]):
            data = z.read(name)
            member = t.extractfile(name)
            assert member is not None
            assert data == member.read() == (tmp_path / "folder" / name).read_bytes()
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), drawn.images[k, :, :, 0])
        assert json.loads(z.read("samples.json"))["arguments"]["seeds"] == "7-9"
    one = sampler(Z, Y).like(tmp_path / "folder" / "000001-seed-8.png")
    assert np.array_equal(one.images, drawn.images[1:2])


def test_npz_holds_everything(tmp_path: Path) -> None:
    drawn = sampler(Z, PSI).sample(3, seed=7)
    with np.load(drawn.save(tmp_path / "a.npz")) as arrays:
        assert np.array_equal(arrays["images"], drawn.images)
        assert np.array_equal(arrays["z"], drawn.inputs["z"])
        assert arrays["seeds"].tolist() == [7, 8, 9]
        assert json.loads(str(arrays["settings"]))["model"] == Plain.checksum


def test_like_makes_a_png_again(tmp_path: Path) -> None:
    s = sampler(Z, Y, PSI)
    drawn = s.sample(seeds=[3, 4, 5, 99], label="dog", truncation=0.5)
    path = drawn.save(tmp_path / "a.png")
    assert settings_of(path) == {"generator": "G", "seeds": [3, 4, 5, 99], "label": "dog", "truncation": 0.5}
    assert s.like(path).png() == path.read_bytes()
    other = sampler(Z, Y, PSI)
    other.backend.checksum = "0" * 64
    with pytest.raises(InputError, match=f"another model, of checksum {s.checksum[:12]}, and this one's is 0000"):
        other.like(path)
    for model, step in ((s, 500), (other, 1000)):
        model.backend.card = {"step": step}
    later = s.sample(2).save(tmp_path / "later.png")
    with pytest.raises(InputError, match=r"made at step 500 .* this model is at step 1,000 .*; load step 500"):
        other.like(later)
    other.backend.card = {"exported_from": s.checksum}
    assert np.array_equal(other.like(later).images, s.sample(2).images)
    assert np.array_equal(s.like(other.sample(2).save(later)).images, s.sample(2).images)
    s.sample(2, z=np.zeros((2, 6))).save(path)
    with pytest.raises(InputError, match="'z'"):
        settings_of(path)
    s.interpolate(1, 2).save(path)
    with pytest.raises(InputError, match="interpolate"):
        settings_of(path)
    Image.new("L", (3, 3)).save(path)
    with pytest.raises(InputError, match="no settings"):
        settings_of(path)


def test_like_takes_changes_by_any_name(tmp_path: Path) -> None:
    s, path = sampler(Z, Y, PSI), tmp_path / "a.png"
    s.sample(2, y="dog", truncation=0.5).save(path)
    assert s.like(path, label="cat").settings["arguments"] == {"label": "cat", "truncation": 0.5, "seeds": "0-1"}
    assert s.like(path, y="cat", psi=1.0).settings["arguments"] == {"y": "cat", "psi": 1.0, "seeds": "0-1"}
    assert s.like(path, seeds=[7, 9]).seeds == (7, 9)
    assert s.like(path, seed=5, n=3).seeds == (5, 6, 7)
    assert s.like(path, seed=5).seeds == (5, 6)


def test_a_folder_holds_the_pictures_of_one_request(tmp_path: Path) -> None:
    s = sampler(Z)
    for _ in range(2):  # again is as good as once
        s.sample(3, seed=5).save(tmp_path / "f")
    with pytest.raises(InputError, match=r"holds other pictures, such as 000000-seed-5\.png; name a new folder"):
        s.sample(2, seed=50).save(tmp_path / "f")
    assert len(list((tmp_path / "f").glob("*.png"))) == 3


def test_what_was_made_can_be_asked_for_again() -> None:
    """0.3 as float32 is a little more than 0.3."""
    s = sampler(Z, InputSpec("psi", "scalar", default=0.3, range=(0.0, 0.3)))
    made = s.sample(2)
    assert np.array_equal(s.sample(**made.inputs).images, made.images)
    with pytest.raises(InputError, match=r"a number from 0 to 0\.3 is needed"):
        s.sample(1, psi=0.3001)


def test_a_way_on_which_nothing_moves_is_refused() -> None:
    s = sampler(Z)
    for ask in (lambda: s.interpolate(1, 2, z=np.zeros(6)), lambda: s.vary(1, z=np.zeros(6))):
        with pytest.raises(InputError, match="'z' is given, so nothing moves; leave it out"):
            ask()


def test_saving_elsewhere_is_refused(tmp_path: Path) -> None:
    drawn = sampler(Z).sample(2)
    with pytest.raises(InputError, match=r"\.png"):
        drawn.save(tmp_path / "a.bmp")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        drawn.save(tmp_path / "file")
    with pytest.raises(GanzooError):
        drawn.save(tmp_path / "absent" / "a.png")


def test_a_notebook_shows_the_grid() -> None:
    drawn = sampler(Z).sample(4)
    assert drawn._repr_png_().startswith(b"\x89PNG")
    assert drawn.grid().size[0] > drawn.grid(seeds=False).size[0]  # enlarged, so that the seeds fit


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2], [7, 3, 4, 5, 5], [2**32 - 1]])
def test_seed_ranges_round_trip(seeds: list[int]) -> None:
    assert parse_seeds(seed_ranges(seeds)) == seeds


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "5-3", "4294967296", "1,,2", "0-4294967295"])
def test_bad_seed_lists(text: str) -> None:
    with pytest.raises(InputError):
        parse_seeds(text)


def test_loading_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="no model"):
        load(tmp_path / "absent")
    with pytest.raises(GanzooError, match="no file"):
        load(tmp_path / "absent.onnx")
    (tmp_path / "several").mkdir()
    tiny(tmp_path / "several" / "one.onnx", default=True)
    tiny(tmp_path / "several" / "other.onnx", "picture", default=True)
    with pytest.raises(DamagedFile, match=r"one.onnx and .*other.onnx are both generator 'G'; keep one"):
        load(tmp_path / "several")
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(DamagedFile, match="no model"):
        load(tmp_path / "model.pt")
