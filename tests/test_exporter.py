"""Export and ONNX: parity, the gate's refusals, damage, hostile files, and no torch where none is due."""

import dataclasses
import hashlib
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

import ganzoo
from ganzoo import onnx_file, zoo
from ganzoo.errors import DamagedFile, GanzooError, InputError, SpaceError
from ganzoo.exporter import export
from ganzoo.files import canonical
from ganzoo.inspect import inspect, table
from ganzoo.loading import load
from ganzoo.onnx_backend import OnnxBackend
from ganzoo.sampler import Sampler
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec
from ganzoo.torch_backend import TorchBackend

Z = InputSpec("z", shape=(8,))
Y = InputSpec("y", "label", classes=tuple("abcdefghijk"), distribution="uniform")
PSI = InputSpec("psi", "scalar", default=0.7, range=(0.0, 1.0))
X = InputSpec("image", "image", (1, 8, 8), "given", range=(-1.0, 1.0))


class Made(nn.Module):
    """A generator with these inputs; subclasses say how pictures come about."""

    def __init__(self, *inputs: InputSpec, output: OutputSpec | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.spec = GeneratorSpec("G", inputs or (Z,), output or OutputSpec("image", (1, 8, 8)))
        self.linear = nn.Linear(8, 64)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.linear(z)).unflatten(1, (1, 8, 8))


class Conditional(Made):
    """Labels, a scalar, spectral norm, BatchNorm with statistics, transposed convolution."""

    def __init__(self) -> None:
        super().__init__(Z, Y, PSI)
        self.embed = nn.Embedding(11, 8)
        self.first = spectral_norm(nn.Linear(8, 4 * 16))
        self.norm = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 1, 4, 2, 1)
        with torch.no_grad():
            for _ in range(5):
                self.norm(self.first(torch.randn(64, 8)).unflatten(1, (4, 4, 4)) * 3 + 1)

    def forward(self, z: Tensor, y: Tensor, psi: Tensor) -> Tensor:
        h = self.first(psi * z + self.embed(y)).unflatten(1, (4, 4, 4))
        return torch.tanh(self.up(torch.relu(self.norm(h))))


class Translator(Made):
    def __init__(self) -> None:
        super().__init__(X)

    def forward(self, x: Tensor) -> Tensor:
        return -x


