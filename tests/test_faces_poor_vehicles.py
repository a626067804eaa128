"""Vehicle invoices of which a poor page lost labels: what stands on them is known by shape and row,
and never sure.
"""

from __future__ import annotations

import datetime as dt

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.model import Invoice, Kind, Source
from extractors.words import PageWords
from fixtures.maker import Truth, draw_truth, pages, vehicle_form
from tests.made_words import replaced, without_seals, words_of_pages

TODAY = dt.date(2026, 11, 22)


@pytest.fixture(autouse=True)
def _no_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    without_seals(monkeypatch, vehicle_form)


def poor_page(name: str, seed: int) -> tuple[Truth, PageWords]:
    truth = draw_truth(name, seed, today=TODAY)
    page = words_of_pages(pages(truth, seed))[0]
    words = tuple(word.model_copy(update={"confidence": 0.84}) for word in page.words)
    return truth, page.model_copy(update={"words": words})


def without(page: PageWords, *labels: str) -> PageWords | None:
    """The page, these labels (spaces in them or not) not recognised, nor what is glued before a
    sum; None where the form sets one of them character by character."""
    texts = {word.text.replace(" ", "") for word in page.words}
    if not texts.issuperset(labels):
        return None
    words = tuple(
        word.model_copy(update={"text": word.text.removeprefix("小写").strip()})
        for word in page.words
        if word.text.replace(" ", "") not in (*labels, "小写", "（小写）")
    )
    return page.model_copy(update={"words": words})


def poor_pages(name: str, *labels: str) -> list[tuple[Truth, PageWords]]:
    """The first two made forms that can lose these labels."""
    made = [poor_page(name, seed) for seed in range(12)]
    cut = [(truth, page) for truth, whole in made if (page := without(whole, *labels)) is not None]
    assert len(cut) > 1
    return cut[:2]


def read(page: PageWords) -> Invoice:
    return invoice_from_words([page], Source.OCR)


def test_price_and_tax_are_known_by_their_sum() -> None:
    for truth, page in poor_pages("vehicle", "价税合计", "不含税价", "增值税", "增值税税率"):
        rate = truth.extra["rate"]
        words = tuple(word for word in page.words if word.text != rate)
        invoice = read(page.model_copy(update={"words": words}))
        for name in ("total_with_tax", "total_without_tax", "total_tax"):
            found = getattr(invoice, name)
            assert found is not None
            assert found.value == getattr(truth, name)
            assert found.confidence < CONFIDENT


def test_a_dealers_telephone_and_account_stand_in_their_rows() -> None:
    for truth, page in poor_pages("vehicle", "电话", "账号"):
        extra = read(page).extra
        for name in ("phone", "account"):
            assert extra[name].value == truth.extra[name]
            assert extra[name].confidence < CONFIDENT


@pytest.mark.parametrize("name", ["vehicle", "used_vehicle"])
def test_machine_number_and_model_are_known_by_shape(name: str) -> None:
    for truth, page in poor_pages(name, "机器编号", "厂牌型号"):
        invoice = read(page)
        assert invoice.machine_number is not None
        assert invoice.machine_number.value == truth.machine_number
        assert invoice.machine_number.confidence < CONFIDENT
        assert invoice.extra["model"].value == truth.extra["model"]
        assert invoice.extra["model"].confidence < CONFIDENT


def test_owners_are_known_by_the_rows_of_their_ids() -> None:
    tried = 0
    for seed in range(8):
        truth, whole = poor_page("used_vehicle", seed)
        for slash in ("/", "、", "·"):
            page = without(whole, f"买方单位{slash}个人", f"卖方单位{slash}个人")
            invoice = read(page) if page is not None else None
            for field in ("buyer_name", "seller_name") if invoice else ():
                found = getattr(invoice, field)
                assert found is not None
                assert found.value == getattr(truth, field)
                assert found.confidence < CONFIDENT
                tried += 1
    assert tried > 1


def test_a_title_read_badly_is_not_taken_for_the_other_forms() -> None:
    for name, kind, seen in (
        ("vehicle", Kind.VEHICLE, "机动军销售统一发票"),
        ("used_vehicle", Kind.USED_VEHICLE, "二手军销售统一发票"),
    ):
        _, page = poor_page(name, 1)
        assert read(replaced(page, kind.value, seen)).kind is kind
