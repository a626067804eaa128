"""Phrases that platforms set into remarks by rule, put right where poor print misread them.

The tax platform writes such remarks (不动产地址：...；租赁期起止：...) word for word, so what comes
near one of its phrases was that. Free words stay as they were read.
"""

from __future__ import annotations

import re

from rapidfuzz.distance import Levenshtein

from extractors.layout.bank_names import mended_bank

#: Each with the colon that follows it, if one does.
_PHRASES = (
    "被红冲蓝字数电发票号码：",
    "被红冲蓝字数电票号码：",
    "红字发票信息确认单编号：",
    "开具红字增值税专用发票信息表编号",
    "对应正数发票代码：",
    "产权证书/不动产权证号：",
    "土地增值税项目编号：",
    "建筑服务发生地：",
    "不动产地址：",
    "租赁期起止：",
    "跨地（市）标志：",
    "面积单位：",
    "购方开户银行：",
    "销方开户银行：",
    "银行账号：",
    "差额征税：",
    "扣除额：",
)
#: One character of so many may be misread, lost or added; what is shorter must be whole.
_SHARE = 3.5
#: Before these a colon is a misread semicolon.
_LATER = re.compile(r"[：:](?=(?:银行账号|租赁期起止|跨地（市）标志|面积单位|到达地)：)")
#: A row of label and value does not end with the colon of another label.
_ROW_END = re.compile(r"^([^：\n]*：[^\n]*[^：\n])：$", re.MULTILINE)
#: A bank between its label and the account's; the row ends with a semicolon.
_BANK = re.compile(r"(?<=开户银行：)([^：；\n]{4,}?)(?=[；:：.,·]银行账号：)")
_ACCOUNT_END = re.compile(r"(?<=银行账号：)(\d{6,})[^\w\n]?$", re.MULTILINE)
#: No hour begins so; a term ends at 23:59.
_LAST_MINUTE = re.compile(r"2[89]：59(?!\d)")


def with_set_phrases(text: str) -> str:
    """The remarks with the phrases and marks as the platform writes them."""
    for phrase in _PHRASES:
        text = _put_right(text, phrase)
    text = _LAST_MINUTE.sub("23：59", _LATER.sub("；", text))
    text = _BANK.sub(lambda found: mended_bank(found[0]), text)
    text = _ACCOUNT_END.sub(r"\1；", text)
    return _ROW_END.sub(r"\1；", text)


def _put_right(text: str, phrase: str) -> str:
    """The text with the one place that comes nearest to the phrase made equal to it, if it is near
    enough."""
    most = int(len(phrase) / _SHARE)
    if phrase in text or most < 1 or any(phrase in other and other in text for other in _PHRASES):
        return text
    best = most + 1
    place = (0, 0)
    for start in range(max(0, len(text) - len(phrase) + 2)):
        for end in range(
            start + len(phrase) - most, min(len(text), start + len(phrase) + most) + 1
        ):
            distance = Levenshtein.distance(text[start:end], phrase, score_cutoff=best)
            if distance < best:
                best, place = distance, (start, end)
    if best > most or text[place[0] : place[1]] in _PHRASES:
        return text
    return text[: place[0]] + phrase + text[place[1] :]
