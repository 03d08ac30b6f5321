"""What is in an ONNX file of ganzoo's, read from its bytes without running it and without the onnx package.

The file is a protobuf message. Its last field is a `metadata_props` entry, `ganzoo.sha256`, that covers
every byte before it: it finds damage, not malice. `metadata_props["ganzoo"]` is the spec and the card.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import DamagedFile, GanzooError, RecipeError
from ganzoo.files import read_bytes
from ganzoo.specs import GeneratorSpec

FORMAT = 1
PRODUCER = "ganzoo"
MAX_BYTES = 2**31 - 1
"""Protobuf knows no larger message."""

_KEY = b"ganzoo.sha256"
_MARK = b"\x72\x51\x0a\x0d" + _KEY + b"\x12\x40"  # field 14, 81 bytes: key of 13 bytes, value of 64
_TRAILER = len(_MARK) + 64
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_DEEPEST = 16  # of graphs within graphs
_STANDARD = frozenset(("", "ai.onnx"))


@dataclass(frozen=True)
class OnnxFile:
    """A file that is whole and ours.

    data        its bytes
    checksum    SHA-256 of everything before the trailer, as the trailer says
    spec, card  from its metadata
    opset       of the standard operators
    operators   how many nodes of each operator
    """

    path: Path
    data: bytes
    checksum: str
    spec: GeneratorSpec
    card: dict[str, Any]
    opset: int
    operators: dict[str, int]


def output_name(spec: GeneratorSpec) -> str:
    """What the graph's output is called; no input can be called so."""
    return f"output.{spec.output.kind}"


def trailer(data: bytes) -> bytes:
    """The `metadata_props` entry to append to a serialised model."""
    return _MARK + hashlib.sha256(data).hexdigest().encode()


def exported(path: Path) -> list[Path]:
    """The files of a model that is ONNX already: itself, or all in a folder that is no run; else none."""
    if path.is_dir():
        return [] if (path / "run.json").exists() else sorted(path.glob("[!.]*.onnx"))
    return [path] if path.suffix.lower() == ".onnx" else []


def read(path: str | Path) -> OnnxFile:
    """Reads a file once and checks it; DamagedFile, one sentence, if it is not whole or not ours."""
    place = Path(path)
    if place.is_file() and place.stat().st_size > MAX_BYTES:
        raise DamagedFile(f"{place} is larger than any model of ganzoo's (2 GB); export it again")
    return parse(place, read_bytes(place))


def of_one_model(paths: Iterable[Path]) -> list[OnnxFile]:
    """The files of a model's generators, its default one first; DamagedFile where they are of several models."""
    files = sorted((read(path) for path in paths), key=lambda file: not file.card.get("default"))
    for one, other in itertools.combinations(files, 2):
        where = f"{one.path} and {other.path}"
        if one.spec.name == other.spec.name:
            raise DamagedFile(f"{where} are both generator '{one.spec.name}'; keep one of the files")
        if one.card.get("default") and other.card.get("default"):
            raise DamagedFile(f"{where} are of two models, each the first of its own; give each model its folder")
    return files


def parse(path: Path, data: bytes) -> OnnxFile:
    """As `read`, of bytes at hand."""
    checksum = _verify(path, data)
    try:
        model = _Model.of(data)
        found = json.loads(model.metadata.get("ganzoo", b"null"))
    except (ValueError, IndexError, RecursionError) as error:
        raise DamagedFile(f"{path} is not a well-formed ONNX file; export it again") from error
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise DamagedFile(f"{path} does not say what it makes (no ganzoo metadata); export it again")
    if found["format"] > FORMAT:
        newer = f"{path} has format {found['format']} and this ganzoo reads up to {FORMAT}"
        raise GanzooError(f"{newer}; install a newer ganzoo")
    try:
        spec = GeneratorSpec.from_json(found["spec"])
    except (RecipeError, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"{path} carries no usable spec of a generator; export it again") from error
    model.check(path, spec)
    card = {k: v for k, v in found.items() if k not in ("format", "spec")}
    operators = dict(sorted(model.operators.items()))
    return OnnxFile(path, data, checksum, spec, card, model.opset, operators)


def _verify(path: Path, data: bytes) -> str:
    """The checksum, if the trailer agrees with the bytes before it."""
    mark = data[-_TRAILER:]
    if len(data) > _TRAILER and mark.startswith(_MARK):
        said = mark[len(_MARK) :].decode("ascii", "replace")
        real = hashlib.sha256(data[:-_TRAILER]).hexdigest()
        if said == real:
            return said
        raise DamagedFile(f"{path} is damaged: its checksum is {real[:12]}, not {said[:12]}; copy it again")
    if not data:
        raise DamagedFile(f"{path} is empty; copy or export it again")
    if data.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        raise DamagedFile(f"{path} is a pickle or an archive, not ONNX; ganzoo never unpickles a model")
    if b"ganzoo" in data[:64]:
        raise DamagedFile(f"{path} is truncated or altered: it does not end in its checksum; copy it again")
    raise DamagedFile(f"{path} was not exported by ganzoo (it has no ganzoo checksum); use 'ganzoo export'")


