"""Builds the reader by the settings; only the reading process imports this."""

from __future__ import annotations

from extractors.limits import Limits
from extractors.models import model_folders
from extractors.reader import Reader
from extractors.recognise import PaddleRecogniser
from worker.settings import Settings


def build_reader(settings: Settings) -> Reader:
    """A reader with recognition loaded. Raises `EngineMissing`."""
    recogniser = PaddleRecogniser(
        folders=model_folders(settings.models), threads=settings.ocr_threads
    )
    return Reader(Limits(max_bytes=settings.max_file_size), recogniser)
