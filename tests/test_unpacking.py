"""ZIPs of invoices, honest and hostile."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from extractors.errors import ArchiveBomb, DamagedFile, DocumentError, EncryptedFile
from worker.unpacking import Limits, is_bundle, unpack

LIMITS = Limits(files=20, file_size=1_000_000, total=5_000_000)


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method) as package:
        for name, content in entries.items():
            package.writestr(name, content)
    return stream.getvalue()


def names(content: bytes, limits: Limits = LIMITS) -> list[str]:
    return [entry.name for entry in unpack(BytesIO(content), limits)]


def test_files_come_out_and_what_systems_leave_behind_does_not() -> None:
    content = packed(
        {"a.xml": b"1", "差旅/b.pdf": b"2", "__MACOSX/._a.xml": b"3", ".DS_Store": b"4"}
    )
    entries = {entry.name: entry.content for entry in unpack(BytesIO(content), LIMITS)}
    assert entries == {"a.xml": b"1", "差旅/b.pdf": b"2"}


def test_names_from_a_chinese_windows_are_read() -> None:
    name = "发票.pdf"
    as_cp437 = name.encode("gb18030").decode("cp437")
    content = packed({as_cp437: b"x"})
    # The library marks the name as UTF-8; that system does not.
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        content = content[:at] + b"\x00\x00" + content[at + 2 :]
    content = content.replace(
        as_cp437.encode("utf-8"), name.encode("gb18030").ljust(len(as_cp437.encode("utf-8")), b"x")
    )
    assert names(content)[0].startswith(name)


def test_an_ofd_is_a_document_and_no_bundle() -> None:
    assert not is_bundle(BytesIO(packed({"OFD.xml": b"<x/>", "Doc_0/Document.xml": b"<x/>"})))
    assert is_bundle(BytesIO(packed({"a.xml": b"1"})))
    assert not is_bundle(BytesIO(b"PK\x03\x04 is no directory"))
    assert not is_bundle(BytesIO(b"%PDF-1.7"))


def test_a_zip_in_a_zip_is_opened_and_one_deeper_is_not() -> None:
    deepest = packed({"c.xml": b"3"})
    inner = packed({"b.xml": b"2", "deepest.zip": deepest})
    assert names(packed({"a.xml": b"1", "inner.zip": inner})) == ["a.xml", "b.xml", "deepest.zip"]


def _encrypted() -> bytes:
    content = packed({"a.xml": b"1"}, zipfile.ZIP_STORED)
    local, central = content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8
    return (
        content[:local]
        + b"\x01\x00"
        + content[local + 2 : central]
        + b"\x01\x00"
        + content[central + 2 :]
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (packed({f"{number}.xml": b"x" for number in range(21)}), ArchiveBomb),
        (packed({"zeros.xml": bytes(4_000_000)}), ArchiveBomb),
        (packed({f"{n}.bin": bytes(range(256)) * 4000 for n in range(5)}, 0), ArchiveBomb),
        (_encrypted(), EncryptedFile),
        (b"PK\x03\x04 is no directory", DamagedFile),
    ],
    ids=["too many", "packed too well", "too much", "password", "damaged"],
)
def test_what_is_refused_is_refused_before_anything_comes_out(
    content: bytes, error: type[DocumentError]
) -> None:
    with pytest.raises(error):
        next(unpack(BytesIO(content), LIMITS))


def test_a_bomb_inside_costs_only_itself() -> None:
    bomb = packed({"zeros.xml": bytes(4_000_000)})
    found = list(unpack(BytesIO(packed({"bomb.zip": bomb, "a.xml": b"1"})), LIMITS))
    assert [(entry.name, type(entry.error)) for entry in found] == [
        ("bomb.zip", ArchiveBomb),
        ("a.xml", type(None)),
    ]


def test_a_damaged_entry_costs_only_itself() -> None:
    content = bytearray(packed({"a.xml": b"one" * 50, "b.xml": b"two" * 50}))
    content[content.index(b"a.xml") + 8] ^= 0xFF
    found = list(unpack(BytesIO(bytes(content)), LIMITS))
    assert [type(entry.error) for entry in found] == [DamagedFile, type(None)]


def test_no_more_than_a_file_may_hold_is_unfolded() -> None:
    (entry,) = unpack(BytesIO(packed({"a.bin": bytes(range(256)) * 4000}, 0)), LIMITS)
    assert len(entry.content) == LIMITS.file_size + 1
