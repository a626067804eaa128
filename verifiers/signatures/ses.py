"""Electronic seals and what they signed: SES_Signature of GB/T 38540-2020 (version 4) and of its
forerunner GM/T 0031-2014 (version 1), which sets the same parts in another order.

Version 4: (toSign, cert, algorithm, signature[, time stamp]), seal (info, cert, algorithm,
signature). Version 1: (toSign (..., cert, algorithm), signature), seal (info, (cert, algorithm,
signature)). toSign begins with (version, seal, time, digest, place of what was signed).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from asn1crypto import core, x509

from verifiers.signatures.sm2 import members

_TIMES = ("%Y%m%d%H%M%SZ", "%Y%m%d%H%M%S", "%y%m%d%H%M%SZ")


@dataclass(frozen=True, slots=True)
class Signed:
    """Bytes, the signature over them, by whose certificate and which algorithm (dotted)."""

    content: bytes
    certificate: x509.Certificate
    algorithm: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class SealSignature:
    """`signed` is the signer's own signature, `made` the seal maker's over the seal. `digest` is
    that of what was signed, which lies at `place`; `signers` are the certificates (DER), or their
    digests, that the seal was made for; `at` is what the signer's clock said, if it can be read.
    """

    seal_name: str
    signed: Signed
    made: Signed
    digest: bytes
    place: str
    at: dt.datetime | None
    signers: tuple[bytes, ...]


def parse_seal_signature(content: bytes) -> SealSignature:
    """The parts of one SES_Signature. Raises `ValueError` for bytes that are none."""
    try:
        top = _Parts(core.Sequence.load(content, strict=True))
        to_sign = _Parts(top.sequence(0))
        if len(top) >= 4:
            certificate, algorithm, value = top.octets(1), top.dotted(2), top.bits(3)
        else:
            certificate, algorithm, value = to_sign.octets(5), to_sign.dotted(6), top.bits(1)
        seal = _Parts(to_sign.sequence(1))
        info = _Parts(seal.sequence(0))
        maker = seal if len(seal) >= 4 else _Parts(seal.sequence(1))
        first = 1 if maker is seal else 0
        about = _Parts(info.sequence(2))
        return SealSignature(
            seal_name=str(about.native(1)),
            signed=Signed(top.sequence(0).dump(), _certificate(certificate), algorithm, value),
            made=Signed(
                _made_over(seal, maker),
                _certificate(maker.octets(first)),
                maker.dotted(first + 1),
                maker.bits(first + 2),
            ),
            digest=to_sign.bits(3),
            place=str(to_sign.native(4)),
            at=_moment(to_sign, 2),
            signers=_signers(about),
        )
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ValueError("no seal signature") from error


class _Parts:
    """The members of a sequence, each by its place and kind; `TypeError` where it is another."""

    def __init__(self, sequence: core.Sequence) -> None:
        self._members = members(sequence)

    def __len__(self) -> int:
        return len(self._members)

    def native(self, index: int) -> object:
        return self._members[index].native

    def sequence(self, index: int) -> core.Sequence:
        member = self._members[index]
        if not isinstance(member, core.Sequence):
            raise TypeError("no sequence")
        return member

    def octets(self, index: int) -> bytes:
        member = self._members[index]
        if not isinstance(member, core.OctetString):
            raise TypeError("no octets")
        return bytes(member.native)

    def bits(self, index: int) -> bytes:
        """A bit string of whole bytes; octets, which some write in its place."""
        member = self._members[index]
        if isinstance(member, core.BitString):
            if member.contents[:1] != b"\0":
                raise ValueError("no whole bytes")
            return bytes(member.contents[1:])
        return self.octets(index)

    def dotted(self, index: int) -> str:
        member = self._members[index]
        if not isinstance(member, core.ObjectIdentifier):
            raise TypeError("no identifier")
        return str(member.dotted)


def _certificate(content: bytes) -> x509.Certificate:
    found = x509.Certificate.load(content, strict=True)
    _ = found.subject.native, found.issuer.native  # parsed late otherwise, where nobody expects it
    return found


def _made_over(seal: _Parts, maker: _Parts) -> bytes:
    """Version 4 signs the seal's information; version 1 that with certificate and algorithm."""
    info = seal.sequence(0)
    if maker is seal:
        return bytes(info.dump())
    signed_by = seal.sequence(1)
    body = info.dump() + signed_by[0].dump() + signed_by[1].dump()
    return bytes(core.Sequence(contents=body).dump(force=True))


def _signers(about: _Parts) -> tuple[bytes, ...]:
    """Of (type, name, [kind,] certificates or digests, ...): every certificate listed, or every
    digest with its name."""
    listed = next(
        about.sequence(index) for index in (3, 2) if isinstance(about.native(index), dict)
    )
    found: list[bytes] = []
    for member in members(listed):
        if isinstance(member, core.OctetString):
            found.append(bytes(member.native))
        elif isinstance(member, core.Sequence):
            found.extend(
                bytes(part.native) for part in member if isinstance(part, core.OctetString)
            )
    return tuple(found)


def _moment(parts: _Parts, index: int) -> dt.datetime | None:
    told = parts.native(index)
    if isinstance(told, dt.datetime):
        return told if told.tzinfo else told.replace(tzinfo=dt.UTC)
    raw = parts.bits(index).decode("ascii", "ignore") if not isinstance(told, str) else told
    text = "".join(char for char in raw if char.isdigit() or char == "Z")
    for shape in _TIMES:
        try:
            return dt.datetime.strptime(text, shape).replace(tzinfo=dt.UTC)
        except ValueError:
            continue
    return None
