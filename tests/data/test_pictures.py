"""Pictures of every kind become upright RGB over white, and what is none is called by its name."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.data import DataError, modes, pictures
from cnnlite.data.formats import REFUSED as REFUSED_FORMATS
from cnnlite.data.formats import has_picture_name, readable
from cnnlite.data.pictures import read_picture

Image = pytest.importorskip("PIL.Image")
ImageOps = pytest.importorskip("PIL.ImageOps")
features = pytest.importorskip("PIL.features")
SIDE = 32


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ramp() -> np.ndarray:
    """0 to 1 from left to right, (32, 32)."""
    return np.tile(np.linspace(0, 1, SIDE), (SIDE, 1))


def bytes_of(values: np.ndarray) -> np.ndarray:
    return np.rint(values * 255).astype(np.uint8)


def saved(image: Any, name: str, **options: Any) -> Path:
    image.save(name, **options)
    return Path(name)


def grey(path: Path) -> np.ndarray:
    """The picture's only plane: the three must agree."""
    planes = read_picture(path)
    assert planes.shape == (3, SIDE, SIDE)
    assert (planes == planes[0]).all()
    return planes[0]


def png(name: str, color_type: int, pixels: np.ndarray, transparent: bytes = b"") -> Path:
    """Write a PNG of 16 bits by hand: Pillow writes few of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0))]
    parts += [chunk(b"tRNS", transparent)] if transparent else []
    parts += [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    Path(name).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return Path(name)


@pytest.mark.usefixtures("folder")
class TestSize:
    def test_a_picture_of_the_networks_size_is_taken_as_it_is(self, rng) -> None:
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        found = read_picture(saved(Image.fromarray(pixels), "a.png"))
        np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1))
        assert found.flags.c_contiguous

    def test_the_largest_centred_square_is_taken(self) -> None:
        pixels = np.zeros((64, 128, 3), np.uint8)
        pixels[:, 32:96] = 200  # the centre; black to the left and right of it
        assert (read_picture(saved(Image.fromarray(pixels), "wide.png")) == 200).all()

    def test_another_size_may_be_asked_for(self) -> None:
        assert read_picture(saved(Image.new("L", (50, 70)), "a.png"), 48).shape == (3, 48, 48)

    @pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK"])
    @pytest.mark.parametrize("size", [(1, 1), (7, 300), (500, 333)])
    def test_any_size_and_mode(self, mode: str, size: tuple[int, int]) -> None:
        name = "a.tif" if mode == "CMYK" else "a.png"
        assert read_picture(saved(Image.new("RGB", size).convert(mode), name)).shape == (3, 32, 32)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_a_picture_is_turned_as_its_exif_orientation_says(rng, orientation: int, name: str) -> None:
    options = {"a.jpg": {"quality": 100}, "a.webp": {"lossless": True}}.get(name, {})
    image = Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    plain = read_picture(saved(image, name, **options))
    exif = Image.Exif()
    exif[0x0112] = orientation
    x = plain.transpose(1, 2, 0)
    turned = {
        1: x, 2: x[:, ::-1], 3: x[::-1, ::-1], 4: x[::-1], 5: x.swapaxes(0, 1),
        6: np.rot90(x, -1), 7: np.rot90(x, 2).swapaxes(0, 1), 8: np.rot90(x),
    }[orientation]  # fmt: skip
    found = read_picture(saved(image, name, exif=exif, **options)).transpose(1, 2, 0)
    np.testing.assert_array_equal(found, turned)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_none(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(bytes_of(ramp()))
    np.testing.assert_array_equal(grey(saved(image, "a.png", exif=exif)), bytes_of(ramp()))


@pytest.mark.usefixtures("folder")
class TestTransparency:
    """Red with an alpha from 0 to 255: over white it is (255, 255 - alpha, 255 - alpha)."""

    def image(self) -> Any:
        pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
        pixels[..., 0], pixels[..., 3] = 255, bytes_of(ramp())
        return Image.fromarray(pixels)

    @pytest.mark.parametrize(
        ("name", "options"), [("a.png", {}), ("a.tif", {}), ("a.webp", {"lossless": True})]
    )
    def test_rgba(self, name: str, options: dict[str, Any]) -> None:
        red, green, blue = read_picture(saved(self.image(), name, **options))
        assert (red == 255).all()
        np.testing.assert_array_equal(green, 255 - bytes_of(ramp()))
        np.testing.assert_array_equal(blue, green)

    @pytest.mark.parametrize("name", ["a.png", "a.tif"])
    def test_la(self, name: str) -> None:
        pixels = np.zeros((SIDE, SIDE, 2), np.uint8)
        pixels[..., 1] = bytes_of(ramp())
        found = grey(saved(Image.frombytes("LA", (SIDE, SIDE), pixels.tobytes()), name))
        np.testing.assert_array_equal(found, 255 - bytes_of(ramp()))

    @pytest.mark.parametrize("mode", ["RGBa", "La", "PA", "LA", "RGBA"])
    def test_of_every_mode_in_memory(self, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Formats of other versions of Pillow may come in these modes."""
        steps = {"La": ("LA", "La"), "PA": ("P", "PA")}.get(mode, (mode,))
        image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
        for step in steps:
            image = image.convert(step)
        if mode == "PA":
            image.putalpha(0)
        image.tile = []
        assert np.asarray(modes.rgb(image)).min() == 255

    @pytest.mark.parametrize("name", ["a.png", "a.gif"])
    def test_palette(self, name: str) -> None:
        image = Image.new("P", (SIDE, SIDE), 1)
        image.putpalette([0, 0, 0, 0, 0, 200])
        image.paste(0, (0, 0, 16, SIDE))
        found = read_picture(saved(image, name, transparency=0))
        assert (found[:, :, :16] == 255).all()
        assert (found[:, :, 16:] == np.array([0, 0, 200])[:, None, None]).all()

    @pytest.mark.parametrize(
        ("image", "clear"),
        [
            (Image.new("L", (SIDE, SIDE), 7), 7),
            (Image.new("RGB", (SIDE, SIDE), (7, 0, 9)), (7, 0, 9)),
            (Image.new("1", (SIDE, SIDE), 0), 0),
        ],
    )
    def test_one_colour_of_a_png(self, image: Any, clear: Any) -> None:
        assert (read_picture(saved(image, "a.png", transparency=clear)) == 255).all()
        assert (read_picture(saved(image, "b.png")) != 255).any()

    @pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (2, 3)])
    def test_one_colour_of_a_png_of_16_bits(self, color_type: int, channels: int) -> None:
        pixels = np.full((SIDE, SIDE, channels), 0x80C0)
        clear = struct.pack(">H", 0x80C0) * channels
        assert (read_picture(png("a.png", color_type, pixels, clear)) == 255).all()
        assert (read_picture(png("b.png", color_type, pixels)) // 2 == 64).all()


@pytest.mark.usefixtures("folder")
class TestDepth:
    @pytest.mark.parametrize("name", ["a.png", "a.tif"])
    def test_16_bits(self, name: str) -> None:
        image = Image.fromarray(np.rint(ramp() * 65535).astype(np.uint16))
        np.testing.assert_allclose(grey(saved(image, name)), bytes_of(ramp()), atol=0)

    def test_16_bits_the_other_way_round(self) -> None:
        image = Image.fromarray(np.rint(ramp() * 65535).astype(">u2"))
        assert image.mode == "I;16B"
        np.testing.assert_array_equal(grey(saved(image, "a.tif")), bytes_of(ramp()))

    def test_16_bits_with_an_alpha(self) -> None:
        pixels = np.tile(np.array([0x8000, 0x4000]), (SIDE, SIDE, 1))
        assert (grey(png("a.png", 4, pixels)) == 223).all()  # 255 - (255 - 128) / 4

    @pytest.mark.parametrize("most", [255, 65535, 2**31 - 1])
    def test_32_bits(self, most: int) -> None:
        image = Image.fromarray(np.rint(ramp() * most).astype(np.int32))
        np.testing.assert_array_equal(grey(saved(image, "a.tif")), bytes_of(ramp()))

    def test_32_bits_without_a_sign(self) -> None:
        values = np.rint(ramp() * (2**32 - 1)).astype(np.uint32)
        image = Image.fromarray(values.view(np.int32))
        path = saved(image, "a.tif")
        signed, unsigned = (struct.pack("<HHIHH", 339, 3, 1, form, 0) for form in (2, 1))
        assert path.read_bytes().count(signed) == 1
        path.write_bytes(path.read_bytes().replace(signed, unsigned))
        np.testing.assert_array_equal(grey(path), bytes_of(ramp()))

    def test_negative_pixels_are_scaled_from_the_smallest_to_the_largest(self) -> None:
        image = Image.fromarray(np.rint(ramp() * 62000 - 31000).astype(np.int32))
        np.testing.assert_allclose(grey(saved(image, "a.tif")), bytes_of(ramp()), atol=1)

    @pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (0, 65535), (-3, 5), (0, 1e9)])
    def test_floating_point(self, low: float, high: float) -> None:
        image = Image.fromarray((low + (high - low) * ramp()).astype(np.float32))
        np.testing.assert_allclose(grey(saved(image, "a.tif")), bytes_of(ramp()), atol=1)

    def test_half_of_what_floating_point_may_be_stays_half(self) -> None:
        image = Image.fromarray((ramp() / 2).astype(np.float32))
        np.testing.assert_allclose(grey(saved(image, "a.tif")), bytes_of(ramp() / 2), atol=1)

    def test_what_is_not_finite_is_black(self) -> None:
        values = ramp().astype(np.float32)
        values[0, :3] = np.nan, np.inf, -np.inf
        expected = bytes_of(ramp())
        expected[0, :3] = 0
        np.testing.assert_array_equal(grey(saved(Image.fromarray(values), "a.tif")), expected)
        nothing = Image.fromarray(np.full((SIDE, SIDE), np.nan, np.float32))
        assert (grey(saved(nothing, "b.tif")) == 0).all()

    @pytest.mark.parametrize("most", [255, 1023, 65535])
    def test_pgm_of_any_depth(self, most: int) -> None:
        form = "u1" if most < 256 else ">u2"
        head = f"P5 {SIDE} {SIDE} {most}\n".encode()
        Path("a.pgm").write_bytes(head + np.rint(ramp() * most).astype(form).tobytes())
        np.testing.assert_allclose(grey(Path("a.pgm")), bytes_of(ramp()), atol=1)

    def test_one_bit(self) -> None:
        found = grey(saved(Image.fromarray(ramp() > 0.5), "a.png"))
        np.testing.assert_array_equal(found, np.where(ramp() > 0.5, 255, 0))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("mode", "name"), [("CMYK", "a.tif"), ("CMYK", "a.jpg"), ("YCbCr", "a.tif"), ("LAB", "a.tif")]
)
def test_other_colour_spaces_become_rgb(mode: str, name: str) -> None:
    image = Image.new("RGB", (SIDE, SIDE), (220, 40, 90))
    if mode == "LAB":
        cms = pytest.importorskip("PIL.ImageCms")
        spaces = cms.createProfile("sRGB"), cms.createProfile("LAB")
        image = cms.profileToProfile(image, *spaces, outputMode="LAB")
    else:
        image = image.convert(mode)
    found = read_picture(saved(image, name))
    np.testing.assert_allclose(found.reshape(3, -1).T - np.array([220.0, 40, 90]), 0, atol=4)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_of_several_pictures_the_first_is_taken(name: str) -> None:
    first, second = (Image.new("RGB", (SIDE, SIDE), c) for c in ("red", "blue"))
    found = read_picture(saved(first, name, save_all=True, append_images=[second]))
    np.testing.assert_allclose(found[:, 5, 5].astype(float), [255, 0, 0], atol=3)


