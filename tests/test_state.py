"""State files: exact, deterministic, and never wrong without saying so."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from ganzoo import state
from ganzoo.errors import DamagedFile, GanzooError, SpaceError
from ganzoo.state import pack_optimizer, read_meta, read_state, unpack_optimizer, write_state


def mixed() -> dict[str, Tensor]:
    """One of every kind of tensor that a game has."""
    g = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    tied = noise(4, 3)
    return {
        "plain": noise(3, 5),
        "parameter": nn.Parameter(noise(2, 2)),
        "last": noise(4, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        "last-grey": noise(4, 1, 3, 3).contiguous(memory_format=torch.channels_last),
        "last-3d": noise(2, 3, 2, 2, 2).contiguous(memory_format=torch.channels_last_3d),
        "transposed": noise(3, 5).t(),
        "scalar": torch.tensor(3.25),
        "count": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "empty-too": torch.empty(0, 3),
        "bool": torch.tensor([True, False, True]),
        "int64": torch.tensor([2**62, -1]),
        "uint8": torch.arange(5, dtype=torch.uint8),
        "bf16": noise(5).bfloat16(),
        "half": noise(5).half(),
        "float64": noise(5).double(),
        "odd": torch.tensor([float("nan"), float("-inf"), -0.0]),
        "tied.a": tied,
        "tied.b": tied,
    }


def bits(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def same(a: Tensor, b: Tensor) -> bool:
    return (a.dtype, a.shape, a.stride(), bits(a)) == (b.dtype, b.shape, b.stride(), bits(b))


def test_every_kind_of_tensor_survives(tmp_path: Path) -> None:
    tensors, meta = mixed(), {"step": 5, "recipe": {"x": [1, 2.5, None, 'ä"\\']}, "big": 2**70}
    write_state(tmp_path / "a", tensors, meta)
    found = read_state(tmp_path / "a")
    assert found.meta == meta
    assert read_meta(tmp_path / "a") == meta
    assert set(found.tensors) == set(tensors)
    for name, tensor in tensors.items():
        assert same(found.tensors[name], tensor), name
    assert found.tensors["last"].is_contiguous(memory_format=torch.channels_last)
    assert found.tensors["last-3d"].is_contiguous(memory_format=torch.channels_last_3d)


def test_tied_tensors_are_one_tensor_and_others_are_not(tmp_path: Path) -> None:
    write_state(tmp_path / "a", mixed(), {})
    found = read_state(tmp_path / "a").tensors
    assert found["tied.a"].data_ptr() == found["tied.b"].data_ptr()
    found["tied.a"].zero_()
    assert not found["tied.b"].any()
    assert found["plain"].any()
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    write_state(tmp_path / "b", net.state_dict(), {})
    assert (tmp_path / "b").stat().st_size < 1000
    net.load_state_dict(read_state(tmp_path / "b").tensors)


def test_views_with_gaps_or_repeats_keep_their_values(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    imaginary = torch.complex(base, -base).conj().imag  # stored negated, shown as it is
    views = {"gap": base[:, ::2], "row": base[1], "repeat": torch.ones(1, 3).expand(4, 3), "lazy": imaginary}
    write_state(tmp_path / "a", views, {})
    found = read_state(tmp_path / "a").tensors
    for name, view in views.items():
        assert torch.equal(found[name], view), name


def test_equal_state_makes_equal_bytes(tmp_path: Path) -> None:
    tensors = mixed()
    write_state(tmp_path / "a", tensors, {"b": 1, "a": 2})
    write_state(tmp_path / "b", dict(reversed(tensors.items())), {"a": 2, "b": 1})
    found = read_state(tmp_path / "a")
    write_state(tmp_path / "c", found.tensors, found.meta)
    first = (tmp_path / "a").read_bytes()
    assert (tmp_path / "b").read_bytes() == first
    assert (tmp_path / "c").read_bytes() == first


def test_it_is_a_plain_safetensors_file_with_one_key(tmp_path: Path) -> None:
    write_state(tmp_path / "a", mixed(), {"step": 5})
    assert torch.equal(safetensors.torch.load_file(tmp_path / "a")["plain"], mixed()["plain"])
    with safetensors.safe_open(tmp_path / "a", "pt") as file:
        metadata = file.metadata()
    assert list(metadata) == ["ganzoo"]
    document = json.loads(metadata["ganzoo"])
    assert document["format"] == 1
    assert document["alias"] == {"tied.b": "tied.a"}
    assert document["layout"]["last"] == [12, 1, 6, 3]


def tiny(path: Path) -> bytes:
    """A small file, of which every byte can be tried."""
    weight = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    tensors = {"w": weight.contiguous(memory_format=torch.channels_last), "n": torch.tensor(3)}
    write_state(path, tensors, {"about": "before and after the checksum", "step": 9})
    return path.read_bytes()


def test_any_altered_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    data = tiny(path)
    header = 8 + int.from_bytes(data[:8], "little")
    dice = random.Random(0)
    tried = [(at, bit) for at in range(header) for bit in (0x01, 0x20, 0x80, dice.randrange(1, 256))]
    tried += [(dice.randrange(len(data)), dice.randrange(1, 256)) for _ in range(300)]
    tried += [(at, 0x20 ^ white) for at in range(header) for white in (0x0A, 0x09) if data[at] == 0x20]
    for at, bit in tried:
        altered = bytearray(data)
        altered[at] ^= bit
        path.write_bytes(altered)
        with pytest.raises(DamagedFile, match="/a "):
            read_state(path)


def test_a_file_cut_or_lengthened_anywhere_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    data = tiny(path)
    for wrong in [data[:n] for n in range(len(data))] + [data + b"\0", data + data]:
        path.write_bytes(wrong)
        for read in (read_state, read_meta):
            with pytest.raises(DamagedFile, match=r"/a is damaged: .*; use an earlier checkpoint"):
                read(path)


def test_what_is_not_ours_is_named(tmp_path: Path) -> None:
    weights = {"w": torch.ones(2)}
    torch.save(weights, tmp_path / "zip")
    torch.save(weights, tmp_path / "old", _use_new_zipfile_serialization=False)
    (tmp_path / "raw").write_bytes(pickle.dumps({"w": 1}))
    safetensors.torch.save_file(weights, tmp_path / "bare")
    safetensors.torch.save_file(weights, tmp_path / "other", metadata={"format": "pt"})
    (tmp_path / "noise").write_bytes(random.Random(0).randbytes(5000))
    says = {"zip": "pickle", "old": "pickle", "raw": "pickle", "noise": "not a safetensors file"}
    for name in ("zip", "old", "raw", "bare", "other", "noise"):
        for read in (read_state, read_meta):
            with pytest.raises(DamagedFile, match=f"/{name} .*{says.get(name, 'was not written by ganzoo')}"):
                read(tmp_path / name)
    with pytest.raises(GanzooError, match=r"there is no file .*/gone"):
        read_state(tmp_path / "gone")
    with pytest.raises(GanzooError, match="cannot read"):
        read_meta(tmp_path)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    (tmp_path / "a").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DamagedFile):
        read_state(tmp_path / "a")
    assert not (tmp_path / "sprung").exists()


def test_a_header_of_an_unlucky_length_is_no_pickle(tmp_path: Path) -> None:
    lengths = set()
    for n in range(0, 700, 4):
        write_state(tmp_path / "a", {}, {"pad": "x" * n})
        lengths.add(int.from_bytes((tmp_path / "a").read_bytes()[:8], "little"))
        assert read_state(tmp_path / "a").meta == {"pad": "x" * n}
    assert 0x0280 in lengths  # the first two bytes of a pickle of protocol 2


def test_a_newer_format_is_refused_but_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(state, "FORMAT", 2)
        write_state(tmp_path / "a", {}, {})
    for read in (read_state, read_meta):
        with pytest.raises(GanzooError, match=r"/a has format 2 .* newer ganzoo") as caught:
            read(tmp_path / "a")
        assert not isinstance(caught.value, DamagedFile)


def test_a_signed_file_that_lies_is_still_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    normal = state._normal_form
    lies: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"w": [9, 9]}, {}),
        ({"w": [1]}, {}),
        ({"v": [2, 1]}, {}),
        ({"w": "x"}, {}),
        ({}, {"v": "u"}),
    ]
    for layout, alias in lies:
        with monkeypatch.context() as patch:
            patch.setattr(state, "_normal_form", lambda t, la=layout, al=alias: (normal(t)[0], la, al))
            write_state(tmp_path / "a", {"w": torch.ones(2, 2)}, {})
        with pytest.raises(DamagedFile, match="do not fit"):
            read_state(tmp_path / "a")


def test_metadata_must_be_json_and_leave_our_keys_alone(tmp_path: Path) -> None:
    for value in (float("nan"), {1, 2}, torch.ones(1)):
        with pytest.raises(GanzooError, match="not plain JSON"):
            write_state(tmp_path / "a", {}, {"x": value})
    with pytest.raises(ValueError, match="sha256"):
        write_state(tmp_path / "a", {}, {"sha256": "0"})
    assert list(tmp_path.iterdir()) == []


def _write_beyond_the_limit(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        write_state(path, {"w": torch.ones(10_000)}, {})
    except SpaceError as error:
        os._exit(7 if str(path) in str(error) else 8)
    os._exit(0)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a"
    before = tiny(path)
    child = multiprocessing.get_context("fork").Process(target=_write_beyond_the_limit, args=(path,))
    child.start()
    child.join(30)
    assert child.exitcode == 7
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.5, 0.9)),
    "adam-fused": lambda p: torch.optim.Adam(p, lr=1e-2, fused=True),
    "adam-foreach": lambda p: torch.optim.Adam(p, lr=1e-2, foreach=True),
    "adam-amsgrad": lambda p: torch.optim.Adam(p, lr=1e-2, amsgrad=True),
    "adam-tensor-lr": lambda p: torch.optim.Adam(p, lr=torch.tensor(1e-2)),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2),
    "nadam": lambda p: torch.optim.NAdam(p, lr=1e-2),
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-2),
    "sgd-momentum": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-2, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
    "adafactor": lambda p: torch.optim.Adafactor(p, lr=1e-2),
    "two-groups": lambda p: torch.optim.Adam([{"params": p[:2], "lr": 1e-3}, {"params": p[2:]}], lr=1e-2),
}


class Net(nn.Module):
    """Channels-last convolutions, a scalar parameter, and one parameter that gets no gradient."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolutions = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))
        self.convolutions.to(memory_format=torch.channels_last)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.idle = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.scale * self.convolutions(x)
        return y


