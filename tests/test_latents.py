"""Models of several generators (mapping, synthesis, encoder), and principal directions: torch and ONNX alike."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest
import torch
from torch import Tensor, nn

from ganzoo import directions
from ganzoo.app.studio import Pool, Studio
from ganzoo.errors import GanzooError, InputError, RecipeError
from ganzoo.exporter import export
from ganzoo.inspect import inspect, table
from ganzoo.loading import load
from ganzoo.sampler import Sampler
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec
from ganzoo.torch_backend import TorchBackend

LAYERS = 4
Z = InputSpec("z", shape=(6,))
W = InputSpec("w", shape=(LAYERS, 6), distribution="given")
Y = InputSpec("y", "label", classes=("cat", "dog"), distribution="uniform")
PSI = InputSpec("psi", "scalar", default=1.0, range=(0.0, 1.0))
NOISE = InputSpec("noise", shape=(1, 8, 8))
X = InputSpec("x", "image", (1, 8, 8), "given", range=(-1.0, 1.0))
IMAGE = OutputSpec("image", (1, 8, 8))


class Mapping(nn.Module):
    """z, y -> w, each layer alike, drawn towards 0 by psi."""

    spec = GeneratorSpec("mapping", (Z, Y, PSI), OutputSpec("latent", (LAYERS, 6), gives="w"))

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.linear = nn.Linear(6, 6)
        self.classes = nn.Embedding(2, 6)

    def forward(self, z: Tensor, y: Tensor, psi: Tensor) -> Tensor:
        w = torch.relu(self.linear(z)) + self.classes(y)
        return (psi * w)[:, None].repeat(1, LAYERS, 1)


class Synthesis(nn.Module):
    """w -> x: layer l fills two rows of the picture; a little noise on top."""

    spec = GeneratorSpec("synthesis", (W, NOISE), IMAGE)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.layers = nn.ModuleList(nn.Linear(6, 16) for _ in range(LAYERS))

    def forward(self, w: Tensor, noise: Tensor) -> Tensor:
        rows = torch.stack([layer(w[:, k]) for k, layer in enumerate(self.layers)], dim=1)
        return torch.tanh(rows.unflatten(2, (1, 2, 8)).permute(0, 2, 1, 3, 4).flatten(2, 3) + 0.01 * noise)


class Whole(nn.Module):
    """The default generator: z, y, psi, noise -> x."""

    spec = GeneratorSpec("G", (Z, Y, PSI, NOISE), IMAGE)

    def __init__(self) -> None:
        super().__init__()
        self.mapping, self.synthesis = Mapping(), Synthesis()

    def forward(self, z: Tensor, y: Tensor, psi: Tensor, noise: Tensor) -> Tensor:
        return self.synthesis(self.mapping(z, y, psi), noise)


class Flat(nn.Module):
    """x = A z, its columns orthogonal and of falling length; with a label, far apart by class."""

    def __init__(self, *more: InputSpec, prior: str = "normal") -> None:
        super().__init__()
        self.spec = GeneratorSpec("G", (InputSpec("z", shape=(6,), distribution=prior), *more), IMAGE)
        basis = torch.linalg.qr(torch.randn(64, 6, generator=torch.Generator().manual_seed(3)))[0]
        self.register_buffer("a", basis * torch.tensor([0.1, 0.8, 0.2, 0.4, 0.05, 0.02]))

    def forward(self, z: Tensor, *y: Tensor) -> Tensor:
        x = z @ self.a.T + sum((5.0 * label[:, None] for label in y), torch.zeros(1))
        return x.unflatten(1, (1, 8, 8))


class Encoder(nn.Module):
    """The least squares of Flat: z = (A^T A)^-1 A^T x."""

    spec = GeneratorSpec("E", (X,), OutputSpec("latent", (6,), gives="z"))

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("inverse", torch.linalg.pinv(Flat().a))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.inverse.T


STYLE = {"G": Whole, "mapping": Mapping, "synthesis": Synthesis}
BI = {"G": Flat, "E": Encoder}


def torch_model(makes: dict[str, Any]) -> Sampler:
    samplers: dict[str, Sampler] = {}
    for name, make in makes.items():
        samplers[name] = Sampler(TorchBackend(make()), samplers)
    return next(iter(samplers.values()))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both models, exported."""
    folder = tmp_path_factory.mktemp("models")
    for name, makes in (("style", STYLE), ("bi", BI)):
        export({key: make() for key, make in makes.items()}, folder / name)
    return folder


