"""Pictures: floats to bytes, grids, PNG with text, scatter plots, animations.

numpy and Pillow only; PyAV is imported when an MP4 is asked for. Nothing made here holds a clock value,
so the same pictures give the same bytes.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageDraw, ImageFont, ImageOps, PngImagePlugin

from ganzoo.errors import DamagedFile, GanzooError, InputError

Uint8 = NDArray[np.uint8]
ANIMATIONS = (".gif", ".webp", ".mp4")
MAX_PIXELS = 16_000_000  # of a picture that is read
MADE, DATA = (31, 90, 180), (205, 210, 220)
"""The colours of points: those of a generator, and those of the data."""
_AXES = (90, 90, 90)
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation that a camera noted; Pillow's own `exif_transpose` fails where another note is damaged."""


def to_uint8(x: NDArray[np.floating], bounds: tuple[float, float] = (-1.0, 1.0)) -> Uint8:
    """Pictures [N, C, H, W] within `bounds` -> uint8 [N, H, W, C].

    A value v becomes (v - low) / (high - low) * 255, clipped, rounded to the nearest level with halves to
    the even one; NaN becomes 0.
    """
    low, high = bounds
    levels = np.rint(np.clip((x.astype(np.float32) - low) * np.float32(255 / (high - low)), 0, 255))
    return np.ascontiguousarray(np.nan_to_num(levels).astype(np.uint8).transpose(0, 2, 3, 1))


def to_float(pictures: Uint8, bounds: tuple[float, float] = (-1.0, 1.0)) -> NDArray[np.float32]:
    """uint8 [N, H, W, C] -> float32 [N, C, H, W] within `bounds`; `to_uint8` is its inverse."""
    low, high = bounds
    scaled = pictures.transpose(0, 3, 1, 2).astype(np.float32) * np.float32((high - low) / 255)
    return np.ascontiguousarray(scaled + np.float32(low))


def picture(pixels: Uint8) -> Image.Image:
    """uint8 [H, W, C] with 1, 3 or 4 channels as a Pillow image; of any other number the first is shown."""
    channels = pixels.shape[2]
    if channels not in _MODES:
        pixels, channels = pixels[:, :, :1], 1
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels))