class Points(Made):
    def __init__(self) -> None:
        super().__init__(Z, output=OutputSpec("points", (2,)))

    def forward(self, z: Tensor) -> Tensor:
        return self.linear(z)[:, :2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "G.onnx"
    export(Conditional(), path, card={"variant": "test", "data": "noise", "licence": "MIT", "step": 3})
    return path


@pytest.mark.parametrize("make", [Made, Conditional, Translator, Points])
def test_torch_and_onnx_agree(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    (written,) = export(make(), tmp_path / "G.onnx")
    assert written.size == (tmp_path / "G.onnx").stat().st_size
    assert written.difference <= 1e-4
    assert (written.levels is None) == (make is Points)
    assert (written.levels or 0) <= 1
    assert written.apart == (f"{written.difference:.2g}" if make is Points else f"{written.levels} grey levels")
    ours, theirs = Sampler(TorchBackend(make())), load(tmp_path / "G.onnx")
    assert theirs.spec == ours.spec
    extra = {"image": np.full((1, 8, 8), 0.25, np.float32)} if make is Translator else {}
    a, b = ours.sample(30, seed=9, **extra).output, theirs.sample(30, seed=9, **extra).output
    assert np.abs(a.astype(float) - b).max() <= 1
    assert list(tmp_path.iterdir()) == [tmp_path / "G.onnx"]


def test_the_module_is_left_as_it_was(tmp_path: Path) -> None:
    module = Conditional().train()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    export(module, tmp_path / "G.onnx")
    assert module.training
    assert before.keys() == module.state_dict().keys()
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


def test_two_exports_have_the_same_bytes_and_no_foreign_words(model: Path, tmp_path: Path) -> None:
    card = {"step": 3, "licence": "MIT", "data": "noise", "variant": "test"}
    export(Conditional(), tmp_path / "G.onnx", card=card)
    data = (tmp_path / "G.onnx").read_bytes()
    assert data == model.read_bytes()
    for word in (str(Path.cwd()), sys.prefix, "stack_trace", ".py"):
        assert word.encode() not in data


def test_a_file_does_not_say_where_data_lies(tmp_path: Path) -> None:
    options = {"labels": "/home/somebody/classes.csv", "under": "train/cats", "size": 32}
    export(Conditional(), tmp_path / "G.onnx", card={"data": "folder:/home/somebody/cats", "data_options": options})
    assert b"somebody" not in (tmp_path / "G.onnx").read_bytes()
    card = ganzoo.load(tmp_path / "G.onnx").card
    assert card["data"] == "folder:cats"
    assert card["data_options"] == {**options, "labels": "classes.csv"}


def test_the_file_is_plain_onnx(model: Path) -> None:
    proto = onnx.load(model)
    onnx.checker.check_model(proto, full_check=True)
    assert [p.key for p in proto.metadata_props] == ["ganzoo", "ganzoo.sha256"]
    assert {o.domain for o in proto.opset_import} == {""}
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert "torch" not in {i.name for i in proto.graph.initializer}


def test_bytes_do_not_depend_on_batch_or_threads(model: Path) -> None:
    wanted = load(model).sample(65, seed=4)
    raw = OnnxBackend.open(model)
    whole = raw.run(wanted.inputs)
    for threads in (1, 2, 3):
        backend = OnnxBackend.open(model, threads)
        for batch in (1, 2, 3, 16, 33, 65):
            part = {k: v[:batch] if v.ndim else v for k, v in wanted.inputs.items()}
            assert backend.run(part).tobytes() == whole[:batch].tobytes()
            again = Sampler(backend).sample(65, seed=4, batch=batch)
            assert again.images.tobytes() == wanted.images.tobytes()


def test_half_is_half_and_near(tmp_path: Path) -> None:
    class Wide(Made):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 64 * 50)

        def forward(self, z: Tensor) -> Tensor:
            return torch.tanh(self.linear(z).unflatten(1, (50, 1, 8, 8)).mean(1))

    (full,) = export(Wide(), tmp_path / "full.onnx")
    (half,) = export(Wide(), tmp_path / "half.onnx", half=True)
    assert half.size < 0.6 * full.size
    assert full.difference < half.difference < 0.01
    sampler = load(tmp_path / "half.onnx")
    assert sampler.card["weights"] == "fp16"
    difference = sampler.sample(9).images.astype(int) - load(tmp_path / "full.onnx").sample(9).images
    assert np.abs(difference).max() <= 1


def test_a_folder_gets_every_generator(tmp_path: Path) -> None:
    first, second = Made(), Points()
    second.spec = GeneratorSpec("A", second.spec.inputs, second.spec.output)
    out = tmp_path / "models"
    assert [w.generator for w in export({"G": first, "A": second}, out)] == ["G", "A"]
    assert sorted(p.name for p in out.iterdir()) == ["A.onnx", "G.onnx"]
    sampler = load(out)
    assert sampler.spec.name == "G"  # the game's first, not the alphabet's
    assert list(sampler.generators) == ["G", "A"]
    assert sampler.generators["A"].sample(3).points.shape == (3, 2)
    assert load(out, generator="A").spec.name == "A"
    assert set(inspect(out)["generators"]) == {"G", "A"}
    with pytest.raises(InputError, match="no generator 'B'"):
        load(out, generator="B")
    with pytest.raises(InputError, match="no generator 'B'"):
        export({"G": first}, tmp_path / "x.onnx", generator="B")
    with pytest.raises(InputError, match="leave out step"):
        load(out, step=3)


def test_a_folder_gets_every_generator_or_none(tmp_path: Path) -> None:
    second = Grouped()
    second.spec = GeneratorSpec("B", second.spec.inputs, second.spec.output)
    with pytest.raises(GanzooError, match="cannot be exported"):
        export({"G": Made(), "B": second}, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_on_a_gpu_products_are_not_rounded_to_tf32(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def __init__(self, *_: object, providers: list, **options: object) -> None:
            self.providers = providers

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    providers = OnnxBackend.open(model)._session.providers
    assert providers == [("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]


def test_only_generators_are_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a run, its path or generator modules are exported, not int"):
        export(3, tmp_path / "a.onnx")


def test_what_is_exported_already_is_not_damaged(model: Path, tmp_path: Path) -> None:
    for source in (model, model.parent):
        with pytest.raises(GanzooError, match="is exported already; copy it"):
            export(source, tmp_path / "again.onnx")
    assert not (tmp_path / "again.onnx").exists()


@pytest.mark.parametrize("name", ["G.pt", "G.onnx.zip", "v1.2"])
def test_no_folder_is_named_like_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"name a file that ends in \.onnx, or a folder"):
        export(Made(), tmp_path / name)
    assert not (tmp_path / name).exists()
    (tmp_path / name).mkdir()  # somebody wants it so
    assert export(Made(), tmp_path / name)[0].path == tmp_path / name / "G.onnx"


def test_the_place_is_checked_before_the_work(tmp_path: Path) -> None:
    class Unasked(Made):
        def forward(self, *_: Any) -> Any:
            raise AssertionError("the work was begun")

    (tmp_path / "file").write_text("")
    for place, part in (("nodir/G.onnx", "there is no folder"), ("file/folder", "is no folder")):
        with pytest.raises(SpaceError, match=part):
            export(Unasked(), tmp_path / place)


def test_a_refused_export_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(GanzooError):
        export(NoiseInside(), tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_export_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    export(Conditional(), tmp_path / "G.onnx")
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


# ---------------------------------------------------------------- what the gate refuses


class ForgottenEval(Made):
    def forward(self, z: Tensor) -> Tensor:
        h = nn.functional.batch_norm(self.linear(z), None, None, training=True)
        return torch.tanh(h).unflatten(1, (1, 8, 8))


class BatchStatistics(Made):
    """BatchNorm left in training mode, in a place where it can work on one picture too."""

    def forward(self, z: Tensor) -> Tensor:
        return nn.functional.batch_norm(super().forward(z), None, None, training=True).tanh()


class AlwaysTraining(nn.BatchNorm2d):
    def train(self, mode: bool = True) -> Self:
        return super().train(True)


class StuckInTraining(Made):
    """A BatchNorm layer that eval() does not reach."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = AlwaysTraining(1)

    def forward(self, z: Tensor) -> Tensor:
        return self.norm(super().forward(z)).tanh()


class DropoutOn(Made):
    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(nn.functional.dropout(self.linear(z), 0.5, training=True)).unflatten(1, (1, 8, 8))


class NoiseInside(Made):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z + torch.randn_like(z))


class SecretNoise(Made):
    """Reseeds itself, so that two runs agree: only the graph shows it."""

    def forward(self, z: Tensor) -> Tensor:
        torch.manual_seed(1)
        return super().forward(z + 0.01 * torch.randn(1, 8))


class SecretDropout(Made):
    def forward(self, z: Tensor) -> Tensor:
        kept = nn.functional.dropout(z, 0.01, training=True) if torch.compiler.is_compiling() else z
        return super().forward(kept)


class BakedIn(Made):
    def __init__(self) -> None:
        super().__init__(Z, PSI)

    def forward(self, z: Tensor, psi: Tensor) -> Tensor:
        number = 0.7 if torch.compiler.is_compiling() else psi
        return super().forward(z * number)


class AsFloat(Made):
    def __init__(self) -> None:
        super().__init__(Z, PSI)

    def forward(self, z: Tensor, psi: Tensor) -> Tensor:
        return super().forward(z * (0.1 if float(psi) < 0.5 else 1.0))


class FrozenBatch(Made):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z).reshape(int(z.shape[0]), 1, 8, 8) + torch.zeros(len(z.tolist()), 1, 1, 1)


class Grouped(Made):
    """Modulated convolution in its grouped form: the number of groups is the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 1, 3, 3))
        self.style = nn.Linear(8, 4)

    def forward(self, z: Tensor) -> Tensor:
        x = super().forward(z)
        weight = (self.weight[None] * self.style(z)[:, :, None, None, None]).flatten(0, 1)
        y = nn.functional.conv2d(x.transpose(0, 1), weight, padding=1, groups=x.shape[0])
        return torch.tanh(y.unflatten(1, (x.shape[0], 4))[0].mean(1, keepdim=True))


class Collapsed(Made):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z * 0)


class Exploded(Made):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z) / 0


class OtherShape(Made):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z)[:, :, :4]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (ForgottenEval, "fails on a batch of 8 or of 1"),
        (BatchStatistics, "mixes the pictures"),
        (StuckInTraining, "mixes the pictures"),
        (DropoutOn, "random numbers"),
        (NoiseInside, "random numbers"),
        (SecretNoise, r"random numbers \(RandomNormal"),
        (SecretDropout, "random numbers"),
        (BakedIn, "differs from the trained one"),
        (AsFloat, "cannot be exported"),
        (FrozenBatch, "fixes the batch size"),
        (Grouped, "cannot be exported"),
        (Collapsed, "same picture"),
        (Exploded, "NaN or infinity"),
        (OtherShape, "its spec promises"),
        (lambda: nn.Linear(2, 2), "no .spec"),
    ],
)
def test_the_gate_refuses(make: Callable[[], nn.Module], words: str, tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=words) as caught:
        export(make(), tmp_path / "G.onnx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_export_leaves_the_old_file(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "G.onnx"
    path.write_bytes(model.read_bytes())
    with pytest.raises(GanzooError):
        export(NoiseInside(), path)
    assert path.read_bytes() == model.read_bytes()


# ---------------------------------------------------------------- damaged and hostile files


def resealed(model: Path, change: Callable[[onnx.ModelProto], Any], path: Path) -> Path:
    """The model with a change, and a checksum that agrees: what malice, not damage, would make."""
    proto = onnx.load(model)
    del proto.metadata_props[1:]
    change(proto)
    data = proto.SerializeToString()
    path.write_bytes(data + onnx_file.trailer(data))
    return path


def test_resealing_alone_is_accepted(model: Path, tmp_path: Path) -> None:
    load(resealed(model, lambda proto: None, tmp_path / "a.onnx"))


def test_a_flipped_byte_is_always_found(model: Path, tmp_path: Path) -> None:
    whole, path = model.read_bytes(), tmp_path / "a.onnx"
    places = np.random.default_rng(0).integers(0, len(whole), 200)
    for at in (*places.tolist(), 0, len(whole) - 1, len(whole) - 83, len(whole) - 64):
        for bit in (0, 7):
            data = bytearray(whole)
            data[at] ^= 1 << bit
            path.write_bytes(data)
            with pytest.raises(DamagedFile):
                load(path)


def test_a_truncated_file_is_found(model: Path, tmp_path: Path) -> None:
    whole, path = model.read_bytes(), tmp_path / "a.onnx"
    for size in (0, 1, 10, 83, 84, len(whole) // 2, len(whole) - 83, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedFile) as caught:
            load(path)
        if size > 40:
            assert "truncated" in str(caught.value)
    path.write_bytes(whole + b"\0")
    with pytest.raises(DamagedFile):
        load(path)


def test_files_that_are_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    for protocol in (2, 3, 4, 5):
        path.write_bytes(pickle.dumps({"a": [1] * 100}, protocol))
        with pytest.raises(DamagedFile, match="pickle"):
            load(path)
    torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(DamagedFile, match="pickle"):
        load(path)
    foreign = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))
    path.write_bytes(foreign.SerializeToString() + b" " * 100)
    with pytest.raises(DamagedFile, match="not exported by ganzoo"):
        load(path)


