"""银行电子回单: the slip that a bank gives for a transfer, a fee or a receipt of money.

Every bank has its own table, but all say who paid whom (户名, 账号, 开户行), how much in words and
figures, when, and under which numbers. Where a label does not itself name the payer or the payee,
the word beside or above it does.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from extractors.layout import values
from extractors.layout.bank_names import mended_bank
from extractors.layout.cells import Cell, first, read_cells, the_only, trust
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.reading import (
    MENDED,
    UNLABELLED,
    Face,
    FaceReader,
    beside,
    compact,
    cut,
    labelled,
)
from extractors.layout.slip_sides import ACCOUNT, lost_accounts, lost_name, names_trust, sided
from extractors.layout.slips import doubted
from extractors.layout.spoken import read_spoken_total
from extractors.model import Field, Invoice, Kind

_TITLE = re.compile(
    r"(?:电子|网上银行|客户|业务|支付|收款|付款|付费|转账|入账|出账|汇款|单位|专用|交易)\S{0,6}回[单执]|"
    r"[借贷]记通知|(?:入账|到账|扣款)通知|回单编?号|转账凭证|汇款凭证"
)
_SIGNS = (
    r"付款(?:人|方|单位|账)|汇款人|付方|扣款",
    r"收款(?:人|方|单位|账)|收方",
    r"户名|全称|(?:付款|收款|汇款)(?:人|方)?(?:名称|户名)",
    r"[账帐][号户]",
    r"开户(?:银?行|机构|网点)",
    r"流水号?|回单编?号|凭证号|交易序号",
    r"记账日期|交易日期|交易时间|会计日期",
    r"大写|小写|币种",
)

_WHO = {"payer": r"(?:付款|汇款|扣款|付)", "payee": r"(?:收款|收)"}
_WHAT = {
    "account": r"(?:[账帐]号|账户(?!名)|卡号)",
    "bank": r"(?:开户|所在)?(?:银?行|机构|网点)(?:全?名称?)?(?!号)|开户[银机]?[行构]?",
    "name": r"(?:户名|[账帐]户名称|名称|全称|姓名)",
}
#: What may stand before a label that names no party: characters of one that was misread too.
_SIDE = "(?:(?![付收汇])[一-鿿]?款)?[款人方]?"
_LABELS = {
    **{
        f"{who}_{what}": rf"{prefix}(?:人|方|单位|账户)?{text}"
        for who, prefix in _WHO.items()
        for what, text in (
            ("account", _WHAT["account"]),
            ("bank", r"(?:开户银?行|开户机构|开户网点|银?行)(?:全?名称?)?(?!号)"),
            ("name", _WHAT["name"]),
        )
    },
    "payer_alone": r"(?:付款人|付款单位|汇款人|付款方):",
    "payee_alone": r"(?:收款人|收款单位|收款方):",
    # The word down the side (收款人) may stand so close that its character reads with the label.
    "side_account": rf"{_SIDE}[账帐]号",
    "side_name": rf"{_SIDE}(?:户[、,.]?名|[账帐]户名称|全称)",
    "side_bank": rf"{_SIDE}(?:开户银?行(?:名称)?(?!号)|开户机构|开户网点)",
    "number": r"(?:电子)?回单(?:编号|号码|流水号|号)|凭证编号",
    "serial": r"(?:账户明细编号-)?(?:交易|会计|业务|渠道|核心|柜员)?流水(?:号码?|编?号)?|交易序号",
    "voucher": r"凭证号码?",
    "traded": r"交易日期|交易时间|转账日期|付款日期|汇款日期",
    "booked": r"记[账帐]日期|入[账帐]日期|会计日期",
    "date": r"(?<!打印)日期",
    "words": r"(?:交易|转账)?金额\(?大写\)?|\(?大写\)?金额|大写|人民币\(大写\)",
    "figures": r"(?:交易|转账)?金额\(?小写\)?|\(?小写\)?金额|小写|(?:交易|转账|汇款|付款)?金额",
    "currency": r"币种",
    "purpose": r"用途|款项用途|资金用途",
    "summary": r"摘要|交易摘要",
    "postscript": r"(?:客户|交易)?附言|备注",
    "_bank_code": r"(?:开户)?行行?号|开户银?行号|联行号",
    "_else": r"(?:业务|产品|交易|凭证|回单|验证|打印|记账|经办|客户|柜员|网点|渠道|附加)"
    r"[一-鿿()]{1,8}:|业务\(产品\)种类|时间戳|验证码|打印(?:日期|时间|次数)|记账(?:网点|柜员)|附加信息栏?|"
    r"业务(?:类型|种类|编号)|交易(?:机构|渠道|代码|柜员)|手续费|电子回单专用章",
}
#: The words that slips print, to set right what a poor page makes of them.
_PRINTED = (
    *("网上银行电子回单", "网上银行电子回执", "电子回单", "付款回单", "收款回单", "业务回单"),
    *("电子回单号码", "回单编号", "回单验证码", "账户明细编号", "交易流水号", "交易流水"),
    # 方 for 人 and 全称 for 名称 mean the same; a list of all would leave a misread one open.
    *("付款人户名", "付款人账号", "付款人开户行", "付款人名称", "付款单位"),
    *("收款人户名", "收款人账号", "收款人开户行", "收款人名称", "收款单位"),
    *("开户银行", "开户行", "开户机构", "金额(大写)", "金额(小写)", "大写金额", "小写金额"),
    *("交易金额(小写)", "交易金额(大写)", "交易日期", "交易时间", "记账日期", "会计日期"),
    *("交易摘要", "业务编号", "业务种类", "业务(产品)种类", "交易机构", "交易渠道", "客户号"),
    *("凭证号", "时间戳", "记账网点", "记账柜员", "钞汇标志", "电子回单专用章"),
)
_WRAPPING = tuple(name for name in _LABELS if name.endswith(("_name", "_bank", "_alone")))
_HALF_PURPOSE = r"(?:用[^\W\d途户]|[^\W\d]途)"
_SHAPE = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{4,59}")
_BANK_END = re.compile(r"(?:[行部社处所厅库]|公司|中心|机构|管理局|BANK|Bank)[)）]?$")
_CURRENCIES = {"人民币": "CNY", "CNY": "CNY", "RMB": "CNY", "美元": "USD", "USD": "USD",
               "港币": "HKD", "HKD": "HKD", "欧元": "EUR", "EUR": "EUR"}  # fmt: skip


#: What invoices and bills show, and slips never.
_OTHERS = r"发票号码|发票代码|增值税|价税合计|规格型号|票据代码|纳税人识别号.*税率"


def score(face: Face) -> int | None:
    """3: a slip's title over its labels; 2: most of its labels."""
    text = relabelled(face, _PRINTED).sheet.text
    # As it was read, too: a label set right may have been another document's.
    if re.search(_OTHERS, text) or re.search(_OTHERS, face.sheet.text):
        return None
    seen = [bool(re.search(sign, text)) for sign in _SIGNS]
    if _TITLE.search(text) and sum(seen) >= 4:
        return 3
    return 2 if sum(seen) >= 6 and seen[0] and seen[1] else None