def grid(
    pictures: Uint8,
    captions: Sequence[str] = (),
    columns: int | None = None,
    padding: int = 2,
    cell: int = 1,
) -> Image.Image:
    """One picture of many: uint8 [N, H, W, C], row by row, as near to a square as N allows.

    captions   one short text under each picture, or none
    columns    pictures in a row, instead of the nearest to a square
    padding    pixels between pictures and around them
    cell       each picture is enlarged by a whole factor until it is at least this wide
    """
    count, height, width, _ = pictures.shape
    if not count:
        raise InputError("n", "a grid of no pictures was asked for; at least 1 is needed")
    factor = max(1, math.ceil(cell / width))
    width, height = width * factor, height * factor
    across = min(count, columns or math.ceil(math.sqrt(count)))
    below = 14 if captions else 0
    tiles = [picture(p).resize((width, height), Image.Resampling.NEAREST) for p in pictures]
    mode = "RGB" if tiles[0].mode == "RGBA" else tiles[0].mode
    rows = -(-count // across)
    size = (across * (width + padding) + padding, rows * (height + padding + below) + padding)
    sheet = Image.new(mode, size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for k, tile in enumerate(tiles):
        left = padding + k % across * (width + padding)
        top = padding + k // across * (height + padding + below)
        sheet.paste(tile, (left, top))
        if captions:
            place = (left + width // 2, top + height + below // 2)
            pen.text(place, captions[k], fill="black", font=font, anchor="mm")
    return sheet


def scatter(points: NDArray[np.floating], data: NDArray[np.floating] | None = None, size: int = 512) -> Image.Image:
    """Points [N, d] as dots, with axes, over data points [M, d] in a light grey when they are given.

    The first two coordinates are drawn, to one scale; points on a line (d = 1) are drawn as a histogram,
    whose height has no scale.
    """
    shown = np.asarray(points, dtype=np.float64)
    under = np.asarray(data if data is not None else shown[:0], dtype=np.float64)
    if shown.shape[1] == 1:
        shown, under = _bars(shown[:, 0]), _bars(under[:, 0])
    together = np.concatenate([shown[:, :2], under[:, :2]])
    together = together[np.isfinite(together).all(axis=1)]
    if not len(together):
        raise InputError("n", "there is no finite point to draw")
    low, high = together.min(axis=0), together.max(axis=0)
    reach = max(float((high - low).max()), 1e-9) * 1.1
    corner = (low + high) / 2 - reach / 2
    sheet = Image.new("RGB", (size, size), "white")
    pen = ImageDraw.Draw(sheet)
    left, top, side = 40, 10, size - 50
    for dots, colour in ((under, DATA), (shown, MADE)):
        finite = dots[np.isfinite(dots[:, :2]).all(axis=1), :2]
        for x, y in (finite - corner) / reach * side:
            right, down = left + x, top + side - y
            pen.ellipse((right - 1.5, down - 1.5, right + 1.5, down + 1.5), fill=colour)
    pen.line((left, top, left, top + side, left + side, top + side), fill=_AXES)
    font = ImageFont.load_default()
    for number, at in _ticks(float(corner[0]), reach):
        right = left + at * side
        pen.line((right, top + side, right, top + side + 4), fill=_AXES)
        pen.text((right, top + side + 14), number, fill=_AXES, font=font, anchor="mm")
    for number, at in _ticks(float(corner[1]), reach) if points.shape[1] > 1 else []:
        down = top + side - at * side
        pen.line((left - 4, down, left, down), fill=_AXES)
        pen.text((left - 6, down), number, fill=_AXES, font=font, anchor="rm")
    return sheet


def _ticks(low: float, reach: float) -> list[tuple[str, float]]:
    """Five to thirteen round numbers from `low` to `low + reach`, each with its place between them, from 0 to 1."""
    power = 10.0 ** math.floor(math.log10(reach / 5))
    step = max(f for f in (1, 2, 5) if f * power <= reach / 5) * power
    numbers = [k * step for k in range(math.ceil(low / step), math.floor((low + reach) / step) + 1)]
    return [(f"{number:.6g}", (number - low) / reach) for number in numbers]


def _bars(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outline of a histogram of 50 bars, one unit high, as points [K, 2]."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.empty((0, 2))
    counts, edges = np.histogram(finite, bins=50)
    span = max(float(edges[-1] - edges[0]), 1e-9)
    heights = counts / counts.max() * span
    columns = [
        np.stack([np.full(40, (a + b) / 2), np.linspace(0, h, 40)], axis=1)
        for a, b, h in zip(edges, edges[1:], heights)
        if h > 0
    ]
    return np.concatenate(columns)


def png_bytes(image: Image.Image, text: Mapping[str, str] | None = None) -> bytes:
    """A PNG with these text chunks."""
    chunks = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=chunks)
    return out.getvalue()


def png_text(path: str | Path, key: str) -> str | None:
    """The text chunk of a PNG, or None; DamagedFile if it is no picture, GanzooError if it cannot be read."""
    with _opened(path, "a PNG; a picture saved by ganzoo is needed", ["PNG"]) as image:
        image.load()  # text may stand behind the pixels
        value = image.info.get(key)
    return value if isinstance(value, str) else None


def read_picture(path: str | Path, shape: tuple[int, ...]) -> Uint8:
    """A picture file as uint8 [H, W, C] for an input of shape (C, H, W), as `fitted` has it.

    DamagedFile if it is no picture or has over 16 megapixels, GanzooError if it cannot be read.
    """
    with _opened(path, "a picture; a PNG or JPEG is needed") as image:
        if image.width * image.height > MAX_PIXELS:
            raise DamagedFile(f"{path} has over 16 megapixels; a smaller picture is needed")
        return fitted(image, shape)


def fitted(image: Image.Image, shape: tuple[int, ...]) -> Uint8:
    """The middle of a file's picture, as `as_seen` has it, scaled to an input of shape (C, H, W): uint8 [H, W, C]."""
    channels, height, width = shape
    pixels = np.asarray(ImageOps.fit(as_seen(image, channels), (width, height)), dtype=np.uint8)
    return pixels.reshape(height, width, channels)


def as_seen(image: Image.Image, channels: int) -> Image.Image:
    """A file's picture in grey (1 channel) or RGB, 8 bits: as the camera was held, what is transparent over white."""
    image.load()  # which turns a TIFF, and then the note is gone
    turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    image = image.transpose(turn) if turn is not None else image
    if image.mode.startswith("I;16"):  # which Pillow would clip
        image = Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("L" if channels == 1 else "RGB")


@contextlib.contextmanager
def _opened(path: str | Path, wanted: str, formats: list[str] | None = None) -> Iterator[Image.Image]:
    """An image file; what Pillow or the system cannot read is one sentence, whenever it is found."""
    try:
        with Image.open(path, formats=formats) as image:
            yield image
    except FileNotFoundError as error:
        raise GanzooError(f"there is no file {path}; check the path") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise GanzooError(f"cannot read {path}: {error.strerror.lower()}") from error
        raise DamagedFile(f"{path} cannot be read as {wanted}") from error


def animation_bytes(frames: Uint8, suffix: str, fps: float = 12.0, cell: int = 256) -> bytes:
    """A film of uint8 [N, H, W, C] as '.gif', '.webp' (lossless) or '.mp4' (H.264).

    Small pictures are enlarged by a whole factor until they are at least `cell` pixels wide.
    """
    factor = max(1, math.ceil(cell / frames.shape[2]))
    images = [picture(f) for f in frames]
    images = [i.resize((i.width * factor, i.height * factor), Image.Resampling.NEAREST) for i in images]
    if suffix == ".mp4":
        return _mp4(images, fps)
    out = io.BytesIO()
    wait = max(1, round(1000 / fps))
    if suffix == ".gif":
        images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=wait, loop=0)
    elif suffix == ".webp":
        film = [i.convert("RGB") for i in images]
        film[0].save(out, "WEBP", save_all=True, append_images=film[1:], duration=wait, loop=0, lossless=True)
    else:
        raise InputError("out", f"'{suffix}' is no animation; {', '.join(ANIMATIONS)} are known")
    return out.getvalue()


def _mp4(images: Sequence[Image.Image], fps: float) -> bytes:
    """H.264 in MP4, 4:2:0; sides are made even by repeating the last row or column."""
    try:
        import av
    except ImportError as error:
        raise InputError("out", "an .mp4 needs the package 'av'; install it, or save a .webp") from error
    from fractions import Fraction

    out = io.BytesIO()
    with av.open(out, "w", format="mp4", options={"fflags": "+bitexact"}) as film:
        stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height = (images[0].width + 1) // 2 * 2, (images[0].height + 1) // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "16", "threads": "1"}
        for image in images:
            pixels = np.asarray(image.convert("RGB"))
            spare = ((0, stream.height - image.height), (0, stream.width - image.width), (0, 0))
            frame = av.VideoFrame.from_ndarray(np.pad(pixels, spare, mode="edge"), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return out.getvalue()
