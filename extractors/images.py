"""Bytes of a picture become pixels, safely: limits before decoding, one shape afterwards.

Everything downstream sees an upright-as-stored BGR uint8 array (height, width, 3), whatever
the file's mode, depth, transparency or EXIF turn.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from extractors.errors import DamagedFile, TooManyPixels
from extractors.limits import Limits

Pixels = npt.NDArray[np.uint8]

#: Longest side, in pixels, worth recognising: an A4 invoice at 300 dpi is 2480 wide. More only
#: costs time; detection was trained on less.
LONG_SIDE = 2600

#: What Pillow raises for a broken picture.
_UNREADABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, ZeroDivisionError, TypeError, LookupError),
    *(AttributeError, OverflowError, RuntimeError, struct.error),
)
#: No scanner makes a longer side, and decoders pay for every row.
_LONGEST_SIDE = 65_535
#: Modes whose pixels can be averaged as they stand.
_AVERAGED = frozenset({"L", "RGB", "RGBA", "CMYK", "I", "F"})

_GREYS = frozenset({"1", "L"})

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")


@dataclass(frozen=True)
class LoadedImage:
    """`pixels`: BGR uint8, long side at most `LONG_SIDE`. `frames`: pictures in the file, of
    which the first was taken."""

    pixels: Pixels
    frames: int


def load_image(data: bytes, limits: Limits) -> Pixels:
    """The first picture of the file as BGR uint8 (height, width, 3), turned as EXIF says and
    shrunk to `LONG_SIDE`. Raises `TooManyPixels` before decoding, `DamagedFile` on failure."""
    return load(data, limits).pixels


def frame_count(data: bytes, limits: Limits) -> int:
    """How many pictures the file holds (a scanned TIFF may hold several pages)."""
    with _opened(data, limits) as image:
        return _frames(image)


def load_frames(data: bytes, limits: Limits) -> list[Pixels]:
    """Every page of a scanned TIFF, as `load_image` gives the first; other formats have one
    (frames of a GIF are a film, a phone's second JPEG is a depth map). At most
    `max_recognised_pages` of them; the pixels decoded in all stay under twice `max_pixels`.
    A broken frame ends the list: compare its length with `frame_count`. Raises as `load_image`.
    """
    with _opened(data, limits) as image:
        if image.format != "TIFF":
            return [load_image(data, limits)]
        found: list[Pixels] = []
        budget = 2 * limits.max_pixels
        for index in range(min(_frames(image), limits.max_recognised_pages)):
            try:
                image.seek(index)
                budget -= _within(image, limits)
                if found and budget < 0:
                    break
                found.append(shrink(_as_bgr(_turned(image))))
            except (*_UNREADABLE, TooManyPixels) as error:
                if found:
                    break
                if isinstance(error, TooManyPixels):
                    raise
                raise DamagedFile(detail=f"image: {error}") from error
    return found


def _within(image: Image.Image, limits: Limits) -> int:
    """The pixels of the picture, before they are decoded. Raises `TooManyPixels`."""
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise TooManyPixels(pixels=pixels, limit=limits.max_pixels)
    return pixels


def load(data: bytes, limits: Limits) -> LoadedImage:
    """As `load_image`, with the count of frames."""
    with _opened(data, limits) as image:
        frames = _frames(image)
        try:
            if image.format == "JPEG":
                # Lets the decoder skip work on pictures far larger than we keep.
                image.draft("RGB", (LONG_SIDE, LONG_SIDE))
            pixels = _as_bgr(_turned(image))
        except _UNREADABLE as error:
            raise DamagedFile(detail=f"image: {error}") from error
        except Image.DecompressionBombError as error:
            raise TooManyPixels(pixels="?", limit=limits.max_pixels) from error
    return LoadedImage(shrink(pixels), frames)


def shrink(pixels: Pixels, long_side: int = LONG_SIDE) -> Pixels:
    """The picture, or a smaller one whose longest side is `long_side` pixels."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _opened(data: bytes, limits: Limits) -> Image.Image:
    """Only the header is read here; pixels are decoded after the limit held."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise TooManyPixels(pixels="?", limit=limits.max_pixels) from error
    except _UNREADABLE as error:
        raise DamagedFile(detail="image header") from error
    pixels = image.width * image.height
    if pixels > limits.max_pixels or max(image.size) > _LONGEST_SIDE:
        image.close()
        raise TooManyPixels(pixels=pixels, limit=limits.max_pixels)
    if pixels == 0:
        image.close()
        raise DamagedFile(detail="image without pixels")
    return image


def _frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except _UNREADABLE:
        # A broken directory of later frames: the first one may still be good.
        return 1


def _turned(image: Image.Image) -> Image.Image:
    """As EXIF says; most pictures say nothing, and need no copy."""
    image.load()
    upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    return image if upright else ImageOps.exif_transpose(image)


def _as_bgr(image: Image.Image) -> Pixels:
    image = _reduced(image)
    if image.mode.startswith(("I", "F")):
        return _from_deep_grey(_deep_grey(image))
    if "A" in image.getbands() or "transparency" in image.info:
        # Transparent paper is white paper; text drawn on it is usually black.
        layer = image.convert("RGBA")
        page = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(page, layer)
    if image.mode in _GREYS:
        grey = np.asarray(image if image.mode == "L" else image.convert("L"), dtype=np.uint8)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    rgb = np.asarray(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _reduced(image: Image.Image) -> Image.Image:
    """A picture far larger than we keep, made smaller before its pixels are copied about: every
    copy of sixty million of them costs a quarter of a gigabyte."""
    factor = max(image.size) // LONG_SIDE
    averaged = image.mode in _AVERAGED and "transparency" not in image.info
    return image.reduce(factor) if factor > 1 and averaged else image


def _deep_grey(image: Image.Image) -> npt.NDArray[np.float32]:
    """Grey of more than eight bits. Sixteen are shrunk before they become floats, which take twice
    the memory; Pillow cannot average them."""
    if not image.mode.startswith("I;16"):
        return np.array(image, dtype=np.float32)
    values = np.asarray(image)
    height, width = values.shape
    factor = max(1, max(width, height) // LONG_SIDE)
    size = (max(1, width // factor), max(1, height // factor))
    native = values.astype(np.uint16, copy=False)
    return cv2.resize(native, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _from_deep_grey(values: npt.NDArray[np.float32]) -> Pixels:
    """16-bit or floating grey, stretched from what occurs in it: scanners use 10, 12 or 16 bits
    and rarely say which. `values` are used up."""
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    scale = 255.0 / (high - low) if high > low else 1.0
    values *= scale  # before the lowest is taken off, which could go beyond what floats hold
    values -= low * scale
    grey = shrink(np.asarray(values.clip(0, 255), dtype=np.uint8))
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


def jpeg(pixels: Pixels) -> bytes:
    """A picture packed so that print stays as sharp as it was."""
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return packed.tobytes()


def pixels_of(packed: bytes) -> Pixels:
    """The picture that `jpeg` packed."""
    picture = cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(picture, dtype=np.uint8)
