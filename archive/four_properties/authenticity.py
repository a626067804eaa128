"""真实性: that the bag is what was sealed, and says of itself what is so."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from archive.bag_xml import NAMESPACE, schema
from archive.four_properties.model import Judge, Property, Result
from archive.four_properties.under_test import UnderTest
from extractors.errors import DocumentError, YanpiaoError
from extractors.limits import Limits
from extractors.model import Finding, Severity
from extractors.safe_xml import Element, parse_xml
from extractors.sniff import sniff
from verifiers.signatures import check_signatures

_judge = Judge(Property.AUTHENTICITY)
_XML = "data/voucher.xml"
_SPACE = {"b": NAMESPACE}


def fixed_digests(under: UnderTest) -> Result:
    """Every digest that was fixed at sealing is still right (固化信息有效性)."""
    changed = [fault for fault in under.fixity.faults if not fault.endswith("from the record")]
    algorithms = "SHA-256 + SM3" if (under.folder / "manifest-sm3.txt").is_file() else "SHA-256"
    return _judge.faults(
        "fixed_digests",
        changed,
        "evidence_digests",
        files=under.fixity.files,
        size=under.fixity.size,
        algorithms=algorithms,
    )


def as_recorded(under: UnderTest) -> Result:
    """The bag's digest is the one that the database and the audit trail keep."""
    if under.expected_digest is None:
        return _judge.not_applicable("as_recorded", "evidence_no_record")
    digest = under.fixity.digest
    faults = [] if digest == under.expected_digest else [f"{digest} ≠ {under.expected_digest}"]
    return _judge.faults("as_recorded", faults, "evidence_record", digest=digest)


def metadata_schema(under: UnderTest) -> Result:
    """The XML metadata keeps to its schema (元数据规范性)."""
    root = _xml(under)
    if root is None:
        return _no_xml(under, "metadata_schema")
    valid = schema()
    faults = [] if valid.validate(root) else str(valid.error_log).splitlines()[:20]
    return _judge.faults("metadata_schema", faults, "evidence_schema")


def metadata_agrees(under: UnderTest) -> Result:
    """What the metadata say of the files is what they are (元数据与内容一致性)."""
    if under.content is None:
        return _judge.faults("metadata_agrees", [under.unread], "evidence_agrees", files=0)
    faults = [
        f"{invoice.original}: {invoice.sha256}"
        for invoice in under.content.invoices
        if _sha256(under, invoice.original) != invoice.sha256
    ]
    root = _xml(under)
    listed = list(_listed(root)) if root is not None else []
    for path, size, sha256, sm3 in listed:
        digests = under.fixity.digests.get(path)
        is_so = digests and (str(digests.size), digests.sha256, digests.sm3) == (size, sha256, sm3)
        if not is_so:
            faults.append(f"{_XML}: {path}")
    count = len(listed) or len(under.content.invoices)
    return _judge.faults("metadata_agrees", faults, "evidence_agrees", files=count)


def signatures(under: UnderTest) -> Result:
    """Electronic signatures of originals: what was found when they were read is found again, and
    nothing is proven wrong that was not known then (电子签名有效性)."""
    if under.content is None:
        return _judge.faults("signatures", [under.unread], "evidence_signatures", signed=0)
    told: dict[str, set[str]] = {}
    for invoice in under.content.invoices:
        told.setdefault(invoice.original, set()).update(_signature_codes(invoice.metadata))
    signed = {path: codes for path, codes in told.items() if codes}
    if not signed:
        return _judge.not_applicable("signatures", "evidence_unsigned")
    altered = signed.keys() & under.fixity.altered
    faults = [f"{path}: {', '.join(sorted(signed[path]))}" for path in sorted(altered)]
    again: set[str] = set()
    for path in sorted(signed.keys() - altered) if under.recheck else ():
        found = _found_again(under, path)
        again |= {finding.code for finding in found}
        faults += [f"{path}: {fault}" for fault in _worse(signed[path], found)]
    evidence = "evidence_signatures_again" if under.recheck else "evidence_signatures"
    known = ", ".join(sorted({code for codes in signed.values() for code in codes}))
    return _judge.faults(
        "signatures", faults, evidence,
        signed=len(signed), codes=known, again=", ".join(sorted(again)) or "—",
    )  # fmt: skip


_HOLDS = frozenset({"signature_valid", "signature_extended"})


def _found_again(under: UnderTest, path: str) -> tuple[Finding, ...]:
    """What the signatures prove now. Only originals are asked that are byte for byte what was
    read, and checked, in the confined process when they came in."""
    try:
        content = under.read(path)
        return check_signatures(content, sniff(content))
    except (OSError, DocumentError):
        return ()  # another item says that it is missing or unknown


def _worse(known: set[str], found: tuple[Finding, ...]) -> Iterator[str]:
    """Where an undecidable outcome stays undecidable, nothing is worse."""
    codes = {finding.code for finding in found}
    yield from sorted(f.code for f in found if f.severity is Severity.BLOCK and f.code not in known)
    if known & _HOLDS and not codes & _HOLDS:
        yield f"{', '.join(sorted(known & _HOLDS))} → {', '.join(sorted(codes)) or '—'}"


def identity(under: UnderTest) -> Result:
    """Bag, voucher and folder go by one name (档号一致性)."""
    content = under.content
    if content is None:
        return _judge.faults("identity", [under.unread], "evidence_identity", name="")
    own = f"{content.voucher_no} v{content.version}"
    faults = []
    stated = content.info.get("External-Identifier")
    if stated != own:
        faults.append(f"bag-info.txt: {stated}")
    if under.folder.name.startswith("v0") and under.folder.name != f"v{content.version:04d}":
        faults.append(under.folder.name)
    root = _xml(under)
    if root is not None:
        said = tuple(root.findtext(f"b:Voucher/b:{name}", None, _SPACE) for name in _IDENTITY)
        if said != (content.voucher_no, str(content.version)):
            faults.append(f"{_XML}: {said}")
    return _judge.faults("identity", faults, "evidence_identity", name=own)


_IDENTITY = ("档号", "版本")
ITEMS = (fixed_digests, as_recorded, metadata_schema, metadata_agrees, signatures, identity)


def _xml(under: UnderTest) -> Element | None:
    try:
        return parse_xml(under.read(_XML), Limits())
    except (OSError, YanpiaoError, etree.LxmlError):
        return None


def _no_xml(under: UnderTest, code: str) -> Result:
    """Bags of the first layout never had one; for all others it is missing or broken."""
    if under.content is not None and under.content.layout == 1:
        return _judge.not_applicable(code, "evidence_old_layout")
    return _judge.faults(code, [_XML], "evidence_schema")


def _sha256(under: UnderTest, path: str) -> str | None:
    digests = under.fixity.digests.get(path)
    return digests.sha256 if digests else None


def _listed(root: Element) -> Iterator[tuple[str, str, str, str]]:
    """Path, size and both digests of each file that the XML lists."""
    for file in root.iterfind("b:Files/b:File", _SPACE):
        digests = {
            each.get("algorithm"): each.text or "" for each in file.iterfind("b:哈希", _SPACE)
        }
        yield (
            f"data/{file.findtext('b:文件名', '', _SPACE)}",
            file.findtext("b:大小", "", _SPACE),
            digests.get("SHA-256", ""),
            digests.get("SM3", ""),
        )


def _signature_codes(metadata: object) -> set[str]:
    invoice = metadata.get("invoice") if isinstance(metadata, dict) else None
    findings = invoice.get("findings", ()) if isinstance(invoice, dict) else ()
    return {f["code"] for f in findings if "sign" in f["code"] or "seal" in f["code"]}
