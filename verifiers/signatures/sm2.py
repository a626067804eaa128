"""SM2 signatures (GB/T 32918.2) with SM3, by the keys of certificates.

`cryptography` has SM3 but no SM2; the curve's arithmetic is gmalg's.
"""

from __future__ import annotations

from collections.abc import Sequence

import gmalg
from asn1crypto import core, x509
from gmalg.errors import GMError

#: The user id that GM/T 0009 sets where parties agreed on none.
_USER_ID = b"1234567812345678"
_CURVE = "1.2.156.10197.1.301"
#: SM2-with-SM3, as certificates and seals name it.
SM2_WITH_SM3 = "1.2.156.10197.1.501"
#: DER of the arc of Chinese algorithms (1.2.156.10197): whatever holds it is of their making.
CHINESE_ARC = bytes.fromhex("2a811ccf55")
_BYTES = 32
_MOST_LINKS = 5


def members(sequence: core.Sequence) -> list[core.Asn1Value]:
    """What a sequence without a declared form holds; the library's own iterator knows only forms
    that are declared."""
    return [sequence[index] for index in range(len(sequence))]


def public_point(certificate: x509.Certificate) -> bytes | None:
    """The certificate's SM2 key as an uncompressed point, None for a key of another kind."""
    info = certificate["tbs_certificate"]["subject_public_key_info"]
    algorithm, key = members(core.Sequence.load(info.dump()))
    named = [part.dotted for part in members(algorithm) if isinstance(part, core.ObjectIdentifier)]
    point = bytes(key.contents[1:])
    fits = _CURVE in named and len(point) == 1 + 2 * _BYTES and point[0] == 4
    return point if fits else None


def is_signed_by(point: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key at `point` signed `message`; `signature` is DER (r, s) or both in 64 bytes.

    Raises `ValueError` for a signature or key that has no such form.
    """
    r, s = _parts(signature)
    try:
        return bool(gmalg.SM2(uid=_USER_ID, pk=point).verify(message, r, s))
    except GMError as error:
        raise ValueError("no point of the curve") from error


def _parts(signature: bytes) -> tuple[bytes, bytes]:
    if len(signature) == 2 * _BYTES:
        return signature[:_BYTES], signature[_BYTES:]
    numbers = [part.native for part in members(core.Sequence.load(signature, strict=True))]
    if len(numbers) != 2 or not all(isinstance(n, int) and 0 < n < 1 << 256 for n in numbers):
        raise ValueError("not two numbers of 32 bytes")
    return numbers[0].to_bytes(_BYTES, "big"), numbers[1].to_bytes(_BYTES, "big")


def chain_holds(certificate: x509.Certificate, roots: Sequence[bytes]) -> bool:
    """Whether the certificate is one of `roots` (DER), or issued under one of them through others
    of them. Only SM2 links are followed."""
    known = [x509.Certificate.load(root) for root in roots]
    current = certificate
    for _ in range(_MOST_LINKS):
        if current.dump() in roots:
            return True
        issuers = [root for root in known if root.subject == current.issuer]
        found = next((root for root in issuers if _issued(root, current)), None)
        if found is None:
            return False
        current = found
    return False


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    point = public_point(issuer)
    signature = certificate["signature_value"].native
    if point is None or not isinstance(signature, bytes):
        return False
    return is_signed_by(point, certificate["tbs_certificate"].dump(), signature)
