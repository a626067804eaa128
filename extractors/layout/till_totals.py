"""The total of a till receipt among subtotals, taxes, cash, change and points.

Rows are told by their words. Where several totals differ the payment decides (cash less change,
or a card charged), or the sum of subtotal, tax, service and rounding; else none is the total.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from decimal import Decimal

from extractors.layout.page import Run
from extractors.layout.reading import MENDED, Face
from extractors.layout.slips import doubted
from extractors.layout.till import Sum, sums_in
from extractors.model import Field

#: What a row's amount is, by its words; the first that fits. "_" rows say nothing of the total.
_ROWS = {
    "change": r"\bCHANGE\b|CHANGE$|找[零赎]|CASH BACK",
    "_": r"POINTS?\b|积分|SAV(?:ED|INGS?)|YOU SAVE|DISC(?:OUNT)?|LESS\b|VOUCHER|COUPON|"
    r"优惠|折扣|立减|"
    r"TOTAL\s?\(?(?:QTY|QUANTITY|ITEM|NO|PCS|UNITS?|DISC)|ITEMS?\s?(?:COUNT|SOLD)|DEPOSIT|"
    r"TIP GUIDE|SUGGEST|余额|总数量|件数",
    "subtotal": r"SUB\W{0,2}TOT|小计|TOTAL.{0,14}(?:EXC|BEFORE|\bEX\b)|AMOUNT.{0,6}EXC|"
    r"TAXABLE|原价",
    "rounding": r"ROUND(?:ING|\s?OFF|\s?ADJ)|\bR'?NDING|RND\s?ADJ|抹零|舍入",
    "grand": r"GRAND\s?TOT|(?:TOTAL|AMOUNT|AMT|BALANCE|BAL)\s?(?:DUE|PAYABLE|TO PAY|OWING)|"
    r"NETT?\s?TOTAL|"
    r"TOTAL.{0,14}\bINC(?!LUDES)|TOTAL.{0,10}ROUNDED|ROUNDED\s?TOT|TOTAL.{0,4}AFTER|FINAL\s?TOTAL|"
    r"TOTAL\s?(?:AMOUNT|AMT|BILL|SALES?|RM|USD|PRICE|COST|CHARGES?)\b|BILL\s?TOTAL|应[付收]|实付|"
    r"价税合计|消费(?:合计|总[额计])",
    "service": r"\bSERV(?:ICE)?\.?\s?(?:CH|CHARGE|CHG)|\bSVC\b|服务费",
    "tax": r"\b(?:GST|VAT|SST|HST|PST|TAX|MWST|TVA|IVA)\b|税",
    "total": r"\bTOTAL\b|合计|总计|总额|总金额",
    "cash": r"\bCASH\b|TENDER|\bPAID\b|实收|现金|收款",
    "card": r"\bVISA\b|MASTER|\bDEBIT\b|\bCREDIT\b|AMEX|\bCARD\b|E-?WALLET|"
    r"CONTACTLESS|微信|支付宝|银联|刷卡|移动支付",
}  # fmt: skip
_ROW_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _ROWS.items())
_CENT = Decimal("0.00")
#: Rows that are never without one.
_WITH_AMOUNT = frozenset({"change", "subtotal", "grand", "total"})
#: What recognition takes for a digit or a letter: a currency's sign before the amount.
_SIGN_READ = re.compile(r"^[8S5](?=\d)")


@dataclass
class Sums:
    """The amounts of each sort of row, in order."""

    by_sort: dict[str, list[Sum]] = field(default_factory=dict)
    others: list[Sum] = field(default_factory=list)
    #: Sorts of rows that show no amount.
    bare: list[str] = field(default_factory=list)

    def of(self, *sorts: str) -> list[Sum]:
        return [each for sort in sorts for each in self.by_sort.get(sort, [])]

    def only(self, sort: str) -> Sum | None:
        """The one value of a sort, however often it is printed."""
        found = self.of(sort)
        return found[0] if len({each.value for each in found}) == 1 else None


def read_sums(face: Face) -> Sums:
    """Every row with one amount, sorted by what its words say."""
    sums = Sums()
    rows = face.sheet.within(face.sheet.rows)
    for index, row in enumerate(rows):
        text = re.sub(r"\s+", " ", row.text.upper())
        spaced = re.sub(r"(?<=[一-鿿]) (?=[一-鿿])", "", text)
        sort = next((name for name, pattern in _ROW_PATTERNS if pattern.search(spaced)), None)
        found = sums_in(row)
        if sort in ("grand", "total") and not found and index + 1 < len(rows):
            found = _alone_below(row, rows[index + 1])
        if sort is None:
            sums.others.extend(found)
        elif len(found) == 1 or (sort == "cash" and found):
            sums.by_sort.setdefault(sort, []).append(found[-1])
        elif not found and sort in _WITH_AMOUNT:
            sums.bare.append(sort)
    return sums


def _alone_below(label: Run, row: Run) -> list[Sum]:
    """The amount that stands alone in the row right below its label."""
    found = sums_in(row)
    near = row.middle - label.middle < 2.2 * label.height
    return (
        found if len(found) == 1 and near and not re.search(r"[A-Z]{4}", row.text.upper()) else []
    )


def keep_total(face: Face, sums: Sums) -> None:
    """Keep the total, doubtful where nothing proves it and something speaks against it."""
    candidates = sums.of("grand", "total")
    if not candidates and face.recognised:
        _keep_charged(face, sums)
        return
    distinct = {each.value for each in candidates}
    proven = {value for value in distinct if _paid(sums, value)}
    if len(proven) != 1 and len(distinct) > 1:
        proven = {value for value in distinct if _adds_up(sums, value)}
    grand = {each.value for each in sums.of("grand")}
    chosen = (
        proven if len(proven) == 1 else distinct if len(distinct) == 1 else grand & proven or set()
    )
    if len(chosen) != 1:
        return
    value = chosen.pop()
    best = max(
        (each for each in candidates if each.value == value), key=lambda each: each.run.score
    )
    proven_at_last = value in proven or _adds_up(sums, value)
    doubtful = _contradicted(sums, value) or (face.recognised and _unpaired(sums))
    most = 1.0 if proven_at_last or not doubtful else MENDED
    face.keep("total_with_tax", value, best.run, proven=proven_at_last, most=most)


def _keep_charged(face: Face, sums: Sums) -> None:
    """Where the total is unreadable: what a card was charged, if that is one amount. Doubtful."""
    charged = sums.only("card")
    if charged is not None:
        face.keep("total_with_tax", charged.value, charged.run, most=MENDED)


def _unpaired(sums: Sums) -> bool:
    """Do words of sums stand without their amount? Then amounts of a leaning page may stand beside
    their neighbours' words."""
    return bool(sums.bare)