REFUSED = {
    "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "it is HEIC; pictures are BMP, GIF, JPEG, PNG"),
    "a.svg": (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "it is SVG; pictures are BMP"),
    "a.html": (b"<!DOCTYPE html><html>", "it is a web page"),
    "a.pdf": (b"%PDF-1.4", "it is PDF"),
    "a.eps": (b"%!PS-Adobe-3.0 EPSF-3.0", "it is PostScript"),
    "a.wmf": (b"\xd7\xcd\xc6\x9a\0\0", "it is of a kind that Pillow cannot read"),
    "a.h5": (b"\x89HDF\r\n\x1a\n", "it is of a kind that Pillow cannot read"),
    "a.psd": (b"8BPS\0\1", "PSD"),
    "a.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    "a.jxl": (b"\xff\x0a\0\0", "it is JPEG XL"),
    "a.mp4": (b"\0\0\0\x18ftypisom", "it is a video"),
    "a.txt": (b"not a picture", "it is a text file; pictures are BMP"),
    "a.bin": (bytes(range(256)), "it is of a kind that Pillow cannot read"),
    "a.png": (b"", "the file is empty"),
    "b.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
    "c.tif": (b"II*\0\x08\0\0\0", "TIFF"),
    "b.jpg": (b"\xff\xd8\xff\xe0", "the JPEG is damaged or cut off"),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "ending",
    ["ico", "jp2", "j2k", "pcx", "sgi", "qoi", "tiff", "ppm", "tga", "dib", "dds", "psd"],
)
def test_less_common_formats(ending: str, rng) -> None:
    if ending in ("jp2", "j2k") and not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    options = {"sizes": [(SIDE, SIDE)]} if ending == "ico" else {}
    path = Path(f"a.{ending}")
    if ending == "psd":  # which Pillow reads only
        path.write_bytes(photoshop(pixels))
    else:
        saved(Image.fromarray(pixels), path.name, **options)
    assert has_picture_name(path.name)
    np.testing.assert_array_equal(read_picture(path), pixels.transpose(2, 0, 1))


