"""What a generator made: pictures or points, what they were made from, and how to keep them.

Files are written aside and renamed, and hold no clock value: the same samples give the same bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzoo import images
from ganzoo.errors import GanzooError, InputError
from ganzoo.family import alike
from ganzoo.feeds import parse_seeds, seed_ranges
from ganzoo.files import atomic, canonical, make_folder, write_bytes, write_text
from ganzoo.specs import GeneratorSpec

CHUNK = "ganzoo"
"""The key of the text chunk that a PNG carries."""
CELL = 56
"""A grid with seeds under its pictures enlarges them to at least this many pixels."""
_NAMED = {"image": ("images", "pictures"), "points": ("points", "points"), "latent": ("latents", "latents")}
SUFFIXES = (".png", ".npz", ".zip", ".tar", *images.ANIMATIONS)


@dataclass(frozen=True, eq=False)
class Samples:
    """N samples of one generator.

    spec       the generator's spec
    output     pictures uint8 [N, H, W, C], points float32 [N, d], or latents float32 [N, *shape]
    inputs     what they were made from, by input name, as the generator took it
    seeds      the seed of each, or empty when seeds do not name them (latents given, or a walk)
    settings   how to make them again: {"model", "generator", "call", "arguments"}
    fps        frames a second when saved as a film
    data       for points: some of the data [M, d], to be drawn beneath them, where they are known
    columns    how many stand in a row of their grid; None: what comes nearest to a square
    """

    spec: GeneratorSpec
    output: NDArray[Any]
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    fps: float = 12.0
    data: NDArray[np.float32] | None = None
    columns: int | None = None

    def __len__(self) -> int:
        return len(self.output)

    def __repr__(self) -> str:
        return f"<{len(self)} {self.spec.output.kind} of {self.spec.name}, {self.output.shape}>"

    @property
    def images(self) -> NDArray[np.uint8]:
        """The pictures, uint8 [N, H, W, C]; GanzooError if the generator makes something else."""
        return self._of("image")

    @property
    def points(self) -> NDArray[np.float32]:
        """The points, float32 [N, d]; GanzooError if the generator makes something else."""
        return self._of("points")

    @property
    def latents(self) -> NDArray[np.float32]:
        """The latents that an encoder or a mapping made, float32 [N, *shape]; GanzooError for others."""
        return self._of("latent")

    def _of(self, kind: str) -> NDArray[Any]:
        made = self.spec.output.kind
        if kind != made:
            text = f"generator '{self.spec.name}' makes {_NAMED[made][1]}, not {_NAMED[kind][1]}"
            raise GanzooError(f"{text}; read .{_NAMED[made][0]}")
        return self.output

    def grid(
        self, columns: int | None = None, data: NDArray[np.floating] | None = None, seeds: bool = True
    ) -> Image.Image:
        """All of them in one picture, the seed under each; points as a scatter plot, over `data`."""
        if self.spec.output.kind == "points":
            return images.scatter(self.output, self.data if data is None else data)
        if self.spec.output.kind == "latent":
            raise InputError("out", "latents cannot be drawn; they are saved as .npz")
        captions = [str(s) for s in self.seeds] if seeds else []
        return images.grid(self.output, captions, columns or self.columns, cell=CELL if captions else 1)

    def picture(self, k: int) -> Image.Image:
        """Picture k alone."""
        return images.picture(self.images[k])

    def png(self, k: int | None = None) -> bytes:
        """A PNG of the grid, or of picture k; its settings are in the text chunk `ganzoo`."""
        image = self.grid() if k is None else self.picture(k)
        settings = self.settings if k is None else self._settings_of(k)
        return images.png_bytes(image, {CHUNK: canonical(settings)})

    def _repr_png_(self) -> bytes:
        return self.png()

    def save(self, path: str | Path) -> Path:
        """Writes them as the suffix says, and returns the path.

        .png one grid · .npz arrays · .zip, .tar one PNG each and samples.json · .gif, .webp, .mp4 a film ·
        no suffix: a folder of PNGs. InputError for another suffix, or for a film of unrelated seeds;
        SpaceError when it cannot be written.
        """
        place = Path(path)
        kind = place.suffix.lower()
        if kind == ".png":
            write_bytes(place, self.png())
        elif kind == ".npz":
            write_bytes(place, self._npz())
        elif kind in images.ANIMATIONS:
            write_bytes(place, self._film(kind))
        elif kind == ".zip":
            self._zip(place)
        elif kind == ".tar":
            self._tar(place)
        elif kind == "" or place.is_dir():
            self._folder(place)
        else:
            known = ", ".join(SUFFIXES)
            raise InputError("out", f"'{kind}' is no way to save samples; {known} or a folder is")
        return place

    def _film(self, kind: str) -> bytes:
        """The pictures as frames, in the order they are in."""
        if self.spec.output.kind != "image":
            made = _NAMED[self.spec.output.kind][1]
            raise InputError("out", f"a film is made of pictures; {made} are saved as .npz")
        if len(set(self.seeds)) > 1 and self.spec.of_kind("latent"):
            text = "unrelated seeds would flicker as a film"
            raise InputError("out", f"{text}; save a walk(), or an interpolate() from one seed to the other")
        return images.animation_bytes(self.images, kind, self.fps)

    def _settings_of(self, k: int) -> dict[str, Any]:
        """How to make picture k alone; of a walk or a sweep, which of its pictures it is."""
        if not self.seeds or self.settings.get("call") != "sample":
            return {**self.settings, "picture": k}
        arguments = dict(self.settings["arguments"], seeds=str(self.seeds[k]))
        return {**self.settings, "arguments": {**arguments, **{name: v[k] for name, v in one_each(self).items()}}}

    def _members(self) -> Iterator[tuple[str, bytes]]:
        """What an archive or a folder holds: one PNG each, then the settings of all."""
        if self.spec.output.kind == "latent":
            raise InputError("out", "latents are saved as .npz")
        if self.spec.output.kind == "points":
            raise InputError("out", "points are saved as .png (a scatter plot) or .npz (the numbers)")
        for k in range(len(self)):
            yield self._name(k), self.png(k)
        yield "samples.json", (canonical(self.settings) + "\n").encode()

    def _name(self, k: int) -> str:
        return f"{k:06d}" + (f"-seed-{self.seeds[k]}" if self.seeds else "") + ".png"

    def _npz(self) -> bytes:
        arrays = {_NAMED[self.spec.output.kind][0]: self.output, "seeds": np.asarray(self.seeds, dtype=np.int64)}
        taken = ("images", "points", "latents", "seeds", "settings")
        arrays |= {f"input_{k}" if k in taken else k: v for k, v in self.inputs.items()}
        arrays["settings"] = np.asarray(canonical(self.settings))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for key, array in arrays.items():
                plain = io.BytesIO()
                np.lib.format.write_array(plain, np.asanyarray(array), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{key}.npy"), plain.getvalue())
        return out.getvalue()

    def _zip(self, path: Path) -> None:
        members = self._members()
        first = next(members)
        with atomic(path) as aside, zipfile.ZipFile(aside, "w") as archive:
            for name, data in (first, *members):
                archive.writestr(zipfile.ZipInfo(name), data)

    def _tar(self, path: Path) -> None:
        members = self._members()
        first = next(members)
        with atomic(path) as aside, tarfile.open(aside, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in (first, *members):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))

    def _folder(self, path: Path) -> None:
        members = self._members()
        first = next(members)
        if path.exists() and not path.is_dir():
            raise InputError("out", f"{path} is a file, not a folder; name another place")
        names = {self._name(k) for k in range(len(self))}
        if other := next((place.name for place in sorted(path.glob("[0-9]*.png")) if place.name not in names), None):
            raise InputError("out", f"{path} holds other pictures, such as {other}; name a new folder")
        make_folder(path)
        for name, data in (first, *members):
            if name.endswith(".json"):
                write_text(path / name, data.decode())
            else:
                write_bytes(path / name, data)


def one_each(samples: Samples) -> dict[str, list[Any]]:
    """The arguments that were given as a list, one for each sample: classes. A list for a latent, be it another
    generator's, is its numbers, for all."""
    latents = {one.name for one in samples.spec.of_kind("latent")}
    given = samples.settings.get("arguments", {})
    return {
        name: value
        for name, value in given.items()
        if isinstance(value, list) and name not in latents and not any(isinstance(v, float) for v in value)
    }


