"""Names of banks as recognition misreads them, set right where only one of the words that such
names are made of can be meant.
"""

from __future__ import annotations

import re

from rapidfuzz.distance import Levenshtein

#: What stands between a bank's own name and its branch's.
_COMPANY = "股份有限公司"
#: The state's and the joint-stock banks (国家金融监督管理总局, 银行业金融机构法人名单).
_BANKS = (
    *("中国工商银行", "中国农业银行", "中国建设银行", "中国邮政储蓄银行", "中国民生银行"),
    *("中国光大银行", "国家开发银行", "中国进出口银行", "中国农业发展银行"),
    *("上海浦东发展银行", "中国银行", "交通银行", "招商银行", "中信银行", "华夏银行"),
    *("兴业银行", "平安银行", "广发银行", "浙商银行", "渤海银行", "恒丰银行"),
)
_MOST_OFF = 2


def mended_bank(name: str) -> str:
    """The name with its bank, its company's form and its branch's ending as banks write them;
    itself where nothing is amiss, or what is amiss could be several."""
    name = re.sub(r"[。.,、]+$", "", name)
    name = re.sub(r"^[行户](?=中国|[\u4e00-\u9fff]{2}银行)", "", name)
    name = _with_company(_with_bank(name))
    return re.sub(r"(?<=[\u4e00-\u9fff]{2})(?:[岗友攴]行|支)$", "支行", name)


def _with_bank(name: str) -> str:
    """The beginning as the one bank that it is nearest to, with 银行 in it or lost."""
    if any(name.startswith(bank) for bank in _BANKS):
        return name
    near = [
        (distance, bank, size)
        for bank in _BANKS
        if len(bank) > 4
        for size in (len(bank), len(bank) - 1)
        if (distance := Levenshtein.distance(name[:size], bank)) <= 1
    ]
    if len({bank for _, bank, _ in near}) != 1:
        return name
    _, bank, size = min(near)
    return bank + name[size:]


def _with_company(name: str) -> str:
    """股份有限公司 with a character or two misread or lost."""
    if _COMPANY in name or not re.search("有限|公司|股份", name):
        return name
    near = [
        (Levenshtein.distance(name[start : start + size], _COMPANY), -size, start)
        for size in (len(_COMPANY), len(_COMPANY) - 1)
        for start in range(4, len(name) - size + 1)
    ]
    if not near or min(near)[0] > _MOST_OFF:
        return name
    _, size, start = min(near)
    return name[:start] + _COMPANY + name[start - size :]
