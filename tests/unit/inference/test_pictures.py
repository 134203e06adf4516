"""Pictures from anywhere: bombs are refused before they are decoded, and nothing but pixels goes any further."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from inference.encoders.appearance import fingerprint, main_colours, near, sharpness
from inference.encoders.pictures import LARGEST_SIDE, open_picture
from schemas.errors import BadPicture
from tests.pictures import circles, encoded, stripes

LIMIT = 4_000_000
RED, BLUE = (200, 20, 20), (20, 20, 200)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, pixels: bytes, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")
    )


def refused(content: bytes) -> str:
    with pytest.raises(BadPicture) as found:
        open_picture(content, pixel_limit=LIMIT)
    return found.value.fault


def test_a_picture_is_opened_and_made_small() -> None:
    opened = open_picture(encoded(circles(RED, seed=1, side=1_000)), pixel_limit=LIMIT)
    assert (opened.width, opened.height) == (1_000, 1_000)
    assert opened.pixels.shape == (LARGEST_SIDE, LARGEST_SIDE, 3)


def test_a_bomb_is_refused_by_its_stated_size_before_a_pixel_is_decoded() -> None:
    bomb = png(30_000, 30_000, b"\0" * 3_000_000)
    assert len(bomb) < 10_000
    assert refused(bomb) == "too-many-pixels"
    assert refused(png(2**31 - 1, 2**31 - 1, b"")) in ("too-many-pixels", "broken")


def test_a_file_that_holds_less_than_it_states_is_refused() -> None:
    assert refused(png(1_000, 1_000, b"\0" * 100)) == "broken"
    whole = encoded(circles(RED, seed=1, side=600), "JPEG")
    assert refused(whole[: len(whole) // 2]) == "broken"
    assert refused(whole[:20]) in ("broken", "no-picture")


def test_a_bomb_in_the_text_of_a_png_is_refused() -> None:
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 200_000_000, 9))
    assert refused(png(16, 16, (b"\0" + b"\0" * 48) * 16, text)) == "broken"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"%!PS-Adobe",
        b"BM" + b"\0" * 60,
        b"\0" * 99,
    ],
)
def test_what_is_no_picture_of_an_allowed_kind_is_refused(content: bytes) -> None:
    assert refused(content) in ("no-picture", "broken")


def test_a_polyglot_is_read_as_the_picture_that_it_begins_as() -> None:
    picture = encoded(circles(RED, seed=1))
    script = picture + b"<script>alert(1)</script>PK\x03\x04"
    assert np.array_equal(
        open_picture(script, pixel_limit=LIMIT).pixels, open_picture(picture, pixel_limit=LIMIT).pixels
    )
    assert refused(b"<script>" + picture) == "no-picture"


def test_a_rotated_photograph_stands_upright_and_where_it_was_taken_is_dropped() -> None:
    half = np.zeros((40, 80, 3), np.uint8)
    half[:, :40] = RED
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0)}
    file = BytesIO()
    Image.fromarray(half).save(file, "JPEG", exif=exif, quality=95)
    assert b"Exif" in file.getvalue()
    opened = open_picture(file.getvalue(), pixel_limit=LIMIT)
    assert (opened.width, opened.height) == (40, 80)
    assert opened.pixels[5, 20, 0] > 150 > opened.pixels[75, 20, 0], "its left side is on top now"
    assert type(opened.pixels) is np.ndarray, "pixels, and nothing beside them"


def test_transparent_parts_are_white_and_an_animation_is_its_first_picture() -> None:
    clear = BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(clear, "PNG")
    assert open_picture(clear.getvalue(), pixel_limit=LIMIT).pixels.min() == 255
    moving = BytesIO()
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE)]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    assert main_colours(open_picture(moving.getvalue(), pixel_limit=LIMIT).pixels)[0].startswith("#c8")


def test_colours_and_sharpness_say_what_is_seen() -> None:
    assert main_colours(np.full((64, 64, 3), BLUE, np.uint8)) == ("#1414c8",)
    assert len(main_colours(stripes(BLUE, seed=1))) > 1
    assert sharpness(stripes(BLUE, seed=1)) > 100.0 > sharpness(np.full((64, 64, 3), 9, np.uint8))


def test_the_same_photograph_compressed_and_scaled_anew_has_almost_the_same_fingerprint() -> None:
    one = circles(RED, seed=5, side=300)
    again = open_picture(encoded(np.asarray(Image.fromarray(one).resize((200, 200))), "JPEG"), pixel_limit=LIMIT).pixels
    known = np.array([int(fingerprint(one), 16), int(fingerprint(stripes(BLUE, seed=5)), 16)], np.uint64)
    assert near(known, fingerprint(again)).tolist() == [0]
    assert fingerprint(np.full((64, 64, 3), 200, np.uint8)) == ""
    assert near(known, "").tolist() == []