def _paid(sums: Sums, value: Decimal) -> bool:
    """Cash less change is the total, or a card was charged just that."""
    given = [each.value for each in sums.of("cash", "card")]
    change = [each.value for each in sums.of("change")] or [_CENT]
    return any(cash - abs(back) == value for cash in given for back in change)


def _adds_up(sums: Sums, value: Decimal) -> bool:
    """Subtotal with some of tax, service and rounding is the total."""
    parts = [each.value for each in sums.of("tax", "service", "rounding")][:5]
    chosen = [
        combination
        for count in range(1, len(parts) + 1)
        for combination in itertools.combinations(parts, count)
    ]
    return any(
        subtotal.value + sum(combination, _CENT) == value
        for subtotal in sums.of("subtotal")
        for combination in chosen
    )


def _contradicted(sums: Sums, value: Decimal) -> bool:
    """Is an item dearer than the total, or do cash and change say otherwise?"""
    dearer = any(each.value > value for each in sums.others)
    return dearer or bool(sums.of("cash") and sums.of("change"))


def extra_sums(face: Face, sums: Sums) -> dict[str, Field[str]]:
    """Subtotal and tax as they stand; they need not fit the total (several taxes, rounding).
    Recognised ones of which one or both took their currency's sign for a first digit are mended
    where they then make the total."""
    subtotal, tax = sums.only("subtotal"), sums.only("tax")
    total = face.found.get("total_with_tax")
    found = {name: each for name, each in (("subtotal", subtotal), ("tax", tax)) if each}
    extra = {name: face.field(f"{each.value:.2f}", each.run) for name, each in found.items()}
    if face.recognised and total is not None and subtotal is not None and tax is not None:
        mended = _unsigned(subtotal.value, tax.value, total.value)
        for name, value in zip(("subtotal", "tax"), mended, strict=False):
            if value != found[name].value:
                extra[name] = doubted(face.field(f"{value:.2f}", found[name].run), MENDED)
    return extra


def _unsigned(subtotal: Decimal, tax: Decimal, total: Decimal) -> tuple[Decimal, ...]:
    """Subtotal and tax, without a first digit that was the currency's sign, if they then make the
    total in one way only; () otherwise."""
    if subtotal + tax == total:
        return ()
    pairs = {
        pair
        for pair in itertools.product(_readings(subtotal), _readings(tax))
        if sum(pair, _CENT) == total
    }
    return pairs.pop() if len(pairs) == 1 else ()


def _readings(value: Decimal) -> tuple[Decimal, ...]:
    shorter = _SIGN_READ.sub("", f"{value:.2f}")
    return value, Decimal(shorter)
