"""Pictures: rounding, grids, text chunks, films; the same pictures give the same bytes."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from ganzoo.app.wishes import picture_of
from ganzoo.data.decode import decode
from ganzoo.errors import DamagedFile, GanzooError, InputError
from ganzoo.images import (
    DATA,
    MADE,
    animation_bytes,
    grid,
    picture,
    png_bytes,
    png_text,
    read_picture,
    scatter,
    to_float,
    to_uint8,
)
from ganzoo.specs import InputSpec

RNG = np.random.default_rng(0)


def test_rounding_goes_to_the_nearest_level_and_halves_to_the_even_one() -> None:
    x = np.array([-1.0, 1.0, -3.0, 9.0, 0.0, np.nan], dtype=np.float32).reshape(1, 1, 1, 6)
    assert to_uint8(x).ravel().tolist() == [0, 255, 0, 255, 128, 0]  # 0 is 127.5
    halves = np.array([0.5, 1.5, 2.5], dtype=np.float32).reshape(1, 1, 1, 3)
    assert to_uint8(halves, (0.0, 255.0)).ravel().tolist() == [0, 2, 2]


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_floats_and_bytes_are_inverse(bounds: tuple[float, float]) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    floats = to_float(pixels, bounds)
    assert floats.shape == (1, 3, 16, 16)
    assert np.array_equal(to_uint8(floats, bounds), pixels)


def test_grid_places_every_picture() -> None:
    pixels = RNG.integers(0, 255, (7, 5, 4, 3), dtype=np.uint8)
    sheet = np.asarray(grid(pixels))
    assert sheet.shape == (2 + 3 * 7, 2 + 3 * 6, 3)
    for k in range(7):
        top, left = 2 + k // 3 * 7, 2 + k % 3 * 6
        assert np.array_equal(sheet[top : top + 5, left : left + 4], pixels[k])
    assert grid(pixels, columns=7, padding=0).size == (28, 5)
    with pytest.raises(InputError):
        grid(pixels[:0])


def test_captions_stand_under_the_pictures() -> None:
    pixels = np.full((2, 60, 60, 1), 255, dtype=np.uint8)
    plain, named = grid(pixels, ["7", "7"]), grid(pixels, ["7", "8"])
    left, right = np.asarray(named)[62:, :62], np.asarray(named)[62:, 62:]
    assert left.min() < 100  # something dark is written
    assert not np.array_equal(left, right)
    assert np.array_equal(left, np.asarray(plain)[62:, :62])


def test_text_chunks_round_trip(tmp_path: Path) -> None:
    data = png_bytes(picture(np.zeros((3, 3, 1), np.uint8)), {"ganzoo": '{"a": 1}'})
    assert data == png_bytes(picture(np.zeros((3, 3, 1), np.uint8)), {"ganzoo": '{"a": 1}'})
    (tmp_path / "a.png").write_bytes(data)
    assert png_text(tmp_path / "a.png", "ganzoo") == '{"a": 1}'
    assert png_text(tmp_path / "a.png", "other") is None
    (tmp_path / "a.png").write_bytes(data[:40])
    with pytest.raises(DamagedFile):
        png_text(tmp_path / "a.png", "ganzoo")


def test_read_picture(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 255, (5, 6, 3), dtype=np.uint8)
    picture(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png", (3, 5, 6)), pixels)
    assert read_picture(tmp_path / "a.png", (1, 5, 6)).shape == (5, 6, 1)
    assert np.array_equal(read_picture(tmp_path / "a.png", (3, 5, 4)), pixels[:, 1:5])  # the middle
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(DamagedFile, match="cannot be read as a picture; a PNG or JPEG"):
        read_picture(tmp_path / "b.png", (3, 5, 6))
    for bad, words in (("absent.png", "there is no file .*absent.png"), (".", "is a directory")):
        with pytest.raises(GanzooError, match=words):
            read_picture(tmp_path / bad, (3, 5, 6))
        with pytest.raises(GanzooError, match=words):
            png_text(tmp_path / bad, "ganzoo")


def written(kind: str, image: Image.Image, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


WHITE, RED = (255, 255, 255), (200, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_picture_is_as_its_camera_was_held(kind: str, orientation: int, tmp_path: Path) -> None:
    """By Pillow's own `exif_transpose`; a TIFF is turned once, not twice."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    held = Image.fromarray(RNG.integers(0, 255, (4, 6, 3), dtype=np.uint8))
    data = written(kind, held, exif=exif)
    (tmp_path / "a").write_bytes(data)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert upright.shape == ((4, 6, 3) if orientation < 5 else (6, 4, 3))
    assert np.array_equal(read_picture(tmp_path / "a", (3, *upright.shape[:2])), upright)
    assert np.array_equal(decode(data, 3, None, "none").transpose(1, 2, 0), upright)


