"""Remarks (备注) that the tax platform writes by rule: which red invoice cancels which, what a
margin scheme deducts, where a leased house stands and how long the lease runs.

The same words come on pages and in data files, so one table reads both.
"""

from __future__ import annotations

import re
import unicodedata

_DAY = r"(20\d\d)[-/.年]?(\d\d)[-/.月]?(\d\d)日?"
_CLOCK = r"(?: ?(\d\d:\d\d)(?::\d\d)?)?"
_LABELS = "租赁期|跨地|面积单位|产权证|不动产|土地增值税|建筑项目|到达地|车种|运输"
_END = rf"(?=[;,\n]|$| *(?:{_LABELS}))"
#: The key in `Invoice.extra`, and what stands before and in its value.
_NOTES = (
    ("address", rf"不动产(?:详细)?地址:([^;\n]+?){_END}"),
    ("cross_city", r"跨地\(?市\)?标志:(是|否)"),
    ("certificate", rf"产权证书[^:;\n]{{0,12}}:([^;\n]+?){_END}"),
    ("area_unit", rf"面积单位:([^;\n]{{1,6}}?){_END}"),
    ("site", rf"建筑服务发生地:([^;\n]+?){_END}"),
    ("project", rf"建筑(?:服务)?项目名称:([^;\n]+?){_END}"),
    ("from", rf"起运地:([^;\n]+?){_END}"),
    ("to", rf"到达地:([^;\n]+?){_END}"),
    ("goods", rf"运输货物(?:信息|名称):([^;\n]+?){_END}"),
    ("original_number", r"被红冲蓝字数电(?:发)?票(?:发票)?号码:(\d{20})(?!\d)"),
    ("original_number", r"对应正数发票代码:\d{10,12}号码:(\d{8})(?!\d)"),
    ("original_number", r"被红冲蓝字(?:增值税)?发票号码:(\d{8})(?!\d)"),
    ("original_code", r"对应正数发票代码:(\d{12}|\d{10})号码"),
    ("original_code", r"被红冲蓝字(?:增值税)?发票代码:(\d{12}|\d{10})(?!\d)"),
    ("red_notice", r"红字(?:增值税)?发票信息确认单编号:(\w{8,24})"),
    ("red_notice", r"红字(?:增值税)?(?:专.?)?发票信息表编?[号码]*:?(\d{16})(?!\d)"),
    ("deduction", r"(?:差额征税|扣除额):¥?(\d+\.\d\d)(?!\d)"),
)
_TERM = re.compile(rf"租赁期起止:{_DAY}{_CLOCK}[ 至到~\-—]*{_DAY}{_CLOCK}")


def notes_of(remarks: str) -> dict[str, tuple[str, str]]:
    """What the remarks say, by the keys of `Invoice.extra`: each value and the text it stood in.

    A term is `begin/end`. Width of marks does not matter; a value keeps that of the remarks only
    as far as it is plain.
    """
    text = _plain(remarks)
    found: dict[str, tuple[str, str]] = {}
    for name, pattern in _NOTES:
        match = re.search(pattern, text)
        if match and name not in found:
            start, end = match.span(1)
            found[name] = remarks[start:end].strip(), remarks[match.start() : match.end()]
    term = _TERM.search(text)
    if term:
        days = ("-".join(term.group(1, 2, 3)), "-".join(term.group(5, 6, 7)))
        clocks = (term[4], term[8])
        parts = (
            f"{day} {clock}" if clock else day for day, clock in zip(days, clocks, strict=True)
        )
        found["period"] = "/".join(parts), term[0]
    return found


def _plain(text: str) -> str:
    """Full-width marks as half-width ones, character for character."""
    forms = (unicodedata.normalize("NFKC", char) for char in text)
    return "".join(form if len(form) == 1 else char for form, char in zip(forms, text, strict=True))