def read(face: Face) -> Invoice:
    """What the slip shows."""
    face = relabelled(face, _PRINTED)
    cells = read_cells(face, _LABELS, wrapping=_WRAPPING)
    _read_numbers(face, cells)
    _read_day(face, cells)
    figures = [cell.value for cell in cells if cell.name == "figures" and cell.value is not None]
    read_spoken_total(face, figures)
    extra = _read_parties(face, cells)
    serial = the_only(cells, "serial")
    text = _number(face, serial)
    if serial is not None and text is not None:
        most = MENDED if _lost_stroke(face, text) else _number_trust(face, serial, text)
        extra["serial"] = doubted(face.field(text, serial), most)
    extra.update(_read_words(face, cells))
    return face.invoice(Kind.BANK_RECEIPT, extra=extra)


def _read_numbers(face: Face, cells: Sequence[Cell]) -> None:
    """The slip's own number; without one the transaction's."""
    for name in ("number", "serial", "voucher"):
        run = the_only(cells, name)
        text = _number(face, run)
        if run is not None and text is not None:
            face.keep("invoice_number", text, run, most=_number_trust(face, run, text))
            return


def _number(face: Face, run: Run | None) -> str | None:
    """A slip's or a transaction's number; a stroke read double is a stroke,
    and no mark stands in one but strokes."""
    if run is None:
        return None
    text = compact(run).text
    if face.recognised:
        text = re.sub(r"(?<=[0-9A-Za-z])=(?=[0-9A-Za-z])", "-", text)
        text = re.sub(r"(?<=[0-9A-Za-z])[.,](?=[0-9A-Za-z])", "", text)
    return text if _SHAPE.fullmatch(text) else None


def _lost_stroke(face: Face, text: str) -> bool:
    """Does the label tell two numbers with a stroke between them (账户明细编号-交易流水号), and the
    value holds none? The label's own stroke may be lost too."""
    return face.recognised and "-" not in text and "明细编号" in face.sheet.text


def _number_trust(face: Face, run: Run, text: str) -> float:
    return MENDED if face.recognised and text != compact(run).text else 1.0


def _read_day(face: Face, cells: Sequence[Cell]) -> None:
    for name in ("traded", "booked", "date"):
        days = {
            day: cell.value
            for cell in cells
            if cell.name == name and cell.value is not None and (day := _day(cell.value))
        }
        if days:
            if len(days) == 1:
                day, run = days.popitem()
                face.keep("issue_date", day, run)
            return
    if face.recognised and len(days := _days(face)) == 1:
        day, run = days.popitem()
        face.keep("issue_date", day, run, most=UNLABELLED)