@pytest.fixture(params=["torch", "onnx"])
def style(request: pytest.FixtureRequest, files: Path) -> Sampler:
    return torch_model(STYLE) if request.param == "torch" else load(files / "style")


@pytest.fixture(params=["torch", "onnx"])
def bi(request: pytest.FixtureRequest, files: Path) -> Sampler:
    return torch_model(BI) if request.param == "torch" else load(files / "bi")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, elsewhere."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "ganzoo" / "directions"


# ---------------------------------------------------------------- w from another generator


def test_a_seed_is_the_same_picture_by_way_of_w(style: Sampler) -> None:
    whole = style.sample(9, seed=5, label="dog", truncation=0.7)
    parts = style.generators["synthesis"].sample(9, seed=5, label="dog", psi=0.7)
    assert parts.seeds == whole.seeds
    assert np.abs(parts.images.astype(int) - whole.images).max() <= 1
    mapped = style.generators["mapping"].sample(9, seed=5, label="dog", truncation=0.7).latents
    assert mapped.shape == (9, LAYERS, 6)
    assert np.allclose(parts.inputs["w"], mapped, atol=1e-6)
    assert np.array_equal(parts.inputs["noise"], whole.inputs["noise"])
    streamed = list(style.generators["synthesis"].stream(9, batch=4, seed=5, label="dog", psi=0.7))
    assert np.array_equal(np.concatenate([s.images for s in streamed]), parts.images)


def test_w_goes_straight(style: Sampler) -> None:
    synthesis = style.generators["synthesis"]
    line = synthesis.interpolate(3, 9, 5, label=0).inputs["w"]
    assert np.allclose(line[2], (line[0] + line[4]) / 2, atol=1e-6)
    near = synthesis.vary(3, 0.5, 2, label=0).inputs["w"]
    ends = style.generators["mapping"].sample(seeds=[3, 4, 5], label=0).latents
    assert np.allclose(near, (ends[:1] + ends[1:]) / 2, atol=1e-6)


def test_mix_takes_layers_from_two_seeds(style: Sampler) -> None:
    a, b = (style.generators["synthesis"].sample(1, seed=s, label="cat").images[0].astype(int) for s in (7, 12))
    made = style.mix(7, 12, at=range(LAYERS + 1), label="cat", noise=np.zeros((1, 8, 8)))
    assert len(made) == LAYERS + 1
    for at, picture in enumerate(made.images.astype(int)):
        wanted = np.concatenate([a[: 2 * at], b[2 * at :]])
        assert np.abs(picture - wanted).max() <= 6  # the noise, which is 0 here
    assert np.abs(a - b).max() > 40
    table = style.mix([[1], [2]], [3, 4, 5, 6, 7])
    assert (len(table), table.columns) == (10, 5)
    assert style.mix(7, 12).columns == 1
    assert np.array_equal(style.mix(7, 12).images, style.generators["mapping"].mix(7, 12, at=2).images)


def test_own_w_goes_in_and_out(style: Sampler) -> None:
    synthesis = style.generators["synthesis"]
    mixed = style.mix([7, 8], 12)
    assert np.array_equal(synthesis.sample(**mixed.inputs).images, mixed.images)
    assert mixed.seeds == ()


def test_bad_mixtures_get_one_sentence(style: Sampler, bi: Sampler, files: Path) -> None:
    for bad in ({"a": -1}, {"a": [1, 2], "b": [1, 2, 3]}, {"at": 5}, {"at": -1}, {"at": 0.5}, {"a": "x"}, {"a": []}):
        with pytest.raises(InputError) as caught:
            style.mix(**{"a": 1, "b": 2, **bad})
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="mixes no styles"):
        bi.mix(1, 2)
    alone = load(files / "style" / "synthesis.onnx")
    with pytest.raises(InputError, match="load the folder"):
        alone.sample(2)
    assert len(alone.sample(w=np.zeros((2, LAYERS, 6)))) == 2
    with pytest.raises(InputError, match="one value"):
        style.generators["synthesis"].sample(2, label=["cat", "dog"])
    with pytest.raises(InputError, match="no input named 'zz'"):
        style.generators["synthesis"].sample(2, zz=1)


# ---------------------------------------------------------------- encoders


