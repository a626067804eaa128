"""Sealed bags: one folder a voucher and version, in BagIt form (RFC 8493).

The payload keeps originals byte for byte, the evidence of each verification, and metadata;
the manifests name every file with its SHA-256. A bag is complete in itself: it can be checked
years later with nothing but itself and any BagIt tool.

    data/voucher.json                       the voucher and its invoices, in order
    data/originals/001-<number>.<suffix>    the bytes as they were handed in
    data/metadata/001-<number>.json         values, sources, findings, verdict
    data/evidence/001-<number>/...          result.png, result.pdf, portal.json
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bagit

from archive.store import sync_folder
from extractors.errors import YanpiaoError

_VOUCHER_NO = re.compile(r"[0-9A-Za-z\u4e00-\u9fff](?:[0-9A-Za-z\u4e00-\u9fff._-]{0,62})")
_UNSAFE = re.compile(r"[^0-9A-Za-z]+")


class BadVoucherNumber(YanpiaoError):
    """A voucher number names a folder, so only letters, digits, Chinese and . _ - may occur."""

    code = "bad_voucher_number"


def check_voucher_no(voucher_no: str) -> str:
    """The number, if it can name a folder. Raises `BadVoucherNumber`."""
    if not _VOUCHER_NO.fullmatch(voucher_no) or ".." in voucher_no:
        raise BadVoucherNumber(voucher=voucher_no[:64])
    return voucher_no


@dataclass(frozen=True, slots=True)
class BagItem:
    """One invoice of a bag. `suffix` is that of the sniffed type, never of a file name."""

    document_id: str
    invoice_number: str
    original: bytes
    suffix: str
    metadata: Mapping[str, Any]
    evidence: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class SealedBag:
    """Where the bag lies, relative to the bag store, and the digest that stands for all of it
    (SHA-256 of its tag manifest, which names the manifest, which names every file)."""

    path: str
    digest: str


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def bag_digest(folder: Path) -> str:
    """SHA-256 of the bag's tag manifest, in hex."""
    return hashlib.sha256((folder / "tagmanifest-sha256.txt").read_bytes()).hexdigest()


def seal(
    root: Path,
    voucher_no: str,
    version: int,
    items: Sequence[BagItem],
    *,
    sealed_at: dt.datetime,
    previous_digest: str | None,
) -> SealedBag:
    """Write the bag and move it into place in one step.

    An unfinished folder of an interrupted seal is never taken for a bag: it lies under a
    temporary name, and a finished but unrecorded one is replaced by the caller's new try.
    """
    check_voucher_no(voucher_no)
    relative = f"{voucher_no}/v{version:04d}"
    target = root / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    for left_over in target.parent.glob(".sealing-*"):
        shutil.rmtree(left_over)
    temporary = target.parent / f".sealing-{secrets.token_hex(4)}"
    _lay_out(temporary, voucher_no, version, items, sealed_at, previous_digest)
    bagit.make_bag(
        str(temporary),
        {
            "Source-Organization": "Yanpiao",
            "External-Identifier": f"{voucher_no} v{version}",
            "Bagging-Date": sealed_at.date().isoformat(),
        },
        checksums=["sha256"],
    )
    if target.exists():
        shutil.rmtree(target)
    for path in temporary.rglob("*"):
        if path.is_file():
            path.chmod(0o440)
    temporary.rename(target)
    sync_folder(target.parent)
    return SealedBag(relative, bag_digest(target))


def _lay_out(
    folder: Path,
    voucher_no: str,
    version: int,
    items: Sequence[BagItem],
    sealed_at: dt.datetime,
    previous_digest: str | None,
) -> None:
    listed = []
    for order, item in enumerate(items, start=1):
        stem = f"{order:03d}-{_UNSAFE.sub('', item.invoice_number) or item.document_id}"
        _write(folder / "originals" / f"{stem}.{item.suffix}", item.original)
        _write(folder / "metadata" / f"{stem}.json", _json(item.metadata))
        for name, content in item.evidence.items():
            _write(folder / "evidence" / stem / name, content)
        listed.append(
            {
                "order": order,
                "document_id": item.document_id,
                "invoice_number": item.invoice_number,
                "original": f"originals/{stem}.{item.suffix}",
                "sha256": hashlib.sha256(item.original).hexdigest(),
            }
        )
    voucher = {
        "voucher_no": voucher_no,
        "version": version,
        "previous_bag_digest": previous_digest,
        "sealed_at": sealed_at.isoformat(),
        "invoices": listed,
    }
    _write(folder / "voucher.json", _json(voucher))


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `inspect` found in a bag. Sound when `faults` is empty."""

    folder: Path
    digest: str | None
    files: int
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def inspect(folder: Path, expected_digest: str | None = None) -> Inspection:
    """Check a bag by itself: every file present, none added, every digest right.

    `expected_digest` (from the database) also shows a bag that was rewritten as a whole.
    """
    try:
        bag = bagit.Bag(str(folder))
    except (bagit.BagError, OSError) as error:
        return Inspection(folder, None, 0, (f"not a bag: {error}",))
    faults: list[str] = []
    try:
        bag.validate()
    except bagit.BagValidationError as error:
        faults += [str(detail) for detail in error.details] or [str(error)]
    except (bagit.BagError, OSError) as error:
        faults.append(str(error))
    tag_manifest = folder / "tagmanifest-sha256.txt"
    digest = bag_digest(folder) if tag_manifest.exists() else None
    if digest is None:
        faults.append("the tag manifest is missing")
    if expected_digest is not None and digest != expected_digest:
        faults.append("the bag is not the one that was sealed: its digest differs from the record")
    return Inspection(folder, digest, len(bag.payload_entries()), tuple(faults))
