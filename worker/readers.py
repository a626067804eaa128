"""Builds the reader by the settings; only the reading process imports this."""

from __future__ import annotations

from extractors.limits import Limits
from extractors.models import ModelFolders
from extractors.reader import Reader
from extractors.recognise import PaddleRecogniser
from worker.settings import Settings


def build_reader(settings: Settings, folders: ModelFolders) -> Reader:
    """A reader that recognises with these models. Raises `EngineMissing`."""
    recogniser = PaddleRecogniser(folders=folders, threads=settings.ocr_threads)
    return Reader(Limits(max_bytes=settings.max_file_size), recogniser)