def _external(proto: onnx.ModelProto) -> None:
    weight = next(i for i in proto.graph.initializer if len(i.raw_data) > 100)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")


def _metadata(text: str) -> Callable[[onnx.ModelProto], None]:
    def change(proto: onnx.ModelProto) -> None:
        proto.metadata_props[0].value = text

    return change


def _renamed(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].name = "noise"


def _retyped(proto: onnx.ModelProto) -> None:
    proto.graph.input[1].type.tensor_type.elem_type = onnx.TensorProto.FLOAT


def _hidden(proto: onnx.ModelProto) -> None:
    """A custom operator within a branch."""
    inner = onnx.helper.make_graph([onnx.helper.make_node("Run", [], ["o"], domain="evil")], "g", [], [])
    proto.graph.node.append(onnx.helper.make_node("If", ["psi"], ["o"], then_branch=inner, else_branch=inner))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_external, "another file"),
        (lambda p: p.opset_import.add(domain="evil", version=1), "'evil'"),
        (lambda p: p.graph.node[0].__setattr__("domain", "com.evil"), "'com.evil'"),
        (_hidden, "'evil'"),
        (lambda p: p.functions.add(name="f", domain="evil"), "'evil'"),
        (_renamed, "other inputs"),
        (_retyped, "other inputs"),
        (lambda p: p.graph.output[0].__setattr__("name", "o"), "another output"),
        (lambda p: p.graph.node[0].__setattr__("op_type", "Nonsense"), "refused by ONNX Runtime"),
        (lambda p: p.metadata_props.pop(), "no ganzoo metadata"),
        (_metadata("{"), "well-formed"),
        (_metadata("[]"), "no ganzoo metadata"),
        (_metadata('{"format": 1}'), "no usable spec"),
        (_metadata('{"format": 1, "spec": {"name": "G", "inputs": [], "output": {}}}'), "other inputs"),
        (_metadata('{"format": 999}'), "install a newer ganzoo"),
    ],
)
def test_hostile_files_get_one_sentence(
    model: Path, change: Callable[[onnx.ModelProto], Any], words: str, tmp_path: Path
) -> None:
    path = resealed(model, change, tmp_path / "a.onnx")
    with pytest.raises(GanzooError, match=words) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_an_output_of_another_size_is_found_when_run(model: Path, tmp_path: Path) -> None:
    text = canonical(inspectable(model) | {"spec": lying_spec(model)})
    sampler = load(resealed(model, _metadata(text), tmp_path / "a.onnx"))
    with pytest.raises(GanzooError, match="shape"):
        sampler.sample(2)


