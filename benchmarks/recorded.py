"""Made files and what recognition saw in them, kept on disk, so that work on everything after
recognition measures hundreds of pictures in seconds.

A recording is named by what it came from: the made file by specimen, sort, seed and the maker's
sources; a recognised page by its pixels and the sources of recognition. A change to either makes
it anew; nothing is ever stale.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from pydantic import BaseModel

from extractors.model import Box
from extractors.recogniser import Image, RecognisedPage, Recogniser
from extractors.words import PageWords, Word

_ROOT = Path(__file__).resolve().parent.parent
_RECOGNITION = (
    "extractors/recognise.py",
    "extractors/recognition/*.py",
    "extractors/prepare.py",
    "extractors/colour.py",
    "extractors/straight*.py",
    "extractors/seal.py",
    "extractors/images.py",
)
_MAKER = ("fixtures/maker/**/*.py",)
#: Lossless, and as quick to write as to recognise nothing: size hardly matters.
_QUICK_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class _Page(BaseModel):
    words: PageWords
    rotation: int


class _Words(BaseModel):
    words: tuple[Word, ...]


class RecordedRecogniser:
    """A recogniser that looks at each picture once, ever; `engine` looks at the new ones."""

    def __init__(self, engine: Recogniser, folder: Path) -> None:
        self._engine = engine
        self._folder = folder / f"recognition-{_fingerprint(_RECOGNITION)}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def recognise(self, image: Image, page: int) -> RecognisedPage:
        """As the engine recognises it, or did before."""
        name = _name(_pixels(image), str(page))
        note, picture = self._folder / f"{name}.json", self._folder / f"{name}.png"
        if note.exists():
            kept = _Page.model_validate_json(note.read_bytes())
            upright = np.asarray(cv2.imread(str(picture)), dtype=np.uint8)
            return RecognisedPage(words=kept.words, rotation=kept.rotation, image=upright)
        found = self._engine.recognise(image, page)
        _written(picture, cv2.imencode(".png", found.image, _QUICK_PNG)[1].tobytes())
        kept = _Page(words=found.words, rotation=found.rotation)
        _written(note, kept.model_dump_json().encode())
        return found

    def recognise_region(self, image: Image, boxes: Iterable[Box]) -> tuple[Word, ...]:
        """As the engine sees these places, or did before."""
        places = tuple(boxes)
        name = _name(_pixels(image), *(box.model_dump_json() for box in places))
        note = self._folder / f"{name}-places.json"
        if note.exists():
            return _Words.model_validate_json(note.read_bytes()).words
        found = self._engine.recognise_region(image, places)
        _written(note, _Words(words=found).model_dump_json().encode())
        return found


def recorded_file(folder: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """The made file of this name, made only where the maker has not made it before."""
    place = folder / f"made-{_fingerprint(_MAKER)}" / _name(name.encode())
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        _written(place, make())
    return place.read_bytes()


def _written(path: Path, content: bytes) -> None:
    """Whole or not at all, whoever else writes the same."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


def _pixels(image: Image) -> bytes:
    whole = np.ascontiguousarray(image).tobytes()
    return hashlib.sha256(whole).digest() + str(image.shape).encode()


def _name(first: bytes, *others: str) -> str:
    digest = hashlib.sha256(first)
    for other in others:
        digest.update(b"\0" + other.encode())
    return digest.hexdigest()[:32]


@cache
def _fingerprint(patterns: tuple[str, ...]) -> str:
    """Of the sources that match: their bytes, file by file."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(_ROOT.glob(pattern)):
            digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
