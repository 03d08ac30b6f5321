"""A model as a static web site: the page, its model and ONNX Runtime Web in one folder.

The folder appears when it is complete. Everything the page shows is built from the specs in the models.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganzoo import onnx_file
from ganzoo.errors import GanzooError, InputError, PluginError
from ganzoo.files import check_folder, read_json, space_errors, write_bytes, write_json
from ganzoo.onnx_file import OnnxFile
from ganzoo.priors import PRIORS
from ganzoo.specs import GIVEN, GeneratorSpec
from ganzoo.web import runtime

FORMAT = 1
INDEX = "site.json"
"""What the page reads first; `files` in it names every file of the site."""
_HERE = Path(__file__).parent


def export_site(
    model: str | Path,
    folder: str | Path,
    generator: str | None = None,
    half: bool = False,
    package: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Writes the site of a model, and returns its folder.

    model      an .onnx file or a folder of them, a run or a checkpoint
    folder     absent, empty, or a site that was written before, which is replaced
    generator  which one; by default all that the page can show: those that make pictures or points of noise, classes,
               numbers and pictures
    half       of a run or a checkpoint: store the weights as fp16
    package    onnxruntime-web, packed or unpacked, instead of the one that is fetched
    say        is told before something is fetched
    GanzooError, one sentence; then the folder is as it was.
    """
    target = Path(folder)
    check_target(target)
    with tempfile.TemporaryDirectory(prefix="ganzoo-site-") as scratch:
        found = _shown(_models(Path(model), Path(scratch), generator, half), say)
    for one in found:
        _check_priors(one)
    return _write(target, _content(found, runtime.files(package, say)))


def check_target(target: Path) -> None:
    """GanzooError unless a site can be written to `target` without losing anything."""
    check_folder(target)
    if Path.cwd().is_relative_to(target.resolve()):
        raise InputError("web", f"{target} is or holds the folder you are in, which cannot be replaced; name another")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InputError("web", f"{target} is not a folder; name one that does not exist yet")
    if target.is_dir() and any(target.iterdir()) and not _is_site(target):
        raise InputError("web", f"{target} holds other files; name an empty folder, or one that does not exist yet")


def _is_site(folder: Path) -> bool:
    """Whether a folder holds a site of ours and nothing else."""
    try:
        listed = set(read_json(folder / INDEX)["files"])
    except (GanzooError, KeyError, TypeError):
        return False
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    return there == listed


def _models(source: Path, scratch: Path, generator: str | None, half: bool) -> list[OnnxFile]:
    """The generators of a model; a run's are exported to `scratch` first."""
    exported = onnx_file.exported(source)
    if exported and half:
        raise InputError("half", f"{source} is exported already; leave out --half, or export the run again")
    if not exported:
        from ganzoo.exporter import export

        exported = [one.path for one in export(source, scratch, generator, half)]
    found = onnx_file.of_one_model(exported)
    chosen = [f for f in found if generator in (None, f.spec.name)]
    if not chosen:
        names = ", ".join(f.spec.name for f in found)
        raise InputError("generator", f"{source} has no generator '{generator}'; choose from {names}")
    return chosen


def _shown(models: list[OnnxFile], say: Callable[[str], None]) -> list[OnnxFile]:
    """The generators that stand by themselves; InputError if there is none."""
    lone = [m for m in models if m.spec.output.kind != "latent" and not _fed(m.spec)]
    left = ", ".join(m.spec.name for m in models if m not in lone)
    if not lone:
        text = f"a web site shows no generator that makes or takes another one's latents ({left})"
        raise InputError("generator", f"{text}; use 'ganzoo serve'")
    if left:
        say(f"the site leaves out {left}, which make or take another generator's latents; 'ganzoo serve' shows them")
    return lone


def _fed(spec: GeneratorSpec) -> bool:
    """Whether it takes a latent that another generator makes."""
    return any(i.distribution == GIVEN for i in spec.of_kind("latent"))


def _check_priors(file: OnnxFile) -> None:
    """PluginError if a latent's prior is one that the page cannot draw."""
    for latent in file.spec.of_kind("latent"):
        if latent.distribution not in PRIORS:
            what = f"{file.path.name} draws '{latent.name}' from a plugin's prior, '{latent.distribution}'"
            raise PluginError(f"{what}; a web site can draw from {', '.join(PRIORS)}: use 'ganzoo serve'")


def _content(models: Sequence[OnnxFile], script: dict[str, bytes]) -> dict[str, bytes | dict[str, Any]]:
    """Every file of the site by its path; a model is never named by what a stranger's file says."""
    files: dict[str, bytes | dict[str, Any]] = {p.name: p.read_bytes() for p in sorted((_HERE / "page").iterdir())}
    files["runtime/onnxruntime-web.js"] = script[runtime.SCRIPT]
    files["runtime/onnxruntime-web.wasm"] = script[runtime.BINARY]
    files["runtime/LICENSE.txt"] = (_HERE / "LICENSE-onnxruntime-web.txt").read_bytes()
    entries = []
    for number, model in enumerate(models):
        name = f"model-{number}.onnx"
        files[name] = model.data
        entries.append(
            {
                "file": name,
                "bytes": len(model.data),
                "checksum": model.checksum,
                "spec": _spec(model.spec),
                "card": model.card,
            }
        )
    card = models[0].card
    title = str(card.get("variant") or models[0].spec.name)
    index = {"format": FORMAT, "title": title, "generators": entries, "files": sorted([*files, INDEX])}
    return {**files, INDEX: index}


def _spec(spec: GeneratorSpec) -> dict[str, Any]:
    """A spec, each input with the key of its stream of noise: two 64-bit numbers as four halves."""
    found = spec.to_json()
    for entry in found["inputs"]:
        key = hashlib.sha256(f"ganzoo/{entry['name']}".encode()).digest()[:16]
        first, second = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
        entry["stream"] = [first >> 32, first & 0xFFFFFFFF, second >> 32, second & 0xFFFFFFFF]
    return found


def _write(target: Path, content: dict[str, bytes | dict[str, Any]]) -> Path:
    """All files beside the target, then the target in one step."""
    there = target.resolve()  # `a/b/..` is no folder's name, and its parent lies within it
    staged = there.parent / f".tmp-{os.getpid()}-{secrets.token_hex(4)}-{there.name[-100:]}"
    replaced = staged.with_name(staged.name + "-old")
    with space_errors(target):
        there.parent.mkdir(parents=True, exist_ok=True)
        try:
            for name, data in content.items():
                place = staged / name
                place.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(data, bytes):
                    write_bytes(place, data)
                else:
                    write_json(place, data)
            check_target(target)  # it may have been filled meanwhile
            try:
                if there.exists():
                    there.rename(replaced)
                staged.rename(there)
            except BaseException:
                if replaced.exists() and not there.exists():
                    replaced.rename(there)
                raise
        finally:
            shutil.rmtree(staged, ignore_errors=True)
            shutil.rmtree(replaced, ignore_errors=True)
    return target
