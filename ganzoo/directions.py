"""Principal directions of a latent: the few ways in which a model's pictures differ most.

Härkönen et al. 2020 (arXiv:2004.02546). A latent w that another generator makes is analysed itself: its
principal components over many seeds (section 3.1). A latent that is drawn from a prior has none of its own,
for its distribution is the same in every direction; there the outputs are analysed, and each component is
taken back to the latent by least squares (section 3.2, which reads an early layer of the network instead;
a generator here is a function of its inputs, and has no layers to look into).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import GanzooError
from ganzoo.feeds import Request, find_prior
from ganzoo.files import write_bytes
from ganzoo.priors import noise
from ganzoo.specs import GIVEN, InputSpec

FORMAT = 1
SEEDS = 2048
"""Seeds 0 to 2047 are looked at."""
BATCH = 64
MOST = 64
SIDE = 16
"""Pictures are averaged over blocks to at most so many pixels a side: what is seen from afar."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Directions:
    """k directions of one latent input, the one that explains most first.

    input       the latent's name
    components  float32 [k, *shape], of unit length; of a bounded prior, in its base noise
    spread      float32 [k]: the standard deviation of the latent along each
    share       float32 [k]: how much of the variance (of w, or of the outputs) each explains, of 1
    """

    input: str
    components: NDArray[np.float32]
    spread: NDArray[np.float32]
    share: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.components)

    def first(self, k: int) -> Directions:
        """The first k."""
        return Directions(self.input, self.components[:k], self.spread[:k], self.share[:k])


def find(here: Request, spec: InputSpec, run: Callable[[dict[str, NDArray[Any]]], NDArray[np.float32]]) -> Directions:
    """Of one latent input of a generator that `run` runs, from the seeds of a request."""
    if spec.distribution == GIVEN:
        return of_latents(spec.name, here.drawn(spec, here.seeds))
    prior = find_prior(spec.distribution)
    fed = [here.rows(k, k + BATCH) for k in range(0, len(here), BATCH)]
    outputs = np.concatenate([_from_afar(run(rows)) for rows in fed])
    labels = [np.concatenate([rows[s.name] for rows in fed]) for s in here.spec.of_kind("label")]
    groups = np.stack(labels, axis=1) if labels else np.zeros((len(here), 1), dtype=np.int64)
    spread = 1.0 if prior.base == "normal" else 12**-0.5
    return of_outputs(spec.name, noise(spec, here.seeds, prior), spread, outputs, groups)


def moved(here: Request, found: Directions, direction: int, amounts: Sequence[float]) -> Request:
    """A request whose latents are moved along a direction, each picture by its amount, in standard deviations. A latent
    that was given moves as far as its seed's own does."""
    spec = here.spec.input(found.input)
    far = np.asarray(amounts, dtype=np.float64) * float(found.spread[direction])
    step = far.reshape(-1, *[1] * len(spec.shape)) * found.components[direction]
    if spec.distribution == GIVEN:
        return here.but(**{spec.name: (here.value(spec) + step).astype(np.float32)})
    prior = find_prior(spec.distribution)
    start = noise(spec, here.seeds, prior)
    base = np.clip(start + step, 0, 1) if prior.base == "uniform" else start + step
    latents = here.pushed(spec, base)
    if spec.name in here.given:
        way = latents - here.pushed(spec, start)
        latents = here.given[spec.name] + way
        if prior.base == "uniform":  # of normal noise a range is what it may be truncated to
            latents = np.clip(latents, *(spec.range or prior.range))
        latents = latents.astype(np.float32)
    return here.but(**{spec.name: latents})


def of_latents(name: str, latents: NDArray[np.float32]) -> Directions:
    """Of latents [N, *shape] that a generator made: their principal components."""
    shape = latents.shape[1:]
    components, variances, share = _principal(latents.reshape(len(latents), -1).astype(np.float64))
    return _directions(name, components, np.sqrt(variances), share, shape)


