"""收据 and till receipts, Chinese and foreign: the last resort, for what no other face knows.

A hand-written 收据 is a form (今收到, 人民币, 收款事由); everything else is a roll of rows with a
merchant above, a day somewhere and a total below. Letters, notices and minutes that speak of money
are none of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout import values
from extractors.layout.cells import Cell, first, read_cells, trust
from extractors.layout.days import printed_dates
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.reading import UNLABELLED, Face, FaceReader, compact, cut
from extractors.layout.spoken import first_money, read_spoken_total
from extractors.layout.till import currency, keep_day, keep_merchant, merchant_name, whole_text
from extractors.layout.till_totals import extra_sums, keep_total, read_sums
from extractors.model import Field, Invoice, Kind

#: What only receipts say ...
_STRONG = (
    (
        r"\bRECEIPT\b|\bINVOICE\b|CASH\s?(?:BILL|SALE|MEMO)|GUEST\s?CHECK|\bBILL\b|"
        r"收据|小票|结账单|账单|消费[单清]"
    ),
    (
        r"\bCASH\b|\bCHANGE\b|TENDER|\bVISA\b|MASTER|\bPAID\b|\bCARD\b|"
        r"找[零赎]|实收|现金|微信|支付宝|刷卡"
    ),
    r"SUB\W{0,2}TOT|小计",
    r"\bGST\b|\bVAT\b|\bTAX\b|\bSST\b|SERVICE CH|ROUNDING",
    r"\bQTY\b|\bPRICE\b|\bITEMS?\b|DESCRIPTION|单价|数量|品名",
    r"THANK|WELCOME|COME AGAIN|GOODS SOLD|REFUND|EXCHANGE|谢谢|欢迎|光临|惠顾",
    r"CASHIER|\bSERVER\b|\bTABLE\b|COUNTER|\bTILL\b|REGISTER|收银|桌[号台]|流水号|机号|单号",
    r"[今兹]收[到自]|交款(?:单位|人)|经手人|收款(?:事由|单位|人)",
)
#: ... and what letters say too.
_WEAK = (r"\bTEL\b|PHONE|\bFAX\b|电话|地址", r"\d{1,2}:\d{2}")
_ELSE = re.compile(
    r"\bDEAR\b|SINCERELY|REGARDS|\bMINUTES\b|\bAGENDA\b|QUOTATION|PURCHASE ORDER|STATEMENT OF|"
    r"DELIVERY ORDER|PACKING LIST|PROFORMA|"
    r"会议纪要|会议记录|通知|报价单|采购合同|协议书|申请[表书]|审批|"
    r"发票号码|发票代码|价税合计|票据代码|电子客票|工资[表条]|尊敬的|此致|特此"
)
#: Signs of receipts that one whose total is unreadable must show.
_LEAST_WITHOUT_TOTAL = 4
_TITLE = re.compile(r"收\s?款?\s?收?\s?据")
_FORM = re.compile(r"[今兹]收[到自]|交款(?:单位|人)|收款事由|缴款人")

#: The form's own words, by what they stand for: so many of them say what it is where a seal or
#: glare hides the title.
_FORM_WORDS = (
    r"[今兹]收[到自]|交款(?:单位|人)|缴款(?:单位|人)",
    r"收款事由|款项内容|收款项目|系付|交来",
    r"收款单位",
    r"经手人|经办人|出纳|会计",
)
_ENOUGH_WORDS = 3

_ORGANISATION = re.compile(
    r"[一-鿿]{3}(?:公司|学校|大学|学院|中心|医院|小学|中学|[局厅委部所厂社])$"
)

_LABELS = {
    "number": r"N[oO0][.:]|№|编号|收据号码?|单据?号码?",
    "payer": r"[今兹]收[到自]|交款(?:单位|人)|缴款(?:单位|人)|付款(?:单位|人)",
    "purpose": r"收款事由|款项内容|事由|系付|交来|摘要|收款项目",
    "_words": r"(?:合计)?(?:金额)?\(?(?:人民币)?\(?大写\)?|人民币",
    "figures": r"(?:合计)?(?:金额)?\(?小写\)?|[¥Y](?=\d)",
    "_way": r"收款方式|支付方式|结算方式|现金|支票|转账|备注",
    "seller": r"收款(?:单位|方)(?:\((?:公?章|盖章|财务?专?用?章)\)?|盖章|公章)?|收款单位",
    "handler": r"经手人|经办人?|收款人|开票人|出纳",
    "_people": r"交款人签[名章]|会计|复核|审核|主管|记账|单位(?:\(?盖章\)?)",
}

#: What forms print, for labels that were read badly.
_PRINTED = (
    "今收到", "兹收到", "交款单位", "缴款单位", "付款单位", "收款事由", "款项内容", "收款项目",
    "人民币(大写)", "收款方式", "收款单位(盖章)", "收款单位", "经手人", "经办人", "开票人",
)  # fmt: skip


def score(face: Face) -> int | None:
    """1, for a total with its amount and signs that only receipts show."""
    rows = whole_text(face).upper()
    # Titles are spread (收  据).
    text = re.sub(r"(?<=[一-鿿]) +(?=[一-鿿])", "", rows)
    if _ELSE.search(text):
        return None
    if _is_form(face):
        return 1
    strong = sum(bool(re.search(sign, text)) for sign in _STRONG)
    weak = sum(bool(re.search(sign, text)) for sign in _WEAK) + any(
        printed_dates(row) for row in rows.splitlines()
    )
    if strong + (weak >= 2) < 2 or not strong:
        return None
    sums = read_sums(face)
    if sums.of("grand", "total"):
        return 1
    # The amount itself may be unreadable.
    hidden = face.recognised and {"grand", "total"} & set(sums.bare)
    return 1 if hidden and strong >= _LEAST_WITHOUT_TOTAL else None


def read(face: Face) -> Invoice:
    """What the receipt shows."""
    return _read_form(face) if _is_form(face) else _read_roll(face)


def _is_form(face: Face) -> bool:
    """A 收据 with the words of its form, and an amount in words."""
    text = face.sheet.text
    if not re.search(r"[圆元角分]?[整正]|[佰仟拾]|[壹贰叁肆伍陆柒捌玖][圆元角分]", text):
        return False
    words = sum(bool(re.search(word, text)) for word in _FORM_WORDS)
    titled = _TITLE.search(text) is not None
    told = face.recognised and words >= _ENOUGH_WORDS - titled
    return told or (titled and _FORM.search(text) is not None)


def _read_roll(face: Face) -> Invoice:
    """Till receipts and restaurants' bills."""
    sums = read_sums(face)
    keep_total(face, sums)
    keep_day(face)
    amounts = [each.run.y0 for sort in sums.by_sort.values() for each in sort]
    amounts += [each.run.y0 for each in sums.others]
    keep_merchant(face, min(amounts, default=0.4 * face.sheet.bottom))
    extra = extra_sums(face, sums)
    money = currency(face)
    if money is not None:
        extra["currency"] = face.field(money[0], money[1])
    return face.invoice(Kind.RECEIPT, extra=extra)


