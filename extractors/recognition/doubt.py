"""Which lines the cheap model may not decide alone.

Measured on made scans and photographs: where the tiny model is wrong it mostly knows, except in
long runs of digits and capitals. There it takes 0 for O and drops one of two equal characters
while being sure of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rapidfuzz.distance import Levenshtein
from stdnum.cn import uscc

from extractors.kinds import kind_from_name
from extractors.model import Kind
from extractors.recognition.read import Reading, less_sure

#: A line that lacks more certainty than this, over all its characters, gets a second look.
MOST_DOUBT = 0.3
#: In so short a line one wrong character leaves nothing to know it by; and it is cheap to read.
_SHORT, _MOST_DOUBT_OF_SHORT = 6, 0.1
#: Names bind and have no check, and the cheap model is sure of the commoner of two characters that
#: look alike (阑 for 澜): nearly every name is read twice, which adds a line or two a page. Amounts
#: have sums; rates and labels are few and well known.
_MOST_DOUBT_OF_NAMES = 0.01
_MOST_DOUBT_OF_MONEY = 0.15
#: With its sign: ¥ and ￥ are one, and the model in two minds which.
_MOST_DOUBT_OF_SIGNED = 0.6
_MOST_DOUBT_OF_PRINT = 0.6
#: Titles are known by a few of their characters.
_MOST_DOUBT_OF_TITLES = 1.0
#: An eighth of what the dear model would read on paper invoices, and no field.
_MOST_DOUBT_OF_ADDRESSES = 2.0
#: A bank with an account and no label is one, on invoices of vehicles.
_MOST_DOUBT_OF_BANKS = 0.4
#: A run of digits and capitals so long is a number that somebody will be paid or booked by.
_LONG_RUN = re.compile(r"(?=[A-Z]*\d)[0-9A-Z]{8,}")
#: Lengths of codes, numbers and check codes. The cheap model drops one of two equal digits, but
#: adds none and has none for another unawares: a number that is whole was read right.
_WHOLE_NUMBERS = (8, 10, 12, 20)
_MOST_DOUBT_OF_NUMBERS = 0.02
#: Telephone and account numbers stand in lines of their own and are no field of an invoice, nor
#: are addresses on the network.
_ADDRESS = re.compile(
    r"^(地址|开户行|开户银行)|[路街道弄号].*\d{3,4}-\d{7,8}|[分支]行\s*\d{9,}$"
    r"|网址|热线|(?i:https?:|www\.)"
)
_BANK = re.compile(r"^(?!开户)[一-鿿]+[分支]行\s*\d{9,}$")
#: Among digits these are taken for one another: 0 O Q D, 1 I l, 2 Z, 5 S, 8 B.
_LOOK_ALIKES = re.compile(r"(?=.*\d)(?=.*[OQDIlZSBo〇])")
#: A point where a comma belongs: 1.238,724.71.
_MISPOINTED = re.compile(r"\d\.\d{3}[.,]")
_MONEY = re.compile(r"[¥￥]|\d[.,]\d{2}(?!\d)|[壹贰叁肆伍陆柒捌玖][^ ]*[圆元角分整正]")
_SIGNED = re.compile(r"^(小写)?[:：]?[¥￥]\d[\d,]*\.\d{2}$")
_NAME_LABEL = re.compile(r"^(?:名称|单位名称|收款单位|交款人)[:：](?=.{4})")
_NAMES = re.compile(r"名称|公司|学校|大学|学院|医院|中心|银行|商店|[厂局院所会社部]$")
_RATE = re.compile(r"^\d{1,2}%$")
#: A goods name starts with its class between two stars; one star alone lost the other.
_ONE_STAR = re.compile(r"^[^*]*\*[^*]*$")
#: 密码区: nobody reads it, and it is long. Digits mixed with these are found nowhere else.
_CIPHER = re.compile(r"^[0-9+\-*/<>\s]{12,}$")
_CIPHER_SIGNS = re.compile(r"[+\-*/<>]")
PRINTED = frozenset(
    (
        "名称", "规格型号", "单位", "数量", "单价", "金额", "税率", "税率/征收率", "税额", "合计",
        "价税合计", "(大写)", "(小写)", "价税合计(大写)", "备注", "收款人", "复核", "开票人",
        "购买方", "销售方", "购买方信息", "销售方信息", "项目名称", "项目", "密码区", "机器编号",
        "货物或应税劳务、服务名称", "发票代码", "发票号码", "开票日期", "校验码", "纳税人识别号",
        "地址、电话", "开户行及账号", "统一社会信用代码/纳税人识别号", "下载次数",
        "金额(大写)", "金额(小写)", "金额(元)", "数量/单位", "销货单位盖章", "销售方(章)",
    )
)  # fmt: skip
_BRACKETS = re.compile(r"[()（）]")
_PRINTED_BARE = frozenset(_BRACKETS.sub("", label) for label in PRINTED)
#: Two looks disagree: the dear model is believed unless it is so much less sure.
_FAR = 0.25


def doubtful_part(reading: Reading) -> tuple[int, int] | None:
    """What the better model should read too: from which character to which; None for nothing.
    Mostly it is the whole line, but a number that stands after a label alone where only that is
    in doubt: the label is often longer."""
    text = reading.text.strip()
    if not text:
        return 0, len(reading.text)
    if _is_cipher(text):
        return None
    if _ADDRESS.search(text):
        return (0, len(reading.text)) if reading.doubt > _bearable(text) else None
    numbers = [found.span() for found in _LONG_RUN.finditer(reading.text)]
    unproven = [span for span in numbers if not _is_proven(reading.text[slice(*span)], reading)]
    rest = "".join(_without(reading.text, numbers))
    if any(sign.search(rest) for sign in (_LOOK_ALIKES, _ONE_STAR, _MISPOINTED)):
        return 0, len(reading.text)
    if not unproven:
        return _beyond_label(reading) if reading.doubt > _bearable(text) else None
    known = _is_printed(rest) or reading.doubt <= _bearable(rest)
    if known and len(unproven) == 1 and len(reading.places) == len(reading.text):
        return unproven[0]
    return 0, len(reading.text)


def _beyond_label(reading: Reading) -> tuple[int, int]:
    """The line, or what stands behind 名称: in it: the label is a fifth of it, and well known."""
    label = _NAME_LABEL.match(reading.text)
    whole = len(reading.places) == len(reading.text)
    return (label.end() if label and whole else 0), len(reading.text)


def is_doubtful(reading: Reading) -> bool:
    """Should the better model read this line too, or a part of it?"""
    return doubtful_part(reading) is not None


def _is_proven(number: str, reading: Reading) -> bool:
    """Does a long run of digits and capitals show by itself that it was read right?"""
    if number.isdigit():
        whole = len(number) in _WHOLE_NUMBERS
        return whole and reading.doubt <= _MOST_DOUBT_OF_NUMBERS
    return reading.doubt <= MOST_DOUBT and bool(uscc.is_valid(number))


def _without(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    """The pieces of the text between the spans."""
    begins = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(text)]
    return (text[begin:end] for begin, end in zip(begins, ends, strict=True))


def _is_printed(text: str) -> bool:
    """Is it a label, whatever was read for its brackets and its colon?"""
    return _BRACKETS.sub("", text.strip().rstrip(":：")) in _PRINTED_BARE


def _bearable(text: str) -> float:
    """How much doubt a line of this sort bears."""
    if _is_printed(text) or _RATE.match(text):
        return _MOST_DOUBT_OF_PRINT
    if _BANK.search(text):
        return _MOST_DOUBT_OF_BANKS
    if _ADDRESS.search(text):
        return _MOST_DOUBT_OF_ADDRESSES
    if kind_from_name(text) is not Kind.UNKNOWN:
        return _MOST_DOUBT_OF_TITLES
    if _NAMES.search(text):
        return _MOST_DOUBT_OF_NAMES
    if _SIGNED.match(text):
        return _MOST_DOUBT_OF_SIGNED
    if _MONEY.search(text):
        return _MOST_DOUBT_OF_MONEY
    return _MOST_DOUBT_OF_SHORT if len(text) <= _SHORT else MOST_DOUBT


def joined(cheap: Reading, start: int, end: int, dear: Reading) -> Reading | None:
    """The cheap reading with the better model's for its characters from `start` to `end`; None
    where that saw something else there, as when the cut went through a character."""
    was, now = cheap.text[start:end], dear.text.strip()
    if Levenshtein.distance(was, now) > max(1, len(was) // 6):
        return None
    seen = better(Reading(was, cheap.score), Reading(now, dear.score))
    share = len(seen.text) / max(1, len(cheap.text) - len(was) + len(seen.text))
    score = seen.score * share + cheap.score * (1 - share)
    return Reading(cheap.text[:start] + seen.text + cheap.text[end:], score)


def better(cheap: Reading, dear: Reading) -> Reading:
    """What two looks at one line say together: the better model's text, unless it is far less
    sure of it. Where both say the same, it is as sure as the surer of them; where the better model
    saw two characters in one, nobody knows which."""
    if cheap.text == dear.text:
        return max(cheap, dear, key=lambda reading: reading.score)
    seen = cheap if dear.score < cheap.score - _FAR else dear
    return less_sure(seen) if dear.crowded else seen


def _is_cipher(text: str) -> bool:
    return bool(_CIPHER.match(text)) and len(_CIPHER_SIGNS.findall(text)) * 6 >= len(text)
