"""One picture of a file: from the bytes to uint8 [C, H, W], or the reason why not."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzoo.images import as_seen

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MAX_PIXELS = 50_000_000


class Unfit(Exception):
    """Why a picture is skipped, in a few words."""


def decode(content: bytes, channels: int, size: int | None, crop: str) -> NDArray[np.uint8]:
    """uint8 [channels, H, W]; with `size` H = W = size.

    channels  1 grey, 3 RGB, as `as_seen` has it
    crop      'centre': the largest square in the middle is resized · 'none': the whole is squeezed
    Unfit when the file is empty, damaged, CMYK, animated, of more than 8 bits a channel or 50 million pixels.
    """
    if not content:
        raise Unfit("empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are judged here
            image = Image.open(io.BytesIO(content))
            _inspect(image, content)
            image.load()
            return _pixels(image, channels, size, crop)
    except Unfit:
        raise
    except Image.DecompressionBombError as error:
        raise Unfit(f"more than {MAX_PIXELS} pixels") from error
    except Image.UnidentifiedImageError as error:
        raise Unfit("not a picture") from error
    except Exception as error:  # damaged files bring decoders to raise anything
        raise Unfit(f"damaged: {error}") from error


def _inspect(image: Image.Image, content: bytes) -> None:
    """Unfit by what the header says, before any pixel is decoded."""
    if image.width * image.height > MAX_PIXELS:
        raise Unfit(f"{image.width}x{image.height}, more than {MAX_PIXELS} pixels")
    if image.mode == "CMYK":
        raise Unfit("CMYK")
    bits = 8
    if image.format == "PNG":
        bits = content[24]  # Pillow silently halves the depth of 16-bit colour
    elif image.format == "TIFF":
        bits = max(image.tag_v2.get(258, (8,)))  # type: ignore[attr-defined]
    if bits > 8 or image.mode[0] in "IF":
        raise Unfit(f"{max(bits, 16)} bits a channel")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # an MPO is a photo, and previews of it
        raise Unfit(f"animated, {image.n_frames} frames")  # type: ignore[attr-defined]


def _pixels(image: Image.Image, channels: int, size: int | None, crop: str) -> NDArray[np.uint8]:
    image = as_seen(image, channels)
    if size is not None:
        if crop == "centre":
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side))
        if image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
