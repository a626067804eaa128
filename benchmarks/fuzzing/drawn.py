"""Files to fuzz with, drawn by seed: made documents, then damaged.

The same seed gives the same file as long as the maker draws the same.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image

from benchmarks.fuzzing.mutators import BYTES, OFD, PDF, XML, Mutator, untouched
from fixtures.maker import Form, draw_truth, drawn_as, make, pages, raster, specimens
from fixtures.maker.pdf import pdf_bytes

_DAY = dt.date(2026, 11, 22)
#: Few seeds of each specimen, so that a run draws each once and then damages copies.
_LOOKS = 3


def drawn_file(seed: int) -> tuple[str, bytes]:
    """Name and content of one damaged file: family, seed, what it was, what was done to it."""
    family = tuple(_FAMILIES)[seed % len(_FAMILIES)]
    draw = random.Random(f"{family}:{seed}")
    base, mutators = _FAMILIES[family]
    name, data = base(draw)
    done = []
    for _ in range(draw.choice((1, 1, 2, 3, 5))):
        mutator = draw.choice(mutators)
        data = mutator(draw, data)
        done.append(mutator.__name__)
    return f"{family} {seed} {name} {'+'.join(done)}", data


# Documents to damage.


def _some_truth(draw: random.Random, form: Form | None) -> tuple[str, int]:
    names = [name for name, drawn in specimens().items() if form is None or form in drawn.forms]
    return draw.choice(names), draw.randrange(_LOOKS)


@lru_cache(maxsize=256)
def _made(name: str, seed: int, form: Form) -> bytes:
    truth = draw_truth(name, seed, today=_DAY)
    if form is Form.PDF and form not in drawn_as(truth).forms:
        return pdf_bytes(pages(truth, seed), title=truth.invoice_number)
    return make(truth, form, seed).content


def _electronic(form: Form) -> Callable[[random.Random], tuple[str, bytes]]:
    def base(draw: random.Random) -> tuple[str, bytes]:
        name, seed = _some_truth(draw, None if form is Form.PDF else form)
        return f"{name}-{seed}", _made(name, seed, form)

    return base


@lru_cache(maxsize=256)
def _picture(name: str, seed: int) -> Image.Image:
    page = raster.rendered(_made(name, seed, Form.PDF), 50 + 20 * seed)
    return Image.fromarray(page[:, :, ::-1])


def _pictured(draw: random.Random) -> tuple[str, bytes]:
    """A small picture of a document, in any format and mode."""
    name, seed = _some_truth(draw, None)
    picture = draw.choice(_CHANGES)(draw, _picture(name, seed))
    form = draw.choice(("PNG", "PNG", "JPEG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"))
    mode = draw.choice(_MODES[form])
    stream = io.BytesIO()
    more = (
        {"save_all": True, "append_images": [picture.convert(mode)] * 3}
        if draw.random() < 0.2
        else {}
    )
    if form == "TIFF":
        more["compression"] = draw.choice(("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"))
    picture.convert(mode).save(stream, form, **({} if form in {"BMP", "JPEG"} else more))
    return f"{name}-{seed}-{form}-{mode}", stream.getvalue()


_MODES = {
    "PNG": ("RGB", "L", "1", "P", "RGBA", "LA"),
    "JPEG": ("RGB", "L", "CMYK"),
    "TIFF": ("RGB", "L", "1", "P", "RGBA", "CMYK", "I", "F", "LAB", "YCbCr"),
    "BMP": ("RGB", "L", "1", "P"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("P", "L", "1"),
}


def _as_is(_: random.Random, picture: Image.Image) -> Image.Image:
    return picture


def _sliver(draw: random.Random, picture: Image.Image) -> Image.Image:
    """A strip of a few pixels, or a single one."""
    size = (draw.choice((1, 2, 7)), draw.choice((1, 3, 4000)))
    return picture.resize(size if draw.random() < 0.5 else size[::-1])


def _flat(draw: random.Random, picture: Image.Image) -> Image.Image:
    """One colour, or noise: nothing to level, nothing to read."""
    if draw.random() < 0.5:
        return Image.new("RGB", picture.size, draw.choice(("white", "black", "red")))
    return Image.fromarray(
        np.frombuffer(draw.randbytes(300 * 200 * 3), np.uint8).reshape(200, 300, 3)
    )


def _turned(draw: random.Random, picture: Image.Image) -> Image.Image:
    return picture.rotate(draw.uniform(0, 360), expand=draw.random() < 0.5, fillcolor="grey")


_CHANGES = (_as_is, _as_is, _as_is, _sliver, _flat, _turned)
_FAMILIES: dict[str, tuple[Callable[[random.Random], tuple[str, bytes]], tuple[Mutator, ...]]] = {
    "pdf": (_electronic(Form.PDF), PDF),
    "ofd": (_electronic(Form.OFD), OFD),
    "xml": (_electronic(Form.XML), XML),
    "image": (_pictured, BYTES),
    "recognised": (_pictured, (untouched,)),
}
