"""Rail, air and taxi: every made document is read back whole from its text layer, and from what
recognition makes of one nothing wrong is read."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import face_readers, invoice_from_words
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.limits import Limits
from extractors.model import FIELD_NAMES, Box, Field, Invoice, Kind, Source
from extractors.pdf import PdfFile
from extractors.reader import Reader
from extractors.words import PageWords, Word
from fixtures.maker import Form, Truth, draw_truth, make, pages, specimens
from fixtures.maker.pdf import pdf_bytes
from tests.cuts import TODAY, altered, recognised, spaced, whole, words_of

NAMES = ("digital_rail", "digital_air", "air_itinerary", "taxi", "train_ticket")
OURS = {"rail invoice", "train ticket", "air invoice", "air itinerary", "taxi"}
#: Every key that the readers of these kinds put into `Invoice.extra`.
KEYS = (
    *("from", "to", "train", "departure", "carriage", "seat", "seat_class", "gate", "business"),
    *("passenger", "passenger_id", "eticket_number", "flight", "fare", "fuel", "fund"),
    *("other_taxes", "insurance", "plate", "board_time", "alight_time", "unit_price", "km"),
    *("waiting", "title", "serial", "ticket_number"),
)


def wanted(truth: Truth) -> dict[str, object]:
    shown = {name: truth.shown(name) for name in FIELD_NAMES}
    return shown | {f"extra.{key}": truth.extra.get(key) for key in KEYS}


def fields(invoice: Invoice) -> dict[str, Field[Any] | None]:
    found: dict[str, Field[Any] | None] = {name: getattr(invoice, name) for name in FIELD_NAMES}
    return found | {f"extra.{key}": invoice.extra.get(key) for key in {*KEYS, *invoice.extra}}


def values(invoice: Invoice) -> dict[str, object]:
    return {name: field.value if field else None for name, field in fields(invoice).items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [whole, spaced])
def test_every_value_is_read_from_given_text(name: str, cut: object) -> None:
    for seed in range(8):
        truth = draw_truth(name, seed, today=TODAY)
        page = words_of(truth, seed, cut)  # type: ignore[arg-type]
        invoice = invoice_from_words([page], Source.PDF_TEXT)
        assert invoice.kind is truth.kind, seed
        assert values(invoice) == wanted(truth), seed


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_read_from_a_pdf(name: str) -> None:
    for seed in range(40):
        truth = draw_truth(name, seed, today=TODAY)
        pdf = PdfFile(pdf_bytes(pages(truth, seed), title="specimen"), Limits())
        invoice = invoice_from_words(pdf.words(), Source.PDF_TEXT)
        assert invoice.kind is truth.kind, seed
        assert values(invoice) == wanted(truth), seed


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["digital_rail", "digital_rail_xbrl", "digital_air"])
def test_the_sources_of_a_pdf_agree(name: str, seed: int) -> None:
    """Face, QR code and XBRL instance: read together, whole, and without a finding."""
    truth = draw_truth(name, seed, today=TODAY)
    invoice = Reader().read_bytes(make(truth, Form.PDF, seed).content)
    read = values(invoice)
    assert read == wanted(truth)
    assert invoice.findings == ()
    assert Source.QR in invoice.sources
    assert (Source.XBRL in invoice.sources) or name != "digital_rail_xbrl"


@pytest.mark.slow
def test_each_face_declines_what_is_not_its_own() -> None:
    """Of all that the maker draws, the best score is that of the document's own family."""
    for name, drawn in specimens().items():
        truth = draw_truth(name, 1, today=TODAY)
        face = Face(Sheet([words_of(truth, 1, whole)]), Source.PDF_TEXT)
        kinds = {
            kind
            for reader in face_readers()
            if reader.name in OURS and reader.score(face) is not None
            for kind in reader.needed
        }
        assert kinds <= {drawn.kind}, name


def test_what_is_no_ticket_is_declined() -> None:
    for text in (
        "关于乘坐出租汽车、高铁和飞机的通知 单价 里程",
        "会议纪要 航班号 CZ8866 2026-01-02 18:30",
        "12306 客服 杭州东站 检票口",
    ):
        box = Box(page=0, x0=0.1, y0=0.1, x1=0.9, y1=0.13)
        page = PageWords(page=0, width=210, height=297, words=(Word(text=text, box=box),))
        assert invoice_from_words([page], Source.PDF_TEXT).kind is Kind.UNKNOWN


