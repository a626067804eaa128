"""财政票据: bills of hospitals, schools, courts and other public bodies, electronic or on paper.

Head (票据代码, 票据号码, 校验码, 交款人), a table of items, the sum in words and figures, and for
hospitals a box of how the insurance shared the bill. The electronic code tells itself: region,
class (06 is medical), sort, year.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container, Sequence
from decimal import Decimal

from extractors.checks import CONFIDENT
from extractors.layout import values
from extractors.layout.bill_head import (
    is_bill_code,
    lost_check_code,
    lost_code,
    lost_masked_id,
    lost_number,
    lost_payer,
    lost_tax_id,
)
from extractors.layout.bill_items import read_items
from extractors.layout.cells import Cell, first, read_cells, the_only, trust
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, FaceReader, compact, cut
from extractors.layout.slips import doubted
from extractors.layout.spoken import first_money, read_spoken_total
from extractors.layout.tax_ids import keep_tax_id
from extractors.model import Field, Finding, Invoice, Kind, Line, Severity

_MEDICAL = re.compile(
    r"医疗(?:门诊|住院|收费|门急诊|卫生)\S{0,6}(?:票据|收据)|(?:门诊|住院)(?:医疗|医药|收费)\S{0,4}(?:票据|收据)"
)
_NON_TAX = re.compile(
    r"非税收入\S{0,8}(?:票据|缴款书|收据)|往来结算\S{0,4}票据|公益(?:事业)?捐[赠款]\S{0,6}票据|"
    r"会费统一(?:票据|收据)|诉讼\S{0,4}票据|社会保险\S{0,6}(?:票据|收据)|罚没?款?\S{0,4}(?:票据|收据)|"
    r"维修资金\S{0,4}票据|财政\S{0,4}票据|行政事业\S{0,6}(?:票据|收据)"
)
_SIGNS = (
    *(r"票据代码", r"票据号码", r"交款人", r"收款单位", r"财政部监制", r"复核", r"金额合计"),
    r"业务流水号|门诊号|住院号|医保(?:统筹|类型)",
)
_MEDICAL_SIGNS = r"门诊号|住院号|医疗机构类型|医保(?:统筹|类型|编号)|就诊日期"

_LABELS = {
    "code": r"票据代码",
    "number": r"(?:票据)?号码|N[oO0][.:]|№",
    "check": r"校验码",
    "payer_id": r"(?:交款人|缴款人|付款人)?(?:统一)?社会信用代?码|统一社会信用代码",
    "date": r"开票日期|填[开制]日期|收费日期",
    "payee_unit": r"(?:收款|开票|执收|收费|受赠)单位(?:名称)?"
    # A poor page makes anything of the 章.
    r"(?:\((?:公?章?|.{1,2}(?=\):))\))?",
    "agency_code": r"执收单位编码",
    "payment_code": r"缴款码",
    "serial": r"业务流水号",
    "clinic_number": r"门诊(?:病历)?号",
    "inpatient_number": r"住院(?:病历)?号",
    "_record": r"病历号|病案号",
    "visit_date": r"就[诊医]日期",
    "_stay": r"住院(?:时间|科别|天数|日期)|预缴金额|补缴金额|退费金额",
    "_institution": r"医疗机构类[型别]|医保类型|医保编号|社会保障号码?|性别|医保机构",
    "fund_paid": r"医保统筹基金支付|医保统筹支付|统筹(?:基金)?支付",
    # Where a first character was lost, the rest still says what is meant.
    "account_paid": r"(?:医保)?个?人[账帐]户支付",
    "cash_paid": r"个人现金支付|现金支付",
    "other_paid": r"其他(?:医保)?支付",
    "self_paid": r"个人自付",
    "self_funded": r"个人自费",
    "payer": r"(?:交款人|缴款人|付款人|捐赠人|交款单位|姓名)(?!统)",
    "reviewer": r"复核人?",
    "payee": r"收款人",
    "_handler": r"经办人|制单人?|开票人",
    "figures": r"(?:金额)?(?:合计|总计)?\(小写\)|金额合计:|小写:",
    "_words": r"(?:金额)?(?:合计|总计)?\(大写\)|大写:",
    "remarks": r"备注:",
    # Not with a character of the box's title before it, which runs down its side.
    "_else": r"(?![其他信息])[一-鿿]{2,10}(?:支付|余额|自[付费一二]|支付方式|方式):",
}
#: The words that bills print, to set right what a poor page makes of them.
_PRINTED = (
    *("医疗门诊收费票据", "医疗住院收费票据", "门诊收费票据", "住院收费票据", "医疗收费票据"),
    *("非税收入统一票据", "非税收入一般缴款书", "资金往来结算票据", "公益事业捐赠统一票据"),
    *("票据代码", "票据号码", "校验码", "交款人统一社会信用代码", "统一社会信用代码", "交款人"),
    *("开票日期", "填制日期", "收款单位", "开票单位", "执收单位", "执收单位编码", "缴款码"),
    *("业务流水号", "门诊号", "住院号", "病历号", "就诊日期", "住院时间", "住院科别"),
    *("医疗机构类型", "医保类型", "医保编号", "医保统筹基金支付", "医保统筹支付", "其他支付"),
    *(
        "个人账户支付",
        "个人现金支付",
        "现金支付",
        "账户支付",
        "个人自付",
        "个人自费",
        "账户余额",
        "复核人",
        "收款人",
    ),
    *("项目名称", "收费项目", "项目编码", "数量/单位", "金额(元)", "金额", "数量", "单位", "标准"),
    *("金额合计(大写)", "合计(大写)", "(大写)", "(小写)", "财政部监制"),
)
_SIX = re.compile(r"[0-9A-Za-z]{6}")
_CLEAR_CHECK_CODE = re.compile(r"[1-9a-f]{6}|[1-9A-F]{6}")
_MISREAD = str.maketrans({"O": "0", "o": "0", "Q": "0", "l": "1", "I": "1"})
_PAID = ("fund_paid", "account_paid", "cash_paid", "other_paid")
_EXTRA_MONEY = (*_PAID, "self_paid", "self_funded")
#: Numbers without any check: recognition must be sure of every character.
_SURE_NUMBER = 0.99
_ID_LENGTH = 18
_EXTRA_TEXT = {
    "serial": r"[0-9A-Za-z-]{4,50}",
    "clinic_number": r"[0-9A-Za-z-]{3,40}",
    "inpatient_number": r"[0-9A-Za-z-]{3,40}",
    "agency_code": r"[0-9A-Za-z]{3,20}",
    "payment_code": r"[0-9A-Za-z]{8,40}",
    "payer_id": r"[0-9A-Za-z]*\*+[0-9A-Za-z]*",
}


def score(face: Face) -> int | None:
    """4: its title over its own labels; 2: three of its labels."""
    text = relabelled(face, _PRINTED).sheet.text
    if re.search(r"发票号码|发票代码|价税合计", text):
        return None
    seen = sum(bool(re.search(sign, text)) for sign in _SIGNS)
    if (_MEDICAL.search(text) or _NON_TAX.search(text)) and seen >= 2:
        return 4
    return 2 if seen >= 3 and re.search(r"票据", text) else None


def read(face: Face) -> Invoice:
    """What the bill shows."""
    face = relabelled(face, _PRINTED)
    cells = read_cells(face, _LABELS)
    kind = _kind(face)
    _read_keys(face, cells)
    _read_parties(face, cells)
    figures = [cell.value for cell in cells if cell.name == "figures" and cell.value is not None]
    read_spoken_total(face, figures)
    extra = _read_extra(face, cells)
    remarks = first([cell for cell in cells if cell.label.y0 > 0.5 * face.sheet.bottom], "remarks")
    if remarks is not None:
        face.keep("remarks", remarks.raw.strip(), remarks)
    return face.invoice(kind, lines=_lines(face), extra=extra)


def _kind(face: Face) -> Kind:
    text = face.sheet.text
    if _MEDICAL.search(text) or (not _NON_TAX.search(text) and re.search(_MEDICAL_SIGNS, text)):
        return Kind.FISCAL_MEDICAL
    return Kind.FISCAL_NON_TAX


def _read_keys(face: Face, cells: Sequence[Cell]) -> None:
    for name, label, shape, lost in (
        ("invoice_code", "code", r"\d{6,12}", lost_code),
        ("invoice_number", "number", r"\d{8,12}", lost_number),
    ):
        run = the_only(cells, label)
        if run is not None and _is_key(name, shape, compact(run).text):
            face.keep(name, compact(run).text, run)
        elif face.recognised and (run := lost(face)) is not None:
            face.keep(name, run.text, run, most=UNLABELLED)
    _read_check_code(face, cells)
    run = first(cells, "date") or _dated(face)
    if run is not None:
        _keep_date(face, run)


def _is_key(name: str, shape: str, text: str) -> bool:
    whole = bool(re.fullmatch(shape, text))
    return whole and (name != "invoice_code" or len(text) != 8 or is_bill_code(text))


def _read_check_code(face: Face, cells: Sequence[Cell]) -> None:
    """Six digits of sixteen, where O can only be a misread 0. Nothing on the bill proves them: a
    recognised code is doubtful with any 0 in it, or a character that is no such digit, unless it
    stands there twice."""
    run = the_only(cells, "check")
    most = 1.0
    if face.recognised and (run is None or not _SIX.fullmatch(compact(run).text)):
        run, most = lost_check_code(face), UNLABELLED
    if run is None or not _SIX.fullmatch(compact(run).text):
        return
    code = compact(run).text
    if not face.recognised:
        face.keep("check_code", code, run)
        return
    clear = bool(_CLEAR_CHECK_CODE.fullmatch(code))
    mended = code.translate(_MISREAD)
    if re.fullmatch(r"[0-9a-f]{6}|[0-9A-F]{6}", mended):
        code = mended
    twice = sum(cell.name == "check" and cell.value is not None for cell in cells) > 1
    sure = 1.0 if twice or clear else MENDED
    face.keep("check_code", code, run, proven=twice, most=min(most, sure))


def _keep_date(face: Face, run: Run) -> None:
    """The date; one whose marks differ (2026-11.07) is one too, doubtful."""
    day = _date(run)
    face.keep("issue_date", day, run)
    if day is None and face.recognised:
        face.keep("issue_date", _blurred_date(run), run, most=MENDED)


def _date(run: Run) -> dt.date | None:
    """`2023-04-30`, `2019年5月6日`, `20230430 11:09:01`."""
    text = compact(run).text
    digits = re.match(r"(20\d\d)(\d\d)(\d\d)(?:\d{2}:|$)", text)
    if digits:
        return values.date("-".join(digits.groups()))
    return values.date(text[:11])


def _blurred_date(run: Run) -> dt.date | None:
    match = re.match(r"(20\d\d)[-./·年](\d\d)[-./·月](\d\d)", compact(run).text)
    return values.date("-".join(match.groups())) if match else None


def _dated(face: Face) -> Run | None:
    """On paper the date stands without a label, over the table: the only one there."""
    found: dict[str, Run] = {}
    for run in face.sheet.within(face.sheet.phrases, bottom=0.5 * face.sheet.bottom):
        bare = compact(run)
        for match in values.DATE.finditer(bare.text):
            part = cut(bare, match, 0)
            if part is not None:
                found[part.text] = part
    return found.popitem()[1] if len(found) == 1 else None


def _read_parties(face: Face, cells: Sequence[Cell]) -> None:
    for name, label in (("buyer_name", "payer"), ("seller_name", "payee_unit")):
        run = first(cells, label)
        if run is not None:
            face.keep(name, values.clean_name(run.raw), run, most=trust(face, run))
    run = first(cells, "payer_id")
    if run is not None and "*" not in run.text:
        keep_tax_id(face, "buyer_tax_id", compact(run))
    if face.recognised:
        _read_lost_payer(face, cells)


def _read_lost_payer(face: Face, cells: Sequence[Cell]) -> None:
    """The payer and its id, their labels unread."""
    if "buyer_name" not in face.found:
        label = next((cell.label for cell in cells if cell.name == "date"), None)
        run = lost_payer(face, label)
        if run is not None:
            face.keep("buyer_name", values.clean_name(run.raw), run, most=UNLABELLED)
    if "buyer_tax_id" not in face.found and (run := lost_tax_id(face)) is not None:
        face.keep("buyer_tax_id", run.text.upper(), run, most=UNLABELLED)


def _read_extra(face: Face, cells: Sequence[Cell]) -> dict[str, Field[str]]:
    extra: dict[str, Field[str]] = {}
    for name, shape in _EXTRA_TEXT.items():
        run = first(cells, name)
        if run is not None and re.fullmatch(shape, compact(run).text):
            found = face.field(compact(run).text, run)
            # Nothing shows that one of these was misread, or a star of a masked id not counted.
            text = found.value
            unsure = run.score < _SURE_NUMBER or ("*" in text and len(text) != _ID_LENGTH)
            sure = MENDED if face.recognised and unsure else trust(face, run)
            extra[name] = doubted(found, sure)
    run = first(cells, "payer_id") or (lost_masked_id(face) if face.recognised else None)
    if run is not None and (masked := _masked_id(face, run)) is not None:
        extra["payer_id"] = masked
    for name in ("reviewer", "payee"):
        run = first(cells, name)
        if run is not None and re.fullmatch(r"[一-鿿·A-Za-z0-9]{1,20}", compact(run).text):
            extra[name] = face.field(compact(run).text, run)
    run = first(cells, "visit_date")
    day = _date(run) if run is not None else None
    if run is not None and day is not None:
        extra["visit_date"] = face.field(day.isoformat(), run)
    elif run is not None and face.recognised and (day := _blurred_date(run)) is not None:
        extra["visit_date"] = doubted(face.field(day.isoformat(), run), MENDED)
    extra.update(_read_payments(face, cells))
    return extra


def _masked_id(face: Face, run: Run) -> Field[str] | None:
    """An id of eighteen whose stars were miscounted, read as anything but stars or not at all,
    its last four clear, and perhaps its first six or ten."""
    text = compact(run).text
    match = re.fullmatch(r"(\d{6}|\d{10}|)[^0-9A-Za-z:]{0,18}(\d{3}[0-9X])", text)
    if not face.recognised or match is None:
        return None
    whole = match[1] + "*" * (14 - len(match[1])) + match[2]
    most = 1.0 if text == whole else MENDED
    return doubted(face.field(whole, run), most)


def _read_payments(face: Face, cells: Sequence[Cell]) -> dict[str, Field[str]]:
    """How the bill was shared. Shares that add up to the total prove one another."""
    found: dict[str, tuple[Decimal, Run]] = {}
    unclear: dict[str, Run] = {}
    for name in _EXTRA_MONEY:
        # An item's remark (有自付) may be taken for the label of a share; money stands behind one.
        for run in (cell.value for cell in cells if cell.name == name):
            part = first_money(run) if run is not None else None
            amount = values.money(part.text) if part is not None else None
            if part is not None and amount is not None:
                found[name] = amount, part
                break
            if run is not None and face.recognised:
                unclear.setdefault(name, run)
    unclear = {name: run for name, run in unclear.items() if name not in found}
    mended = _mended_sums(unclear, {amount for amount, _ in found.values()})
    total = face.found.get("total_with_tax")
    proven = _proven_shares(
        {name: amount for name, (amount, _) in found.items()},
        total.value if total is not None else None,
    )
    fields = {
        name: face.field(f"{amount:.2f}", run, proven=name in proven)
        # Of a poor page the amounts are proven, but not which label each stands behind.
        if (name in proven and run.score >= CONFIDENT) or not face.recognised
        else doubted(face.field(f"{amount:.2f}", run), MENDED)
        for name, (amount, run) in found.items()
    }
    for name, (amount, run) in mended.items():
        fields[name] = doubted(face.field(f"{amount:.2f}", run), MENDED)
    return fields


def _proven_shares(shares: dict[str, Decimal], total: Decimal | None) -> frozenset[str]:
    """Shares that add up to the total, and of what the patient bears himself, what equals one of
    them or adds up to what the insurance left."""
    paid = {name: shares[name] for name in _PAID if name in shares}
    if total is None or sum(paid.values(), Decimal(0)) != total:
        return frozenset()
    own = {name: amount for name, amount in shares.items() if name not in paid}
    left = paid.get("account_paid", Decimal(0)) + paid.get("cash_paid", Decimal(0))
    if sum(own.values(), Decimal(0)) == left:
        return frozenset(shares)
    return frozenset(paid) | {name for name in own if own[name] in paid.values()}


def _mended_sums(
    unclear: dict[str, Run], known: Container[Decimal]
) -> dict[str, tuple[Decimal, Run]]:
    """Shares whose point was read as a comma, or lost where another share has the same digits."""
    mended = {}
    for name, run in unclear.items():
        text = compact(run).text.lstrip("¥Y")
        point = re.fullmatch(r"(\d{1,9}),(\d\d)", text)
        amount = Decimal(f"{point[1]}.{point[2]}") if point else None
        if re.fullmatch(r"\d{3,11}", text) and Decimal(text) / 100 in known:
            amount = Decimal(text) / 100
        if amount is not None:
            mended[name] = amount, run
    return mended


def _lines(face: Face) -> tuple[Line, ...]:
    """The items; a finding says so where they are doubtful."""
    total = face.found.get("total_with_tax")
    items = read_items(face, total.value if total is not None else None)
    if items.doubtful:
        params = {"field": "lines", "confidence": f"{MENDED:.2f}"}
        face.findings.append(
            Finding(code="low_confidence", severity=Severity.WARN, field="lines", params=params)
        )
    return items.lines


_KEYS = ("invoice_number", "issue_date", "total_with_tax", "buyer_name", "seller_name")

FACES = (
    FaceReader(
        "fiscal bill",
        score,
        read,
        {Kind.FISCAL_MEDICAL: _KEYS, Kind.FISCAL_NON_TAX: _KEYS},
        _PRINTED,
    ),
)
