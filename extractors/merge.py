"""Readings of one document by several sources become one invoice, and no quarrel is lost.

Each field comes from the best source that has it (`SOURCE_ORDER`). Wherever another source
says something else, a finding keeps both values: an altered face differs from its QR code.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from extractors.amount_words import parse_amount
from extractors.checks import self_findings
from extractors.model import (
    FIELD_NAMES,
    SOURCE_ORDER,
    Field,
    Finding,
    Invoice,
    Kind,
    Severity,
    Source,
)

#: A recognised value this sure that contradicts an exact source is no misreading to wave through.
SURE_OCR = 0.9
#: Free text that sources abridge in their own ways; a difference says nothing.
_NOT_COMPARED = frozenset({"remarks", "issuer"})
_RANK = {source: rank for rank, source in enumerate(SOURCE_ORDER)}
#: A toll invoice is an electronic 普票 whose own name only some sources know.
_COMPATIBLE_KINDS = (frozenset({Kind.VAT_ELECTRONIC_NORMAL, Kind.VAT_TOLL}),)


def merge(readings: Sequence[Invoice]) -> Invoice:
    """One invoice from `readings` of the same document; an empty one from none.

    Adds `sources_disagree` (BLOCK, but WARN when only an unsure recognised value differs) and
    the findings of `checks.self_findings`. Nothing is computed to fill a gap.
    """
    ordered = sorted(readings, key=_rank)
    fields: dict[str, Field[Any]] = {}
    findings: list[Finding] = []
    for name in FIELD_NAMES:
        candidates = _candidates(ordered, name)
        if candidates:
            fields[name] = _placed(name, candidates)
            findings.extend(_disagreements(name, candidates))
    doubted = _doubted(ordered, fields)
    findings.extend(_seen_otherwise(fields, doubted))
    kind, kind_findings = _kind(ordered)
    merged = Invoice(
        kind=kind,
        lines=next((reading.lines for reading in ordered if reading.lines), ()),
        extra=_extra(ordered),
        doubted=doubted,
        sources=_sources(ordered),
        rotation=next((reading.rotation for reading in ordered if reading.rotation), 0),
        pages=max((reading.pages for reading in ordered), default=1),
        address=next((reading.address for reading in ordered if reading.address), None),
        **fields,
    )
    own = [finding for reading in ordered for finding in reading.findings]
    return merged.model_copy(
        update={
            "findings": _without_repeats([*findings, *kind_findings, *own, *self_findings(merged)])
        }
    )


def _rank(reading: Invoice) -> int:
    return min((_RANK[source] for source in reading.sources), default=len(_RANK))


def _candidates(ordered: Sequence[Invoice], name: str) -> list[Field[Any]]:
    found: list[Field[Any]] = [
        field for reading in ordered if (field := getattr(reading, name)) is not None
    ]
    return sorted(found, key=lambda field: (_RANK[field.source], -field.confidence))


def _placed(name: str, candidates: Sequence[Field[Any]]) -> Field[Any]:
    """The dearest reading. Where its source knows no place of its own (data, information of the
    file, a code), it gets the one at which another source reads the same, so that a person can be
    shown it."""
    chosen = candidates[0]
    if chosen.box is not None and chosen.source is not Source.QR:
        return chosen
    value = folded(name, chosen.value)
    same = (field for field in candidates[1:] if folded(name, field.value) == value)
    place = next((field.box for field in same if field.box and field.source is not Source.QR), None)
    return chosen if place is None else chosen.model_copy(update={"box": place})


def _disagreements(name: str, candidates: list[Field[Any]]) -> Iterator[Finding]:
    """One finding for each value that differs from the chosen one, the strongest witness named."""
    if name in _NOT_COMPARED:
        return
    chosen = candidates[0]
    seen = {folded(name, chosen.value)}
    for other in candidates[1:]:
        value = folded(name, other.value)
        witnesses = [field for field in candidates if folded(name, field.value) == value]
        if value in seen:
            continue
        seen.add(value)
        yield _disagreement(name, chosen, other, sure=any(map(_trusted, witnesses)))


def _disagreement(name: str, chosen: Field[Any], other: Field[Any], *, sure: bool) -> Finding:
    return Finding(
        code="sources_disagree",
        severity=Severity.BLOCK if sure else Severity.WARN,
        field=name,
        params={
            "field": name,
            "first": str(chosen.value),
            "first_source": chosen.source.value,
            "second": str(other.value),
            "second_source": other.source.value,
        },
    )


def _doubted(ordered: Sequence[Invoice], fields: dict[str, Field[Any]]) -> dict[str, Field[Any]]:
    """Values that were seen but not believed, without those that a better source confirms; and
    those recognised otherwise than a better source has them, which may be misread or altered."""
    doubted: dict[str, Field[Any]] = {}
    for name, chosen in fields.items():
        if name in _NOT_COMPARED or chosen.source is Source.OCR:
            continue
        for other in _candidates(ordered, name):
            differs = folded(name, other.value) != folded(name, chosen.value)
            if other.source is Source.OCR and differs:
                doubted.setdefault(name, other)
    for reading in ordered:
        for name, seen in reading.doubted.items():
            believed = fields.get(name)
            if believed is None or folded(name, believed.value) != folded(name, seen.value):
                doubted.setdefault(name, seen)
    return doubted


def _seen_otherwise(
    fields: dict[str, Field[Any]], doubted: dict[str, Field[Any]]
) -> Iterator[Finding]:
    """The face plainly shows another value than the source that fills the field: an altered
    total beside a genuine QR code looks like this."""
    for name, seen in doubted.items():
        if name in fields:
            yield _disagreement(name, fields[name], seen, sure=_trusted(seen))


def _trusted(field: Field[Any]) -> bool:
    return field.source is not Source.OCR or field.confidence >= SURE_OCR


def folded(name: str, value: object) -> object:
    """A value without what printing changes: width, brackets, spaces and case of texts; words
    of an amount by the amount they name."""
    if not isinstance(value, str):
        return value
    if name == "amount_in_words" and (amount := parse_amount(value)) is not None:
        return amount
    plain = value if value.isascii() else unicodedata.normalize("NFKC", value)
    return "".join(plain.translate(_BRACKETS).split()).casefold()


_BRACKETS = str.maketrans("〔〕【】[]{}〈〉", "()()()()()")


def _kind(ordered: Sequence[Invoice]) -> tuple[Kind, list[Finding]]:
    named = [reading for reading in ordered if reading.kind is not Kind.UNKNOWN]
    if not named:
        return Kind.UNKNOWN, []
    first = named[0]
    findings = [
        Finding(
            code="sources_disagree",
            severity=Severity.WARN,
            field="kind",
            params={
                "field": "kind",
                "first": first.kind.value,
                "first_source": _source_name(first),
                "second": other.kind.value,
                "second_source": _source_name(other),
            },
        )
        for other in named[1:]
        if other.kind is not first.kind
        and frozenset({first.kind, other.kind}) not in _COMPATIBLE_KINDS
    ]
    return first.kind, findings


def _source_name(reading: Invoice) -> str:
    return reading.sources[0].value if reading.sources else ""


def _extra(ordered: Sequence[Invoice]) -> dict[str, Field[str]]:
    extra: dict[str, Field[str]] = {}
    for reading in ordered:
        for name, field in reading.extra.items():
            extra.setdefault(name, field)
    return extra


def _sources(ordered: Sequence[Invoice]) -> tuple[Source, ...]:
    found = {source for reading in ordered for source in reading.sources}
    return tuple(sorted(found, key=_RANK.__getitem__))


def _without_repeats(findings: list[Finding]) -> tuple[Finding, ...]:
    kept: dict[str, Finding] = {}
    for finding in findings:
        kept.setdefault(finding.model_dump_json(), finding)
    return tuple(kept.values())