def photoshop(pixels: np.ndarray) -> bytes:
    """A PSD of one flat picture, as Adobe's "Photoshop File Formats Specification" has it."""
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, *pixels.shape[:2], 8, 3)
    return head + bytes(12) + struct.pack(">H", 0) + pixels.transpose(2, 0, 1).tobytes()


@pytest.mark.usefixtures("folder")
@pytest.mark.filterwarnings("ignore:.*image format is deprecated")
def test_every_format_of_this_pillow_is_read_or_refused_on_purpose(rng) -> None:
    """A list of our own once left out what Pillow reads."""
    pixels = rng.integers(0, 2, (SIDE, SIDE), dtype=np.uint8) * 255
    image, tried = Image.fromarray(pixels).convert("1"), 0
    for ending, name in Image.registered_extensions().items():
        if name not in Image.SAVE or name not in Image.OPEN or name in ("ICNS", *REFUSED_FORMATS):
            continue
        for mode in ("1", "L", "P", "RGB", "RGBA"):
            try:
                image.convert(mode).save(f"a{ending}")
            except (OSError, ValueError, KeyError):  # not of this mode, or not in this Pillow
                continue
            assert has_picture_name(f"a{ending}")
            assert read_picture(f"a{ending}").shape == (3, 32, 32)
            tried += 1
            break
    assert tried > 20
    assert set(readable()) >= set(Image.OPEN) - set(REFUSED_FORMATS) - {"AVIF", "WEBP", "JPEG2000"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_called_by_its_name(name: str) -> None:
    content, reason = REFUSED[name]
    Path(name).write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_picture(name)
    assert str(raised.value).startswith(f"{name} cannot be read as a picture: ")
    assert reason in str(raised.value)


@pytest.mark.usefixtures("folder")
def test_avif_is_read_where_pillow_can_and_named_where_it_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = features.check
    Path("a.avif").write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1")
    with monkeypatch.context() as patch:  # undo() would leave the test's folder too
        patch.setattr(features, "check", lambda name: name != "avif" and check(name))
        readable.cache_clear()
        with pytest.raises(DataError, match=r"it is AVIF; pictures are BMP.*WebP, JPEG2000"):
            read_picture("a.avif")
    readable.cache_clear()
    if check("avif"):
        image = Image.new("RGB", (SIDE, SIDE), (200, 30, 60))
        found = read_picture(saved(image, "b.avif"))[:, 3, 3].astype(float)
        np.testing.assert_allclose(found, [200, 30, 60], atol=6)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.tif", "a.webp"])
def test_a_picture_that_is_cut_off_is_refused(rng, name: str) -> None:
    pixels = rng.integers(0, 256, (100, 100, 3), dtype=np.uint8)
    path = saved(Image.fromarray(pixels), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"{name} cannot be read as a picture: .*damaged"):
        read_picture(path)


class TestLimits:
    def test_a_jpeg_of_108_megapixels_is_scaled_down_while_it_is_read(self, folder: Path) -> None:
        pixels = np.full((1500, 2000, 3), (200, 60, 20), np.uint8)
        image = Image.fromarray(pixels).resize((12000, 9000), Image.Resampling.NEAREST)
        path = saved(image, "a.jpg")
        found = read_picture(path)[:, 9, 9].astype(float)
        np.testing.assert_allclose(found, [200, 60, 20], atol=3)

    def test_other_formats_are_refused_with_the_limit(self, folder: Path) -> None:
        path = saved(Image.new("1", (12000, 9000)), "a.png")
        message = r"it has 12000 x 9000 pixels, more than the 67,108,864 pixels that a PNG may have"
        with pytest.raises(DataError, match=message):
            read_picture(path)

    def test_so_is_a_jpeg_that_is_far_too_large(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = saved(Image.new("L", (200, 100)), "a.jpg")
        monkeypatch.setattr(pictures, "MAX_JPEG_PIXELS", 10_000)
        message = "it has 200 x 100 pixels, more than the 10,000 pixels that a JPEG may have$"
        with pytest.raises(DataError, match=message):
            read_picture(path)

    def test_what_pillow_takes_for_a_bomb_is_refused_with_the_limit(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = saved(Image.new("L", (100, 100)), "a.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        with pytest.raises(DataError, match="more than the 67,108,864 pixels that a PNG may have"):
            read_picture(path)


class TestPlaces:
    def test_no_file(self, folder: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"^no\.png: no such file$"):
            read_picture("no.png")

    def test_a_folder(self, folder: Path) -> None:
        with pytest.raises(DataError, match="cannot be read as a picture: it is a folder"):
            read_picture(folder)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
    def test_a_pipe_that_nobody_writes_to(self, folder: Path) -> None:
        os.mkfifo("a.png")
        with pytest.raises(DataError, match="it is not a regular file"):
            read_picture("a.png")

    @pytest.mark.parametrize("name", [b"a b.png", b"\xff.png", "ü.png".encode()])
    def test_any_name(self, folder: Path, name: bytes) -> None:
        path = os.fsdecode(name)
        try:
            saved(Image.new("L", (40, 40), 9), "a.png").rename(path)
        except OSError:
            pytest.skip("this file system has no such names")
        assert (read_picture(path) == 9).all()
        assert (read_picture(Path(path)) == 9).all()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("side", [1, 31, 127, 128, 129, 300])
def test_the_planes_are_the_same_for_few_pixels_and_for_many(rng, side: int) -> None:
    pixels = rng.integers(0, 256, (side, side + 2, 3), dtype=np.uint8)
    found = pictures.planes(Image.fromarray(pixels))
    np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1))
    np.testing.assert_array_equal(
        pictures.planes(Image.fromarray(pixels[..., 0]))[0], pixels[..., 0]
    )
