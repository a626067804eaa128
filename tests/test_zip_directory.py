"""A ZIP whose directory is the bomb: nobody builds it up to look at it."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest

from archive.actors import EVERYWHERE, Actor, Role
from extractors.errors import ArchiveBomb
from extractors.limits import Limits as ReaderLimits
from extractors.sniff import sniff
from extractors.zip_directory import open_zip
from worker.services import Services
from worker.transfers import take_in
from worker.unpacking import Limits, is_bundle, unpack

_LIMITS = Limits(files=20, file_size=1_000_000, total=5_000_000)
#: All that looking may cost, where the million entries would take some hundreds of megabytes.
_MOST_BYTES = 8 * 1024**2


def many_empty(count: int) -> bytes:
    """A ZIP that says it holds so many empty files; one header serves them all."""
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    central = struct.pack(
        "<4s4B4H3L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    directory = (central + b"a") * count
    said = min(count, 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, said, said, len(directory), len(local), 0)
    return local + directory + end


@pytest.fixture(scope="module")
def million() -> bytes:
    return many_empty(1_000_000)


def test_the_made_zip_is_one() -> None:
    with zipfile.ZipFile(BytesIO(many_empty(3))) as package:
        assert [entry.filename for entry in package.infolist()] == ["a", "a", "a"]


@pytest.mark.parametrize(
    "look", [sniff, lambda data: next(unpack(BytesIO(data), _LIMITS))], ids=["sniff", "unpack"]
)
def test_a_million_empty_entries_are_refused_and_cost_nothing(
    million: bytes, look: Callable[[bytes], object]
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveBomb):
            look(million)
        assert tracemalloc.get_traced_memory()[1] < _MOST_BYTES
    finally:
        tracemalloc.stop()


def test_it_is_no_document_so_it_is_refused_as_a_bundle(million: bytes) -> None:
    stream = BytesIO(million)
    assert is_bundle(stream)
    assert stream.tell() == 0


def test_whoever_hands_it_in_is_told_why(services: Services, million: bytes) -> None:
    teacher = Actor("chen", "chen", "chen", frozenset({(Role.SUBMITTER, EVERYWHERE)}))
    batch = services.intake.open_batch("web", teacher.id)
    (outcome,) = take_in(services, teacher, batch, "many.zip", BytesIO(million))
    assert (outcome.error, outcome.document_id) == ("archive_bomb", "")


def test_as_many_entries_as_any_reader_takes_are_opened_and_unpacked() -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        for number in range(ReaderLimits().max_zip_entries):
            package.writestr(f"{number:04d}{'发票' * 41}.xml", b"x" * 3)
    with open_zip(stream) as package:
        entries = package.infolist()
        assert len(entries) == ReaderLimits().max_zip_entries
        assert package.read(entries[-1]) == b"xxx"
