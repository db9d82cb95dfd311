"""Qué fotos se aceptan y cómo salen las miniaturas: las reglas, sin ningún servicio."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from fastapi import HTTPException
from PIL import Image

from scenarios.kit.messaging import NotUnderstood
from scenarios.services.thumbnails import make_thumbnails, thumbnail_key
from scenarios.services.uploads import MAX_BYTES, check_image


def picture(form: str = "PNG", size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: object) -> bytes:
    output = io.BytesIO()
    Image.new(mode, size, 90).save(output, form, **options)
    return output.getvalue()


def bomb() -> bytes:
    """Un PNG de pocos bytes que dice medir 60 000 × 60 000 puntos."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("form", "expected"), [
    ("PNG", ("png", "image/png")), ("JPEG", ("jpg", "image/jpeg")), ("WEBP", ("webp", "image/webp")),
])  # fmt: skip
def test_the_three_formats_are_accepted(form: str, expected: tuple[str, str]) -> None:
    assert check_image(picture(form)) == expected


@pytest.mark.parametrize(("content", "status", "says"), [
    (b"", 422, "vacío"),
    (b"hola, no soy una foto", 415, "PNG, JPEG o WebP"),
    (picture("GIF"), 415, "PNG, JPEG o WebP"),
    (b"RIFF\x24\0\0\0WAVEfmt ", 415, "PNG, JPEG o WebP"),
    (picture("JPEG", (1200, 900))[:-900], 422, "cortada o dañada"),
    (picture("PNG")[:60], 422, "cortada o dañada"),
    (picture("WEBP", (600, 600))[:80], 422, "cortada o dañada"),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, 422, "cortada o dañada"),
    (bomb(), 422, "60000×60000"),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * MAX_BYTES, 413, "10 MB"),
], ids=["vacía", "texto", "gif", "wav", "jpeg", "png", "webp", "dañado", "bomba", "enorme"])  # fmt: skip
def test_what_is_not_a_good_picture_is_refused_with_its_reason(content: bytes, status: int, says: str) -> None:
    with pytest.raises(HTTPException) as error:
        check_image(content)
    assert error.value.status_code == status
    assert says in str(error.value.detail)


def _sizes(content: bytes) -> dict[int, tuple[str, tuple[int, int]]]:
    result = {}
    for size, thumbnail in make_thumbnails(content).items():
        with Image.open(io.BytesIO(thumbnail)) as image:
            image.load()
            result[size] = (str(image.format), image.size)
    return result


def test_three_square_webp_of_exactly_their_size() -> None:
    assert _sizes(picture("JPEG", (1200, 500))) == {size: ("WEBP", (size, size)) for size in (64, 128, 256)}


def test_a_small_picture_is_never_enlarged() -> None:
    assert [size for _, size in _sizes(picture("PNG", (100, 300))).values()] == [(64, 64), (100, 100), (100, 100)]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_can_be_reduced(mode: str) -> None:
    assert len(_sizes(picture("PNG", mode=mode))) == 3


def test_a_cmyk_jpeg_can_be_reduced() -> None:
    assert len(_sizes(picture("JPEG", mode="CMYK"))) == 3


def test_transparency_is_kept() -> None:
    image = Image.open(io.BytesIO(make_thumbnails(picture("PNG", mode="RGBA"))[64]))
    assert image.mode == "RGBA"


def test_the_turn_of_the_camera_is_honoured_and_its_data_is_not_copied() -> None:
    """La mitad de arriba, roja; la cámara dice que hay que girar media vuelta: en la miniatura queda abajo."""
    image = Image.new("RGB", (400, 400), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 400, 200))
    exif = Image.Exif()
    exif[0x0112] = 3
    exif[0x010F] = "Cámara"
    output = io.BytesIO()
    image.save(output, "JPEG", quality=95, exif=exif)
    with Image.open(io.BytesIO(make_thumbnails(output.getvalue())[64])) as small:
        top, bottom = small.convert("RGB").getpixel((32, 8)), small.convert("RGB").getpixel((32, 56))
        assert isinstance(top, tuple)
        assert isinstance(bottom, tuple)
        assert top[2] > 200 > 60 > top[0]
        assert bottom[0] > 200 > 60 > bottom[2]
        assert not small.getexif()


def test_the_same_picture_gives_the_same_bytes() -> None:
    content = picture("JPEG", (640, 480))
    assert make_thumbnails(content) == make_thumbnails(content)


def test_what_cannot_be_opened_is_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        make_thumbnails(b"nada")


def test_thumbnails_live_next_to_their_original() -> None:
    assert thumbnail_key("ana/7f3c.png", 64) == "ana/7f3c-64.webp"