def test_a_note_of_the_camera_that_is_damaged_spoils_no_picture(tmp_path: Path) -> None:
    """Pillow's own `exif_transpose` writes all notes anew, and raises at one it cannot."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    data = written("JPEG", Image.new("RGB", (20, 10), "red"), exif=exif).replace(
        b"\x01\x0f\x00\x02", b"\x01\x02\x00\x02"
    )
    with pytest.raises(struct.error):
        ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert picture_of(InputSpec("photo", "image", (3, 20, 10)), data).shape == (20, 10, 3)


def test_a_picture_is_the_same_on_the_page_in_python_and_in_training(tmp_path: Path) -> None:
    """What is transparent lies over white, in grey too; 16 bits are levelled to 8 where they are taken."""
    clear = Image.new("RGBA", (6, 4), (9, 9, 9, 0))
    clear.paste((*RED, 255), (0, 0, 3, 4))
    half = Image.new("LA", (6, 4), (0, 51))
    for image, corners in (
        (clear, (RED, WHITE)),
        (clear.quantize(4), (RED, WHITE)),
        (half, ((204,) * 3,) * 2),
    ):
        data = written("PNG", image)
        (tmp_path / "a.png").write_bytes(data)
        for channels in (1, 3):
            found = read_picture(tmp_path / "a.png", (channels, 4, 6))
            assert np.array_equal(found, picture_of(InputSpec("photo", "image", (channels, 4, 6)), data))
            assert np.array_equal(found, decode(data, channels, None, "none").transpose(1, 2, 0))
        assert [tuple(found[0, at]) for at in (0, 5)] == list(corners)
    deep = np.arange(24, dtype=np.uint16).reshape(4, 6) * 257 + 128
    data = written("PNG", Image.fromarray(deep))
    (tmp_path / "a.png").write_bytes(data)
    for channels in (1, 3):
        found = read_picture(tmp_path / "a.png", (channels, 4, 6))
        assert (found == np.arange(24).reshape(4, 6, 1)).all()
        assert np.array_equal(found, picture_of(InputSpec("photo", "image", (channels, 4, 6)), data))


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_scatter(dimensions: int) -> None:
    points, data = RNG.normal(size=(50, dimensions)), RNG.normal(size=(50, dimensions))
    alone, over = np.asarray(scatter(points)), np.asarray(scatter(points, data))
    assert (alone == MADE).all(axis=2).any()
    assert not (alone == DATA).all(axis=2).any()
    assert (over == DATA).all(axis=2).any()
    assert (alone[:460, :36] < 200).any() == (dimensions > 1)  # the heights of a histogram have no scale
    assert (alone[475:, 40:] < 200).any()
    with pytest.raises(InputError):
        scatter(points * np.nan)


def test_points_stand_where_the_axes_say() -> None:
    """Of the corners of [-1, 1]^2 with a tenth around it: reach 2.2 from -1.1, on 462 pixels from (40, 472)."""
    sheet = np.asarray(scatter(np.array([[-1.0, -1.0], [1.0, 1.0]])))
    assert tuple(sheet[451, 61]) == MADE  # 40 + 462 * 0.1 / 2.2 = 61; 472 - 21 = 451
    assert tuple(sheet[31, 481]) == MADE
    for x in range(61, 482, 42):  # ticks at -1, -0.8, ... 1
        assert (sheet[474, x - 1 : x + 2] < 100).all(axis=1).any()
    assert (sheet[474] < 100).all(axis=1).sum() == 11


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e38])
def test_any_scale_has_ticks(scale: float) -> None:
    for points in (RNG.normal(size=(9, 2)) * scale, np.full((3, 2), scale)):
        sheet = np.asarray(scatter(points))
        assert (sheet[474] < 100).all(axis=1).any()


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
@pytest.mark.parametrize("channels", [1, 3])
def test_films_have_every_frame_and_the_same_bytes(suffix: str, channels: int) -> None:
    levels = np.linspace(0, 250, 6).astype(np.uint8)
    frames = np.broadcast_to(levels[:, None, None, None], (6, 9, 9, channels)).copy()
    data = animation_bytes(frames, suffix, fps=10, cell=63)
    assert data == animation_bytes(frames, suffix, fps=10, cell=63)
    if suffix == ".mp4":
        av = pytest.importorskip("av")
        with av.open(io.BytesIO(data)) as film:
            shown = [f.to_ndarray(format="rgb24") for f in film.decode(video=0)]
            assert film.streams.video[0].average_rate == 10
    else:
        with Image.open(io.BytesIO(data)) as film:
            shown = []
            for k in range(film.n_frames):
                film.seek(k)
                shown.append(np.asarray(film.convert("RGB")))
    assert [int(s.mean()) for s in shown] == pytest.approx(levels.tolist(), abs=3)
    assert shown[0].shape[0] >= 63


def test_an_unknown_film_is_refused() -> None:
    with pytest.raises(InputError):
        animation_bytes(np.zeros((2, 4, 4, 1), np.uint8), ".avi")
