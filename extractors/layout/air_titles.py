"""What tells an itinerary of the air from other documents, and the electronic one, an invoice,
from the paper one."""

from __future__ import annotations

import re

from extractors.layout.reading import Face

_SIGNS = (
    r"旅客姓名", r"有效身份证件", r"承运人", r"航班号", r"座位等级", r"民航发展基金|机场建设费",
    r"燃油附加费", r"填开单位", r"电子客票号码", r"免费行李", r"客票级别", r"ITINERARY",
    # Shapes stand in for labels that were not recognised: a flight with its day and hour, sums
    # with the marks of fund and fuel, a ticket's number, hand luggage.
    r"(?<![A-Z0-9])(?:[A-Z]{2}|[A-Z]\d|\d[A-Z])\d{3,4}[A-Z]?20\d\d\D?\d\d\D?\d\d\d\d:\d\d",
    r"CNY\d+\.\d\d.*(?:CN|YQ|YR)\W?\d+\.\d\d", r"(?<!\d)\d{3}-\d{10}(?!\d)", r"(?<!\d)20K(?![A-Z])",
)  # fmt: skip
_INVOICE_SIGNS = r"电子发票|增值税税[率额]|购买方名称|发票号码"


def score_itinerary(face: Face, *, invoice: bool) -> int | None:
    """4: titled so, or six of an itinerary's signs; 3: four of them; 2: an invoice of which only
    the subject is readable."""
    text = face.sheet.text
    titled = re.search(r"航空运输电子客票", text) is not None
    seen = sum(bool(re.search(sign, text)) for sign in _SIGNS)
    if not titled and seen < 4:
        return 2 if invoice and re.search(r"民航发展基金", text) and "航班" in text else None
    if bool(re.search(_INVOICE_SIGNS, text)) is not invoice:
        return None
    return 4 if titled or seen >= 6 else 3
