"""Invoices that no one would write, in files that are sound."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from extractors.model import Kind
from fixtures.maker import Form, Truth, make, make_truth

_DAY = dt.date(2026, 11, 22)


def _truth() -> Truth:
    return make_truth(Kind.DIGITAL_NORMAL, 5, today=_DAY)


def _altered(form: Form, **changes: object) -> Callable[[], bytes]:
    return lambda: make(_truth(), form, 5, altered=changes).content


def _with_lines(form: Form, times: int) -> Callable[[], bytes]:
    return lambda: make(_truth(), form, 5, altered={"lines": _truth().lines * times}).content


_ODD: dict[str, dict[str, object]] = {
    "endless name": {"buyer_name": "很长的公司名称" * 300},
    "endless remark": {"remarks": "备注" * 4_000},
    "great amounts": {
        name: Decimal("9" * 24 + ".99")
        for name in ("total_without_tax", "total_tax", "total_with_tax")
    },
    "negative": {
        name: Decimal("-0.01") for name in ("total_without_tax", "total_tax", "total_with_tax")
    },
    "endless number": {"invoice_number": "2" * 900},
    "controls": {"seller_name": "\u202eَ\u0301\u200d\u2028😀𠀀", "issuer": "\u200b"},
    "not the words": {"amount_in_words": "壹" * 500},
}
INVOICES: dict[str, Callable[[], bytes]] = {
    **{
        f"{form} odd {name}": _altered(form, **changes)
        for form in (Form.PDF, Form.OFD, Form.XML)
        for name, changes in _ODD.items()
    },
    **{
        f"{form} odd {times} times the lines": _with_lines(form, times)
        for form in (Form.PDF, Form.OFD, Form.XML)
        for times in (30, 300)
    },
}
