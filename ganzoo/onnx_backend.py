"""A generator in an ONNX file, run by ONNX Runtime; torch is not needed.

The file is read once and checked (`onnx_file`), and the session is made from those very bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ganzoo import onnx_file
from ganzoo.errors import DamagedFile, GanzooError
from ganzoo.specs import GeneratorSpec

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_EXACT = {"use_tf32": "0"}
"""ONNX Runtime would round products to TF32's ten bits on a GPU: a seed would be another picture there."""


class OnnxBackend:
    """One session over one file; safe to share between threads.

    threads   of the session: 1 unless a machine is free for it; idle threads never spin, because
              spinning ones take the CPU from every other process
    """

    def __init__(self, file: onnx_file.OnnxFile, threads: int = 1) -> None:
        self.file = file
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = _session(file.data, options)
        except Exception as error:  # ONNX Runtime raises a class of its own for each status
            raise DamagedFile(f"{file.path} is refused by ONNX Runtime: {_line(error)}") from error

    @classmethod
    def open(cls, path: str | Path, threads: int = 1) -> OnnxBackend:
        """Reads and checks a file; DamagedFile if it is not whole or not ours."""
        return cls(onnx_file.read(path), threads)

    @property
    def spec(self) -> GeneratorSpec:
        """The generator's inputs and output."""
        return self.file.spec

    @property
    def card(self) -> Mapping[str, Any]:
        """Where the model comes from."""
        return self.file.card

    @property
    def checksum(self) -> str:
        """SHA-256 of the model."""
        return self.file.checksum

    def onnx(self) -> bytes:
        """The file itself."""
        return self.file.data

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Images [N, C, H, W] or points [N, d]; GanzooError if the model fails or makes another shape."""
        try:
            output = self._session.run([onnx_file.output_name(self.spec)], dict(inputs))[0]
        except Exception as error:
            raise GanzooError(f"{self.file.path} fails when it is run: {_line(error)}") from error
        rows = {len(inputs[i.name]) for i in self.spec.inputs if i.kind != "scalar"}
        if output.shape[1:] != self.spec.output.shape or (rows and rows != {len(output)}):
            made = f"{tuple(output.shape)} instead of {self.spec.output.shape} each"
            raise GanzooError(f"{self.file.path} makes outputs of the shape {made}; export it again")
        return np.asarray(output, dtype=np.float32)


def _session(data: bytes, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """On the GPU where there is one that works, else on the CPU; ONNX Runtime's own way back prints on stdout."""
    if _CUDA in onnxruntime.get_available_providers():
        with contextlib.suppress(Exception):  # the CPU says what is wrong with the file, if something is
            return onnxruntime.InferenceSession(data, options, providers=[(_CUDA, _EXACT), _CPU], enable_fallback=0)
    return onnxruntime.InferenceSession(data, options, providers=[_CPU], enable_fallback=0)


def _line(error: Exception) -> str:
    """The first line of what ONNX Runtime says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