def chunk_of(path: str | Path) -> dict[str, Any]:
    """The settings that a PNG of ganzoo's carries; InputError if it carries none."""
    text = images.png_text(path, CHUNK)
    try:
        found = json.loads(text) if text is not None else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("arguments"), dict):
        raise InputError("like", f"{path} carries no settings of ganzoo's; a PNG that it saved is needed")
    return found


WHICH = ("n", "seed", "seeds")
"""Arguments that say which samples."""


def settings_of(
    path: str | Path,
    model: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] = {},
    specs: Iterable[GeneratorSpec] = (),
) -> dict[str, Any]:
    """What to give `Sampler.sample` to make a PNG again: seeds and inputs, and `generator` by name.

    model     which model is to make it, as `settings` was told
    changes   arguments that take the place of those that it was made with
    specs     of the model's generators: an input may go by another name in `changes`
    InputError if another model made it, if it is a frame of a walk, or was made from latents that it does not
    carry.
    """
    found = chunk_of(path)
    if model is not None:
        _refuse_another(path, found, model)
    if found.get("call") != "sample":
        raise InputError("like", f"{path} is part of a {found.get('call')}; only samples can be made again")
    specs = list(specs)
    told = {k: v for k, v in found["arguments"].items() if not any(alike(k, change, specs) for change in changes)}
    seeds = str(told.pop("seeds", ""))
    arguments = {**told, **changes}
    missing = [name for name, value in arguments.items() if value is None]
    if missing:
        raise InputError("like", f"{path} does not carry the '{missing[0]}' it was made from; give it again")
    return {"generator": found.get("generator"), **arguments, **_which(path, seeds, changes)}