class _Model:
    """The parts of a ModelProto that matter here; field numbers as in onnx.proto."""

    def __init__(self) -> None:
        self.metadata: dict[str, bytes] = {}
        self.domains: set[str] = set()
        self.opset = 0
        self.operators: Counter[str] = Counter()
        self.external = False
        self.sparse = False
        self.inputs: dict[str, tuple[int, int]] = {}
        self.outputs: dict[str, tuple[int, int]] = {}

    @classmethod
    def of(cls, data: bytes) -> _Model:
        model = cls()
        for number, value in _fields(memoryview(data)):
            if number == 7:
                model._graph(value, 0)
            elif number == 8:
                model._opset(dict(_fields(value)))
            elif number == 14:
                entry = dict(_fields(value))
                model.metadata.setdefault(_text(entry.get(1, b"")), _bytes(entry.get(2, b"")))
            elif number == 25:
                model.domains |= {_text(dict(_fields(value)).get(10, b""))} - _STANDARD or {"a function of its own"}
        return model

    def check(self, path: Path, spec: GeneratorSpec) -> None:
        """DamagedFile unless the graph is self-contained, standard, and what the spec says."""
        if self.external:
            raise DamagedFile(f"{path} keeps weights in another file, which is never read; export it again")
        if self.sparse:
            raise DamagedFile(f"{path} holds sparse weights, which ganzoo never writes; export it again")
        strange = sorted(self.domains - _STANDARD)
        if strange:
            raise DamagedFile(f"{path} needs operators of '{strange[0]}'; only standard ONNX ones are run")
        wanted = {
            i.name: (_INT64 if i.kind == "label" else _FLOAT, 0 if i.kind == "scalar" else 1 + len(i.shape))
            for i in spec.inputs
        }
        if list(self.inputs.items()) != list(wanted.items()):
            names = f"{', '.join(self.inputs)} instead of {', '.join(wanted)}"
            raise DamagedFile(f"{path} takes other inputs than its spec says ({names}); export it again")
        if self.outputs != {output_name(spec): (_FLOAT, 1 + len(spec.output.shape))}:
            raise DamagedFile(f"{path} makes another output than its spec says; export it again")

    def _opset(self, entry: dict[int, Any]) -> None:
        domain = _text(entry.get(1, b""))
        self.domains.add(domain)
        if domain in _STANDARD:
            self.opset = int(entry.get(2, 0))

    def _graph(self, data: memoryview, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError("graphs are nested too deeply")
        constants: set[str] = set()
        for number, value in _fields(data):
            if number == 1:
                self._node(value, depth)
            elif number == 5:
                constants.add(self._tensor(value))
            elif number == 15:
                self.sparse = True
            elif number == 11 and depth == 0:
                name, kind = _declared(value)
                self.inputs[name] = kind
            elif number == 12 and depth == 0:
                name, kind = _declared(value)
                self.outputs[name] = kind
        if depth == 0:
            self.inputs = {k: v for k, v in self.inputs.items() if k not in constants}

    def _node(self, data: memoryview, depth: int) -> None:
        for number, value in _fields(data):
            if number == 4:
                self.operators[_text(value)] += 1
            elif number == 7:
                self.domains.add(_text(value))
            elif number == 5:
                for inner, held in _fields(value):
                    if inner in (5, 10):  # a tensor, or several
                        self._tensor(held)
                    elif inner in (6, 11):  # a graph, or several
                        self._graph(held, depth + 1)
                    elif inner in (22, 23):  # a sparse tensor, or several
                        self.sparse = True

    def _tensor(self, data: memoryview) -> str:
        name = ""
        for number, value in _fields(data):
            if number == 8:
                name = _text(value)
            elif number == 13 or (number == 14 and value):
                self.external = True
        return name


def _declared(data: memoryview) -> tuple[str, tuple[int, int]]:
    """(name, (element type, rank)) of a ValueInfoProto."""
    info = dict(_fields(data))
    tensor = dict(_fields(dict(_fields(info.get(2, _NOTHING))).get(1, _NOTHING)))
    shape = tensor.get(2, _NOTHING)
    return _text(info.get(1, b"")), (int(tensor.get(1, 0)), sum(number == 1 for number, _ in _fields(shape)))


_NOTHING = memoryview(b"")


def _text(value: Any) -> str:
    return _bytes(value).decode("utf-8")


def _bytes(value: Any) -> bytes:
    """What a field holds; of a number `bytes` would make so many zeros."""
    if isinstance(value, int):
        raise ValueError("bytes were expected")
    return bytes(value)


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """The (number, value) of a protobuf message's fields: bytes as views, whole numbers as int."""
    if not isinstance(data, memoryview):
        raise ValueError("a message was expected")
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"field {number} is of the unknown kind {kind}")
        if at + size > len(data):
            raise ValueError(f"field {number} ends behind the end")
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")