# --- as recognition gives it


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_recognised_pages_are_read_without_a_wrong_value(name: str) -> None:
    asked = missing = 0
    for seed in range(40):
        truth = draw_truth(name, seed, today=TODAY)
        page = recognised(words_of(truth, seed, whole), seed)
        invoice = invoice_from_words([page], Source.OCR)
        assert invoice.kind is truth.kind, seed
        want = wanted(truth)
        for field, found in fields(invoice).items():
            asked += want.get(field) is not None
            missing += want.get(field) is not None and found is None
            if found is not None and found.value != want.get(field):
                assert found.confidence < CONFIDENT, (seed, field, found)
    assert missing <= 0.02 * asked, (missing, asked)


def misread(name: str, seed: int, old: str, new: str) -> Invoice:
    """A recognised page on which one text is misread."""
    page = words_of(draw_truth(name, seed, today=TODAY), seed, whole)
    assert any(old in word.text for word in page.words)
    return invoice_from_words([altered(page, lambda text: text.replace(old, new))], Source.OCR)


@pytest.mark.parametrize("name", ["digital_air", "air_itinerary"])
@pytest.mark.parametrize("part", ["fare", "total"])
def test_sums_of_the_air_that_do_not_add_up_are_not_believed(name: str, part: str) -> None:
    truth = draw_truth(name, 3, today=TODAY)
    total = f"{truth.total_with_tax:.2f}"
    sums = {"fare": truth.extra["fare"], "total": total}
    old = sums[part]
    invoice = misread(name, 3, old, ("9" if old[0] != "9" else "8") + old[1:])
    sums_read: list[Field[Any] | None] = [invoice.total_with_tax, invoice.total_tax]
    sums_read += [invoice.extra.get(part) for part in ("fare", "fuel", "fund", "other_taxes")]
    # Most of them are right, and a person sees which is not; none is sure.
    assert all(read is None or read.confidence < CONFIDENT for read in sums_read)
    assert any(read is not None for read in sums_read)


def test_a_total_of_the_air_without_its_parts_is_doubtful() -> None:
    truth = draw_truth("digital_air", 3, today=TODAY)
    invoice = misread("digital_air", 3, f"CNY {truth.extra['fare']}", "CNY")
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax
    assert invoice.total_with_tax.confidence < CONFIDENT


@pytest.mark.parametrize("name", ["digital_rail", "train_ticket"])
def test_a_fare_without_its_sign_is_doubtful(name: str) -> None:
    """A misread sign may have become the first digit."""
    page = words_of(draw_truth(name, 3, today=TODAY), 3, whole)
    page = altered(page, lambda text: text.replace("￥", "1").replace("元", ""))
    fare = invoice_from_words([page], Source.OCR).total_with_tax
    assert fare is None or fare.confidence < CONFIDENT


def test_a_taxi_fare_that_its_distance_forbids_is_doubtful() -> None:
    seed = next(
        seed
        for seed in range(100)
        if "fare" not in (truth := draw_truth("taxi", seed, today=TODAY)).extra
        and truth.total_with_tax is not None
        and truth.total_with_tax < 40
    )
    total = f"{draw_truth('taxi', seed, today=TODAY).total_with_tax:.2f}"
    good = misread("taxi", seed, total, total).total_with_tax
    assert good is not None
    assert good.confidence >= CONFIDENT
    bad = misread("taxi", seed, total, f"9{total}").total_with_tax
    assert bad is not None
    assert bad.confidence < CONFIDENT


def test_a_beijing_total_is_its_parts_rounded() -> None:
    seed = next(
        seed for seed in range(100) if "fare" in draw_truth("taxi", seed, today=TODAY).extra
    )
    truth = draw_truth("taxi", seed, today=TODAY)
    total = f"{truth.total_with_tax:.2f}"
    read = misread("taxi", seed, total, total).total_with_tax
    assert read is not None
    assert read.value == truth.total_with_tax
    assert misread("taxi", seed, f"¥{total}", f"¥1{total}").total_with_tax is None


def test_a_printed_serial_is_proven_by_its_check_code() -> None:
    truth = draw_truth("air_itinerary", 3, today=TODAY)
    read = misread("air_itinerary", 3, truth.invoice_number, truth.invoice_number).invoice_number
    assert read is not None
    assert read.confidence >= 0.99


