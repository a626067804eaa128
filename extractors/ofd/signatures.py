"""Is each part of an OFD still the one that was signed (GB/T 33190-2016, 18)?

A signature lists parts with their digests. Digests computed again show an altered or removed
part at once, without any certificate; the signature's own value, which protects that list, is
verified elsewhere. What no list names can be changed freely, so parts that a page shows and
nobody signed are told too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from extractors.digests import matches, method_name
from extractors.errors import DamagedFile
from extractors.model import Finding, Severity
from extractors.ofd.package import Package
from extractors.safe_xml import Element, every, first, text_of

#: What the standard takes when a list does not say.
_DEFAULT_METHOD = "MD5"
#: Most parts that one finding names.
_NAMED = 5
#: A template holds labels; one with text like these holds values.
_VALUE = re.compile(r"\d{6,}|\d+\.\d\d(?!\d)|[壹贰叁肆伍陆柒捌玖]")


@dataclass
class _Checked:
    """What all signatures of a document together say of its parts."""

    signatures: int = 0
    covered: set[str] = field(default_factory=set)
    altered: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    methods: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


def signature_findings(
    package: Package, root: Element, shown: Iterable[str], templates: Iterable[str] = ()
) -> tuple[Finding, ...]:
    """What the digests say; nothing for a document that names no signature.

    `root` is `OFD.xml`; `shown` are the parts that pages are drawn from, `templates` those
    beneath them. `altered_after_signing` and `signature_missing` are BLOCK,
    `signature_incomplete` and `signature_unchecked` WARN, `signed_intact` is INFO.
    """
    location = text_of(first(root, "Signatures"))
    if not location:
        return ()
    listing = package.find(location)
    checked = _Checked()
    entries = _entries(package, listing) if listing else []
    if not entries:
        return (_finding("signature_missing", Severity.BLOCK, [location]),)
    for name in entries:
        _check(package, name, listing or "", len(entries), checked)
    return _told(package, checked, shown, templates)


def _entries(package: Package, listing: str) -> list[str]:
    """The signature parts that the list names, found or not."""
    root = _parsed(package, listing)
    if root is None:
        return []
    locations = (element.get("BaseLoc") or "" for element in every(root, "Signature"))
    return [package.find(each, listing) or each for each in locations]


def _check(package: Package, name: str, listing: str, count: int, checked: _Checked) -> None:
    root = _parsed(package, name)
    references = first(root, "References") if root is not None else None
    if references is None:
        checked.missing[name] = None
        return
    checked.signatures += 1
    stated = references.get("CheckMethod") or _DEFAULT_METHOD
    method = method_name(stated)
    if method is None:
        checked.unknown.add(stated)
        return
    checked.methods.add(method.upper())
    for reference in every(references, "Reference"):
        location = reference.get("FileRef") or ""
        part = package.find(location, name)
        if part is None:
            checked.altered[location] = None
        elif part == listing and count > 1:
            # Each later signature is entered there, which alters nothing that was signed.
            continue
        elif _holds(package, part, method, text_of(first(reference, "CheckValue")) or ""):
            checked.covered.add(part)
        else:
            checked.altered[part] = None


def _holds(package: Package, part: str, method: str, stated: str) -> bool:
    try:
        return matches(method, package.read(part), stated)
    except DamagedFile:
        return False


def _told(
    package: Package, checked: _Checked, shown: Iterable[str], templates: Iterable[str]
) -> tuple[Finding, ...]:
    findings = []
    if checked.altered:
        findings.append(_finding("altered_after_signing", Severity.BLOCK, checked.altered))
    if checked.missing:
        findings.append(_finding("signature_missing", Severity.BLOCK, checked.missing))
    if checked.unknown:
        findings.append(_finding("signature_unchecked", Severity.WARN, sorted(checked.unknown)))
    elif checked.signatures:
        known = checked.covered | set(checked.altered)
        bare = [part for part in dict.fromkeys(shown) if part not in known]
        bare += [part for part in dict.fromkeys(templates) if _unsigned_value(package, part, known)]
        if bare:
            findings.append(_finding("signature_incomplete", Severity.WARN, bare))
    if not findings:
        count, methods = str(len(checked.covered)), ", ".join(sorted(checked.methods))
        params = {"count": count, "method": methods}
        findings.append(Finding(code="signed_intact", severity=Severity.INFO, params=params))
    return tuple(findings)


def _unsigned_value(package: Package, part: str, known: set[str]) -> bool:
    """Whether a template that nobody signed holds more than labels."""
    if part in known:
        return False
    root = _parsed(package, part)
    texts = every(root, "TextCode") if root is not None else []
    return any(_VALUE.search(code.text or "") for code in texts)


def _parsed(package: Package, name: str) -> Element | None:
    try:
        return package.xml(name)
    except (DamagedFile, KeyError):
        return None


def _finding(code: str, severity: Severity, parts: Iterable[str]) -> Finding:
    names = list(parts)
    more = " …" if len(names) > _NAMED else ""
    return Finding(code=code, severity=severity, params={"parts": ", ".join(names[:_NAMED]) + more})
