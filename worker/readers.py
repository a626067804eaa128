"""Builds the reader by the settings; only the reading process imports this."""

from __future__ import annotations

from collections.abc import Sequence

from extractors.limits import Limits
from extractors.models import ModelFolders
from extractors.ours import Party
from extractors.reader import Reader
from extractors.recognise import PaddleRecogniser
from verifiers.policy import Buyer
from worker.settings import Settings


def build_reader(settings: Settings, folders: ModelFolders, buyers: Sequence[Buyer] = ()) -> Reader:
    """A reader that recognises with these models and knows our own names. Raises
    `EngineMissing`."""
    recogniser = PaddleRecogniser(folders=folders, threads=settings.ocr_threads)
    ours = [Party((each.name, *each.former_names), each.tax_ids) for each in buyers]
    return Reader(Limits(max_bytes=settings.max_file_size), recogniser, ours=ours)