def test_dates_of_issue_and_travel_are_kept_apart() -> None:
    for seed in range(20):
        truth = draw_truth("digital_rail", seed, today=TODAY)
        page = words_of(truth, seed, whole)
        invoice = invoice_from_words([page], Source.PDF_TEXT)
        assert invoice.issue_date is not None
        assert invoice.issue_date.value == truth.issue_date
        travelled = dt.date.fromisoformat(invoice.extra["departure"].value[:10])
        assert travelled <= truth.issue_date


def test_stars_that_were_taken_for_characters_are_mended_and_doubtful() -> None:
    truth = draw_truth("train_ticket", 3, today=TODAY)
    invoice = misread("train_ticket", 3, "****", "兴卡兴兴")
    read = invoice.extra["passenger_id"]
    assert read.value == truth.extra["passenger_id"]
    assert read.confidence < CONFIDENT
    assert invoice.extra["passenger"].value == truth.extra["passenger"]


def test_a_day_of_issue_is_known_by_its_place_when_a_seal_hides_its_label() -> None:
    truth = draw_truth("air_itinerary", 3, today=TODAY)
    page = words_of(truth, 3, whole)
    hidden = ("填开日期", "DATE OF ISSUE")
    left = tuple(word for word in page.words if word.text not in hidden)
    assert len(left) == len(page.words) - 2
    invoice = invoice_from_words([page.model_copy(update={"words": left})], Source.OCR)
    assert invoice.issue_date is not None
    assert invoice.issue_date.value == truth.issue_date


def test_a_lone_letter_recognised_with_little_certainty_is_doubtful() -> None:
    truth = draw_truth("digital_air", 0, today=TODAY)
    page = words_of(truth, 0, whole)
    letter = truth.extra["seat_class"].split("; ")[0]
    words = tuple(
        word.model_copy(update={"confidence": 0.9}) if word.text == letter else word
        for word in page.words
    )
    read = invoice_from_words([page.model_copy(update={"words": words})], Source.OCR).extra
    assert read["seat_class"].value == truth.extra["seat_class"]
    assert read["seat_class"].confidence < CONFIDENT


#: A Beijing receipt as an engine read a worn one: most labels lost, three numbers of twelve
#: digits, the sums told by nothing but their signs.
WORN = (
    *(
        (0.2, 0.02, "16-006-03265"),
        (0.2, 0.05, "200140003403"),
        (0.1, 0.1, "北京市出租汽车专用发票"),
    ),
    *((0.3, 0.16, "发票联"), (0.3, 0.2, "111601881161"), (0.3, 0.23, "40302685")),
    *((0.4, 0.29, "0357"), (0.4, 0.33, "67366666"), (0.1, 0.37, "车号 京"), (0.4, 0.37, "B.V1759")),
    *((0.1, 0.41, "证号"), (0.4, 0.41, "310131"), (0.1, 0.45, "日期"), (0.4, 0.45, "2019-01-15")),
    *(
        (0.4, 0.49, "20:37-20:59"),
        (0.4, 0.53, "2.30"),
        (0.4, 0.57, "14.6"),
        (0.4, 0.61, "00:02:42"),
    ),
    *((0.1, 0.65, "状态"), (0.4, 0.65, "0"), (0.4, 0.69, "¥41.80"), (0.1, 0.73, "燃油附加费")),
    *((0.4, 0.73, "¥1.00"), (0.4, 0.77, "¥0.00"), (0.4, 0.81, "¥43.00"), (0.1, 0.85, "卡号")),
)


def test_a_worn_receipt_gives_what_its_sums_prove() -> None:
    words = tuple(
        Word(
            text=text,
            box=Box(page=0, x0=x, y0=y, x1=x + 0.035 * len(text), y1=y + 0.02),
            confidence=0.97,
        )
        for x, y, text in WORN
    )
    page = PageWords(page=0, width=60, height=150, words=words)
    read = values(invoice_from_words([page], Source.OCR))
    assert {name: str(value) for name, value in read.items() if value is not None} == {
        "invoice_code": "111601881161",
        "invoice_number": "40302685",
        "issue_date": "2019-01-15",
        "total_with_tax": "43.00",
        "extra.plate": "京BV1759",
        "extra.board_time": "20:37",
        "extra.alight_time": "20:59",
        "extra.waiting": "00:02:42",
        "extra.fuel": "1.00",
        "extra.title": "北京市出租汽车专用发票",
    }