def play(net: Net, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        for group in optimizer.param_groups:  # a schedule
            group["weight_decay"] = 1e-3 * step
        x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        net(x.contiguous(memory_format=torch.channels_last)).square().mean().backward()
        optimizer.step()


def names_of(net: nn.Module) -> dict[nn.Parameter, str]:
    return {parameter: name for name, parameter in net.named_parameters()}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_optimizer_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    whole = Net()
    one = OPTIMIZERS[name](list(whole.parameters()))
    play(whole, one, range(10))

    first = Net()
    optimizer = OPTIMIZERS[name](list(first.parameters()))
    play(first, optimizer, range(5))
    moments, primitives = pack_optimizer(optimizer, names_of(first))
    weights = {f"net/{key}": value for key, value in first.state_dict().items()}
    tensors = {**weights, **{f"opt/{key}": value for key, value in moments.items()}}
    write_state(tmp_path / "a", tensors, {"opt": primitives})

    found = read_state(tmp_path / "a")
    second = Net()
    second.load_state_dict({k[4:]: v for k, v in found.tensors.items() if k.startswith("net/")})
    optimizer = OPTIMIZERS[name](list(second.parameters()))
    saved = {k[4:]: v for k, v in found.tensors.items() if k.startswith("opt/")}
    unpack_optimizer(optimizer, names_of(second), saved, found.meta["opt"])
    play(second, optimizer, range(5, 10))

    for key, value in whole.state_dict().items():
        assert same(value, second.state_dict()[key]), key
    expected, options = pack_optimizer(one, names_of(whole))
    got, got_options = pack_optimizer(optimizer, names_of(second))
    assert got_options == options
    assert [type(g["lr"]) for g in optimizer.param_groups] == [type(g["lr"]) for g in one.param_groups]
    assert set(got) == set(expected)
    for key, value in expected.items():
        assert same(value, got[key]), key
    if name.startswith("adam"):
        assert "convolutions.0.weight/exp_avg" in got
        assert got["convolutions.0.weight/exp_avg"].is_contiguous(memory_format=torch.channels_last)
        assert got["scale/step"].shape == ()
        assert "idle/exp_avg" not in got


def test_moments_take_the_memory_format_of_the_parameter_they_meet() -> None:
    net = Net()
    optimizer = OPTIMIZERS["adam"](list(net.parameters()))
    play(net, optimizer, range(2))
    tensors, primitives = pack_optimizer(optimizer, names_of(net))
    plain = {key: value.contiguous() for key, value in tensors.items()}
    fresh = copy.deepcopy(net)
    other = OPTIMIZERS["adam"](list(fresh.parameters()))
    unpack_optimizer(other, names_of(fresh), plain, json.loads(json.dumps(primitives)))
    again, options = pack_optimizer(other, names_of(fresh))
    assert options == primitives
    assert isinstance(other.param_groups[0]["betas"], tuple)
    assert all(same(again[key], value) for key, value in tensors.items())
    again["scale/exp_avg"].add_(1)
    assert same(plain["scale/exp_avg"], tensors["scale/exp_avg"])  # copied, not shared


def test_the_state_of_another_recipe_is_refused() -> None:
    net, small = Net(), nn.Linear(2, 1)
    optimizer = OPTIMIZERS["adam"](list(net.parameters()))
    play(net, optimizer, range(1))
    packed = pack_optimizer(optimizer, names_of(net))
    with pytest.raises(GanzooError, match=r"'convolutions.0.bias', which this Adam does not move"):
        unpack_optimizer(OPTIMIZERS["adam"](list(small.parameters())), names_of(small), *packed)
    with pytest.raises(GanzooError, match="1 parameter groups where this Adam has 2"):
        unpack_optimizer(OPTIMIZERS["two-groups"](list(net.parameters())), names_of(net), *packed)
    optimizer.state[net.scale]["closure"] = lambda: None
    with pytest.raises(GanzooError, match="its 'closure' is a function"):
        pack_optimizer(optimizer, names_of(net))
