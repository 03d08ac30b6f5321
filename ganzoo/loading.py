"""Models of every kind behind one `load`: ONNX files, folders of them, run folders, checkpoints.

An ONNX file never imports torch; a run or a checkpoint does, when it is opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ganzoo import onnx_file
from ganzoo.errors import DamagedFile, GanzooError, InputError, did_you_mean
from ganzoo.sampler import Backend, Sampler


def load(
    path: str | os.PathLike[str], generator: str | None = None, step: int | None = None, raw: bool = False
) -> Sampler:
    """The sampler of a model: an .onnx file, a folder of them, a run folder or a checkpoint.

    generator   which one, if the model has several; the first is the default
    step        of a run: one that it kept, as a snapshot or a checkpoint
    raw         of a run: the newest weights, not their moving average
    An .onnx file never imports torch. GanzooError, one sentence, for anything that cannot be loaded.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError("model", f"a model is named by its path, not by {path!r}; give an .onnx file or a run")
    place = Path(path)
    files = onnx_file.exported(place)
    if files:
        if step is not None or raw:
            raise InputError("step", f"{place} is exported, not a run; leave out step and raw")
        return _choose(place, _onnx(files), generator)
    if not place.exists():
        raise GanzooError(f"there is no model at {place}; an .onnx file, a run or a checkpoint is needed")
    if not place.is_dir() and place.suffix.lower() != ".safetensors":
        raise DamagedFile(f"{place} is no model; an .onnx or .safetensors file or a run is needed")
    from ganzoo.torch_backend import open_run

    return _choose(place, open_run(place, step, raw), generator)


def _onnx(files: list[Path]) -> dict[str, Backend]:
    """The generators in these files by name, first the one whose card says that it is the default."""
    from ganzoo.onnx_backend import OnnxBackend

    return {file.spec.name: OnnxBackend(file) for file in onnx_file.of_one_model(files)}


def _choose(path: Path, backends: Mapping[str, Backend], generator: str | None) -> Sampler:
    if generator is not None and generator not in backends:
        raise InputError("generator", f"{path} has no generator '{generator}'" + did_you_mean(generator, backends))
    samplers: dict[str, Sampler] = {}
    for name, backend in backends.items():
        samplers[name] = Sampler(backend, samplers, path if path.is_dir() else path.parent)
    return samplers[generator if generator is not None else next(iter(samplers))]
