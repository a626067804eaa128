"""Signatures of a PDF, by pyHanko: intact, how far they reach, what changed behind them, whose.

Unsigned is normal for 数电票; older invoices are signed by sellers or platforms, often with SHA-1,
some with seals by SM2 (`GM.sm2seal`) in a form of their own, which are only recognised.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from asn1crypto import x509
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import (
    EmbeddedPdfSignature,
    PdfSignatureStatus,
    SignatureCoverageLevel,
    validate_pdf_signature,
)
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.policy_decl import AcceptAllAlgorithms

from verifiers.signatures.outcome import Outcome, Reason
from verifiers.signatures.signers import chain_outcome, signer_params, time_outcome
from verifiers.signatures.sm2 import CHINESE_ARC

#: Whoever signs must point at the bytes that are covered, so this stands in plain.
_CLAIM = b"ByteRange"
#: Fields that are looked at, and appended revisions that are compared.
_MOST, _MOST_REVISIONS = 16, 64
#: What they report is returned as well; in logs it would tell signers' names.
for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)
_WEAK = frozenset({"md2", "md5", "sha1"})


def pdf_outcomes(content: bytes, roots: Sequence[bytes]) -> Iterator[Outcome]:
    """What each signature of the file is worth; nothing for a file without any. `roots` are
    trusted certificates (DER). Raises errors of many classes for hostile files."""
    if _CLAIM not in content:
        return
    reader = PdfFileReader(io.BytesIO(content), strict=False)
    if reader.encrypted:
        reader.decrypt("")
    fields = list(enumerate_sig_fields(reader, filled_status=True))
    if reader.xrefs.total_revisions > _MOST_REVISIONS or len(fields) > _MOST:
        yield Outcome(Reason.NOT_CHECKED, {"part": f"{len(fields)} signatures"})
        return
    for name, _, reference in fields:
        field = reference.get_object()
        yield from _checked(reader, str(name), field, roots)


def _checked(
    reader: PdfFileReader, name: str, field: Any, roots: Sequence[bytes]
) -> Iterator[Outcome]:
    value = field["/V"]
    if value.get("/Type") == "/DocTimeStamp":
        return  # a time stamp of the file's, no signer's
    names = f"{value.get('/Filter', '')} {value.get('/SubFilter', '')}".lower()
    raw = value.get("/Contents", b"")
    sealed = bytes(getattr(raw, "original_bytes", raw) or b"")
    chinese = "sm2" in names or CHINESE_ARC in sealed
    try:
        signature = EmbeddedPdfSignature(reader, field, name)
        certificate = signature.signer_cert
    except (PdfReadError, SignatureValidationError, ValueError, TypeError, KeyError) as error:
        reason = Reason.SM2_NOT_CHECKED if chinese else Reason.UNREADABLE
        detail = type(error).__name__
        yield Outcome(reason, {"part": name, "method": names.strip(), "detail": detail})
        return
    if chinese:
        yield Outcome(Reason.SM2_NOT_CHECKED, {"part": name, "method": names.strip()})
        return
    yield from _judged(signature, certificate, roots)


def _judged(
    signature: EmbeddedPdfSignature, certificate: x509.Certificate, roots: Sequence[bytes]
) -> Iterator[Outcome]:
    at = signature.self_reported_timestamp
    digest = signature.md_algorithm.lower()
    params = signer_params(certificate, at, f"{_mechanism(signature)}/{digest.upper()}")
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(root) for root in roots],
        allow_fetching=False,
        revocation_mode="soft-fail",
        algorithm_usage_policy=AcceptAllAlgorithms(),
        moment=at,
        retroactive_revinfo=True,
    )
    try:
        status = validate_pdf_signature(signature, context)
    except SignatureValidationError:
        yield Outcome(Reason.NOT_CHECKED, {"part": signature.field_name, **params})
        return
    main = Outcome(_reason(status), {"part": signature.field_name, "parts": "PDF", **params})
    yield main
    if main.reason in (Reason.VALID, Reason.EXTENDED):
        if digest in _WEAK:
            yield Outcome(Reason.WEAK_DIGEST, params)
        yield from time_outcome(certificate, at)
        yield chain_outcome(certificate, roots, lambda: status.trusted)


def _mechanism(signature: EmbeddedPdfSignature) -> str:
    return str(signature.signer_info["signature_algorithm"].signature_algo).upper()


def _reason(status: PdfSignatureStatus) -> Reason:
    """Form fields, further signatures and long-term validation data may follow a signature;
    whatever else changes, changes what was signed."""
    if not status.intact:
        return Reason.HASH_FAILURE
    if not status.valid:
        return Reason.CRYPTO_FAILURE
    coverage = status.coverage or SignatureCoverageLevel.UNCLEAR
    if coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return Reason.VALID
    if coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return Reason.COVERS_PART
    level = status.modification_level or ModificationLevel.OTHER
    if level > ModificationLevel.FORM_FILLING:
        return Reason.CHANGED_AFTERWARDS
    return Reason.EXTENDED
