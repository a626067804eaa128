"""The pile of documents: mostly made e-files, each with how it must end."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from archive.records import State
from extractors.model import Kind
from fixtures.maker import Form, Truth, make, make_truth
from fixtures.maker.truth import raised

_CHINA = ZoneInfo("Asia/Shanghai")
_E_FILES = (
    (Kind.DIGITAL_NORMAL, Form.XML),
    (Kind.DIGITAL_NORMAL, Form.PDF),
    (Kind.DIGITAL_SPECIAL, Form.OFD),
    (Kind.VAT_ELECTRONIC_NORMAL, Form.PDF),
)
#: Of twenty documents.
_TRICKS = (
    *("honest",) * 12,
    "picture",
    "twin",
    "void",
    "red",
    "unknown",
    "raised",
    "today",
    "bad",
)
#: Where a document may end, and with which reasons; a twin's case is told by both together.
_ENDS: dict[str, frozenset[tuple[str, str]]] = {
    "honest": frozenset({(State.ARCHIVED, "consistent")}),
    "today": frozenset({(State.ARCHIVED, "consistent")}),
    "twin": frozenset({(State.ARCHIVED, "consistent"), (State.IN_REVIEW, "duplicate")}),
    "void": frozenset({(State.IN_REVIEW, "voided")}),
    "red": frozenset({(State.IN_REVIEW, "red_offset")}),
    "unknown": frozenset({(State.IN_REVIEW, "not_found")}),
    "raised": frozenset({(State.IN_REVIEW, "mismatch"), (State.IN_REVIEW, "inconsistent")}),
    # A clean picture reads well; where reading doubts, finance is asked, and nothing else.
    "picture": frozenset(
        {
            (State.ARCHIVED, "consistent"),
            (State.IN_REVIEW, "low_confidence"),
            (State.IN_REVIEW, "field_missing"),
            (State.IN_REVIEW, "mismatch"),
        }
    ),
}
_BAD_ENDS = {
    "damaged.pdf": "damaged_file",
    "minutes.png": "unsupported_file",
    "empty.pdf": "empty_file",
}


@dataclass(frozen=True)
class Paper:
    """One file: what was done to it, its bytes, where it may end. `invoice` is its number, ""
    where there is none; two papers of one invoice are twins."""

    name: str
    trick: str
    content: bytes
    ends: frozenset[tuple[str, str]]
    voucher: str
    invoice: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Pile:
    """`papers` in the order of handing in; `spare` are honest ones for whoever needs a new one;
    `known` is what the portal holds."""

    papers: tuple[Paper, ...]
    spare: tuple[Paper, ...]
    known: tuple[dict[str, Any], ...]


def made(count: int, seed: int, spare: int = 0) -> Pile:
    """So many papers; the same seed gives the same on the same day."""
    draw = random.Random(seed)
    today = dt.datetime.now(_CHINA).date()
    papers: list[Paper] = []
    known: list[dict[str, Any]] = []
    tricks = [_TRICKS[number % len(_TRICKS)] for number in range(count)]
    draw.shuffle(tricks)
    for number, trick in enumerate(tricks):
        voucher = f"JZ-E-{number // 6:04}"
        new, held = _papers(trick, number, seed * 100_003 + number, today, voucher)
        papers += new
        known += held
    kept: list[Paper] = []
    for number in range(count, count + spare):
        new, held = _papers("honest", number, seed * 100_003 + number, today, "JZ-E-SPARE")
        kept += new
        known += held
    return Pile(tuple(papers[:count]), tuple(kept), tuple(known))


def _papers(
    trick: str, number: int, seed: int, today: dt.date, voucher: str
) -> tuple[list[Paper], list[dict[str, Any]]]:
    if trick == "bad":
        return [_bad(number, seed, today, voucher)], []
    kind, form = _E_FILES[number % len(_E_FILES)]
    if trick == "picture":
        kind, form = Kind.VAT_ELECTRONIC_NORMAL, Form.PNG
    if trick == "twin":
        kind, form = Kind.DIGITAL_NORMAL, Form.XML
    issued = today if trick == "today" else None
    truth = make_truth(kind, seed, issue_date=issued, today=today)
    altered = raised(truth, 10) if trick == "raised" else None
    content = make(truth, form, seed, altered=altered).content
    ends = _ENDS[trick]

    def paper(end: str, what: bytes) -> Paper:
        name = f"{number:05}{end}.{form}"
        return Paper(name, trick, what, ends, voucher, truth.invoice_number)

    papers = [paper("", content)]
    if trick == "twin":
        papers.append(paper("-again", make(truth, Form.PDF, seed).content))
    return papers, [] if trick == "unknown" else [_held(truth, trick)]


def _held(truth: Truth, trick: str) -> dict[str, Any]:
    status = trick if trick in ("void", "red") else "normal"
    return truth.model_dump(mode="json") | {"status": status}


def _bad(number: int, seed: int, today: dt.date, voucher: str) -> Paper:
    name = list(_BAD_ENDS)[seed % len(_BAD_ENDS)]
    if name == "damaged.pdf":
        whole = make(make_truth(Kind.DIGITAL_NORMAL, seed, today=today), Form.PDF, seed).content
        content = whole[: len(whole) * 2 // 5]
    elif name == "minutes.png":
        content = f"后勤例会记录 {number}\n一、食堂采购按月结算。\n".encode()
    else:
        content = b""
    ends = frozenset({(State.FAILED, _BAD_ENDS[name])})
    return Paper(f"{number:05}-{name}", "bad", content, ends, voucher)


def again(paper: Paper, number: int) -> Paper:
    """The same bytes under another name."""
    return replace(paper, name=f"again{number}-{paper.name}")
