"""Our own name and tax id, which stand on nearly every invoice that is handed in, set right where
recognition misread them.

An installation knows who it is. On a worn copy `杭州市临漏案验学校` can be nobody else, and its id
with three misread characters neither. What is mended stays unsure, and what was read is remembered
as doubted: a printed name that truly differs (抬头有误) is shown to a person beside ours, and the
portal still tells whose invoice it is. Nothing is filled in where nothing was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz.distance import Indel

from extractors.checks import CONFIDENT
from extractors.layout.reading import MENDED
from extractors.layout.values import check_character_holds
from extractors.merge import folded
from extractors.model import Field, Invoice, Source

#: How much of a name, and of an id that cannot be right, must agree with ours (0..1).
_LIKE_NAME, _LIKE_ID = 0.75, 0.7
#: With our id beside it, so much of a name.
_LIKE_NAME_BY_ID = 0.5


@dataclass(frozen=True)
class Party:
    """What we are called, now and formerly, and the ids that we go by."""

    names: tuple[str, ...]
    tax_ids: tuple[str, ...] = ()


def mended_by_ours(reading: Invoice, parties: Sequence[Party]) -> Invoice:
    """A recognised reading whose buyer or seller is plainly one of `parties` with its name and id
    as they are written; everything else as it is."""
    if Source.OCR not in reading.sources:
        return reading
    for role in ("buyer", "seller"):
        name, tax_id = getattr(reading, f"{role}_name"), getattr(reading, f"{role}_tax_id")
        meant = [party for party in parties if _is_meant(party, name, tax_id)]
        if len(meant) == 1:
            reading = _with(reading, f"{role}_name", name, meant[0].names)
            reading = _with(reading, f"{role}_tax_id", tax_id, meant[0].tax_ids)
    return reading


def _is_meant(party: Party, name: Field[str] | None, tax_id: Field[str] | None) -> bool:
    """A name alone is enough where it is unsure: another's name may be as like ours as a misread
    one (a school and its canteen). An id that was read surely and satisfies its check stands;
    an unsure one may have been made to satisfy it."""
    if name is None:
        return False
    by_name = max(_likeness(name.value, own) for own in party.names)
    if tax_id is None:
        return by_name >= _LIKE_NAME and name.confidence < CONFIDENT
    by_id = max((_likeness(tax_id.value, own) for own in party.tax_ids), default=0.0)
    if by_id == 1:
        return by_name >= _LIKE_NAME_BY_ID
    proven = tax_id.confidence >= CONFIDENT and check_character_holds(tax_id.value)
    return not proven and by_name >= _LIKE_NAME and by_id >= _LIKE_ID


def _likeness(one: str, other: str) -> float:
    return Indel.normalized_similarity(_plain(one), _plain(other))


def _plain(text: str) -> str:
    return str(folded("name", text))


def _with(reading: Invoice, name: str, read: Field[Any] | None, written: Sequence[str]) -> Invoice:
    """The reading with that of our ways to write a value which is most like what was read."""
    if read is None or read.source is not Source.OCR or not written:
        return reading
    ours = max(written, key=lambda own: _likeness(read.value, own))
    if _plain(read.value) == _plain(ours):
        return reading
    mended = read.model_copy(update={"value": ours, "confidence": min(read.confidence, MENDED)})
    return reading.model_copy(update={name: mended, "doubted": {name: read, **reading.doubted}})