def test_reconstruct_finds_the_latents_again(bi: Sampler, tmp_path: Path) -> None:
    z = (0.02 * np.arange(12).reshape(2, 6)).astype(np.float32)
    wanted = bi.sample(z=z)
    floats = bi.backend.run({"z": z})
    back = bi.reconstruct(floats)
    assert np.allclose(back.inputs["z"], z, atol=1e-5)
    assert np.array_equal(back.images, wanted.images)
    assert np.array_equal(bi.generators["E"].reconstruct(floats).images, back.images)
    assert len(bi.reconstruct(wanted.images)) == 2
    assert len(bi.reconstruct(wanted.images[0])) == 1
    for k in range(2):
        wanted.picture(k).save(tmp_path / f"{k}.png")
    assert np.array_equal(
        bi.reconstruct([tmp_path / "0.png", str(tmp_path / "1.png")]).images, bi.reconstruct(wanted.images).images
    )
    assert bi.generators["E"].sample(x=floats).latents.shape == (2, 6)


def test_a_model_without_an_encoder_says_so(style: Sampler, bi: Sampler) -> None:
    with pytest.raises(InputError, match="no encoder"):
        style.reconstruct(np.zeros((8, 8, 1), np.uint8))
    with pytest.raises(InputError, match="shape"):
        bi.reconstruct(np.zeros((9, 9, 1), np.uint8))


def test_latents_are_numbers_not_pictures(style: Sampler, tmp_path: Path) -> None:
    made = style.generators["mapping"].sample(3)
    with np.load(made.save(tmp_path / "w.npz")) as held:
        assert np.array_equal(held["latents"], made.latents)
    for name in ("w.png", "w.zip", "w.gif", "folder"):
        with pytest.raises(GanzooError):
            made.save(tmp_path / name)
        assert not (tmp_path / name).exists()
    with pytest.raises(GanzooError, match=r"makes latents, not pictures; read \.latents"):
        _ = made.images
    with pytest.raises(GanzooError, match="makes pictures"):
        _ = style.sample(1).latents


def test_only_what_can_be_seen_is_served(files: Path) -> None:
    pool = Pool(1, 1)
    try:
        assert list(Studio.open([files / "bi"], pool).samplers) == ["bi"]
        assert list(Studio.open([files / "style"], pool).samplers) == ["style"]  # the synthesis alone draws the same
    finally:
        pool.close()


def test_inspect_says_what_a_latent_is_for(files: Path) -> None:
    shown = table(inspect(files / "style"))
    assert "latent [4, 6] for w" in shown
    assert "latent [4, 6] made by another generator" in shown


def test_a_latent_output_names_what_it_gives() -> None:
    with pytest.raises(RecipeError, match="the name of an input"):
        OutputSpec("latent", (3,))
    assert GeneratorSpec.from_json(Mapping.spec.to_json()) == Mapping.spec


# ---------------------------------------------------------------- directions


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(abs((a * b).sum()) / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize("more", [(), (Y,)])
def test_directions_are_those_of_greatest_difference(prior: str, more: tuple[InputSpec, ...]) -> None:
    """Of x = A z they are the axes, the longest column first: 1, 3, 2, 0 (lengths 0.8, 0.4, 0.2, 0.1)."""
    found = Sampler(TorchBackend(Flat(*more, prior=prior))).directions(4)
    assert found.components.shape == (4, 6)
    for k, axis in enumerate((1, 3, 2, 0)):
        assert found.components[k, axis] > 0.97
        assert np.linalg.norm(found.components[k]) == pytest.approx(1, abs=1e-6)
    lengths = np.array([0.8, 0.4, 0.2, 0.1]) ** 2
    if not more:  # of 64 pixels in a picture of 8, none is averaged
        assert found.share == pytest.approx(lengths / (lengths.sum() + 0.05**2 + 0.02**2), rel=0.15)
    assert found.spread == pytest.approx([1.0 if prior == "normal" else 12**-0.5] * 4)


def test_directions_of_w_are_its_principal_components(style: Sampler) -> None:
    found = style.directions(3)
    w = style.generators["mapping"].sample(2048).latents.reshape(2048, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(w.T, bias=True))
    for k in range(3):
        assert cosine(found.components[k].ravel(), vectors[:, -1 - k]) > 0.999
        assert found.spread[k] ** 2 == pytest.approx(values[-1 - k], rel=1e-3)
        assert found.share[k] == pytest.approx(values[-1 - k] / values.sum(), rel=1e-3)
    assert found.input == "w"
    assert np.array_equal(style.generators["synthesis"].directions(3).components, found.components)


def test_wide_and_narrow_have_the_same_components() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 40)) * np.linspace(1, 3, 40)
    wide, narrow = directions.of_latents("w", rows), np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    assert np.allclose(np.abs(wide.components[:5] @ narrow[2][:5].T), np.eye(5), atol=1e-6)
    assert np.allclose(wide.spread[:5], narrow[1][:5] / 30**0.5, rtol=1e-5)
    with pytest.raises(GanzooError, match="the same of every seed"):
        directions.of_latents("w", np.ones((9, 3), np.float32))


