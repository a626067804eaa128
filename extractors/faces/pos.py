"""POS签购单: the slip of a card terminal, Chinese, bilingual or foreign.

A column of labels; where nothing stands beside a label its value is the row below. The merchant of
a foreign slip has no label and is its first row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout.cells import Cell, ambiguous, read_cells
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, FaceReader, compact
from extractors.layout.slips import doubted
from extractors.layout.till import (
    currency,
    keep_day,
    keep_merchant,
    merchant_name,
    sums_in,
    whole_text,
)
from extractors.model import Field, Invoice, Kind

_TITLE = re.compile(
    r"签购单|POS(?:消费|交易)?(?:凭[条单证]|小票|单)|持卡人存根|商户存根|银联商务|"
    r"(?:CARDHOLDER|MERCHANT|CUSTOMER)\s?COPY|SALES?\s?(?:DRAFT|SLIP)"
)
_SIGNS = (
    r"商户(?:编号|号|代码)|MERCHANT\s?(?:ID|NO|NUMBER|#)|\bMID\b",
    r"[终終]端(?:编|机|号)|TERMINAL|\bTID\b",
    r"\d{4,6}\s?[*Xx]{4,}\s?\d{4}|[*Xx]{8,}\s?\d{4}|[*Xx]{4}\s[*Xx]{4}",
    r"批次号|BATCH",
    r"授权[号码]|AUTH|APPR",
    r"参考号|检索号|\bRRN|REF(?:ERENCE)?\s?(?:NO|NUM|#)",
    r"交易类[型别]|TRANS\.?\s?TYPE|TXN",
    r"\bAID\b|\bTVR\b|\bARQC\b|\bTSI\b",
    r"凭证号|VOUCHER|TRACE",
)
#: The label in English behind the Chinese one, however it was read.
_ENGLISH = r"(?:\([A-Z./]{2,14}\)?)?"
_LABELS = {
    "merchant_number": rf"(?:特约|银联)?商户(?:编号|代码|号码?){_ENGLISH}"
    r"|MERCHANT(?:ID|NO|NUMBER|#)\.?|MID(?=:)",
    "merchant": rf"(?:特约)?商户(?:名称|名){_ENGLISH}|MERCHANTNAME",
    "terminal": rf"[终終]端(?:机?编号|机?号码?){_ENGLISH}"
    r"|TERMINAL(?:ID|NO|#)\.?|TERMINAL(?=:)|TID(?=:)|TERM(?:ID|NO|#)",
    "_operator": r"操作员号?(?:\(OPERATOR(?:NO)?\.?\))?|收银台号|OPERATOR(?:NO)?|CASHIER",
    "card": rf"(?:交易)?卡号{_ENGLISH}"
    r"|CARD(?:NO|NUMBER|NUM|#)\.?|ACCT#?|CARD(?=:)",
    "_issuer": r"发卡[行机构]{1,2}(?:号|名称)?(?:\(ISSU?E?R?\.?(?:NO)?\))?"
    r"|收单[行机构]{1,2}(?:号|名称)?(?:\(ACQU?I?R?E?R?\.?(?:NO)?\))?|ISSUER|ACQUIRER|卡类[型别](?:\(CARDTYPE\))?|CARDTYPE",
    "_type": r"交易类[型别](?:\(T(?:RANS|XN)\.?TYPE\))?|T(?:RANS|XN|RANSACTION)\.?TYPE",
    "_expiry": r"(?:卡)?有效期(?:\(EXP\.?(?:DATE)?\))?|EXP\.?(?:DATE|IRY)?(?=:)",
    "batch": rf"批次号{_ENGLISH}|BATCH(?:NO|NUM|NUMBER|#)?\.?",
    "voucher_number": rf"(?:凭证|流水|票据)号码?{_ENGLISH}"
    r"|VOUCHER(?:NO)?\.?|TRACE(?:NO|#)?\.?|STAN|INVOICE(?:NO|#)\.?",
    "authorisation": rf"授权(?:号码?|码){_ENGLISH}"
    r"|(?:APPR(?:OVAL)?|AUTH(?:ORI[SZ]ATION)?)\W?(?:CODE|NO|#)\.?|AUTH(?=:)",
    "reference": rf"(?:系统|交易)?(?:参考|检索)号码?{_ENGLISH}"
    r"|(?:REF(?:ERENCE)?)\.?(?:NO|NUM|NUMBER|#)\.?|REF(?=:?\d{8})|RRN",
    "_time": r"(?:交易)?日期/?时间(?:\(DATE/TIME\))?|交易(?:日期|时间)|DATE/?TIME|DATE|TIME",
    "amount": r"(?:交易|消费)?金额(?:\((?:AMOUNT|RMB|AMT)\))?|AMOUNT|AMT|SALEAMOUNT|PURCHASE(?=:)",
    "total": r"总计(?:\(TOTAL\))?|总金额|合计|GRANDTOTAL|TOTAL(?:AMOUNT)?",
    "_tip": r"小费(?:\(TIPS?\))?|TIPS?|SUB-?TOTAL|BASE(?:AMOUNT)?",
    "_else": r"备注(?:\(REFERENCE\))?|持卡人签名|SIGNATURE|AID|TVR|TSI|ARQC|TC(?=:)|ATC|APPLAB",
}
_SHAPES = {
    "merchant_number": r"[0-9A-Z]{6,20}",
    "terminal": r"[0-9A-Z]{5,16}",
    "card": r"[0-9*X]{8,24}",
    "batch": r"\d{4,8}",
    "voucher_number": r"\d{4,10}",
    "authorisation": r"[0-9A-Z]{4,8}",
    "reference": r"[0-9A-Z]{8,16}",
}
#: First six and last four digits of a card, and what became of the stars between.
_GARBLED_CARD = re.compile(r"(\d{6})([^0-9A-Z]{4,12})(\d{4})")
#: Of debit and credit cards in use.
_CARD_LENGTHS = (15, 16, 19)
#: An hour of the 24, behind its day perhaps without a gap; one of the 12 says a.m. or p.m.
_HOUR = re.compile(
    r"(?:(?<!\d)(?<!\d:)|(?<=\d[-/]\d\d)(?=\d\d))([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?"
    r"(?![\d:]|\s?[AP]M)"
)


def score(face: Face) -> int | None:
    """3: a slip's title and three of its signs; 2: four signs without it."""
    text = whole_text(face).upper()
    if re.search(r"发票号码|发票代码|价税合计|票据代码", text):
        return None
    seen = sum(bool(re.search(sign, text)) for sign in _SIGNS)
    if _TITLE.search(text) and seen >= 3:
        return 3
    return 2 if seen >= 4 else None


