"""深圳电子普通发票 (区块链): the older form with a check code of five hexadecimal characters.

Its code begins 14403, the QR code is an address of the Shenzhen bureau. Everything else stands
where the older electronic invoices have it.
"""

from __future__ import annotations

import re

from extractors.faces import vat
from extractors.kinds import kind_from_name
from extractors.layout.reading import Face, FaceReader, agreed, labelled
from extractors.model import Invoice, Kind

_CODE = re.compile(r"(?<!\d)14403\d{7}(?!\d)")
_CHECK_CODE = r"校[验驗]?码:?([0-9a-fA-F]{5})(?![0-9A-Za-z])"
_NEEDED = {
    Kind.BLOCKCHAIN: (
        "invoice_code",
        "invoice_number",
        "issue_date",
        "total_with_tax",
        "buyer_name",
        "seller_name",
        "check_code",
    )
}


def score(face: Face) -> int | None:
    """4 for its title; 3 where the title is unread, but code and short check code are there."""
    text = face.sheet.text
    kind = kind_from_name(text)
    if kind is Kind.BLOCKCHAIN:
        return 4
    bare = kind is Kind.UNKNOWN and _CODE.search(text) and re.search(_CHECK_CODE, text)
    return 3 if bare else None


def read(face: Face) -> Invoice:
    """As the older invoices are read, with its own check code."""
    invoice = vat.read(face)
    found = agreed(labelled(face.sheet.rows, _CHECK_CODE))
    if found is not None and face.recognised and not found[0].text.isdigit():
        # 0 and o, 1 and l, b and 6 are alike to an engine, and nothing on the page proves them.
        check = face.field(found[0].text, found[0]).model_copy(update={"confidence": _UNSURE})
    elif found is not None:
        check = face.field(found[0].text, found[0])
    else:
        check = None
    return invoice.model_copy(update={"kind": Kind.BLOCKCHAIN, "check_code": check})


#: A recognised check code is for a person or the QR code to confirm.
_UNSURE = 0.8


FACES = (FaceReader("blockchain", score, read, _NEEDED),)
