"""A case as a person sees it: every value beside the tax authority's, what speaks against the
document with the source of each rule, and what has happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from extractors.messages import sentence
from extractors.model import FIELD_NAMES, Box, Field, Invoice, Severity
from verifiers.compare import compare
from verifiers.comparison import Compared, Outcome
from verifiers.model import PortalValues
from verifiers.rule_catalogue import RULES

#: What a person may type. Money, day, or text.
EDITABLE = frozenset(FIELD_NAMES)
_SOURCES: Mapping[str, str] = {code: rule.source for rule in RULES for code in rule.codes}
_GRAVEST = (Severity.BLOCK, Severity.WARN, Severity.INFO)


@dataclass(frozen=True, slots=True)
class Line:
    """One value. `outcome` is "" where the portal shows none; `doubtful`: reading was not sure of
    it, or sources disagree; `confidence` in percent."""

    name: str
    document: str | None
    portal: str | None
    outcome: str
    source: str
    confidence: int
    box: Box | None
    doubtful: bool
    money: bool

    @property
    def wanted(self) -> bool:
        """Must a person look at it?"""
        return self.doubtful or self.outcome in (Outcome.DIFFERS, Outcome.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Said:
    """A finding in words; `source` is the regulation that its rule comes from."""

    severity: str
    text: str
    source: str
    field: str


def lines_of(
    invoice: Invoice | None, portal: Mapping[str, Any] | None
) -> tuple[tuple[Line, ...], Compared | None]:
    """Every value that either side has, in the order of the fields; and the comparison of the
    lines of goods, if there was one."""
    read = invoice or Invoice()
    theirs = PortalValues.model_validate(portal) if portal else PortalValues()
    compared = {one.field: one for one in compare(read, theirs)}
    doubted = {one.field for one in read.findings if one.field and one.code != "low_confidence"}
    doubted |= {one.field for one in read.findings if one.code == "low_confidence" and one.field}
    return tuple(_lines(read, theirs, compared, doubted)), compared.get("lines")


def _lines(
    read: Invoice, theirs: PortalValues, compared: Mapping[str, Compared], doubted: set[str]
) -> Iterator[Line]:
    for name in FIELD_NAMES:
        field: Field[Any] | None = getattr(read, name) or read.doubted.get(name)
        shown = getattr(theirs, name, None)
        if field is None and shown is None and name not in doubted:
            continue
        one = compared.get(name)
        yield Line(
            name=name,
            document=one.document if one else _text(field),
            portal=None if shown is None else str(shown),
            outcome=one.outcome if one else "",
            source=_source(one, field),
            confidence=round(100 * field.confidence) if field else 0,
            box=(one.box if one and one.box else field.box) if field else None,
            doubtful=name in doubted,
            money=name.startswith("total_"),
        )
    for name, extra in read.extra.items():
        yield Line(
            name=name,
            document=str(extra.value),
            portal=None,
            outcome="",
            source=extra.source,
            confidence=round(100 * extra.confidence),
            box=extra.box,
            doubtful=name in doubted,
            money=False,
        )


def _text(field: Field[Any] | None) -> str | None:
    return None if field is None else str(field.value)


def _source(one: Compared | None, field: Field[Any] | None) -> str:
    if one is not None and one.source is not None:
        return one.source
    return field.source if field else ""


def findings_of(
    invoice: Invoice | None, verification: list[dict[str, Any]], language: str
) -> list[Said]:
    """Everything that was found, gravest first, each sentence once."""
    told = [one.model_dump(mode="json") for one in invoice.findings] if invoice else []
    said: dict[str, Said] = {}
    for severity in _GRAVEST:
        for one in (*told, *verification):
            if one["severity"] != severity:
                continue
            params = {"field": one.get("field") or "", **one.get("params", {})}
            text = sentence(one["code"], language, params)
            source = _SOURCES.get(one["code"], "")
            said.setdefault(text, Said(severity, text, source, one.get("field") or ""))
    return list(said.values())