def _which(path: str | Path, seeds: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The seeds of a PNG, or those that are asked for instead: from another seed on as many as it has."""
    asked = {name: changes[name] for name in WHICH if name in changes}
    if "seeds" in asked or "n" in asked:
        return asked
    try:
        own = parse_seeds(seeds)
    except InputError as error:
        text = f"{path} carries no seeds, so it cannot be made again; give them yourself"
        raise InputError("like", text) from error
    return {**asked, "n": len(own)} if asked else {"seeds": own}


def _refuse_another(path: str | Path, found: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """InputError unless the picture was made by this model, or by the one that either was exported from."""
    theirs, ours = ({str(who[key]) for key in ("model", "exported_from") if key in who} for who in (found, model))
    if theirs & ours:
        return
    named, mine = (str(who.get("model"))[:12] for who in (found, model))
    step, here = found.get("step"), model.get("step")
    if isinstance(step, int) and isinstance(here, int) and step != here:
        text = f"{path} was made at step {step:,} (checksum {named}), and this model is at step {here:,} ({mine})"
        raise InputError("like", f"{text}; load step {step} if it is of this run, else its model, or give the seeds")
    text = f"{path} was made by another model, of checksum {named}, and this one's is {mine}"
    raise InputError("like", f"{text}; 'ganzoo inspect' shows a model's: load that one, or give the seeds yourself")


def settings(model: Mapping[str, Any], spec: GeneratorSpec, call: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a PNG carries. Arrays are too much for it, and where a picture lies is nobody's business: both are null.

    model   {"model": checksum}, and where they are known "exported_from" (the weights') and "step"
    """
    pictures = [image.name for image in spec.of_kind("image")]
    given = dict(arguments)
    seeds = given.pop("seeds", None)
    plain = {name: None if name in pictures else _plain(value) for name, value in given.items()}
    if seeds is not None:
        plain["seeds"] = seed_ranges(seeds)
    return {**model, "generator": spec.name, "call": call, "arguments": plain}


def _plain(value: Any) -> Any:
    """JSON of numbers, names and lists of them; None for anything bigger or stranger."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist() if np.ndim(value) < 2 else None
    if isinstance(value, list | tuple):
        whole = [_plain(v) for v in value]
        return whole if all(isinstance(v, str | int | float) for v in whole) else None
    return value if isinstance(value, str | int | float | bool) else None
