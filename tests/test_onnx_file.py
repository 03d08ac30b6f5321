"""What the reader of ONNX files refuses, of files that were made on purpose: beside those of test_exporter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from app_model import tiny
from onnx import TensorProto, helper, numpy_helper

from ganzoo import onnx_file
from ganzoo.errors import DamagedFile


def _sparse() -> onnx.SparseTensorProto:
    """A sparse tensor whose values lie in another file."""
    values = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    values.external_data.add(key="location", value="/etc/passwd")
    return onnx.SparseTensorProto(values=values, indices=numpy_helper.from_array(np.arange(4)), dims=[4])


def _weight(proto: onnx.ModelProto) -> None:
    proto.graph.sparse_initializer.append(_sparse())


def _constant(proto: onnx.ModelProto) -> None:
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["w"], sparse_value=_sparse()))


def _several(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].attribute.add(
        name="all", type=onnx.AttributeProto.SPARSE_TENSORS, sparse_tensors=[_sparse()]
    )  # fmt: skip


def _hidden(proto: onnx.ModelProto) -> None:
    """Within a branch."""
    inner = helper.make_graph([], "g", [], [], sparse_initializer=[_sparse()])
    proto.graph.node.append(helper.make_node("If", ["z"], ["o"], then_branch=inner, else_branch=inner))


def _function(proto: onnx.ModelProto) -> None:
    """Of the standard's name; what is in it nobody has looked at."""
    proto.functions.add(name="Tanh", domain="ai.onnx")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_weight, "holds sparse weights, which ganzoo never writes"),
        (_constant, "holds sparse weights"),
        (_several, "holds sparse weights"),
        (_hidden, "holds sparse weights"),
        (_function, "needs operators of 'a function of its own'"),
    ],
)
def test_what_ganzoo_never_writes_is_refused(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None], words: str
) -> None:
    proto = onnx.load(tiny(tmp_path / "m.onnx"))
    del proto.metadata_props[1:]
    change(proto)
    data = proto.SerializeToString()
    with pytest.raises(DamagedFile, match=words):
        onnx_file.parse(Path("m.onnx"), data + onnx_file.trailer(data))


@pytest.mark.parametrize("field", [b"\x08", b"\x0a\x01k\x10"])
@pytest.mark.parametrize("number", [2**62, 2**63])
def test_a_number_in_the_place_of_a_text_takes_no_memory(field: bytes, number: int) -> None:
    """A key, or a value, of `metadata_props`."""
    digits = [number >> shift & 0x7F for shift in range(0, 64, 7) if number >> shift]
    entry = field + bytes([*(digit | 0x80 for digit in digits[:-1]), digits[-1]])
    data = b"\x72" + bytes([len(entry)]) + entry
    with pytest.raises(DamagedFile, match="well-formed"):
        onnx_file.parse(Path("m.onnx"), data + onnx_file.trailer(data))
