"""What recognition does to bills, slips and feet of invoices, and how sure a value then is: seals
in a name, letters for digits, rows of long names overlooked, points read as commas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import pytest

from extractors.faces import invoice_from_words
from extractors.layout.foot import read_issuer
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.model import Box, Field, Invoice, Kind, Source
from extractors.words import PageWords, Word

#: Below this a person looks.
SURE = 0.85


def page(*words: tuple[float, float, str]) -> PageWords:
    """Words by their left edge, the middle of their height and their text."""
    found = []
    for x, y, text in words:
        wide = sum(0.02 if char > "⺀" else 0.01 for char in text)
        box = Box(page=0, x0=x, y0=y - 0.012, x1=x + wide, y1=y + 0.012)
        found.append(Word(text=text, box=box, confidence=0.99))
    return PageWords(page=0, width=1.0, height=1.0, words=tuple(found))


def recognised(*words: tuple[float, float, str]) -> Invoice:
    return invoice_from_words([page(*words)], Source.OCR)


def issuer(*words: tuple[float, float, str], source: Source = Source.OCR) -> Field[str] | None:
    face = Face(Sheet([page(*words)]), source)
    read_issuer(face, 0.5)
    return face.found.get("issuer")


@pytest.mark.parametrize(
    ("words", "name", "sure"),
    [
        (((0.4, 0.9, "开票人：林秀英"),), "林秀英", True),
        (((0.4, 0.9, "并非人；林秀英"),), "林秀英", True),
        (
            ((0.4, 0.9, "开票人："), (0.5, 0.9, "林秀英"), (0.75, 0.9, "销售方：(章)")),
            "林秀英",
            True,
        ),
        (((0.4, 0.9, "开票人：林敏(章)"),), "林敏", True),
        (((0.4, 0.9, "开票人：林秀英发票专用章"),), "林秀英", True),
        (((0.4, 0.9, "开票人：林秀英"), (0.7, 0.9, "有限公司")), "林秀英", True),
        (((0.4, 0.9, "开票人：欧阳明月"),), "欧阳明月", True),
        (((0.4, 0.9, "开票人：林秀英限"),), "林秀英限", False),
        (((0.4, 0.9, "开票人：林敏章"),), "林敏章", False),
        (((0.4, 0.9, "开票人：电子税务局"),), "电子税务局", False),
    ],
)
def test_an_issuer_ends_where_the_seal_begins(
    words: Sequence[tuple[float, float, str]], name: str, sure: bool
) -> None:
    found = issuer(*words)
    assert found is not None
    assert found.value == name
    assert (found.confidence >= SURE) == sure


def test_a_text_layer_says_who_issued_it() -> None:
    found = issuer((0.4, 0.9, "开票人：电子税务局"), source=Source.PDF_TEXT)
    assert found is not None
    assert found.confidence == pytest.approx(0.99)


BILL = (
    (0.3, 0.05, "浙江省医疗门诊收费票据（电子）"),
    *((0.05, 0.15, "票据代码：33060125"), (0.6, 0.15, "票据号码：0113466761")),
    *((0.05, 0.25, "交款人：韩若曦"), (0.6, 0.25, "开票日期：2026-09-17")),
    *((0.05, 0.6, "金额合计（大写）"), (0.3, 0.6, "壹佰元整"), (0.6, 0.6, "（小写）100.00")),
)


@pytest.mark.parametrize(
    ("printed", "code", "sure"),
    [
        ("dOdd7f", "d0dd7f", False),
        ("3e0c99", "3e0c99", False),
        ("7hQ2xz", "7hQ2xz", False),
        ("c38d76", "c38d76", True),
    ],
)
def test_a_check_code_seen_once_may_be_misread(printed: str, code: str, sure: bool) -> None:
    words = (*BILL, (0.6, 0.2, f"校验码：{printed}"))
    found = recognised(*words).check_code
    assert found is not None
    assert found.value == code
    assert (found.confidence >= SURE) == sure
    given = invoice_from_words([page(*words)], Source.PDF_TEXT).check_code
    assert given is not None
    assert given.value == printed


def test_a_check_code_seen_twice_is_sure() -> None:
    found = recognised(*BILL, (0.6, 0.2, "校验码：d0dd7f"), (0.6, 0.8, "校验码：d0dd7f")).check_code
    assert found is not None
    assert found.confidence >= SURE


def test_shares_of_a_bill_with_blurred_points_are_mended_and_doubtful() -> None:
    extra = recognised(
        *BILL,
        *((0.05, 0.7, "医保统筹基金支付：60.00"), (0.5, 0.7, "人账户支付：10.00")),
        *((0.05, 0.75, "个人现金支付：30.00"), (0.5, 0.75, "个人自付：1,00")),
        (0.05, 0.8, "个人自费：3000"),
    ).extra
    read = {name: field.value for name, field in extra.items()}
    assert read == {
        "fund_paid": "60.00", "account_paid": "10.00", "cash_paid": "30.00",
        "self_paid": "1.00", "self_funded": "30.00",
    }  # fmt: skip
    assert all((extra[name].confidence >= SURE) == name.endswith("paid") for name in read
               if name != "self_paid")  # fmt: skip
    assert extra["self_paid"].confidence < SURE


@pytest.mark.parametrize(("own", "sure"), [("30.00", True), ("30.40", False)])
def test_what_the_patient_bears_is_sure_where_the_shares_say_so(own: str, sure: bool) -> None:
    extra = recognised(
        *BILL,
        *((0.05, 0.7, "医保统筹基金支付：60.00"), (0.5, 0.7, "个人账户支付：10.00")),
        *((0.05, 0.75, "个人现金支付：30.00"), (0.5, 0.75, f"个人自费：{own}")),
    ).extra
    assert extra["cash_paid"].confidence >= SURE
    assert (extra["self_funded"].confidence >= SURE) == sure


def test_the_items_of_a_leaning_bill_keep_their_order() -> None:
    titles = ("项目名称", "数量/单位", "金额（元）")
    lefts, rights = (0.05, 0.2, 0.35), (0.55, 0.7, 0.85)
    rows = ((0.350, "中草药费", "10.00", "放射费", "20.00"),
            (0.386, "护理费", "30.00", "床位费", "40.00"))  # fmt: skip
    words = [
        *((x, 0.3, title) for x, title in zip((*lefts, *rights), titles * 2, strict=True)),
        *((x, y + lean, text) for y, one, sum_, two, other in rows
          for x, text, lean in ((0.05, one, 0.004), (0.2, "1项", 0.003), (0.35, sum_, 0.003),
                                (0.55, two, 0.0), (0.7, "1项", 0.0), (0.85, other, 0.0))),
    ]  # fmt: skip
    invoice = recognised(*BILL, *words)
    assert [line.name for line in invoice.lines] == ["中草药费", "放射费", "护理费", "床位费"]


@pytest.mark.parametrize(
    ("printed", "sure"),
    [
        ("**************6735", True),
        ("水水宗水车串车本东水本水水6735", False),
        ("*" * 11 + "6735", False),
    ],
)
def test_stars_of_a_masked_id_read_as_something_else(printed: str, sure: bool) -> None:
    payer = recognised(*BILL, (0.05, 0.2, "交款人统一社会信用代码："), (0.3, 0.2, printed)).extra[
        "payer_id"
    ]
    assert payer.value == "**************6735"
    assert (payer.confidence >= SURE) == sure


SLIP = (
    (0.3, 0.05, "网上银行电子回单"),
    (0.55, 0.12, "电子回单号码：1461-8543-8225-7446"),
    *((0.02, 0.2, "付"), (0.08, 0.2, "户名"), (0.15, 0.2, "杭州市实验学校")),
    *((0.5, 0.2, "收"), (0.55, 0.2, "户名"), (0.65, 0.2, "丰禾年图书有限公司")),
    *((0.02, 0.3, "款"), (0.043, 0.3, "账"), (0.12, 0.3, "号288697476185")),
    *((0.5, 0.3, "款"), (0.523, 0.3, "账"), (0.6, 0.3, "号 6514125585848690964")),
    *((0.02, 0.4, "人"), (0.5, 0.4, "人"), (0.05, 0.6, "交易流水号：157580437=055")),
    *((0.05, 0.5, "金额"), (0.15, 0.5, "¥3,479.021.96元"), (0.5, 0.5, "金额(大写)")),
    (0.65, 0.5, "叁佰肆拾柒万玖仟零贰拾壹元玖角陆分"),
    (0.05, 0.7, "记账日期2026年10月03日"),
)


def test_a_slip_whose_labels_stand_close_to_the_word_down_the_side() -> None:
    extra = recognised(*SLIP).extra
    assert extra["payer_account"].value == "288697476185"
    assert extra["payee_account"].value == "6514125585848690964"


def test_figures_whose_commas_became_points_are_proven_by_their_words() -> None:
    total = recognised(*SLIP).total_with_tax
    assert total is not None
    assert total.value == Decimal("3479021.96")
    assert total.confidence < SURE


def test_a_stroke_read_double_is_mended_and_doubtful() -> None:
    serial = recognised(*SLIP).extra["serial"]
    assert serial.value == "157580437-055"
    assert serial.confidence < SURE


@pytest.mark.parametrize(
    ("rows", "name", "sure"),
    [
        (("开户银行中国银行杭州滨江支行",), "中国银行杭州滨江支行", True),
        (("开户银行中国银行杭州滨江支",), "中国银行杭州滨江支行", False),
        (("开户银行中国银行杭州滨江",), "中国银行杭州滨江", False),
        (("开户银行中国银行杭州滨江支", "行"), "中国银行杭州滨江支行", True),
    ],
)
def test_a_banks_name_ends_like_one(rows: tuple[str, ...], name: str, sure: bool) -> None:
    x = (0.08, 0.18)  # the rest stands under the name's first character, right of the label
    found = recognised(
        *SLIP,
        *((x[place], 0.42 + 0.024 * place, row) for place, row in enumerate(rows)),
        (0.55, 0.42, "开户银行招商银行上海分行"),
    ).extra["payer_bank"]
    assert found.value == name
    assert (found.confidence >= SURE) == sure


@pytest.mark.parametrize("gap", [" ", ""])
@pytest.mark.parametrize(("code", "sure"), [("OPAP2A", False), ("352020", True), ("EDG8B6", True)])
def test_an_approval_code_of_letters_and_digits_may_be_misread(
    code: str, sure: bool, gap: str
) -> None:
    slip = recognised(
        *((0.1, 0.05, "POS签购单"), (0.1, 0.1, "商户编号(MERCHANT NO):481538231754706")),
        *((0.1, 0.15, "终端号(TERMINAL NO):45204431"), (0.1, 0.2, f"授权号(AUTH NO):{code}")),
        *((0.1, 0.25, "批次号(BATCH NO):000426"), (0.1, 0.3, "金额(AMOUNT):RMB 2856.47")),
        (0.1, 0.35, f"日期/时间(DATE/TIME):2026/09/12{gap}09:52:27"),
    )
    assert slip.issue_date is not None
    assert slip.issue_date.value == dt.date(2026, 9, 12)
    assert slip.extra["time"].value == "2026-09-12 09:52"
    assert slip.extra["authorisation"].value == code
    assert (slip.extra["authorisation"].confidence >= SURE) == sure


@pytest.mark.parametrize(("card", "sure"), [("620088******2391", True), ("620088**2391", False)])
def test_a_card_that_lost_stars_is_doubtful(card: str, sure: bool) -> None:
    slip = recognised(
        *(
            (0.1, 0.05, "POS签购单"),
            (0.1, 0.1, "商户编号:481538231754706"),
            (0.1, 0.2, f"卡号:{card}"),
        ),
        *(
            (0.1, 0.15, "终端号:45204431"),
            (0.1, 0.25, "批次号:000426"),
            (0.1, 0.3, "金额:2856.47元"),
        ),
    )
    assert slip.extra["card"].value == card
    assert (slip.extra["card"].confidence >= SURE) == sure


@pytest.mark.parametrize(
    ("name", "sure"), [("PERNIAGAAN ZHENG SDN. BHD.", True), ("PERNIAGAAN ZHENG SDN BHD", True),
                       ("PERNIAGAAN ZHENG SDN. BHD", False)],
)  # fmt: skip
def test_a_last_dot_is_easily_lost(name: str, sure: bool) -> None:
    seller = recognised(
        *((0.3, 0.05, name), (0.3, 0.1, "RECEIPT"), (0.1, 0.15, "Date: 04/11/2026 14:23")),
        *((0.1, 0.2, "GST ID : 000412876544"), (0.1, 0.3, "COFFEE"), (0.7, 0.3, "31.54")),
        *((0.1, 0.35, "Amount Due"), (0.7, 0.35, "RM31.54")),
        *((0.1, 0.4, "CASH"), (0.7, 0.4, "RM31.54")),
    ).seller_name
    assert seller is not None
    assert seller.value == name
    assert (seller.confidence >= SURE) == sure


OLD_FORM = (
    *((0.3, 0.05, "江苏增值税普通发票"), (0.05, 0.05, "4100084140"), (0.75, 0.05, "No 02995607")),
    *((0.7, 0.1, "开票日期：2012年10月15日"), (0.05, 0.1, "校验码 55313 31985 18412 57210")),
    *(
        (0.05, 0.2, "名"),
        (0.12, 0.2, "称：飞翔发票管理软件有限公司"),
        (0.05, 0.23, "纳税人识别号："),
    ),
    *(
        (0.05, 0.4, "货物或应税劳务名称"),
        (0.4, 0.4, "单价"),
        (0.5, 0.4, "金额"),
        (0.6, 0.4, "税率"),
    ),
    *((0.8, 0.4, "税额"), (0.05, 0.6, "合"), (0.1, 0.6, "计"), (0.5, 0.6, "¥2432.91")),
    *((0.8, 0.6, "¥177.09"), (0.05, 0.65, "价税合计（大写）"), (0.25, 0.65, "贰仟陆佰壹拾圆整")),
    *((0.6, 0.65, "（小写）¥2610.00"), (0.05, 0.72, "名")),
    *((0.12, 0.72, "称：飞翔发票打印软件有限公司"), (0.05, 0.75, "纳税人识别号：")),
    *((0.2, 0.75, "312705303"), (0.05, 0.78, "地址、电话：南京")),
)


def test_an_old_short_id_is_the_sellers_and_no_second_row_of_the_name() -> None:
    invoice = recognised(*OLD_FORM)
    assert invoice.seller_name is not None
    assert invoice.seller_name.value == "飞翔发票打印软件有限公司"
    assert invoice.seller_tax_id is not None
    assert invoice.seller_tax_id.value == "312705303"
    assert invoice.seller_tax_id.confidence < SURE
    assert invoice.buyer_tax_id is None


@pytest.mark.parametrize(
    ("code", "title", "checked", "kind"),
    [
        ("4100084140", "江苏增值税普通发票", True, Kind.VAT_NORMAL),
        ("4100084140", "江苏增值普通", True, Kind.VAT_NORMAL),
        ("4100084140", "江苏增值税", True, Kind.VAT_NORMAL),
        ("4100084140", "江苏增值税", False, Kind.VAT_SPECIAL),
        ("4100084360", "江苏增值税专用", False, Kind.VAT_SPECIAL),
        ("4100084360", "江苏用发票", False, Kind.VAT_SPECIAL),
        ("4100084360", "江苏增值税", False, Kind.VAT_NORMAL),
    ],
)
def test_under_a_seal_half_a_title_outweighs_the_code(
    code: str, title: str, checked: bool, kind: Kind
) -> None:
    changed = {"4100084140": code, "江苏增值税普通发票": title}
    words = [
        (x, y, changed.get(text, text))
        for x, y, text in OLD_FORM
        if checked or not text.startswith("校验码")
    ]
    assert recognised(*words).kind is kind
