"""IDX, the format of MNIST's original files: a magic number, the sizes of the axes, then bytes.

Source: http://yann.lecun.com/exdb/mnist (magic 0x0000_08_dd: 08 is unsigned byte, dd the number of axes).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import DataError


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """The bytes of an IDX file, plain or gzipped: uint8 with so many axes.

    Raises DataError when the file is not IDX, has other axes, or is shorter or longer than its header says.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); fetch the file again") from error
    magic = bytes([0, 0, 8, axes])
    if content[:4] != magic:
        raise DataError(
            f"{path} begins with {content[:4].hex()} where IDX bytes of {axes} axes begin with "
            f"{magic.hex()}; fetch the file again"
        )
    header = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", content[4:header]) if len(content) >= header else (0,) * axes
    if len(content) != header + math.prod(shape):
        raise DataError(
            f"{path} holds {len(content)} bytes where its header needs {header + math.prod(shape)}; fetch "
            " the file again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def find_idx(folders: list[Path], name: str) -> Path | None:
    """The first of `folders` that holds the file, plain or gzipped; None when none does."""
    for folder in folders:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None
