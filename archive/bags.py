"""Sealed bags: one folder a voucher and version, in BagIt form (RFC 8493).

`archive.bag_layout` says what lies where. Manifests name every file with its SHA-256 and its SM3;
tag manifests name the manifests. A bag is complete in itself: it can be checked years later with
nothing but itself and any BagIt tool.

The tag files are written here rather than by the `bagit` library, which knows no SM3, reads every
file once more, and changes the working folder of the whole process; what is written here must
validate with it (docs/decisions/0014-bags-in-two-digests.md).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.bag_layout import BagItem, BagVoucher, Payload, lay_out
from archive.fixity import Inspection, inspect, manifest_bytes
from archive.hashing import digests_of
from archive.store import sync_folder, sync_tree
from extractors.errors import YanpiaoError

__all__ = [
    "BagItem",
    "BagVoucher",
    "Inspection",
    "SealedBag",
    "bag_digest",
    "check_voucher_no",
    "inspect",
    "seal",
]

_VOUCHER_NO = re.compile(r"[0-9A-Za-z\u4e00-\u9fff](?:[0-9A-Za-z\u4e00-\u9fff._-]{0,62})")


class BadVoucherNumber(YanpiaoError):
    """A voucher number names a folder, so only letters, digits, Chinese and . _ - may occur."""

    code = "bad_voucher_number"


def check_voucher_no(voucher_no: str) -> str:
    """The number, if it can name a folder. Raises `BadVoucherNumber`."""
    if not _VOUCHER_NO.fullmatch(voucher_no) or ".." in voucher_no:
        raise BadVoucherNumber(voucher=voucher_no[:64])
    return voucher_no


@dataclass(frozen=True, slots=True)
class SealedBag:
    """Where the bag lies, relative to the bag store, and the digest that stands for all of it
    (SHA-256 of its tag manifest, which names the manifest, which names every file)."""

    path: str
    digest: str


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
    facts: Mapping[str, Any] | None = None,
    decisions: Sequence[Mapping[str, Any]] = (),
    people: Sequence[Mapping[str, str]] = (),
    approve: Callable[[Path], None] = lambda _: None,
) -> SealedBag:
    """Write the bag and move it into place in one step.

    An unfinished folder of an interrupted seal is never taken for a bag: it lies under a
    temporary name, and a finished but unrecorded one is replaced by the caller's new try.
    `approve` looks at the finished folder before it becomes a bag, and raises what forbids that.
    """
    check_voucher_no(voucher_no)
    voucher = BagVoucher(voucher_no, version, sealed_at, previous_digest, facts, decisions, people)
    payload = lay_out(voucher, items)
    info = _info(voucher)
    return place(
        root, f"{voucher_no}/v{version:04d}", lambda at: write_folder(at, info, payload), approve
    )


def place(
    root: Path,
    relative: str,
    write: Callable[[Path], None],
    approve: Callable[[Path], None] = lambda _: None,
) -> SealedBag:
    """Let `write` fill a folder, and move it to its place below `root` in one step."""
    target = root / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    for left_over in target.parent.glob(".sealing-*"):
        shutil.rmtree(left_over)
    temporary = target.parent / f".sealing-{secrets.token_hex(4)}"
    write(temporary)
    try:
        approve(temporary)
    except YanpiaoError:
        shutil.rmtree(temporary, ignore_errors=True)  # who took over has cleared it away already
        raise
    if target.exists():
        shutil.rmtree(target)
    temporary.rename(target)
    sync_folder(target.parent)
    return SealedBag(relative, bag_digest(target))


def write_folder(folder: Path, info: Mapping[str, str], payload: Payload) -> None:
    """Payload and tag files, with `info`; when this returns, they survive a power cut."""
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": _bag_info(info, payload),
        "manifest-sha256.txt": manifest_bytes(payload.digests, "sha256", "data/"),
        "manifest-sm3.txt": manifest_bytes(payload.digests, "sm3", "data/"),
    }
    digests = {name: digests_of(content) for name, content in tags.items()}
    tags["tagmanifest-sha256.txt"] = manifest_bytes(digests, "sha256")
    tags["tagmanifest-sm3.txt"] = manifest_bytes(digests, "sm3")
    for name, content in payload.files.items():
        _write_file(folder / "data" / name, content)
    for name, content in tags.items():
        _write_file(folder / name, content)
    sync_tree(folder)


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)


def _info(voucher: BagVoucher) -> dict[str, str]:
    entries = {
        "Source-Organization": str((voucher.facts or {}).get("agency_name") or "Yanpiao"),
        "Bagging-Date": voucher.sealed_at.date().isoformat(),
        "External-Identifier": f"{voucher.voucher_no} v{voucher.version}",
    }
    if voucher.previous_digest:
        entries["Previous-Bag-Digest"] = f"sha256:{voucher.previous_digest}"
    return entries


def _bag_info(info: Mapping[str, str], payload: Payload) -> bytes:
    size = sum(digests.size for digests in payload.digests.values())
    counted = {"Payload-Oxum": f"{size}.{len(payload.files)}", "Bag-Software-Agent": "Yanpiao"}
    entries = {**info, **counted}
    return "".join(f"{name}: {_one_line(text)}\n" for name, text in entries.items()).encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())
