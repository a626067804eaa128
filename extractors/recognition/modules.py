"""The models of one engine, loaded from local folders: orientation, detection, recognition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from extractors.errors import EngineMissing
from extractors.images import Pixels
from extractors.models import ModelFolders
from extractors.recognition.quads import Quad


class Turns(Protocol):
    """Says which way up a page lies, in degrees: "0", "90", "180" or "270"."""

    def of(self, picture: Pixels) -> str: ...


class Finds(Protocol):
    """Finds lines, the picture's long side shrunk to `side` pixels."""

    def find(self, picture: Pixels, side: int) -> list[Quad]: ...


class Reads(Protocol):
    """Reads one line: its text, and the mean certainty over its characters."""

    def read(self, line: Pixels) -> tuple[str, float]: ...


@dataclass(frozen=True)
class Modules:
    """What one engine needs. `dear` is None when doubtful lines are not read again."""

    orientation: Turns
    detection: Finds
    cheap: Reads
    dear: Reads | None


def load_modules(folders: ModelFolders, threads: int, *, twice: bool) -> Modules:
    """Load the models. Raises `EngineMissing`."""
    try:
        from extractors.recognition.detect import Detector
        from extractors.recognition.graphs import LineModel, Orientation

        return Modules(
            orientation=Orientation(folders.orientation, threads),
            detection=Detector(folders.tiny.detection, threads),
            cheap=LineModel(folders.tiny.recognition, threads),
            dear=LineModel(folders.small.recognition, threads) if twice else None,
        )
    # ONNX Runtime's own faults (a damaged model) are RuntimeErrors or bare Exceptions of its own.
    except Exception as error:
        raise EngineMissing(detail=str(error)) from error
