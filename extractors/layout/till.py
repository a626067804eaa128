"""What tills of all countries print: merchants, money with its currency, the day.

Nothing here has a form to lean on. A merchant is the first row that looks like a name, better one
that a company's ending closes; money has a sign or two decimals; a day is one that its label, or
the hour beside it, or there being no other, makes the day of sale.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

from extractors.layout.days import order_of, printed_dates
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, Face

_SIGN = r"RMB|RM|MYR|CNY|US\$|USD|S\$|SGD|A\$|AUD|HK\$|HKD|NT\$|C\$|CAD|NZ\$|GBP|EUR|JPY|[$£€¥]"
#: 1,234.56 or 1.234,56 or, behind a currency, whole units.
_MONEY = re.compile(
    rf"(?<![\d.,/:%-])(?P<minus>-\s?)?(?:(?P<sign>{_SIGN})\s?:?\s?)?(?P<minus2>-\s?)?"
    r"(?:(?P<plain>(?:\d{1,3}(?:,\d{3})+|\d+)\s?\.\s?\d\d)|"
    r"(?P<comma>(?:\d{1,3}(?:\.\d{3})+|\d+),\d\d)|(?P<whole>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d)?))"
    r"(?![\d%]|[.,/:-]\d)\s?(?P<unit>元|€|EUR|RM)?"
)
#: By code, besides which a sign or a name may stand for it.
_SIGNS = {
    "MYR": r"\bRM\s?\d|\(RM\)|\bRM\b", "SGD": r"S\$", "GBP": "£", "EUR": "€", "HKD": r"HK\$",
    "AUD": r"A\$", "CAD": r"C\$", "NZD": r"NZ\$", "TWD": r"NT\$", "USD": r"US\$",
    "CNY": r"\bRMB|人民币|\d元", "JPY": "[ぁ-んァ-ン]",
}  # fmt: skip
#: A code may be set close before its figures: `USD198.96`.
_CURRENCIES = tuple(
    (code, rf"{sign}|\b{code}(?:\b|(?=\d[\d.,]*[.,]\d\d\b))") for code, sign in _SIGNS.items()
)
_AMERICA = re.compile(
    r"\bSALES TAX\b|\b[A-Z]{2},?\s\d{5}(?:-\d{4})?(?!\d)|(?<!\d)\(\d{3}\)\s?\d{3}-\d{4}"
)

_COMPANY = re.compile(
    r"\bS\.?DN\.?\s?BH?N?D|\bBHD\b|\bS/B\b|\bPTE\b|\bL\.?T\.?D\b|\bLIMITED\b|\bL\.?L\.?C\b|"
    r"\bINC\b|\bCORP|\bPLC\b|\bGMBH\b|\bCO\.|\bENTERPRISE|\bTRADING\b|\bHOLDINGS?\b|有限公司|超市|商行|酒店|饭店|餐厅|"
    r"百货|便利店|药房|药店|书店|商店|商场|服务部|经营部|门市部|店$|店）$|馆$"
)
#: A company's ending alone in its row: the row above began the name.
_ENDING = re.compile(
    r"\(?M?\)?\s?SDN\.?\s?BHD\.?|\(?[A-Z]?\)?\s?BHD\.?|PTE\.?\s?LTD\.?|LTD\.?|LLC|INC\.?"
)
#: A last dot is easily overlooked where the word before it has one.
_DOT_LOST = re.compile(r"\b(?:SDN\. ?BHD|PTE\. ?LTD|CO\., ?LTD)$")
#: No company has these in the midst of its name.
_MISREAD = re.compile(r"\w[:;]\s?\w")
_NO_NAME = re.compile(
    r"(?:(?:SIMPLIFIED |RETAIL )?TAX\s?INVOICE|(?:OFFICIAL |SALES? |CASH |YOUR )?RECEIPT|"
    r"INVOICE|CASH\s?(?:BILL|SALES?|MEMO)|BILL|(?:SALES )?(?:SLIP|DRAFT)|(?:GUEST )?CHECK|"
    r"DUPLICATE|REPRINT|COPY|"
    r"(?:CUSTOMER|MERCHANT|CARDHOLDER|BANK)('S)?\s?COPY|DINE\s?IN|TAKE\s?(?:OUT|AWAY)|TO GO|SALE|"
    r"(?:购物|收银|结账|消费|销售|预结|点菜|客户)?(?:小票|清单|单据?|账单|凭证|单|联)|收款?收?据|SPECIMEN)\W*$"
    r"|(?:WELCOME|THANK|TEL|FAX|PHONE|PH|GST|SST|VAT|TIN|ABN|ROC|CO\.?\s?REG|REG|COMPANY REG|"
    r"DATE|TIME|TABLE|ORDER|WWW|HTTP|NO\s?[.:]|LOT|JALAN|JLN|SUITE|UNIT|INVOICE|RECEIPT|"
    r"CASHIER|SERVER|STORE\s?#|欢迎|电话|地址|日期|时间|单号|流水|桌号|收银|机号|样张|NO\d)"
)
_REGISTERED = re.compile(
    r"\s*[(（]?\s*(?:CO\.?|COMPANY)?\s*(?:REG\.?|ROC)?\s*(?:NO\.?)?\s*[:#]?\s*"
    r"[(（]?\d{5,12}\s?-?\s?[A-Z]{0,2}\s*[)）]?\s*[)）]?$"
)
#: Words of stamps, and a lone character of one before Latin print.
_STAMPED = re.compile(
    r"^(?:现?[金全]?付讫|[现转]?[金账]?收讫|已?报销|核对无误|作废)\s*(?=\S{2})"
    r"|^[一-鿿]\s?(?=[A-Z][A-Z&'. ]{4,})"
)
_OTHER_DAY = re.compile(
    r"DUE|EXPIR|VALID|UNTIL|BEFORE|EXCHANGE|RETURN|SINCE|EFFECTIVE|MEMBER|BIRTH|DELIVER|CHECK.?OUT|"
    r"有效|截止|到期|打印"
)
_DAY_LABEL = re.compile(r"DATE|DATED|日期|时间")
_HOUR = re.compile(r"\d{1,2}:\d\d")


@dataclass(frozen=True)
class Sum:
    """An amount in a row of print."""

    value: Decimal
    run: Run
    signed: bool


def sums_in(row: Run) -> list[Sum]:
    """Every amount in a row: with two decimals, or behind a currency's sign."""
    found = []
    for match in _MONEY.finditer(row.text.upper()):
        signed = bool(match["sign"] or match["unit"])
        if match["whole"] and (not signed or row.text[: match.start()][-1:].isalpha()):
            continue
        figures = match["plain"] or match["whole"] or ""
        if match["comma"]:
            figures = match["comma"].replace(".", "").replace(",", ".")
        value = Decimal(re.sub(r"[\s,]", "", figures)).quantize(Decimal("0.01"))
        if match["minus"] or match["minus2"]:
            value = -value
        run = row.part(match.start(), match.end())
        if run is not None:
            found.append(Sum(value, run, signed))
    return found