def _days(face: Face) -> dict[dt.date, Run]:
    """Every whole day on the slip, whatever label stands before it."""
    alone = {
        day: run
        for run in face.sheet.runs
        if re.fullmatch(r"20\d{6}", compact(run).text) and (day := _day(run)) is not None
    }
    return alone or {
        day: part
        for run in map(compact, face.sheet.runs)
        for match in re.finditer(
            r"(?<!\d)20\d\d(?:[-/.]\d\d[-/.]\d\d|年\d{1,2}月\d{1,2}日)", run.text
        )
        if (part := cut(run, match, 0)) is not None and (day := values.date(match[0])) is not None
    }


def _day(run: Run) -> dt.date | None:
    """`2026年07月01日`, `2026-07-01 15:05:44`, `20260701`."""
    text = compact(run).text
    digits = re.match(r"(20\d\d)(\d\d)(\d\d)(?!\d{3})", text)
    if digits:
        return values.date("-".join(digits.groups()))
    match = re.match(r"20\d\d[-/.年]\d{1,2}[-/.月]\d{1,2}日?", text)
    # A time set close behind the day (2026-07-0115:05) leaves two digits for the day.
    return values.date(re.sub(r"(?<=[-/.]\d\d)$", "", match[0])) if match else None


def _read_parties(face: Face, cells: Sequence[Cell]) -> dict[str, Field[str]]:
    owned = [*cells, *sided(face, cells)]
    extra: dict[str, Field[str]] = {}
    for who, field in (("payer", "buyer_name"), ("payee", "seller_name")):
        run = first(owned, f"{who}_name", f"{who}_alone")
        if run is None and face.recognised and (run := lost_name(face, owned, who)) is not None:
            face.keep(field, values.clean_name(run.raw), run, most=UNLABELLED)
        elif run is not None:
            face.keep(
                field,
                values.clean_name(run.raw),
                run,
                most=min(names_trust(face, owned), trust(face, run)),
            )
        run = first(owned, f"{who}_account")
        if run is not None and (account := _account(face, run)) is not None:
            extra[f"{who}_account"] = account
        run = first(owned, f"{who}_bank")
        if run is not None and (name := values.clean_name(run.raw)) is not None:
            extra[f"{who}_bank"] = _bank(face, name, run)
    for who, run in lost_accounts(face, owned) if face.recognised else ():
        extra.setdefault(f"{who}_account", doubted(face.field(run.text, run), UNLABELLED))
    return extra


def _account(face: Face, run: Run) -> Field[str] | None:
    """An account's number; of a recognised one what stands before print that strayed there."""
    bare = compact(run)
    if ACCOUNT.fullmatch(bare.text):
        return face.field(bare.text, run)
    match = ACCOUNT.match(run.text) if face.recognised else None
    part = cut(run, match, 0) if match else None
    return doubted(face.field(part.text, part), MENDED) if part is not None else None


def _bank(face: Face, name: str, run: Run) -> Field[str]:
    """A bank's name, doubtful where it does not end like one: the last characters, alone in a row
    of their own, are easily overlooked."""
    if not face.recognised:
        return face.field(name, run)
    whole = mended_bank(name)
    if whole == name and _BANK_END.search(name):
        return face.field(name, run)
    return doubted(face.field(whole, run), MENDED)


def _read_words(face: Face, cells: Sequence[Cell]) -> dict[str, Field[str]]:
    extra: dict[str, Field[str]] = {}
    purpose = first(cells, "purpose", "summary", "postscript")
    if purpose is not None:
        extra["purpose"] = face.field(purpose.raw.strip(), purpose)
    elif face.recognised and (purpose := _lost_purpose(face)) is not None:
        extra["purpose"] = doubted(face.field(purpose.raw.strip(), purpose), UNLABELLED)
    run = first(cells, "currency") or (_lost_currency(face) if face.recognised else None)
    name = _CURRENCIES.get(compact(run).text.split("(")[0].upper()) if run is not None else None
    if run is not None and name is not None:
        extra["currency"] = face.field(name, run)
    return extra


def _lost_purpose(face: Face) -> Run | None:
    """What stands behind the half of its label (摘要, 用途) that was read."""
    glued = next(iter(labelled(face.sheet.runs, rf"^{_HALF_PURPOSE}:(.+)")), None)
    if glued is not None:
        return glued
    label = rf"(?:{_HALF_PURPOSE}|\D?\W?要):?"
    halves = [run for run in face.sheet.runs if re.fullmatch(label, compact(run).text)]
    return beside(halves[0], face.sheet.runs) if len(halves) == 1 else None


def _lost_currency(face: Face) -> Run | None:
    """The currency behind the half of its label (币种) that was read."""
    return next(iter(labelled(face.sheet.runs, r"种:?(人民币|美元|港币|欧元)")), None)


FACES = (
    FaceReader(
        "bank receipt",
        score,
        read,
        {
            Kind.BANK_RECEIPT: (
                *("invoice_number", "issue_date", "total_with_tax"),
                *("buyer_name", "seller_name"),
            )
        },
        _PRINTED,
    ),
)