def read(face: Face) -> Invoice:
    """What the slip shows."""
    cells = _filled(face, read_cells(face, _LABELS, gap=4.0, reach=1.0))
    extra: dict[str, Field[str]] = {}
    for name, shape in _SHAPES.items():
        run = _value(cells, name)
        text = _bare(run, recognised=face.recognised) if run is not None else ""
        if run is not None and re.fullmatch(shape, text):
            extra[name] = _sure_of(face, name, face.field(text, run), run)
    _read_merchant(face, cells)
    keep_day(face)
    _read_time(face, extra)
    _read_total(face, cells)
    money = currency(face)
    if money is not None:
        extra["currency"] = face.field(money[0], money[1])
    return face.invoice(Kind.POS_SLIP, extra=extra)


def _bare(run: Run, *, recognised: bool) -> str:
    """What stands before a bracket or stroke; without the specks around it where recognised."""
    text = re.sub(r"[/(].*", "", compact(run).text.upper())
    if not recognised:
        return text
    text = re.sub(r"^[^0-9A-Z]+|[^0-9A-Z]+$", "", text)
    card = _GARBLED_CARD.fullmatch(text)
    if card is not None and len(text) in _CARD_LENGTHS:
        text = f"{card[1]}{'*' * len(card[2])}{card[3]}"
    return text


def _sure_of(face: Face, name: str, found: Field[str], run: Run) -> Field[str]:
    """An approval code mixes letters and digits, and none tells O from 0; of a card's many stars
    some are easily lost; what goes on in the next row may be of another value or of a stamp."""
    doubtful = (name == "authorisation" and ambiguous(found.value)) or (
        name == "card" and "*" in found.value and len(found.value) not in _CARD_LENGTHS
    )
    doubtful = doubtful or run.y1 - run.y0 > 1.6 * max(g.y1 - g.y0 for g in run.glyphs)
    read = compact(run).text.upper()
    mended = name == "card" and found.value not in read
    doubtful = doubtful or mended or re.search(r"[^\x00-\x7f]", read) is not None
    return doubted(found, MENDED) if face.recognised and doubtful else found


