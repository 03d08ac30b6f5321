"""A generator as a torch module, run in fp32 where its weights are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganzoo.specs import GeneratorSpec
from ganzoo.state import weights_checksum


class TorchBackend:
    """One generator module with a `.spec`; it is put into eval mode."""

    def __init__(self, module: nn.Module, card: Mapping[str, Any] | None = None) -> None:
        self.module = module.eval()
        self.card: Mapping[str, Any] = dict(card or {})
        self._checksum = ""

    @property
    def spec(self) -> GeneratorSpec:
        """The generator's inputs and output."""
        spec = self.module.spec
        assert isinstance(spec, GeneratorSpec)
        return spec

    @property
    def checksum(self) -> str:
        """SHA-256 over the names and bytes of all parameters and buffers."""
        if not self._checksum:
            self._checksum = weights_checksum(self.module)
        return self._checksum

    def onnx(self) -> bytes:
        """The module exported, and compared with itself; GanzooError if it cannot be."""
        from ganzoo.exporter import build

        return build(self.module, self.card, Path(f"{self.spec.name}.onnx")).data

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Images [N, C, H, W] or points [N, d]."""
        here = next(self.module.parameters(), torch.empty(0)).device
        tensors = [torch.from_numpy(np.array(inputs[i.name])).to(here) for i in self.spec.inputs]
        with torch.inference_mode():
            output = self.module(*tensors)
        return np.asarray(output.float().cpu().numpy())


def open_run(path: Path, step: int | None = None, raw: bool = False) -> dict[str, TorchBackend]:
    """The generators of a run folder or a checkpoint, by name, the default first."""
    from ganzoo.checkpoint import generators

    modules, card = generators(path, step, raw)
    return {name: TorchBackend(module, card) for name, module in modules.items()}
