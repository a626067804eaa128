"""Signed heads of the audit trail: who holds the database alone cannot rewrite its past.

At intervals the hash of the newest row is signed with an Ed25519 key that lies outside the
database; a rewritten, cut or emptied trail no longer meets what was signed. Heads are numbered, so
a missing one shows. Whoever can change database and heads together is caught by a copy of the
heads in a second place (a file that is only ever appended to). Rows newer than the newest head are
bound by their hashes alone.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from archive.locking import one_writer
from archive.records import AuditRow, Base, now

_FILE_IN_FOLDER = "audit-heads.jsonl"


class AuditHead(Base):
    """One signed head; triggers refuse its change or deletion."""

    __tablename__ = "audit_heads"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: The newest row at the time, and its hash.
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[dt.datetime] = mapped_column(default=now)
    #: Which key signed it: the first 16 hex digits of the SHA-256 of the public key.
    key: Mapped[str] = mapped_column(String(16))
    signature: Mapped[str] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class Head:
    """A head apart from the database. `at` is ISO 8601 in UTC, `signature` base64."""

    number: int
    seq: int
    hash: str
    at: str
    key: str
    signature: str = ""

    def message(self) -> bytes:
        """What is signed."""
        return f"yanpiao audit head {self.number} {self.seq} {self.hash} {self.at}".encode()

    @classmethod
    def of(cls, row: AuditHead) -> Head:
        at = row.at.astimezone(dt.UTC).isoformat(timespec="microseconds")
        return cls(row.number, row.seq, row.hash, at, row.key, row.signature)


class HeadKey:
    """The key that signs heads, made at the first start, readable by its owner only."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def kept(cls, path: Path) -> HeadKey:
        """The key in this file. Of processes that start together, one makes it and all read it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            drawn = path.with_name(f"{path.name}.{os.getpid()}")
            drawn.touch(mode=0o600)
            drawn.write_bytes(
                Ed25519PrivateKey.generate().private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            try:
                path.hardlink_to(drawn)  # whole or not at all, and never over another's
            except FileExistsError:
                pass
            finally:
                drawn.unlink()
        private = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"{path} holds no Ed25519 key")  # noqa: TRY004 - a file, not a call
        return cls(private)

    @property
    def public(self) -> bytes:
        """The public key as PEM, to be kept by whoever will verify."""
        return self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, message: bytes) -> str:
        return base64.b64encode(self._private.sign(message)).decode()


def key_name(public: Ed25519PublicKey) -> str:
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def public_keys(pems: Iterable[bytes]) -> dict[str, Ed25519PublicKey]:
    """Public keys by name. Raises `ValueError` for what is none."""
    keys = {}
    for pem in pems:
        public = serialization.load_pem_public_key(pem)
        if not isinstance(public, Ed25519PublicKey):
            raise ValueError("not an Ed25519 public key")  # noqa: TRY004 - a file, not a call
        keys[key_name(public)] = public
    return keys


def sign_head(session: Session, key: HeadKey) -> Head | None:
    """Sign the newest row; None where it is signed already, or there is none."""
    one_writer(session)
    last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).first()
    before = session.scalars(select(AuditHead).order_by(AuditHead.number.desc()).limit(1)).first()
    if last is None or (before is not None and before.seq >= last.seq):
        return None
    [name] = public_keys([key.public])
    row = AuditHead(
        number=before.number + 1 if before else 1,
        seq=last.seq,
        hash=last.hash,
        at=now(),
        key=name,
        signature="",
    )
    row.signature = key.sign(Head.of(row).message())
    session.add(row)
    session.flush()
    return Head.of(row)


def heads(session: Session) -> list[Head]:
    """All heads, in order."""
    return [
        Head.of(row) for row in session.scalars(select(AuditHead).order_by(AuditHead.number.asc()))
    ]


def copy_file(place: Path) -> Path:
    """Where the copy lies: the place itself, or a file in it where it is a folder."""
    return place / _FILE_IN_FOLDER if place.is_dir() else place


def append_copy(session: Session, place: Path) -> int:
    """Append every head that the copy lacks; returns how many. Nothing is ever taken out."""
    path = copy_file(place)
    there, _ = read_copy(path)
    last = max((head.number for head in there), default=0)
    query = select(AuditHead).where(AuditHead.number > last).order_by(AuditHead.number)
    new = [Head.of(row) for row in session.scalars(query)]
    if not new:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    cut = bool(before) and not before.endswith(b"\n")
    with path.open("ab") as stream:
        stream.write(b"\n" if cut else b"")  # a line that a power cut left unfinished stays alone
        for head in new:
            stream.write(json.dumps(asdict(head)).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return len(new)


def read_copy(path: Path) -> tuple[list[Head], list[int]]:
    """The copy's heads, and the numbers of lines that cannot be read."""
    found, broken = [], []
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            found.append(Head(**json.loads(line)))
        except (ValueError, TypeError):
            broken.append(number)
    return found, broken


def signed(head: Head, keys: dict[str, Ed25519PublicKey]) -> bool | None:
    """Whether the signature is right; None where its key is not known."""
    public = keys.get(head.key)
    if public is None:
        return None
    try:
        public.verify(base64.b64decode(head.signature, validate=True), head.message())
    except (InvalidSignature, ValueError):
        return False
    return True