def currency(face: Face) -> tuple[str, Run] | None:
    """The currency by its sign, with a row that shows it; a lone $ only on American slips."""
    found: dict[str, Run] = {}
    for row in face.sheet.rows:
        text = row.text.upper()
        for code, pattern in _CURRENCIES:
            if re.search(pattern, text):
                found.setdefault(code, row)
    if len(found) == 1:
        return found.popitem()
    if found:
        return None
    text = whole_text(face).upper()
    for sign, code, proof in (("$", "USD", _AMERICA), ("¥", "CNY", re.compile(r"[一-鿿]"))):
        rows = [row for row in face.sheet.rows if sign in row.text]
        if rows and proof.search(text):
            return code, rows[0]
    return None


def whole_text(face: Face) -> str:
    """All rows with their spaces, from top to bottom."""
    return "\n".join(row.text for row in face.sheet.within(face.sheet.rows))


def keep_merchant(face: Face, bottom: float) -> None:
    """The seller's name from the rows above `bottom`; doubtful unless a company's ending or kind
    of shop shows that it is one."""
    names = [row for row in face.sheet.within(face.sheet.rows, bottom=bottom) if _is_name(row)][:5]
    if not names:
        return
    best = next((row for row in names[:3] if _COMPANY.search(row.text.upper())), names[0])
    name = merchant_name(best)
    if _ENDING.fullmatch(best.text.upper().strip()) and names.index(best) > 0:
        above = names[names.index(best) - 1]
        name, best = f"{merchant_name(above)} {name}", Run((*above.glyphs, *best.glyphs))
    large = name.upper()
    sure = _COMPANY.search(large) and not (_MISREAD.search(large) or _DOT_LOST.search(large))
    if len(name) >= 2:
        face.keep("seller_name", name, best, most=1.0 if sure else MENDED)


def merchant_name(row: Run) -> str:
    """The row without a registration number behind the name, or a welcome or what is left of a
    stamp before it."""
    name = _REGISTERED.sub("", row.raw.strip())
    name = _STAMPED.sub("", name)
    return re.sub(r"^欢迎光临|[*=_~-]{2,}", "", name).strip(" :：,，*")


def _is_name(row: Run) -> bool:
    text = row.text.upper().strip(" *=-_#:")
    letters = re.findall(r"[A-Z一-鿿]", text)
    digits = re.findall(r"\d", text)
    return (
        len(letters) >= 2
        and len(digits) <= max(8, len(letters))
        and not _NO_NAME.match(text)
        and not printed_dates(text)
        and not re.match(r"\d", text)
        and not any(each.signed for each in sums_in(row))
    )


def keep_day(face: Face) -> None:
    """The day of sale, if the document leaves no doubt which day it is."""
    order = order_of(whole_text(face))
    found: list[tuple[int, dt.date, Run]] = []
    for row in face.sheet.within(face.sheet.rows):
        text = row.text.upper()
        for printed in printed_dates(text):
            before = text[max(0, printed.start - 24) : printed.start]
            day = printed.day(order)
            run = row.part(printed.start, printed.end)
            if _OTHER_DAY.search(before) or day is None or run is None:
                continue
            rank = 2 * bool(_DAY_LABEL.search(before)) + bool(_HOUR.search(text))
            found.append((rank, day, run))
    for rank in (3, 2, 1, 0):
        days = {day: run for found_rank, day, run in found if found_rank == rank}
        if len(days) == 1:
            day, run = next(iter(days.items()))
            # A day with neither label nor hour may be stamped, or of something else.
            face.keep("issue_date", day, run, most=MENDED if face.recognised and not rank else 1.0)
        if days:
            return
