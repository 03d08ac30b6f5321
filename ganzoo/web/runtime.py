"""ONNX Runtime Web, which runs a model in the browser: fetched once, by version and checksum.

The tarball of the npm registry is kept as it is in the user's cache folder. Somebody without a network gives it by
hand, packed or unpacked. A tarball is checked whenever it is read; of a folder that says its version, the version.
"""

from __future__ import annotations

import base64
import hashlib
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

from ganzoo.errors import DamagedFile, GanzooError
from ganzoo.files import atomic, read_bytes, read_json

VERSION = "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the tarball, in base64: `dist.integrity` of this version in the registry."""
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
MAX_BYTES = 200_000_000
TIMEOUT = 15.0  # seconds of silence from the registry that are taken for no answer

SCRIPT, BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
"""What is taken from the package's folder `dist`: the module for the CPU, and its WebAssembly."""


def files(package: Path | None, say: Callable[[str], None]) -> dict[str, bytes]:
    """The bytes of `SCRIPT` and `BINARY`.

    package   the package as a .tgz, or as a folder (itself, its `package`, or its `dist`); None for the
              cached one, which is fetched when it is not there yet
    say       is told before something is fetched
    GanzooError, one sentence that says what to do, if it is not at hand.
    """
    if package is None:
        return _unpack(cached(say))
    if not package.exists():
        raise GanzooError(f"there is no {package}; name a folder or .tgz of onnxruntime-web {VERSION}")
    if package.is_dir():
        return _read(package)
    if not _is_it(read_bytes(package)):
        raise DamagedFile(f"{package} is not the package of onnxruntime-web {VERSION}; fetch it from {URL}")
    return _unpack(package)


def cached(say: Callable[[str], None]) -> Path:
    """The path of the tarball in the user's cache folder, whole; fetched when it is not there."""
    import platformdirs

    place = platformdirs.user_cache_path("ganzoo") / f"onnxruntime-web-{VERSION}.tgz"
    if place.is_file() and _is_it(place.read_bytes()):
        return place
    say(f"Fetching onnxruntime-web {VERSION} (33 MB, once) from the npm registry")
    try:
        with urllib.request.urlopen(URL, timeout=TIMEOUT) as answer:
            data = answer.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise GanzooError(
            f"onnxruntime-web could not be fetched ({reason}); fetch {URL} elsewhere and name it by --runtime"
        ) from error
    if not _is_it(data):
        raise DamagedFile(f"what came from {URL} has another checksum than version {VERSION}; try again later")
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic(place) as temporary:
        temporary.write_bytes(data)
    return place


def _is_it(data: bytes) -> bool:
    return base64.b64encode(hashlib.sha512(data).digest()).decode() == SHA512


def _unpack(path: Path) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(path) as archive:
            for name in (SCRIPT, BINARY):
                member = archive.extractfile(f"package/dist/{name}")
                found[name] = member.read(MAX_BYTES) if member is not None else b""
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise DamagedFile(f"{path} is no package of onnxruntime-web {VERSION}; fetch it from {URL}") from error
    return found


def _read(folder: Path) -> dict[str, bytes]:
    for dist in (folder / "dist", folder / "package" / "dist", folder):
        if all((dist / name).is_file() for name in (SCRIPT, BINARY)):
            about = dist.parent / "package.json"
            version = read_json(about).get("version") if about.is_file() else VERSION
            if version != VERSION:
                raise GanzooError(f"{folder} holds onnxruntime-web {version}; version {VERSION} is needed, from {URL}")
            return {name: read_bytes(dist / name) for name in (SCRIPT, BINARY)}
    raise GanzooError(f"{folder} does not hold dist/{SCRIPT} and dist/{BINARY} of onnxruntime-web {VERSION}")
