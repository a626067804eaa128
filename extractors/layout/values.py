"""Printed characters become values, or nothing: the strict readers of single fields.

Each takes plain text and returns None unless the text is certainly such a value. Repairs are
few and only where a rule from outside proves them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from decimal import Decimal

from extractors.regions import digital_regions, provinces

# GB 32100-2015: the alphabet leaves out I O S V Z; weights are powers of 3 modulo 31.
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, index, 31) for index in range(17))

#: Letters that the alphabet leaves out, and the characters of it that are printed like them.
_LOOKALIKES = {"O": "0Q", "I": "1"}

DATE = re.compile(r"(?<!\d)((?:19|20)\s*\d\s*\d)\s*年\s*(\d\s*\d?)\s*月\s*(\d\s*\d?)\s*日?")
DATE_DIGITS = re.compile(r"(?<![\d.])(20\d\d)([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
MONEY = re.compile(r"-?\s*[¥Y羊]?\s*-?\s*(?:\d{1,3}(?:\s?,\s?\d{3})+|\d+)\s*[.]\s*\d\s*\d(?!\d)")
#: Engines read ¥ as Y, V or 羊; those count only before two decimals, for Y is also a letter.
SIGNED_MONEY = re.compile(
    r"(?<![0-9A-Za-z])(?:-\s*)?"
    r"(?:¥\s*(?:-\s*)?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,2})?"
    r"|[YV羊]\s*(?:-\s*)?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d)(?![\d.])"
)


def money(text: str) -> Decimal | None:
    """`¥1,234.56`, `-12.30`, `￥-5.00` as yuan; None unless it is one whole amount in which
    thousands are grouped rightly and at most two decimals stand."""
    bare = re.sub(r"[\s¥YV羊元]", "", text)
    if not re.fullmatch(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,2})?", bare):
        return None
    return Decimal(bare.replace(",", "")).quantize(Decimal("0.01"))


def number(text: str) -> Decimal | None:
    """A quantity or a unit price: any count of decimals, no exponent."""
    bare = re.sub(r"[\s¥,]", "", text)
    if not re.fullmatch(r"-?\d{1,15}(?:\.\d{1,20})?", bare):
        return None
    return Decimal(bare)


def rate(text: str) -> Decimal | None:
    """`13%` as 0.13; None for 免税, `***` and everything that is no rate in use."""
    found = re.fullmatch(r"(\d{1,2}(?:\.\d{1,2})?)%", text.replace(" ", ""))
    if not found:
        return None
    share = Decimal(found[1]) / 100
    return share if share <= Decimal("0.17") else None


def date(text: str) -> dt.date | None:
    """The one date in the text; None when there is none, several, or no such day."""
    found = {
        _day(*(re.sub(r"\s", "", part) for part in match.groups())) for match in DATE.finditer(text)
    }
    if not found:
        found = {_day(match[1], match[3], match[4]) for match in DATE_DIGITS.finditer(text)}
    if len(found) != 1:
        return None
    return found.pop()


def _day(year: str, month: str, day: str) -> dt.date | None:
    try:
        value = dt.date(int(year), int(month), int(day))
    except ValueError:
        return None
    # The tax-control invoice began in 1994; a later bound would need a clock.
    return value if value.year >= 1994 else None


def check_character_holds(tax_id: str) -> bool:
    """Does the 18-character id satisfy the check character of GB 32100-2015?"""
    if len(tax_id) != 18 or any(char not in ALPHABET for char in tax_id):
        return False
    total = sum(
        ALPHABET.index(char) * weight for char, weight in zip(tax_id, WEIGHTS, strict=False)
    )
    return ALPHABET[(31 - total % 31) % 31] == tax_id[17]


def is_tax_id(text: str) -> bool:
    """Length and characters of any id in use: 18 (GB 32100), or 15, 17 to 20 of older ones."""
    return bool(re.fullmatch(r"[0-9A-Z]{15}|[0-9A-Z]{17,20}", text)) and (
        sum(char.isdigit() for char in text) >= 6
    )


def mended_tax_id(text: str) -> str | None:
    """The single reading of an 18-character id, O for 0 or Q and I for 1 undone, that satisfies the
    check character; None when no reading or more than one does."""
    if len(text) != 18:
        return None
    choices = [_LOOKALIKES.get(char, char) for char in text]
    if sum(len(choice) > 1 for choice in choices) > 8:
        return None
    readings = {"".join(reading) for reading in itertools.product(*choices)}
    good = {reading for reading in readings if check_character_holds(reading)}
    return good.pop() if len(good) == 1 else None


def clean_name(text: str) -> str | None:
    """A company's or person's name without the colon, spaces and marks around it. Spaces inside
    Latin names stay, those between Chinese characters go."""
    bare = text.strip().strip(":：;；,，.。、·|丨 ")
    bare = re.sub(r"^名?称[:：\s]+", "", bare)  # the end of its label
    bare = re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", bare)
    if len(bare) < 2 or len(bare) > 100:
        return None
    if not re.search(r"[一-鿿A-Za-z]", bare):
        return None
    return bare


def is_digital_number(text: str) -> bool:
    """A 数电票 number: 20 digits, of which year (from 2021) and province can be checked."""
    return bool(re.fullmatch(r"\d{20}", text)) and (
        21 <= int(text[:2]) <= 60 and text[2:4] in digital_regions()
    )


def is_invoice_code(text: str) -> bool:
    """10 digits that begin with a province, or 12 that name one behind their first digit (0 of the
    VAT system, 1 and 2 of the older state and local tax offices)."""
    if not re.fullmatch(r"\d{10}|[0-2]\d{11}", text):
        return False
    return (text[1:3] if len(text) == 12 else text[:2]) in provinces()