def _filled(face: Face, cells: list[Cell]) -> list[Cell]:
    """Cells without a value take the row below, and those whose value reaches the paper's edge
    go on there, if that row has no label of its own."""
    labels = {id(glyph) for cell in cells for glyph in cell.label.glyphs}
    rows = face.sheet.within(face.sheet.rows)
    edge = max((row.x1 for row in rows), default=1.0)
    loose = [row for row in rows if not any(id(glyph) in labels for glyph in row.glyphs)]
    return [Cell(cell.name, cell.label, _whole(cell, loose, edge)) for cell in cells]


def _whole(cell: Cell, loose: Sequence[Run], edge: float) -> Run | None:
    value = cell.value
    if value is None:
        return _row_below(cell.label, loose)
    if edge - value.x1 > 1.5 * value.height:
        return value
    below = _row_below(value, loose)
    if below is None or abs(below.x0 - cell.label.x0) > 0.8 * value.height:
        return value
    # A wrapped value goes on without a gap, and not with words where it began with figures.
    rest = re.match(r"\S+", below.text)
    part = below.part(*rest.span()) if rest else None
    figures = re.fullmatch(r"[0-9A-Z*]+", compact(value).text.upper())
    if part is None or ":" in below.text or (figures and not re.fullmatch(r"[0-9*]+", part.text)):
        return value
    return Run((*value.glyphs, *part.glyphs))


def _row_below(run: Run, loose: Sequence[Run]) -> Run | None:
    height = run.height
    below = [row for row in loose if 0.4 * height < row.middle - run.middle < 2.6 * height]
    return min(below, key=lambda row: row.middle, default=None)


def _value(cells: Sequence[Cell], name: str) -> Run | None:
    """What all cells of the name agree on."""
    runs = [cell.value for cell in cells if cell.name == name and cell.value is not None]
    return runs[0] if runs and len({compact(run).text for run in runs}) == 1 else None


def _read_merchant(face: Face, cells: Sequence[Cell]) -> None:
    run = _value(cells, "merchant")
    name = merchant_name(run) if run is not None else ""
    # Half a pair of brackets is what is left of the label (商户名称(MERCHANTNAME)).
    whole = len(re.findall(r"[(（]", name)) == len(re.findall(r"[)）]", name))
    if run is not None and len(name) >= 2 and (whole or not face.recognised):
        face.keep("seller_name", name, run)
        return
    first = min((cell.label.y0 for cell in cells), default=0.4 * face.sheet.bottom)
    if run is None or whole:
        keep_merchant(face, first)


def _read_time(face: Face, extra: dict[str, Field[str]]) -> None:
    """Day and hour of the sale, if one hour stands on the slip."""
    day = face.found.get("issue_date")
    hours = {}
    for row in face.sheet.rows:
        for match in _HOUR.finditer(row.text.upper()):
            hours[f"{match[1]:0>2}:{match[2]}"] = row
    if day is not None and len(hours) == 1:
        hour, row = hours.popitem()
        extra["time"] = face.field(f"{day.value} {hour}", row)


def _read_total(face: Face, cells: Sequence[Cell]) -> None:
    """The total if one is printed, else the amount; two that differ are none."""
    for name in ("total", "amount"):
        sums = [
            found[0]
            for cell in cells
            if cell.name == name and cell.value is not None
            for found in [sums_in(cell.value)]
            if len(found) == 1
        ]
        values = {each.value for each in sums}
        if len(values) == 1:
            best = max(sums, key=lambda each: each.run.score)
            alone = len(sums) == 1 and not best.signed
            face.keep("total_with_tax", best.value, best.run, most=MENDED if alone else 1.0,
                      proven=len(sums) > 1)  # fmt: skip
        if values:
            return
    if face.recognised:
        _keep_lone_amount(face)


def _keep_lone_amount(face: Face) -> None:
    """Where the labels are unreadable: the one amount of the slip. Doubtful."""
    found = [each for row in face.sheet.rows for each in sums_in(row) if each.value > 0]
    if len({each.value for each in found}) == 1:
        face.keep("total_with_tax", found[0].value, found[0].run, most=UNLABELLED)


FACES = (
    FaceReader(
        "POS slip",
        score,
        read,
        {Kind.POS_SLIP: ("issue_date", "total_with_tax", "seller_name")},
    ),
)
