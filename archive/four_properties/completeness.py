"""完整性: that everything of the voucher is there, with what must be known of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from archive.bag_reading import BagContent, BagInvoice
from archive.four_properties.model import Judge, Property, Result
from archive.four_properties.under_test import UnderTest
from archive.hashing import digests_of_file

_judge = Judge(Property.COMPLETENESS)
#: What every invoice of a bag must have, whatever its kind.
_NEEDED = ("document_id", "file_name", "sha256", "size", "received_at", "verdict")
_NEEDED_OLD = ("verdict",)
_NEEDED_OF_VOUCHER = ("fiscal_year", "period", "number", "voucher_date", "entries")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def totals(under: UnderTest) -> Result:
    """As many files and bytes as were sealed (总件数、总字节数相符性)."""
    counted = f"{under.fixity.size}.{under.fixity.files}"
    stated = under.content.info.get("Payload-Oxum") if under.content else None
    faults = [] if stated == counted else [f"{stated} ≠ {counted}"]
    return _judge.faults(
        "totals", faults, "evidence_totals", files=under.fixity.files, size=under.fixity.size
    )


def bodies(under: UnderTest) -> Result:
    """Each invoice with its original, metadata, attachments and evidence (内容数据完整性)."""
    if under.content is None:
        return _judge.faults("bodies", [under.unread], "evidence_bodies", invoices=0)
    faults = [
        path
        for invoice in under.content.invoices
        for path in (invoice.original, *invoice.attachments, *invoice.evidence)
        if path not in under.fixity.digests or under.fixity.digests[path].size == 0
    ]
    if not under.content.invoices:
        faults.append("data/voucher.json")
    return _judge.faults("bodies", faults, "evidence_bodies", invoices=len(under.content.invoices))


def needed_metadata(under: UnderTest) -> Result:
    """Nothing that must be known is empty (必填元数据项完整性)."""
    if under.content is None:
        return _judge.faults("needed_metadata", [under.unread], "evidence_needed", invoices=0)
    needed = _NEEDED_OLD if under.content.layout == 1 else _NEEDED
    faults = [
        f"{invoice.order:03d}: {name}"
        for invoice in under.content.invoices
        for name in needed
        if invoice.metadata.get(name) in (None, "")
    ]
    facts = under.content.facts
    if facts is not None:
        faults += [f"facts: {name}" for name in _NEEDED_OF_VOUCHER if facts.get(name) in _EMPTY]
    return _judge.faults(
        "needed_metadata", faults, "evidence_needed", invoices=len(under.content.invoices)
    )


_EMPTY: tuple[object, ...] = (None, "", [])


def continuity(under: UnderTest) -> Result:
    """Orders run from 1 without a gap (连续性)."""
    orders = [invoice.order for invoice in under.content.invoices] if under.content else []
    is_whole = bool(orders) and orders == list(range(1, len(orders) + 1))
    faults = [] if is_whole else [", ".join(map(str, orders)) or under.unread]
    return _judge.faults("continuity", faults, "evidence_continuity", last=len(orders))


def check_results(under: UnderTest) -> Result:
    """Each invoice that the tax authority confirmed keeps the attempt and its proof (查验结果)."""
    if under.content is None:
        return _judge.faults("check_results", [under.unread], "evidence_checks", confirmed=0)
    confirmed = [i for i in under.content.invoices if i.metadata.get("verdict") == "confirmed"]
    faults = [f"{invoice.order:03d}: {fault}" for invoice in confirmed for fault in _gaps(invoice)]
    if not confirmed:
        return _judge.not_applicable("check_results", "evidence_no_checks")
    return _judge.faults(
        "check_results",
        faults,
        "evidence_checks",
        confirmed=len(confirmed),
        invoices=len(under.content.invoices),
    )


def _gaps(invoice: BagInvoice) -> Iterator[str]:
    verifications = invoice.metadata.get("verifications")
    if "verifications" in invoice.metadata and not verifications:
        yield "verifications"
    if not invoice.evidence:
        yield "evidence"


def attachments(under: UnderTest) -> Result:
    """As many documents as the voucher says, or a person's acceptance (附单据数相符性)."""
    facts: Mapping[str, Any] = (under.content.facts if under.content else None) or {}
    stated = facts.get("attachments")
    if under.content is None or stated is None:
        return _judge.not_applicable("attachments", "evidence_no_count")
    there = len(under.content.invoices)
    accepted = any(
        decision.get("code") in ("voucher_attachments_differ", "voucher_documents_open")
        for decision in under.content.decisions
    )
    faults = [] if stated == there or accepted else [f"{stated} ≠ {there}"]
    return _judge.faults("attachments", faults, "evidence_count", stated=stated, there=there)


def versions(under: UnderTest) -> Result:
    """A later version names the one before it, and rightly where that lies beside it."""
    content = under.content
    if content is None:
        return _judge.faults("versions", [under.unread], "evidence_versions", version=0)
    faults = []
    named = content.previous_digest
    if (content.version > 1) != (named is not None):
        faults.append(f"v{content.version}: {named}")
    elif named is not None and not _DIGEST.fullmatch(named):
        faults.append(named)
    elif named is not None and (before := _before(under, content)) not in (None, named):
        faults.append(f"v{content.version - 1}: {before}")
    return _judge.faults("versions", faults, "evidence_versions", version=content.version)


def _before(under: UnderTest, content: BagContent) -> str | None:
    """The digest of the version before, where it lies beside the bag."""
    beside = under.folder.parent / f"v{content.version - 1:04d}"
    tag_manifest = beside / "tagmanifest-sha256.txt"
    return digests_of_file(tag_manifest).sha256 if tag_manifest.is_file() else None


ITEMS = (totals, bodies, needed_metadata, continuity, check_results, attachments, versions)