def test_along_moves_one_seed(style: Sampler) -> None:
    flat = Sampler(TorchBackend(Flat()))
    here = flat.sample(1, seed=5)
    strip = flat.along(0, [-2, 0, 2], seed=5)
    assert np.array_equal(strip.images[1], here.images[0])
    assert strip.columns == 3
    moved = strip.inputs["z"] - here.inputs["z"]
    assert np.allclose(moved, np.array([[-2], [0], [2]]) * flat.directions(1).components[0], atol=1e-6)
    bounded = Sampler(TorchBackend(Flat(prior="uniform"))).along(0, [-50, 50], seed=5).inputs["z"]
    assert bounded.min() >= -1
    assert bounded.max() <= 1
    assert np.ptp(bounded[:, 1]) == 2
    strip = style.along(1, [0, 1.5], seed=5, label="dog", psi=0.5)
    found = style.directions(2)
    assert np.array_equal(strip.inputs["noise"][0], strip.inputs["noise"][1])
    assert np.allclose(np.diff(strip.inputs["w"], axis=0)[0], 1.5 * found.spread[1] * found.components[1], atol=1e-5)
    for bad in ({"direction": -1}, {"direction": 99}, {"direction": 0.5}, {"amounts": []}, {"amounts": [np.inf]}):
        with pytest.raises(InputError):
            flat.along(**{"direction": 0, **bad})
    with pytest.raises(InputError, match="directions 1 to 6"):
        flat.directions(7)


@pytest.mark.parametrize("prior", ["normal", "uniform", "sphere"])
def test_along_moves_an_own_latent_too(prior: str) -> None:
    flat = Sampler(TorchBackend(Flat(prior=prior)))
    own = flat.sample(1, seed=9).inputs["z"][0]
    strip = flat.along(0, [-0.1, 0, 0.1], seed=5, z=own)
    assert np.array_equal(strip.inputs["z"][1], own)
    seeds = flat.along(0, [-0.1, 0, 0.1], seed=5).inputs["z"]
    assert np.allclose(strip.inputs["z"] - own, seeds - seeds[1], atol=1e-6)


def test_along_moves_an_own_w_too(style: Sampler) -> None:
    w = style.generators["mapping"].sample(1, seed=9).latents[0]
    strip = style.along(0, [0, 1], seed=5, w=w)
    assert np.allclose(strip.inputs["w"][0], w, atol=1e-6)
    found = style.directions(1)
    assert np.allclose(strip.inputs["w"][1] - w, found.spread[0] * found.components[0], atol=1e-5)


def test_directions_are_found_once_and_kept_beside_the_model(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = files / "bi"
    found = load(folder).directions(3)
    (kept,) = folder.glob("directions-*.npz")
    data = kept.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(directions, "of_outputs", None)  # would fail if it were called
        assert np.array_equal(load(folder / "G.onnx").directions(3).components, found.components)
    for damage in (data[:100], b"", b"PK" + data[2:300], data.replace(b"key", b"kez")):
        kept.write_bytes(damage)
        assert np.array_equal(load(folder).directions(3).components, found.components)
        assert hashlib.sha256(kept.read_bytes()).digest() == hashlib.sha256(data).digest()
    kept.unlink()


def test_directions_go_to_the_cache_where_the_model_cannot_be_written_beside(
    files: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = directions.write_bytes

    def closed(path: Path, data: bytes) -> None:
        if path.parent != cache:
            raise GanzooError("read-only")
        write(path, data)

    monkeypatch.setattr(directions, "write_bytes", closed)
    found = load(files / "bi").directions(2)
    assert len(list(cache.iterdir())) == 1
    assert not list((files / "bi").glob("*.npz"))
    monkeypatch.setattr(directions, "of_outputs", None)
    assert np.array_equal(load(files / "bi").directions(2).components, found.components)
    monkeypatch.undo()


def test_a_model_of_no_latent_has_no_directions() -> None:
    with pytest.raises(InputError, match="has no latent"):
        Sampler(TorchBackend(Encoder())).directions()
