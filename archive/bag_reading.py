"""A bag read back with nothing but itself: its tag files, manifests, voucher and invoices, in
either layout. What an old bag does not say is empty."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from extractors.errors import YanpiaoError

_LINE = re.compile(r"([0-9A-Fa-f]+)[ \t]+\*?(.+)")
_ESCAPES = re.compile(r"%0A|%0D|%25", re.IGNORECASE)
_ENCODED = {"%0A": "\n", "%0D": "\r", "%25": "%"}


class NotABag(YanpiaoError):
    """The folder holds no bag that can be read, and `detail` says what is missing or broken."""

    code = "not_a_bag"


@dataclass(frozen=True, slots=True)
class BagInvoice:
    """One invoice of a bag; paths are relative to the bag's folder."""

    order: int
    document_id: str
    invoice_number: str
    original: str
    sha256: str
    metadata: Mapping[str, Any]
    attachments: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BagContent:
    """What a bag says of its voucher; `info` are the entries of bag-info.txt."""

    folder: Path
    layout: int
    voucher_no: str
    version: int
    sealed_at: str
    previous_digest: str | None
    facts: Mapping[str, Any] | None
    decisions: tuple[Mapping[str, Any], ...]
    invoices: tuple[BagInvoice, ...]
    info: Mapping[str, str] = field(default_factory=dict)
    people: tuple[Mapping[str, str], ...] = ()


def read_bag(folder: Path) -> BagContent:
    """The bag's voucher and invoices. Digests are not checked here (`archive.four_properties`).

    Raises `NotABag`.
    """
    said = _json(folder, "data/voucher.json")
    try:
        layout = int(said.get("layout", 1))
        return BagContent(
            folder=folder,
            layout=layout,
            voucher_no=str(said["voucher_no"]),
            version=int(said["version"]),
            sealed_at=str(said["sealed_at"]),
            previous_digest=said["previous_bag_digest"],
            facts=said.get("facts"),
            decisions=tuple(said.get("decisions", ())),
            invoices=tuple(_invoice(folder, listed) for listed in said["invoices"]),
            info=read_tags(folder / "bag-info.txt"),
            people=tuple(said.get("people", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotABag(detail=f"data/voucher.json: {error}") from error


def _invoice(folder: Path, listed: Mapping[str, Any]) -> BagInvoice:
    original = str(listed["original"])
    stem = PurePosixPath(original).stem
    metadata = str(listed.get("metadata") or f"metadata/{stem}.json")
    return BagInvoice(
        order=int(listed["order"]),
        document_id=str(listed["document_id"]),
        invoice_number=str(listed["invoice_number"]),
        original=_inside(original),
        sha256=str(listed["sha256"]),
        metadata=_json(folder, _inside(metadata)),
        attachments=tuple(_inside(path) for path in listed.get("attachments", ())),
        evidence=_evidence(folder, stem, listed),
    )


def _evidence(folder: Path, stem: str, listed: Mapping[str, Any]) -> tuple[str, ...]:
    if "evidence" in listed:
        return tuple(_inside(path) for path in listed["evidence"])
    found = folder / "data" / "evidence" / stem
    return tuple(f"data/evidence/{stem}/{path.name}" for path in sorted(found.glob("*")))


def _inside(path: str) -> str:
    """A path of the payload, refused where it would lead out of it."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise NotABag(detail=f"path {path[:80]!r}")
    return f"data/{path}"


def _json(folder: Path, path: str) -> Mapping[str, Any]:
    try:
        said = json.loads((folder / path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NotABag(detail=f"{path}: {type(error).__name__}") from error
    if not isinstance(said, dict):
        raise NotABag(detail=f"{path}: no object")
    return said


def read_tags(path: Path) -> dict[str, str]:
    """`Label: value` lines of a tag file; {} where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {label.strip(): value.strip() for label, _, value in pairs}


def read_manifest(path: Path) -> dict[str, str]:
    """Digest in hex by path, as a manifest lists them. Raises `NotABag` for a broken line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NotABag(detail=f"{path.name}: {type(error).__name__}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise NotABag(detail=f"{path.name}, line {number}")
        found[_decoded(match[2])] = match[1].lower()
    return found


def _decoded(name: str) -> str:
    return _ESCAPES.sub(lambda match: _ENCODED[match[0].upper()], name)
