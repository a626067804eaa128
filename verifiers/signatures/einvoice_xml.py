"""The tax bureau's signature in the XML of a 数电票: there or not.

`TaxBureauSignature` is SM2, over a form of the data that is not published, and the XML carries
no certificate: presence is all that can be told (电子凭证会计数据标准).
"""

from __future__ import annotations

from collections.abc import Iterator

from extractors.limits import Limits
from extractors.safe_xml import first, local, parse_xml, text_of
from verifiers.signatures.outcome import Outcome, Reason


def xml_outcomes(content: bytes) -> Iterator[Outcome]:
    """Told of files that claim to be the tax platform's own: an `EInvoice` that names the bureau
    supervising it. Raises `DocumentError` for XML that cannot be parsed."""
    root = parse_xml(content, Limits())
    if local(root) != "EInvoice" or first(root, "TaxSupervisionInfo") is None:
        return
    signed = text_of(first(root, "TaxBureauSignature")) is not None
    yield Outcome(Reason.TAX_BUREAU_SIGNED if signed else Reason.TAX_BUREAU_UNSIGNED)
