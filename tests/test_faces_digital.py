"""数电票 of special businesses and their relatives: what is drawn is read back, every value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.limits import Limits
from extractors.model import TEXT_FIELDS, Field, Invoice, Source
from extractors.pdf import PdfFile
from extractors.reader import Reader
from extractors.regions import region_of
from extractors.words import Word
from fixtures.maker import Form, Truth, draw_truth, make, pages, specimens
from fixtures.maker.pdf import pdf_bytes
from tests.made_words import recognised_words, words_of_pages
from verifiers.keys import portal_keys

TODAY = dt.date(2026, 11, 22)
SPECIALS = (
    "digital_building",
    "digital_lease",
    "digital_estate_sale",
    "digital_freight",
    "digital_travel",
    "digital_farm_sale",
    "digital_farm_purchase",
    "digital_margin",
    "digital_red",
    "digital_toll",
    "digital_tagged",
)
#: On the older form.
OLDER = (
    "vat_electronic_special",
    "vat_toll",
    "digital_paper_special",
    "digital_paper_normal",
    "vat_special_red",
    "vat_electronic_red",
    "vat_special_old",
    "vat_electronic_list",
    "blockchain",
)
#: What the maker notes down for drawing, and no reader gives.
UNREAD = frozenset(
    {
        *("province", "cipher", "payee", "reviewer"),
        *("buyer_address", "buyer_bank", "seller_address", "seller_bank"),
    }
)


def read_back(name: str, seed: int) -> tuple[Truth, Invoice]:
    truth = draw_truth(name, seed, today=TODAY)
    pdf = pdf_bytes(pages(truth, seed), title=truth.invoice_number)
    return truth, invoice_from_words(list(PdfFile(pdf, Limits()).words()), Source.PDF_TEXT)


def differences(truth: Truth, invoice: Invoice) -> dict[str, tuple[object, object]]:
    """Everything that was read otherwise than it was drawn: (read, true) by name."""
    read: dict[str, object] = {"kind": invoice.kind, "lines": invoice.lines}
    true: dict[str, object] = {"kind": truth.kind, "lines": truth.lines}
    for name in (*TEXT_FIELDS, "amount_in_words", "remarks", "issuer", "machine_number"):
        field = getattr(invoice, name)
        read[name] = field.value if field is not None else None
        true[name] = truth.shown(name)
    read |= {f"extra.{name}": field.value for name, field in invoice.extra.items()}
    true |= {f"extra.{name}": text for name, text in truth.extra.items() if name not in UNREAD}
    return {
        name: (read.get(name), true.get(name))
        for name in read.keys() | true.keys()
        if read.get(name) != true.get(name)
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SPECIALS + OLDER)
def test_every_value_of_every_special_business(name: str, seed: int) -> None:
    assert differences(*read_back(name, seed)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 12))
@pytest.mark.parametrize("name", SPECIALS + OLDER)
def test_every_value_over_many_seeds(name: str, seed: int) -> None:
    assert differences(*read_back(name, seed)) == {}


@pytest.mark.parametrize("seed", range(4))
def test_lines_over_several_pages(seed: int) -> None:
    truth, invoice = read_back("digital_pages", seed)
    assert differences(truth, invoice) == {}
    assert len(truth.lines) >= 20


def recognised(name: str, seed: int, change: Callable[[Word], Word]) -> tuple[Truth, Invoice]:
    """The words of the PDF as an engine might give them: less sure, and changed."""
    truth = draw_truth(name, seed, today=TODAY)
    pdf = pdf_bytes(pages(truth, seed), title=truth.invoice_number)
    seen = [
        page.model_copy(update={"words": tuple(change(word) for word in page.words)})
        for page in PdfFile(pdf, Limits()).words()
    ]
    return truth, invoice_from_words(seen, Source.OCR)


def unsure(word: Word) -> Word:
    return word.model_copy(update={"confidence": 0.97})


@pytest.mark.parametrize("name", ["digital_building", "digital_freight", "digital_toll"])
def test_recognised_values_are_right_or_left_out(name: str) -> None:
    truth, invoice = recognised(name, 1, unsure)
    extra = {key: field.value for key, field in invoice.extra.items()}
    assert extra.items() <= truth.extra.items()
    assert {"special"} < extra.keys()


def test_a_cell_that_runs_into_the_next_is_never_sure() -> None:
    """Place and project of building work run together: both are doubtful, but the lines are not."""
    truth = draw_truth("digital_building", 1, today=TODAY)

    def stretched(word: Word) -> Word:
        if not truth.extra["site"].startswith(word.text[:4]):
            return unsure(word)
        wide = word.box.model_copy(update={"x1": word.box.x1 + 0.1})
        return word.model_copy(update={"box": wide, "text": word.text + "学校", "confidence": 0.97})

    _, invoice = recognised("digital_building", 1, stretched)
    seen = [invoice.extra[name] for name in ("site", "project") if name in invoice.extra]
    assert seen
    assert all(field.confidence < CONFIDENT for field in seen)
    assert [line.amount for line in invoice.lines] == [line.amount for line in truth.lines]
    assert invoice.total_with_tax is not None


def test_a_missed_line_leaves_all_of_them_out() -> None:
    """Lines that do not sum up to the amount are no lines, even of a text layer."""
    truth = draw_truth("digital_pages", 0, today=TODAY)
    pdf = pdf_bytes(pages(truth, 0), title="")
    words = list(PdfFile(pdf, Limits()).words())
    lost = next(word for word in words[0].words if word.text == "13%")
    first = words[0].model_copy(
        update={"words": tuple(word for word in words[0].words if word is not lost)}
    )
    assert invoice_from_words([first, *words[1:]], Source.PDF_TEXT).lines == ()


@pytest.mark.parametrize("coded", [False, True])
def test_the_sums_of_a_first_page_alone_are_kept_and_sure_only_beside_a_code(
    coded: bool,
) -> None:
    """The total stands on the last page."""
    truth = draw_truth("digital_pages", 0, today=TODAY)
    page, *others = words_of_pages(pages(truth, 0))
    assert others
    codes = [Invoice(**whole_number_and_total(truth))] if coded else []
    invoice = invoice_from_words(recognised_words([page], 0), Source.OCR, codes)
    for name in ("total_without_tax", "total_tax"):
        field = getattr(invoice, name)
        assert field is not None
        assert field.value == getattr(truth, name)
        assert (field.confidence >= CONFIDENT) is coded


def whole_number_and_total(truth: Truth) -> dict[str, Any]:
    """What the QR code of a 数电票 says of it."""
    return {
        name: Field[Any](value=getattr(truth, name), raw="", source=Source.QR, confidence=1.0)
        for name in ("invoice_number", "total_with_tax")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(specimens()))
def test_faces_leave_each_other_their_documents(name: str) -> None:
    truth, invoice = read_back(name, 5)
    assert invoice.kind == truth.kind


def test_the_fourth_key_of_digital_paper() -> None:
    truth, invoice = read_back("digital_paper_normal", 1)
    keys = portal_keys(invoice)
    assert keys is not None
    assert keys.fourth == truth.extra["digital_number"][-6:]
    assert (keys.invoice_code, keys.invoice_number) == (truth.invoice_code, truth.invoice_number)
    truth, invoice = read_back("digital_paper_special", 1)
    keys = portal_keys(invoice)
    assert keys is not None
    assert keys.fourth == f"{truth.total_without_tax:.2f}"


@pytest.mark.parametrize("form", [Form.OFD, Form.PDF])
@pytest.mark.parametrize("name", ["digital_pages", "digital_lease", "vat_electronic_list"])
def test_files_agree_with_themselves(name: str, form: Form) -> None:
    """Tags, data, page text and QR code of one file say the same."""
    truth = draw_truth(name, 3, today=TODAY)
    invoice = Reader().read_bytes(make(truth, form, 3).content)
    assert invoice.findings == ()
    assert invoice.lines == truth.lines


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("3300211130", "浙江"),
        ("3302211130", "宁波"),
        ("044031900111", "深圳"),
        ("144032409110", "深圳"),
        ("011001900311", "北京"),
        ("26332000000012345678", "浙江"),
        ("25932000000012918560", "宁波"),
        ("25942000000036499020", "厦门"),
        ("24952000000110579895", "深圳"),
        ("25922000000029755889", None),
        ("9900211130", None),
        ("12345678", None),
        ("", None),
    ],
)
def test_the_region_of_a_number(number: str, region: str | None) -> None:
    assert region_of(number) == region
