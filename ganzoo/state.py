"""State on disk: one pickle-free safetensors file of tensors, with everything else as JSON in its metadata.

The metadata has one key, `ganzoo`, whose canonical JSON holds what the caller gave and

    format    the number of this layout; a newer ganzoo reads every older one
    layout    {name: strides} of tensors that are not contiguous (channels-last ones, for example)
    alias     {name: name} of tensors that are the same memory as another (tied weights), stored once
    sha256    of the whole file with these 64 digits taken as zeros, so that any altered byte is found

Equal state makes equal bytes. Damage is found, malice is not: whoever alters a file can also sign it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import Parameter

from ganzoo.errors import DamagedFile, GanzooError
from ganzoo.files import AnyPath, atomic, canonical, read_bytes

FORMAT = 1
_RESERVED = ("format", "layout", "alias", "sha256")
_LONGEST_HEADER = 100_000_000  # what safetensors itself allows
_ZEROS = b"0" * 64


@dataclass(frozen=True)
class State:
    """What a file holds: tensors on the CPU by name, in their own strides, and the caller's metadata."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]


def weights_checksum(module: torch.nn.Module) -> str:
    """SHA-256 over the names and bytes of all parameters and buffers of a module."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(flat.numpy().tobytes())
    return digest.hexdigest()


def write_state(path: AnyPath, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Writes tensors and JSON metadata as one file, atomically.

    Values, dtypes, shapes and strides survive; a tensor elsewhere is copied to the CPU, and a view with gaps
    or repeats is stored as the values it shows. Tensors of the same memory, shape and strides stay one.
    Raises SpaceError where the disk refuses, GanzooError when `meta` is not JSON (NaN included).
    """
    taken = sorted(set(_RESERVED) & set(meta))
    if taken:
        raise ValueError(f"the metadata may not have the keys {', '.join(taken)}: the file format uses them")
    stored, layout, alias = _normal_form(tensors)
    document = {**meta, "format": FORMAT, "layout": layout, "alias": alias}
    try:
        mark = hashlib.sha256(canonical(document).encode()).hexdigest()  # a text that stands nowhere else
        header = {"ganzoo": canonical({**document, "sha256": mark})}
    except (TypeError, ValueError) as error:
        raise GanzooError(f"cannot save {path}: its metadata is not plain JSON ({error})") from error
    data = memoryview(safetensors.torch.save(stored, metadata=header))
    at = _position(data, mark)
    assert at is not None
    with atomic(path) as temporary, open(temporary, "wb") as file:
        file.write(data[:at])
        file.write(_digest(data, at).encode())
        file.write(data[at + 64 :])


def read_state(path: AnyPath) -> State:
    """The state that `write_state` wrote, every byte of it verified.

    Raises DamagedFile for a file that is cut, altered or not one of ours, GanzooError for one that is missing
    or was written by a newer ganzoo.
    """
    raw = read_bytes(path)
    data = memoryview(raw)
    document = _document(path, data[: 8 + _LONGEST_HEADER], len(data))
    expected = str(document.get("sha256"))
    at = _position(data, expected)
    if at is None or _digest(data, at) != expected:
        raise _damaged(path, "its checksum does not match its content")
    _refuse_newer(path, document)
    try:
        tensors = safetensors.torch.load(raw)
        for name, strides in document["layout"].items():
            tensors[name] = _strided(tensors[name], strides)
        for name, other in document["alias"].items():
            tensors[name] = tensors[other]
    except (safetensors.SafetensorError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise _damaged(path, f"its tensors do not fit its header ({error})") from error
    return State(tensors, _meta(document))


def read_meta(path: AnyPath) -> dict[str, Any]:
    """The metadata alone, read from the first bytes of the file whatever its size.

    Finds a file that is cut, is not ours, has an unreadable header or a newer format (errors as in
    `read_state`), but not an altered byte: use `read_state` before relying on what it says.
    """
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as file:
            start = file.read(8)
            data = start + file.read(min(int.from_bytes(start, "little"), _LONGEST_HEADER, size))
    except FileNotFoundError as error:
        raise GanzooError(f"there is no file {path}; check the path") from error
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror or error}") from error
    document = _document(path, memoryview(data), size)
    _refuse_newer(path, document)
    return _meta(document)


