"""Bills and bank slips as poor pages show them: labels misread or lost, cells covered. What was
read is kept, doubtful and told; nothing is taken for something else.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.layout.bank_names import mended_bank
from extractors.merge import merge
from extractors.model import Box, Invoice, Kind, Source
from extractors.words import PageWords, Word

#: As much as a word of a poor page claims.
POOR = 0.84

HEAD = (
    "0.3|浙江省医疗门诊收费票据(电子)",
    "0.05|票据代码:42060125|0.6|票据号码:9500641482",
    "0.05|交款人统一社会信用代码:330108********9056|0.6|校验码:a24e13",
    "0.05|交款人:萧雪梅|0.6|开票日期:2026-11-08",
)
TITLES = "0.1|项目名称|0.3|数量/单位|0.4|金额(元)|0.55|项目名称|0.75|数量/单位|0.85|金额(元)"
ITEMS = (
    "0.08|治疗费|0.3|1/项|0.4|100.50|0.53|检查费|0.75|1/项|0.85|20.00",
    "0.08|西药费|0.3|2/盒|0.4|30.00|0.53|护理费|0.75|1/项|0.85|7.06",
)
SUM = "0.05|金额合计(大写)|0.25|壹佰伍拾柒圆伍角陆分|0.6|(小写)|0.7|¥157.56"
FOOT = "0.05|收款单位(章):武汉市第三人民医院|0.6|复核人:宋晓燕|0.8|收款人:唐静怡"


def page_of(*rows: str, score: float = POOR) -> PageWords:
    """Rows of cells, each behind the share of the width where it begins."""
    words = []
    for number, row in enumerate(rows):
        top = 0.05 + 0.045 * number
        cells = row.split("|")
        for left, text in zip(cells[::2], cells[1::2], strict=True):
            width = sum(0.02 if ord(char) > 0x2E80 else 0.01 for char in text)
            box = Box(page=0, x0=float(left), y0=top, x1=float(left) + width, y1=top + 0.022)
            words.append(Word(text=text, box=box, confidence=score))
    return PageWords(page=0, width=1000.0, height=1000.0, words=tuple(words))


def read(*rows: str, score: float = POOR) -> Invoice:
    invoice = merge([invoice_from_words([page_of(*rows, score=score)], Source.OCR)])
    if score == POOR:
        fields = (getattr(invoice, name) for name in ("invoice_code", "buyer_name", "check_code"))
        for field in (*fields, *invoice.extra.values()):
            assert field is None or field.confidence < CONFIDENT
    return invoice


def cells(invoice: Invoice) -> list[tuple[str, str | None, str, str]]:
    return [(line.name, line.unit, f"{line.quantity}", f"{line.amount}") for line in invoice.lines]


def told(invoice: Invoice) -> set[str | None]:
    return {finding.field for finding in invoice.findings}


WHOLE = [
    ("治疗费", "项", "1", "100.50"),
    ("检查费", "项", "1", "20.00"),
    ("西药费", "盒", "2", "30.00"),
    ("护理费", "项", "1", "7.06"),
]


@pytest.mark.parametrize(
    "titles",
    [TITLES, "0.1|顷曰|0.4|全销(S)|0.55|日名|0.85|全级", "0.1|口"],
    ids=["read", "misread", "lost"],
)
def test_items_are_read_whatever_became_of_their_titles(titles: str) -> None:
    invoice = read(*HEAD, titles, *ITEMS, SUM, FOOT)
    assert cells(invoice) == WHOLE
    assert "lines" in told(invoice)


def test_sure_items_that_sum_to_the_total_are_sure() -> None:
    invoice = read(*HEAD, TITLES, *ITEMS, SUM, FOOT, score=0.99)
    assert cells(invoice) == WHOLE
    assert "lines" not in told(invoice)


@pytest.mark.parametrize("seal", ["章", "公章", "霸", "⎓", ""])
def test_what_became_of_the_seals_place_is_no_part_of_a_name(seal: str) -> None:
    foot = FOOT.replace("(章)", f"({seal})")
    invoice = read(*HEAD, TITLES, *ITEMS, SUM, foot)
    assert invoice.seller_name is not None
    assert invoice.seller_name.value == "武汉市第三人民医院"


def test_an_item_short_the_others_are_kept_and_told() -> None:
    invoice = read(*HEAD, TITLES, ITEMS[0], SUM, FOOT, score=0.99)
    assert cells(invoice) == WHOLE[:2]
    assert "lines" in told(invoice)


@pytest.mark.parametrize(
    ("seen", "amount"),
    [("30:00", "30.00"), ("3000", "30.00"), ("30 00", "30.00"), ("8O.0", None), ("99.99.9", None)],
)
def test_the_only_broken_amount_is_what_the_others_leave_if_it_looks_so(
    seen: str, amount: str | None
) -> None:
    invoice = read(*HEAD, TITLES, ITEMS[0], ITEMS[1].replace("30.00", seen), SUM, FOOT)
    assert "lines" in told(invoice)
    amounts = {line.name: line.amount for line in invoice.lines}
    assert amounts["西药费"] == (None if amount is None else Decimal(amount))
    assert amounts["护理费"] == Decimal("7.06")


def test_an_item_whose_amount_is_covered_keeps_the_rest() -> None:
    covered = ITEMS[1].replace("|0.4|30.00", "").replace("|0.85|7.06", "")
    invoice = read(*HEAD, "0.1|口", ITEMS[0], covered, SUM, FOOT)
    assert cells(invoice) == [
        *WHOLE[:2],
        ("西药费", "盒", "2", "None"),
        ("护理费", "项", "1", "None"),
    ]


@pytest.mark.parametrize(
    ("whole", "lost", "field", "value"),
    [
        ("票据代码:42060125", "马:42060125", "invoice_code", "42060125"),
        ("票据号码:", "号:", "invoice_number", "9500641482"),
        ("校验码:", "投晕码", "check_code", "a24e13"),
        ("交款人:", "文款人:", "buyer_name", "萧雪梅"),
        ("交款人:", "交入:", "buyer_name", "萧雪梅"),
        ("开票日期:", "开季曰期:", "issue_date", "2026-11-08"),
    ],
)
def test_values_of_the_head_are_known_without_their_labels(
    whole: str, lost: str, field: str, value: str
) -> None:
    rows = [row.replace(whole, lost) for row in HEAD]
    assert rows != list(HEAD)
    found = getattr(read(*rows, TITLES, *ITEMS, SUM, FOOT), field)
    assert found is not None
    assert str(found.value) == value
    assert found.confidence < CONFIDENT


@pytest.mark.parametrize(
    ("seen", "whole"),
    [
        ("330108**9056", "330108********9056"),
        ("330108********9056", "330108********9056"),
        ("***********6735", "**************6735"),
        ("6735", "**************6735"),
    ],
)
def test_lost_stars_of_a_payers_id_are_made_up(seen: str, whole: str) -> None:
    rows = [row.replace("330108********9056", seen) for row in HEAD]
    assert read(*rows, TITLES, *ITEMS, SUM, FOOT).extra["payer_id"].value == whole


@pytest.mark.parametrize(("score", "sure"), [(0.995, True), (0.98, False)])
def test_a_number_of_letters_and_digits_is_sure_if_every_character_is(
    score: float, sure: bool
) -> None:
    """Nothing shows that it lost one."""
    number = read(*HEAD, "0.05|门诊号:MZ768053997", TITLES, *ITEMS, SUM, FOOT, score=score)
    assert number.extra["clinic_number"].value == "MZ768053997"
    assert (number.extra["clinic_number"].confidence >= CONFIDENT) is sure


def test_a_lost_title_does_not_lose_the_bill() -> None:
    invoice = read("0.3|浙江省医疗门诊收资据", *HEAD[1:], TITLES, *ITEMS, SUM, FOOT)
    assert invoice.kind is Kind.FISCAL_MEDICAL


SLIP = (
    "0.3|网上银行电子回单|0.7|回单编号:20260003",
    "0.08|付|0.15|户名|0.25|杭州甲乙有限公司|0.52|收|0.57|户名|0.65|宁波丙丁有限公司",
    "0.08|款|0.15|账号|0.25|15601092944|0.52|款|0.57|账号|0.65|743448781423",
    "0.08|人|0.15|开户行|0.25|中国建设银行杭州支行|0.52|人|0.57|开户行|0.65|交通银行大连支行",
    "0.08|金额(大写)|0.25|壹佰伍拾柒圆伍角陆分|0.57|(小写)|0.65|157.56",
    "0.08|记账日期|0.25|2026-11-08|0.57|交易流水号|0.7|88479087",
)


@pytest.mark.parametrize(
    "sign", ["0.1|发票号码:12345678", "0.1|价税合计(大写)", "0.1|货物名称|0.4|规格型号|0.6|单位"]
)
def test_what_bears_an_invoices_labels_is_no_bank_slip(sign: str) -> None:
    """A worn invoice also has names, accounts, banks and a sum in words."""
    assert read(*SLIP).kind is Kind.BANK_RECEIPT
    assert read(*SLIP, sign).kind is not Kind.BANK_RECEIPT


@pytest.mark.parametrize(
    ("label", "text", "sure"),
    [
        ("账户明细编号-交易流水号", "473552477036", False),
        ("账户明细编号-交易流水号", "473552477-036", True),
        ("交易流水号", "473552477036", True),
    ],
)
def test_a_serial_that_lost_the_stroke_its_label_tells_of_is_unsure(
    label: str, text: str, sure: bool
) -> None:
    rows = [row.replace("交易流水号|0.7|88479087", f"{label}|0.82|{text}") for row in SLIP]
    serial = read(*rows, score=0.99).extra["serial"]
    assert serial.value == text
    assert (serial.confidence >= CONFIDENT) is sure


def test_an_account_without_its_label_stands_beside_the_others() -> None:
    rows = [row.replace("|0.57|账号|0.65", "|0.65") for row in SLIP]
    extra = read(*rows).extra
    assert extra["payer_account"].value == "15601092944"
    assert extra["payee_account"].value == "743448781423"


def test_accounts_without_any_label_stand_between_names_and_banks() -> None:
    rows = [row.replace("|0.57|账号|0.65", "|0.65").replace("|0.15|账号", "") for row in SLIP]
    extra = read(*rows).extra
    assert extra["payer_account"].value == "15601092944"
    assert extra["payee_account"].value == "743448781423"


@pytest.mark.parametrize("seen", ["户", "名", "口名"])
def test_a_name_behind_half_its_label_is_the_other_partys(seen: str) -> None:
    rows = [row.replace("|0.15|户名", f"|0.15|{seen}") for row in SLIP]
    name = read(*rows).buyer_name
    assert name is not None
    assert name.value == "杭州甲乙有限公司"
    assert name.confidence < CONFIDENT


@pytest.mark.parametrize("seen", ["记|0.25|2026-11-08", "己账期|0.25|20261108"])
def test_the_only_day_of_a_slip_is_its_own(seen: str) -> None:
    rows = [row.replace("记账日期|0.25|2026-11-08", seen) for row in SLIP]
    date = read(*rows).issue_date
    assert date is not None
    assert str(date.value) == "2026-11-08"
    assert date.confidence < CONFIDENT


def test_print_that_strayed_behind_an_account_is_left_out() -> None:
    rows = [row.replace("15601092944", "15601092944 甲乙") for row in SLIP]
    assert read(*rows).extra["payer_account"].value == "15601092944"


@pytest.mark.parametrize(
    ("seen", "whole"),
    [
        ("招商银行股有限公司杭州支行", "招商银行股份有限公司杭州支行"),
        ("中国建没银行投份有限公司杭州支行", "中国建设银行股份有限公司杭州支行"),
        ("行中国工商银行上海高新支行", "中国工商银行上海高新支行"),
        ("中信银行大连分行", "中信银行大连分行"),
        ("招商银行成都滨江支行。", "招商银行成都滨江支行"),
        ("杭州联合农村商业银行", "杭州联合农村商业银行"),
        # Two banks are as near: nothing is guessed.
        ("中国工业银行", "中国工业银行"),
    ],
)
def test_banks_are_called_as_banks_are(seen: str, whole: str) -> None:
    assert mended_bank(seen) == whole


def test_an_items_remark_is_no_share_of_the_bill() -> None:
    """有自付 beside an item is like 个人自付, whose amount stands in the box below."""
    remarked = ITEMS[0].replace("0.53|检查费", "0.49|有自付|0.58|检查费")
    box = "0.05|其|0.1|个人自付:57.56|0.4|个人自费:20.00"
    invoice = read(*HEAD, TITLES, remarked, ITEMS[1], SUM, box, FOOT)
    assert {name: invoice.extra[name].value for name in ("self_paid", "self_funded")} == {
        "self_paid": "57.56",
        "self_funded": "20.00",
    }


@pytest.mark.parametrize(
    ("amount", "quantity"), [("200.00", "1"), ("1800.00", "9"), ("2400.00", None), ("300.00", None)]
)
def test_a_lone_digit_that_was_overlooked_is_what_price_and_amount_leave(
    amount: str, quantity: str | None
) -> None:
    titles = "0.1|项目编码|0.25|项目名称|0.42|单位|0.52|数量|0.62|标准|0.75|金额(元)"
    item = f"0.1|9001|0.25|捐赠款|0.43|元|0.63|200|0.76|{amount}"
    invoice = read(*HEAD, titles, item, SUM, FOOT)
    read_quantity = invoice.lines[0].quantity
    assert (None if read_quantity is None else f"{read_quantity}") == quantity