def _read_form(face: Face) -> Invoice:
    """A 收据: who paid whom how much for what."""
    face = relabelled(face, _PRINTED)
    cells = read_cells(face, _LABELS)
    extra: dict[str, Field[str]] = {}
    number = first(cells, "number")
    match = re.match(r"\d{4,12}(?!\d)", compact(number).text) if number is not None else None
    if number is not None and match is not None:
        face.keep("invoice_number", match[0], cut(compact(number), match, 0) or number)
    _read_date(face)
    read_spoken_total(face, _figures(face, cells))
    for name, label in (("buyer_name", "payer"), ("seller_name", "seller")):
        run = first(cells, label)
        if run is not None:
            name_of = values.clean_name(merchant_name(run))
            face.keep(name, name_of, run, most=trust(face, run))
    if face.recognised and "buyer_name" not in face.found:
        _keep_payer_above_sum(face)
    for name in ("purpose", "handler"):
        run = first(cells, name)
        if run is not None and (text := values.clean_name(run.raw)) is not None:
            extra[name] = face.field(text, run)
    extra["currency"] = face.field("CNY", face.sheet.runs[0])
    return face.invoice(Kind.RECEIPT, extra=extra)


def _keep_payer_above_sum(face: Face) -> None:
    """The organisation between the title and the sum, where its label was not read: who pays
    stands above, who was paid below."""
    words = face.found.get("amount_in_words")
    if words is None or words.box is None:
        return
    above = [run for run in face.sheet.runs if face.sheet.box(run).y1 < words.box.y0]
    named = [run for run in above if _ORGANISATION.search(compact(run).text)]
    if len(named) == 1:
        name = values.clean_name(merchant_name(named[0]))
        face.keep("buyer_name", name, named[0], most=UNLABELLED)


def _figures(face: Face, cells: Sequence[Cell]) -> list[Run]:
    """Amounts behind 小写 or behind a ¥ of the form."""
    named = [cell.value for cell in cells if cell.name == "figures" and cell.value is not None]
    signed = [
        part
        for row in face.sheet.rows
        for match in re.finditer(r"¥([\d,]+\.\d\d)", compact(row).text)
        if (part := cut(compact(row), match)) is not None
    ]
    return [run for run in (*named, *signed) if first_money(run) is not None]


def _read_date(face: Face) -> None:
    """年, 月 and 日 are printed on the form, wide apart; the figures are filled in between."""
    days = {}
    for row in face.sheet.rows:
        bare = compact(row)
        for match in values.DATE.finditer(bare.text):
            part, day = cut(bare, match, 0), values.date(match[0])
            if part is not None and day is not None:
                days[day] = part
    if len(days) == 1:
        day, part = days.popitem()
        face.keep("issue_date", day, part)
    elif not days:
        keep_day(face)


FACES = (
    FaceReader(
        "receipt",
        score,
        read,
        {Kind.RECEIPT: ("seller_name", "issue_date", "total_with_tax")},
        _PRINTED,
    ),
)
