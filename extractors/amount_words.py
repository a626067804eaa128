"""Reads amounts in Chinese financial capitals (壹佰贰拾叁圆肆角伍分) as `Decimal`.

Source: 支付结算办法 附件一《正确填写票据和结算凭证的基本规定》 for the writing; everyday
variants (元, 正, 廿, 〇, plain numerals) are accepted because real invoices carry them.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_DIGITS = {
    character: value
    for value, characters in enumerate(
        ("零〇", "壹一", "贰二貳两", "叁三參", "肆四", "伍五", "陆六陸", "柒七", "捌八", "玖九")
    )
    for character in characters
}
_SMALL_UNITS = {"拾": 10, "十": 10, "佰": 100, "百": 100, "仟": 1000, "千": 1000}
_LARGE_UNITS = (("亿", 10**8), ("億", 10**8), ("万", 10**4), ("萬", 10**4))
_NEGATIVE = re.compile(r"^[(（]?(?:负数|负|-|−)[)）]?")
_NOISE = re.compile(r"[\s⊗ⓧ×*¥:：]|人民币|价税合计")
_SHAPE = re.compile(
    r"^(?:(?P<yuan>[^圆元角分整正]+)[圆元])?"
    r"零?(?:(?P<jiao>[^圆元角分整正零〇])角)?"
    r"零?(?:(?P<fen>[^圆元角分整正零〇])分)?[整正]?$"
)


def parse_amount(text: str) -> Decimal | None:
    """The amount in yuan with two decimals; None when the text is not one whole amount.

    Never guesses: a digit without its unit, a unit twice or any stray character gives None.
    """
    plain = _NOISE.sub("", unicodedata.normalize("NFKC", text))
    negative = _NEGATIVE.match(plain)
    if negative:
        plain = plain[negative.end() :]
    shape = _SHAPE.match(plain)
    if shape is None or not any(shape.groups()):
        return None
    parts = (
        _whole(shape["yuan"]) if shape["yuan"] else 0,
        _digit(shape["jiao"]),
        _digit(shape["fen"]),
    )
    if parts[0] is None or parts[1] is None or parts[2] is None:
        return None
    amount = Decimal(parts[0] * 100 + parts[1] * 10 + parts[2]) / 100
    return (-amount if negative else amount).quantize(Decimal("0.01"))


def _digit(text: str | None) -> int | None:
    """0 for an absent part, None for a character that is no digit."""
    return 0 if text is None else _DIGITS.get(text)


def _whole(text: str) -> int | None:
    """An integer below 10^16: split at 亿, then at 万, then up to four places."""
    for unit, worth in _LARGE_UNITS:
        left, found, right = text.partition(unit)
        if not found:
            continue
        high = _whole(left)
        low = _whole(right) if right else 0
        if high is None or low is None or high == 0 or low >= worth:
            return None
        return high * worth + low
    return _below_ten_thousand(text)


def _below_ten_thousand(text: str) -> int | None:
    total, last_unit, position = 0, 10_000, 0
    while position < len(text):
        character = text[position]
        if character in "零〇":
            position += 1
            continue
        following = text[position + 1 : position + 2]
        if character in "拾十" and total == 0 and last_unit == 10_000:
            # 拾伍 for 壹拾伍: informal, but unambiguous at the head of a group.
            digit, unit, step = 1, 10, 1
        elif following in _SMALL_UNITS:
            digit, unit, step = _DIGITS.get(character, 0), _SMALL_UNITS[following], 2
        else:
            digit, unit, step = _DIGITS.get(character, 0), 1, 1
        if digit == 0 or unit >= last_unit:
            return None
        total += digit * unit
        last_unit = unit
        position += step
    return total if text else None


_NUMERALS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")


def spelled_amount(amount: Decimal) -> str | None:
    """A positive amount below 10^12, exact to the fen, in the words that print uses (零 once for
    any run of zeros, 整 where no fen follow); None for any other."""
    fen = amount * 100
    if not 0 < fen < Decimal(10) ** 14 or fen != int(fen):
        return None
    yuan, rest = divmod(int(fen), 100)
    words = _spelled_whole(yuan) + "圆" if yuan else ""
    if not rest:
        return words + "整"
    if rest % 10 == 0:
        return words + _NUMERALS[rest // 10] + "角整"
    tenths = _NUMERALS[rest // 10] + "角" if rest >= 10 else "零" if yuan else ""
    return words + tenths + _NUMERALS[rest % 10] + "分"


def _spelled_whole(yuan: int) -> str:
    """Place by place from the left; a zero is said when a digit follows it in its group, or
    a group that does not fill its four places follows another."""
    digits = f"{yuan:d}"
    words, silent = "", False
    for index, digit in enumerate(digits):
        place = len(digits) - 1 - index
        if digit == "0":
            silent = bool(words)
        else:
            words += ("零" if silent else "") + _NUMERALS[int(digit)] + _PLACES[place % 4]
            silent = False
        group = digits[max(0, index - 3) : index + 1]
        if place % 4 == 0 and place and group.strip("0"):
            words += _GROUPS[place // 4]
    return words