def of_outputs(
    name: str, base: Array, spread: float, outputs: NDArray[np.float32], groups: NDArray[np.int64]
) -> Directions:
    """Of base noise [N, *shape] and what was made of it: where the outputs' principal components come from.

    spread   the standard deviation of the noise
    groups   int64 [N, labels]: outputs are compared within a class only
    """
    seen = outputs.reshape(len(outputs), -1).astype(np.float64)
    _, which = np.unique(groups, axis=0, return_inverse=True)
    for group in range(which.max() + 1):
        seen[which.ravel() == group] -= seen[which.ravel() == group].mean(axis=0)
    components, _, share = _principal(seen)
    scores = (seen - seen.mean(axis=0)) @ components.T
    flat = base.reshape(len(base), -1)
    back = scores.T @ (flat - flat.mean(axis=0))  # u_k = sum_j x_jk z_j, as sum_j |u_k x_jk - z_j|^2 is least
    return _directions(name, back, np.full(len(back), spread), share, base.shape[1:])


def kept(key: str, place: Path | None, find: Callable[[], Directions]) -> Directions:
    """What `find` gives, from the file that was written when it was first asked for.

    The file lies in `place`, or in the user's cache folder if nothing can be written there; where neither
    can be, directions are found anew each time.
    """
    name = f"directions-{key[:16]}.npz"
    for folder in _folders(place):
        found = _read(folder / name, key)
        if found is not None:
            return found
    found = find()
    for folder in _folders(place):
        with contextlib.suppress(GanzooError, OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / name, _bytes(found, key))
            break
    return found


def key_of(*checksums: str) -> str:
    """What the file is named by: the generators that were looked at, and how."""
    return hashlib.sha256("/".join([str(FORMAT), str(SEEDS), *checksums]).encode()).hexdigest()


def _directions(name: str, rows: Array, spread: Array, share: Array, shape: tuple[int, ...]) -> Directions:
    """Rows scaled to unit length, their greatest entry positive: an eigenvector has no sign of its own."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    greatest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    unit = rows / np.maximum(length, 1e-30) * np.where(greatest < 0, -1, 1)
    components = unit.reshape(-1, *shape).astype(np.float32)
    return Directions(name, components, spread.astype(np.float32), share.astype(np.float32))


def _principal(rows: Array) -> tuple[Array, Array, Array]:
    """(components [k, d], variances [k], shares [k]) of rows [n, d], in falling order; those of variance 0 not."""
    centred = rows - rows.mean(axis=0)
    wide = centred.shape[1] > centred.shape[0]
    values, vectors = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
    total = float(values.sum())
    if not total > 0:
        raise GanzooError("the model makes the same of every seed; it has no directions")
    order = np.argsort(values)[::-1][:MOST]
    order = order[values[order] > 1e-12 * total]
    components = (centred.T @ vectors[:, order] / np.sqrt(values[order]) if wide else vectors[:, order]).T
    return components, values[order] / len(rows), values[order] / total


def _from_afar(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures [N, C, H, W] averaged over blocks; anything else as it is."""
    for axis in (2, 3) if outputs.ndim == 4 else ():
        size = outputs.shape[axis]
        starts = np.arange(0, size, -(-size // SIDE))
        each = np.diff(starts, append=size).reshape([-1 if k == axis else 1 for k in range(4)])
        outputs = (np.add.reduceat(outputs, starts, axis=axis) / each).astype(np.float32)
    return outputs


def _folders(place: Path | None) -> Iterator[Path]:
    if place is not None:
        yield place
    with contextlib.suppress(ImportError):  # it is not needed without torch
        import platformdirs

        yield platformdirs.user_cache_path("ganzoo") / "directions"


def _bytes(found: Directions, key: str) -> bytes:
    arrays: Mapping[str, Any] = {
        "key": np.asarray(key), "input": np.asarray(found.input), "components": found.components,
        "spread": found.spread, "share": found.share,
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # with no date in it
        for name, array in arrays.items():
            plain = io.BytesIO()
            np.lib.format.write_array(plain, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), plain.getvalue())
    return out.getvalue()


def _read(path: Path, key: str) -> Directions | None:
    """The directions in a file; None if it is not there, not whole, or of another model."""
    try:
        with np.load(path, allow_pickle=False) as held:
            if str(held["key"]) != key:
                return None
            found = Directions(str(held["input"]), held["components"], held["spread"], held["share"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    whole = len(found.components) == len(found.spread) == len(found.share) > 0
    return found if whole and found.components.dtype == np.float32 else None