def pack_optimizer(
    optimizer: torch.optim.Optimizer, names: Mapping[Parameter, str]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as tensors named `<parameter's name>/<key>` and as JSON primitives.

    names         what each of its parameters is called
    primitives    `groups`: the options of each parameter group (lr, betas, ...) without its parameters;
                  `state`: {parameter's name: {key: value}} of the state that is not tensors
    Raises GanzooError for a state that is neither tensors nor plain values.
    """
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for parameter in (p for group in optimizer.param_groups for p in group["params"]):
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{names[parameter]}/{key}"] = value.detach()
            else:
                plain.setdefault(names[parameter], {})[key] = _primitive(optimizer, key, value)
    groups = [
        {key: _primitive(optimizer, key, value) for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    return tensors, {"groups": groups, "state": plain}


def unpack_optimizer(
    optimizer: torch.optim.Optimizer,
    names: Mapping[Parameter, str],
    tensors: Mapping[str, Tensor],
    primitives: Mapping[str, Any],
) -> None:
    """Gives an optimiser over the same parameters the state that `pack_optimizer` took, bit for bit.

    Moments get their parameter's device and memory format and keep their dtype; step counters lie where
    torch puts them (on the device for fused and capturable optimisers, else the CPU). `tensors` are copied.
    Raises GanzooError when the state names other parameters or groups than the optimiser has.
    """
    kind = type(optimizer).__name__
    saved = primitives["groups"]
    if len(saved) != len(optimizer.param_groups):
        found = len(optimizer.param_groups)
        raise GanzooError(f"the state has {len(saved)} parameter groups where this {kind} has {found}")
    owners = {names[p]: (p, i) for i, group in enumerate(optimizer.param_groups) for p in group["params"]}
    restored: dict[str, dict[str, Any]] = {}
    for name, values in primitives["state"].items():
        restored.setdefault(name, {}).update(values)
    for full, value in tensors.items():
        name, _, key = full.rpartition("/")
        if name in owners:
            parameter, index = owners[name]
            value = _placed(parameter, saved[index], key, value)
        restored.setdefault(name, {})[key] = value
    strangers = sorted(set(restored) - set(owners))
    if strangers:
        what = f"the state is of '{strangers[0]}', which this {kind} does not move"
        raise GanzooError(f"{what}; use the recipe it was saved with")
    optimizer.state.clear()
    for name, (parameter, _) in owners.items():
        if name in restored:
            optimizer.state[parameter] = restored[name]
    for group, options in zip(optimizer.param_groups, saved, strict=True):
        for key, value in options.items():
            group[key] = _like(group.get(key), value)


def _normal_form(
    tensors: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, list[int]], dict[str, str]]:
    """(contiguous CPU tensors, strides of those that were not, names that repeat another's memory)."""
    stored: dict[str, Tensor] = {}
    layout: dict[str, list[int]] = {}
    alias: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for name in sorted(tensors):
        tensor = tensors[name].detach()
        memory = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        first = seen.setdefault(memory, name) if tensor.numel() else name
        if first != name:
            alias[name] = first
            continue
        dense = torch.empty_like(tensor, device="meta")  # keeps strides without gaps, and closes gaps
        if dense.stride() != torch.empty(tensor.shape, device="meta").stride():
            layout[name] = list(dense.stride())
        plain = tensor.cpu().contiguous()
        stored[name] = plain.clone() if plain.is_conj() or plain.is_neg() else plain
    return stored, layout, alias


def _strided(tensor: Tensor, strides: list[int]) -> Tensor:
    """The same values in these strides; ValueError if they leave gaps or overlap."""
    span = 1 + sum((n - 1) * s for n, s in zip(tensor.shape, strides, strict=True))
    if tensor.numel() and span != tensor.numel():
        raise ValueError(f"strides {strides} do not fit shape {list(tensor.shape)}")
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)


def _position(data: memoryview, digits: str) -> int | None:
    """Where the checksum's 64 digits stand in the header; None if they do not."""
    end = 8 + int.from_bytes(data[:8], "little")
    at = bytes(data[:end]).find(digits.encode())
    return at if at >= 0 and len(digits) == 64 else None


def _digest(data: memoryview, at: int) -> str:
    """SHA-256 of the file with the 64 digits at `at` taken as zeros."""
    digest = hashlib.sha256(data[:at])
    digest.update(_ZEROS)
    digest.update(data[at + 64 :])
    return digest.hexdigest()


def _document(path: AnyPath, data: memoryview, size: int) -> dict[str, Any]:
    """Our metadata in the first bytes of a file of `size` bytes; DamagedFile says what else it is."""
    if size == 0:
        raise _damaged(path, "it is empty")
    end = 8 + int.from_bytes(data[:8], "little")
    if end > len(data) and bytes(data[:2]) in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"):
        raise DamagedFile(
            f"{path} is a pickle (a file of torch.save), which is not read because loading one can run code;"
            " name a .safetensors file that ganzoo wrote"
        )
    if end > len(data):
        raise _damaged(path, "it is cut short or is not a safetensors file")
    try:
        header = json.loads(bytes(data[8:end]))
        text = header.pop("__metadata__", {}).get("ganzoo")
        length = end + max((entry["data_offsets"][1] for entry in header.values()), default=0)
        document = None if text is None else json.loads(text)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise _damaged(path, "its header is unreadable") from error
    if document is None:
        raise DamagedFile(f"{path} was not written by ganzoo; name a checkpoint or snapshot of a run")
    if length != size:
        raise _damaged(path, f"it has {size} bytes where its header says {length}")
    if not isinstance(document, dict):
        raise _damaged(path, "its header is unreadable")
    return document


def _refuse_newer(path: AnyPath, document: Mapping[str, Any]) -> None:
    number = document.get("format")
    if not isinstance(number, int) or number < 1:
        raise _damaged(path, "it has no format number")
    if number > FORMAT:
        known = f"this ganzoo reads formats up to {FORMAT}"
        raise GanzooError(f"{path} has format {number} and {known}; install a newer ganzoo")


def _meta(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in _RESERVED}


def _damaged(path: AnyPath, reason: str) -> DamagedFile:
    return DamagedFile(f"{path} is damaged: {reason}; use an earlier checkpoint or a copy of the file")


def _primitive(optimizer: torch.optim.Optimizer, key: str, value: Any) -> Any:
    """A plain value of an optimiser as JSON; a tensor option (a learning rate) as its number."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.item()
    if isinstance(value, list | tuple):
        return [_primitive(optimizer, key, item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    kind = type(optimizer).__name__
    found = type(value).__name__
    raise GanzooError(f"cannot save {kind}: its '{key}' is a {found}; tensors and plain values are expected")


def _like(current: Any, value: Any) -> Any:
    """A saved option as the optimiser keeps it: JSON has lists for tuples and numbers for tensors."""
    if isinstance(current, Tensor):
        return current.fill_(value)
    if isinstance(current, tuple):
        return tuple(_like(c, v) for c, v in zip(current, value, strict=True))
    return value


def _placed(parameter: Parameter, options: Mapping[str, Any], key: str, value: Tensor) -> Tensor:
    """A copy of a state tensor on the device and in the memory format in which torch would have made it."""
    if key == "step":
        on_device = options.get("fused") or options.get("capturable")
        return value.to(parameter.device if on_device else "cpu", copy=True)
    if value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
    return value.to(parameter.device, copy=True)
