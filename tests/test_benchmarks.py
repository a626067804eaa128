"""The measuring stick must itself be straight: verdicts, bars and saved judgements."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import archive
from benchmarks.judging import Judgement, Verdict, judged, stops
from benchmarks.reading import _save, _saved
from benchmarks.reading_tables import meets_the_bar, tables
from benchmarks.reading_work import Bench, Reading, Task, is_held, planned
from extractors.model import Box, Field, Finding, Invoice, Kind, Line, Severity, Source
from fixtures.maker import Truth
from fixtures.maker.grades import GRADES

LINE = Line(name="*餐饮*餐费", quantity=Decimal(1), amount=Decimal("94.34"), tax=Decimal("5.66"))
TRUTH = Truth(
    kind=Kind.DIGITAL_NORMAL,
    invoice_number="24442000000012345678",
    issue_date=dt.date(2026, 1, 2),
    buyer_name="云江（市）大学",
    total_with_tax=Decimal("100.00"),
    amount_in_words="壹佰圆整",
    lines=(LINE,),
    extra={"seat": "09A", "cipher": "not asked for"},
)


def field(value: object, confidence: float = 0.97) -> Field[object]:
    return Field[object](value=value, raw=str(value), source=Source.OCR, confidence=confidence)


def invoice(**changes: object) -> Invoice:
    values: dict[str, object] = {
        "kind": Kind.DIGITAL_NORMAL,
        "invoice_number": field("24442000000012345678"),
        "issue_date": field(dt.date(2026, 1, 2)),
        "buyer_name": field("云江(市)大学"),
        "total_with_tax": field(Decimal("100.00")),
        "amount_in_words": field("壹佰元整"),
        "lines": (LINE,),
        "extra": {"seat": field("09A")},
    }
    return Invoice.model_validate(values | changes)


def verdicts(read: Invoice, truth: Truth = TRUTH) -> dict[str, Verdict]:
    return {each.name: each.verdict for each in judged(truth, read)}


def test_what_print_cannot_show_is_no_fault() -> None:
    assert set(verdicts(invoice()).values()) == {Verdict.RIGHT}


def test_wrong_in_silence_and_wrong_but_told() -> None:
    wrong = field("24442000000012345679")
    assert verdicts(invoice(invoice_number=wrong))["invoice_number"] is Verdict.SILENT
    doubtful = field("24442000000012345679", 0.6)
    assert verdicts(invoice(invoice_number=doubtful))["invoice_number"] is Verdict.FLAGGED
    told = Finding(code="sources_disagree", severity=Severity.WARN, field="invoice_number")
    read = invoice(invoice_number=wrong, findings=(told,))
    assert verdicts(read)["invoice_number"] is Verdict.FLAGGED


def test_what_is_only_remarked_is_not_told() -> None:
    told = Finding(code="signed_intact", severity=Severity.INFO, field="invoice_number")
    read = invoice(invoice_number=field("1"), findings=(told,))
    assert verdicts(read)["invoice_number"] is Verdict.SILENT


def test_a_sum_that_does_not_agree_puts_all_its_parts_in_doubt() -> None:
    told = Finding(code="total_mismatch", severity=Severity.BLOCK, field="total_with_tax")
    read = invoice(total_tax=field(Decimal("9.00")), findings=(told,))
    assert verdicts(read)["total_tax"] is Verdict.FLAGGED


def test_missing_hidden_and_invented() -> None:
    assert verdicts(invoice(buyer_name=None))["buyer_name"] is Verdict.MISSING
    hidden = TRUTH.model_copy(update={"hidden": frozenset({"issue_date", "seat"})})
    found = verdicts(invoice(issue_date=None, extra={}), hidden)
    assert "issue_date" not in found
    assert "extra.seat" not in found
    assert verdicts(invoice(check_code=field("12345")))["check_code"] is Verdict.SILENT
    assert verdicts(invoice(extra={}))["extra.seat"] is Verdict.MISSING


def test_lines_cell_by_cell() -> None:
    other = LINE.model_copy(update={"amount": Decimal("94.33"), "tax": None})
    found = verdicts(invoice(lines=(other,)))
    assert found["lines.amount"] is Verdict.SILENT
    assert found["lines.tax"] is Verdict.MISSING
    assert found["lines.name"] is Verdict.RIGHT
    assert verdicts(invoice(lines=()))["lines.name"] is Verdict.MISSING


def test_a_line_that_is_lost_costs_only_its_own_cells() -> None:
    lines = tuple(LINE.model_copy(update={"amount": Decimal(n)}) for n in range(1, 4))
    truth = TRUTH.model_copy(update={"lines": lines})
    amounts = [
        each.verdict
        for each in judged(truth, invoice(lines=(lines[0], lines[2])))
        if each.name == "lines.amount"
    ]
    assert amounts == [Verdict.RIGHT, Verdict.MISSING, Verdict.RIGHT]


def test_what_stops_a_document() -> None:
    findings = (
        Finding(code="signed_intact", severity=Severity.INFO),
        Finding(code="field_missing", severity=Severity.WARN, field="check_code"),
    )
    assert stops(invoice(findings=findings)) == ["field_missing check_code"]


def reading(sort: str, *found: Judgement) -> Reading:
    right = [Judgement("lines.name", Verdict.RIGHT, "a", "a")] * 2000
    return Reading(Task("digital_normal", sort, 1), [*right, *found], seconds=1.0)


@pytest.mark.parametrize(
    ("sort", "name", "verdict", "meets"),
    [
        ("pdf", "buyer_name", Verdict.MISSING, False),
        ("flat", "buyer_name", Verdict.MISSING, True),
        ("flat", "buyer_name", Verdict.SILENT, True),
        ("hurried", "total_tax", Verdict.SILENT, False),
        ("hurried", "total_tax", Verdict.FLAGGED, True),
    ],
)
def test_the_bar(sort: str, name: str, verdict: Verdict, meets: bool) -> None:
    readings = [reading(sort, Judgement(name, verdict, "1", "2"))]
    assert meets_the_bar(readings) is meets
    assert (
        any("!" in line.split(sort)[-1] for line in tables(readings) if sort in line) is not meets
    )


def test_saved_judgements_come_back_as_they_were(tmp_path: Path) -> None:
    box = Box(page=0, x0=0.1, y0=0.1, x1=0.2, y1=0.2)
    once = reading("flat", Judgement("total_tax", Verdict.FLAGGED, "1", "2", 0.8, box))
    _save(tmp_path / "saved.jsonl", once)
    assert list(_saved(tmp_path / "saved.jsonl")) == [once]


def test_every_document_comes_in_each_of_its_forms_and_in_every_grade() -> None:
    sorts = ["xml", "ofd", "pdf", *(grade.value for grade in GRADES)]
    tasks = planned(sorts, ["digital_normal", "train_ticket"], range(3), rotate=False)
    assert len(tasks) == 3 * (3 + 5) + 3 * 5
    by_turns = planned(sorts, ["digital_normal"], range(5), rotate=True)
    assert len(by_turns) == 5 * 3 + 5
    assert {task.sort for task in by_turns} == set(sorts)


def test_an_electronic_file_is_read_whole() -> None:
    class Unused:
        def recognise(self, *_: object) -> object:
            raise AssertionError("an electronic file needs no recognition")

    read = Bench(Unused()).read(Task("digital_normal", "xml", 1))  # type: ignore[arg-type]
    assert {each.verdict for each in read.judgements} == {Verdict.RIGHT}
    assert read.passed


@pytest.mark.parametrize(
    ("name", "truth", "words", "held"),
    [
        ("issue_date", "2026-01-02", ["开票日期:2026年01月02日"], True),
        ("extra.departure", "2026-01-02 09:08", ["2026年01月02日09:08开"], True),
        ("total_with_tax", "100.50", ["¥100.50"], True),
        ("lines.quantity", "4.0", ["4"], True),
        ("lines.rate", "0.13", ["13%"], True),
        ("remarks", "第一行\n第二行", ["第一行", "备注第二行"], True),
        ("remarks", "第一行\n第二行", ["第一行"], False),
        ("invoice_number", "12345678", ["1234", "5678"], False),
    ],
)
def test_what_recognition_held(name: str, truth: str, words: list[str], held: bool) -> None:
    assert is_held(Judgement(name, Verdict.MISSING, "", truth), words) is held


def test_the_archives_benchmark_names_parts_that_there_are() -> None:
    for sizes in (["--sizes", "1000"], ["--only", "tampering", "--engines", "sqlite"]):
        for _, (module, *_) in archive.commands(archive.parsed(sizes)):
            assert find_spec(module) is not None
    options = archive.parsed(["--rounds", "9"])
    runs = [" ".join(command) for _, command in archive.commands(options)]
    assert runs[2:] == [
        "benchmarks.tampering --rounds 9 --seed 6",
        "benchmarks.tampering --rounds 9 --seed 6 --postgresql",
    ]
