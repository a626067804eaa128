"""Which lines the cheap model may not decide alone.

Measured on made scans and photographs: where the tiny model is wrong it mostly knows, except in
long runs of digits and capitals. There it takes 0 for O and drops one of two equal characters
while being sure of itself.
"""

from __future__ import annotations

import re

from extractors.recognition.read import Reading

#: A line that lacks more certainty than this, over all its characters, gets a second look.
MOST_DOUBT = 0.3
#: Names bind and have no check, and the cheap model is sure of the commoner of two characters that
#: look alike (阑 for 澜): nearly every name is read twice, which adds a line or two a page. Amounts
#: have sums; rates and labels are few and well known.
_MOST_DOUBT_OF_NAMES = 0.01
_MOST_DOUBT_OF_MONEY = 0.15
_MOST_DOUBT_OF_PRINT = 0.6
#: An eighth of what the dear model would read on paper invoices, and no field.
_MOST_DOUBT_OF_ADDRESSES = 2.0
#: A run of digits and capitals so long is a number that somebody will be paid or booked by.
_LONG_RUN = re.compile(r"[0-9A-Z]{8,}")
#: Telephone and account numbers stand in lines of their own and are no field of an invoice.
_ADDRESS = re.compile(r"^(地址|开户行|开户银行)|[路街道弄号].*\d{3,4}-\d{7,8}|[分支]行\s*\d{9,}$")
#: Among digits these are taken for one another: 0 O Q D, 1 I l, 2 Z, 5 S, 8 B.
_LOOK_ALIKES = re.compile(r"(?=.*\d)(?=.*[OQDIlZSBo〇])")
_MONEY = re.compile(r"[¥￥]|\d[.,]\d{2}(?!\d)|[壹贰叁肆伍陆柒捌玖][^ ]*[圆元角分整正]")
_NAMES = re.compile(r"名称|公司|学校|大学|学院|医院|中心|银行|商店|[厂局院所会社部]$")
_RATE = re.compile(r"^\d{1,2}%$")
#: A goods name starts with its class between two stars; one star alone lost the other.
_ONE_STAR = re.compile(r"^[^*]*\*[^*]*$")
#: 密码区: nobody reads it, and it is long. Digits mixed with these are found nowhere else.
_CIPHER = re.compile(r"^[0-9+\-*/<>\s]{12,}$")
_CIPHER_SIGNS = re.compile(r"[+\-*/<>]")
_PRINTED = frozenset(
    (
        "名称", "规格型号", "单位", "数量", "单价", "金额", "税率", "税率/征收率", "税额", "合计",
        "价税合计", "(大写)", "(小写)", "价税合计(大写)", "备注", "收款人", "复核", "开票人",
        "购买方", "销售方", "购买方信息", "销售方信息", "项目名称", "项目", "密码区", "机器编号",
        "货物或应税劳务、服务名称", "发票代码", "发票号码", "开票日期", "校验码", "纳税人识别号",
        "地址、电话", "开户行及账号", "统一社会信用代码/纳税人识别号", "下载次数",
    )
)  # fmt: skip
#: Two looks disagree: the dear model is believed unless it is so much less sure.
_FAR = 0.25


def is_doubtful(reading: Reading) -> bool:
    """Should the better model read this line too?"""
    text = reading.text.strip()
    if not text:
        return True
    if _is_cipher(text):
        return False
    if not _ADDRESS.search(text) and any(
        sign.search(text) for sign in (_LONG_RUN, _LOOK_ALIKES, _ONE_STAR)
    ):
        return True
    return reading.doubt > _bearable(text)


def _bearable(text: str) -> float:
    """How much doubt a line of this sort bears."""
    if text.rstrip(":：").replace("（", "(").replace("）", ")") in _PRINTED or _RATE.match(text):
        return _MOST_DOUBT_OF_PRINT
    if _ADDRESS.search(text):
        return _MOST_DOUBT_OF_ADDRESSES
    if _NAMES.search(text):
        return _MOST_DOUBT_OF_NAMES
    return _MOST_DOUBT_OF_MONEY if _MONEY.search(text) else MOST_DOUBT


def better(cheap: Reading, dear: Reading) -> Reading:
    """What two looks at one line say together: the better model's text, unless it is far less
    sure of it. Where both say the same, it is as sure as the surer of them."""
    if cheap.text == dear.text:
        return max(cheap, dear, key=lambda reading: reading.score)
    return cheap if dear.score < cheap.score - _FAR else dear


def _is_cipher(text: str) -> bool:
    return bool(_CIPHER.match(text)) and len(_CIPHER_SIGNS.findall(text)) * 6 >= len(text)
