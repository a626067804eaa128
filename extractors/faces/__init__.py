"""The faces that documents wear, one module a family: each says how well a document suits it.

A module here offers `FACES`, a tuple of `FaceReader`; it is found by being in this folder. The
reading is pure geometry and patterns, no files and no engine: text layers, OFD pages and
recognition all come through `invoice_from_words`. What cannot be read, or read but not be true,
stays None.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from extractors.kinds import kind_from_name
from extractors.layout.goods_list import read_list, split_lists
from extractors.layout.levelling import Lean, level_pages, returned
from extractors.layout.page import Sheet
from extractors.layout.reading import UNLABELLED, Face, FaceReader
from extractors.model import FIELD_NAMES, Finding, Invoice, Kind, Severity, Source
from extractors.words import PageWords

#: What a document of an undeclared kind must show to be verified and booked.
_USUALLY_NEEDED = (
    "invoice_number",
    "issue_date",
    "total_with_tax",
    "buyer_name",
    "seller_name",
)


@cache
def face_readers() -> tuple[FaceReader, ...]:
    """Every face, in the order of their modules' names. Raises `ValueError` where two declare
    what one kind needs."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    faces: list[FaceReader] = []
    for name in modules:
        faces.extend(importlib.import_module(f"{__name__}.{name}").FACES)
    declared = [kind for face in faces for kind in face.needed]
    if len(declared) != len(set(declared)):
        raise ValueError("two faces declare the needed fields of one kind")
    return tuple(faces)


def printed_words() -> frozenset[str]:
    """The words that the forms of all faces print."""
    return frozenset(word for face in face_readers() for word in face.printed)


def needed_fields(kind: Kind) -> tuple[str, ...]:
    """The fields without which a document of `kind` cannot be verified and booked."""
    for face in face_readers():
        if kind in face.needed:
            return face.needed[kind]
    return _USUALLY_NEEDED


def invoice_from_words(
    pages: Sequence[PageWords], source: Source, codes: Sequence[Invoice] = ()
) -> Invoice:
    """Read one document from the words of all its pages, in order.

    `source` says whether the text is given (`PDF_TEXT`, `OFD_TEXT`) or recognised (`OCR`): a
    recognised value that something contradicts is never sure. `codes` are what QR codes beside
    the words say; they prove or mend what was recognised, and fill nothing. A document that no
    face knows yields an `Invoice` without values.
    """
    leans: dict[int, Lean] = {}
    if source is Source.OCR:
        pages, leans = level_pages(pages)
    faces, lists = split_lists(pages)
    kinds = frozenset(code.kind for code in codes) - {Kind.UNKNOWN}
    invoice = _read_face(faces, source, _stated(codes), kinds)
    amount = invoice.total_without_tax
    update: dict[str, Any] = {"pages": max(1, len(pages))}
    if lists and amount is not None:
        listed, told = read_list(lists, source, amount.value)
        if listed:
            update |= {"lines": listed, "findings": (*invoice.findings, *told)}
    return returned(invoice, leans).model_copy(update=update)


def _stated(codes: Sequence[Invoice]) -> dict[str, Any]:
    """The values of the codes; none where they speak of several documents."""
    if len({code.invoice_number.value for code in codes if code.invoice_number}) != 1:
        return {}
    return {
        name: field.value
        for code in codes
        for name in FIELD_NAMES
        if (field := getattr(code, name)) is not None
    }


#: The score of a face that shows a title, or signs, that no other has.
_ITS_OWN = 4


def _read_face(
    pages: Sequence[PageWords], source: Source, known: Mapping[str, Any], kinds: frozenset[Kind]
) -> Invoice:
    """What the face that suits the document best reads. `kinds` are those that codes beside it
    name: unless a title tells otherwise their faces go first, for a poor picture may look like
    anything."""
    sheet = Sheet(pages)
    told = [reader for reader in face_readers() if kinds & reader.needed.keys()]
    # Every face reads from its own slate; the sheet is the same for all.
    scored = [
        (score == _ITS_OWN, reader in told, score, -rank, reader)
        for rank, reader in enumerate(face_readers())
        if (score := reader.score(Face(sheet, source, known))) is not None
    ]
    if scored:
        best = max(scored, key=lambda entry: entry[:4])[4]
    elif told:
        best = told[0]
    else:
        return Invoice(sources=(source,))
    invoice = best.read(Face(sheet, source, known))
    if source is Source.OCR and invoice.kind not in kinds and _is_guessed(invoice.kind, sheet):
        return invoice.model_copy(update={"findings": (*invoice.findings, _KIND_UNSURE)})
    return invoice


#: As `checks.CONFIDENT`, which stands on this module.
_SURE = 0.85
_KIND_UNSURE = Finding(
    code="low_confidence",
    severity=Severity.WARN,
    field="kind",
    params={"field": "kind", "confidence": f"{UNLABELLED:.2f}"},
)


def _is_guessed(kind: Kind, sheet: Sheet) -> bool:
    """On a poor page, none of whose words is sure, a kind whose name does not stand there was told
    by what is left of its labels: special and ordinary invoices differ in one word."""
    poor = kind is not Kind.UNKNOWN and all(run.score < _SURE for run in sheet.runs)
    lines = (run.text for run in (*sheet.runs, *sheet.phrases))
    return poor and all(kind_from_name(line) is not kind for line in lines)