TITLES = ("票价", "燃油附加费", "增值税税率", "增值税税额", "民航发展基金", "其他税费", "合计")


def test_sums_prove_themselves_where_a_seal_hides_their_titles() -> None:
    truth = draw_truth("digital_air", 3, today=TODAY)
    page = words_of(truth, 3, whole)
    for gone in (TITLES[:1] + TITLES[-1:], TITLES[1:4] + TITLES[-1:]):
        words = tuple(word for word in page.words if word.text not in gone)
        invoice = invoice_from_words([page.model_copy(update={"words": words})], Source.OCR)
        assert values(invoice) == wanted(truth)
    words = tuple(word for word in page.words if word.text not in TITLES)
    read = invoice_from_words([page.model_copy(update={"words": words})], Source.OCR)
    assert read.total_with_tax is not None
    assert read.total_with_tax.value == truth.total_with_tax
    # The sum proves what is printed; which part is which only the form's order says.
    assert read.extra["fare"].value == truth.extra["fare"]
    assert read.extra["fare"].confidence < CONFIDENT


def test_a_misread_point_is_mended_by_the_sum() -> None:
    truth = draw_truth("digital_air", 3, today=TODAY)
    invoice = misread("digital_air", 3, "CNY 50.00", "CNY 50,00")
    assert values(invoice) == wanted(truth)


def test_a_ticket_number_whose_letter_was_read_as_a_digit_is_mended_by_its_head() -> None:
    truth = draw_truth("train_ticket", 3, today=TODAY)
    number, head = truth.invoice_number or "", truth.extra["serial"]
    page = words_of(truth, 3, whole)
    misread = altered(page, lambda text: text.replace(number, f"{number[:14]}1{number[15:]}"))
    invoice = invoice_from_words([misread], Source.OCR)
    assert invoice.invoice_number is not None
    assert invoice.invoice_number.value == number == number[:14] + head
    assert invoice.invoice_number.confidence < CONFIDENT


def test_what_is_stamped_before_a_station_is_none_of_its_name() -> None:
    truth = draw_truth("train_ticket", 3, today=TODAY)
    page = words_of(truth, 3, whole)
    stamped = altered(page, lambda text: text.replace(truth.extra["to"], f"讫{truth.extra['to']}"))
    read = invoice_from_words([stamped], Source.OCR).extra["to"]
    assert read.value == truth.extra["to"]
    assert read.confidence < CONFIDENT


def test_clocks_whose_labels_are_hidden_are_doubtful() -> None:
    seed = next(
        seed
        for seed in range(100)
        if "上海" in draw_truth("taxi", seed, today=TODAY).extra["title"]
    )
    truth = draw_truth("taxi", seed, today=TODAY)
    page = words_of(truth, seed, whole)
    words = tuple(word for word in page.words if word.text not in ("上车", "下车"))
    extra = invoice_from_words([page.model_copy(update={"words": words})], Source.OCR).extra
    for name in ("board_time", "alight_time"):
        assert extra[name].value == truth.extra[name]
        assert extra[name].confidence < CONFIDENT


def test_random_pieces_of_tickets_never_raise() -> None:
    """Any words give an invoice, never an exception."""
    draw = random.Random(11)  # noqa: S311  # repeatable nonsense, no secret
    texts = [
        word.text
        for name in NAMES
        for seed in (1, 2)
        for word in words_of(draw_truth(name, seed, today=TODAY), seed, whole).words
    ]
    for _ in range(60):
        words = []
        for _ in range(draw.randrange(4, 60)):
            text = draw.choice(texts)
            cut = draw.randrange(len(text))
            x, y = draw.uniform(-0.1, 1), draw.uniform(-0.1, 1)
            box = Box(page=0, x0=x, y0=y, x1=x + draw.choice((0, 0.2)), y1=y + 0.02)
            words.append(Word(text=draw.choice((text, text[cut:])), box=box, confidence=0.9))
        page = PageWords(page=0, width=210, height=140, words=tuple(words))
        for reader in face_readers():
            for source in (Source.OCR, Source.PDF_TEXT):
                face = Face(Sheet([page]), source)
                reader.score(face)
                if reader.name in OURS:
                    assert isinstance(reader.read(face), Invoice)