def inspectable(model: Path) -> dict[str, Any]:
    file = onnx_file.read(model)
    return {"format": 1, "spec": file.spec.to_json(), **file.card}


def lying_spec(model: Path) -> dict[str, Any]:
    spec = onnx_file.read(model).spec.to_json()
    return spec | {"output": spec["output"] | {"shape": [1, 9, 9]}}


def test_a_size_beyond_protobuf_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    with path.open("wb") as file:
        file.truncate(2**31 + 5)  # sparse: takes no space
    with pytest.raises(DamagedFile, match="larger"):
        load(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_bytes_bring_the_reader_down(model: Path, data: st.DataObject) -> None:
    """Any damage under a checksum that agrees: one sentence, or a file that reads as well as before."""
    whole = model.read_bytes()[:-83]
    kind = data.draw(st.sampled_from(["flip", "cut", "insert", "noise"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    some = data.draw(st.binary(min_size=1, max_size=20))
    body = {
        "flip": whole[:at] + bytes([whole[at] ^ (some[0] or 1)]) + whole[at + 1 :],
        "cut": whole[:at],
        "insert": whole[:at] + some + whole[at:],
        "noise": some * 5,
    }[kind]
    try:
        file = onnx_file.parse(Path("a.onnx"), body + onnx_file.trailer(body))
    except GanzooError:
        return
    assert isinstance(file.spec, GeneratorSpec)


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.lists(st.integers(0, 10**9), min_size=1, max_size=5), bit=st.integers(0, 7))
def test_no_flipped_bits_bring_a_session_down(model: Path, at: list[int], bit: int) -> None:
    """Under a checksum that agrees, what passes the reader and what ONNX Runtime makes of it."""
    body = bytearray(model.read_bytes()[:-83])
    for place in at:
        body[place % len(body)] ^= 1 << bit
    try:
        file = onnx_file.parse(Path("a.onnx"), bytes(body) + onnx_file.trailer(bytes(body)))
        made = Sampler(OnnxBackend(file)).sample(2)
    except GanzooError:
        return
    assert len(made) == 2


def test_a_session_says_nothing_of_its_own(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """ONNX Runtime's bindings tell of an error by printing it before they try again."""
    body = model.read_bytes()[:-83]
    spoiled = body.replace(b"ConvTranspose", b"Conv\xffranspos\xef", 1)
    assert len(spoiled) == len(body)
    assert spoiled != body
    file = onnx_file.parse(model, model.read_bytes())
    with pytest.raises(DamagedFile, match="refused by ONNX Runtime"):
        OnnxBackend(dataclasses.replace(file, data=spoiled))
    assert capfd.readouterr() == ("", "")


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


FIELDS = st.sampled_from(["name", "kind", "shape", "classes", "range", "default"])
SPECS = st.fixed_dictionaries(
    {
        "name": JSON,
        "inputs": st.lists(st.dictionaries(FIELDS, JSON)) | JSON,
        "output": st.fixed_dictionaries({"kind": st.sampled_from(["image", "points"]) | JSON, "shape": JSON}),
    }
)


@settings(max_examples=150, deadline=None)
@given(spec=SPECS | JSON)
def test_no_metadata_brings_the_reader_down(spec: Any) -> None:
    body = onnx.ModelProto(producer_name="ganzoo")
    body.metadata_props.add(key="ganzoo", value=canonical({"format": 1, "spec": spec}))
    data = body.SerializeToString()
    with pytest.raises(GanzooError):
        onnx_file.parse(Path("a.onnx"), data + onnx_file.trailer(data))


# ---------------------------------------------------------------- inspect, and the boundary to torch


def test_inspect_says_what_is_there(model: Path) -> None:
    found = inspect(model)
    assert found["checksum"] == hashlib.sha256(model.read_bytes()[:-83]).hexdigest()
    assert found["bytes"] == model.stat().st_size
    assert found["card"]["licence"] == "MIT"
    assert found["operators"]["ConvTranspose"] == 1
    assert found["opset"] == onnx.load(model).opset_import[0].version
    shown = table(found)
    assert "latent [8] from normal" in shown
    assert "11 classes" in shown
    assert table({"card": {"formula": "a\nb"}}).splitlines()[2] == " " * 15 + "b"


def test_a_model_that_fails_says_so(model: Path) -> None:
    backend = OnnxBackend.open(model)
    with pytest.raises(GanzooError, match="fails when it is run"):
        backend.run({"z": np.zeros((2, 9), np.float32)})


PLAIN = """
import sys, ganzoo
from ganzoo.inspect import inspect
sampler = ganzoo.load(sys.argv[1])
sampler.sample(3, label="b", truncation=0.5).save(sys.argv[2])
sampler.interpolate(1, 2, 4), inspect(sys.argv[1])
heavy = ("torch", "onnx", "onnxscript", "matplotlib", "av")
print(*sorted(m for m in sys.modules if m.split(".")[0] in heavy))
"""


def test_an_onnx_file_needs_neither_torch_nor_onnx(model: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-c", PLAIN, str(model), str(tmp_path / "a.png")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
    assert (tmp_path / "a.png").exists()


def test_ganzoo_export_is_callable_after_its_module_was_imported(tmp_path: Path) -> None:
    import ganzoo

    assert ganzoo.export(Made(), tmp_path / "a.onnx")[0].generator == "G"
    assert "CPUExecutionProvider" in onnxruntime.get_available_providers()


def test_the_pictures_of_the_guide_are_there_and_can_be_made(model: Path, tmp_path: Path) -> None:
    docs = Path(__file__).parents[1] / "docs"
    shown = set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (docs / "generation.md").read_text()))
    assert shown == {f"pictures/{path.name}" for path in (docs / "pictures").glob("*.png")}
    assert sum((docs / path).stat().st_size for path in shown) < 300_000
    made = tmp_path / "made"
    made.mkdir()
    codes = tmp_path / "codes"
    ganzoo.train("infogan", out=codes, set={**zoo.variant("infogan").tiny, "steps": 2})
    for script, of in (("make.py", model), ("codes.py", codes)):
        subprocess.run([sys.executable, str(docs / "pictures" / script), str(of), str(made)], check=True)
    assert {path.name for path in made.iterdir()} == {Path(path).name for path in shown}


def test_the_guide_tells_the_truth(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "generation.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) >= 4
    (tmp_path / "G.onnx").write_bytes(model.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec("\n".join(blocks), {})
    (kept,) = tmp_path.glob("directions-*.npz")
    assert {p.name for p in tmp_path.iterdir()} == {"G.onnx", "grid.png", "walk.gif", kept.name}
    load("G.onnx").sweep("truncation", [0.3, 0.6, 1.0], seed=7)
