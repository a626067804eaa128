"""Digests by the names that documents give them: object identifiers, or plain names.

Chinese signatures use SM3 (GB/T 32905-2016); older ones and foreign tools SHA or even MD5. Here
a digest only shows whether a part is the one that was signed; who signed is asked elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives import hashes

_NAMES = {
    "1.2.156.10197.1.401": "sm3",
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_KNOWN = frozenset(_NAMES.values())


def method_name(method: str) -> str | None:
    """`sm3`, `sha256` ... for an object identifier or a name in any spelling; None if unknown."""
    bare = method.strip().removeprefix("urn:oid:")
    name = _NAMES.get(bare) or bare.lower().replace("-", "")
    return name if name in _KNOWN else None


def digest(name: str, content: bytes) -> bytes:
    """The digest of `content`; `name` as `method_name` gives it."""
    if name == "sm3":
        # Not every build of OpenSSL behind `hashlib` has it.
        sm3 = hashes.Hash(hashes.SM3())
        sm3.update(content)
        return sm3.finalize()
    return hashlib.new(name, content, usedforsecurity=False).digest()


def matches(name: str, content: bytes, stated: str) -> bool:
    """Whether `stated`, a digest in base64 or hexadecimal, is the one of `content`."""
    real = digest(name, content)
    plain = "".join(stated.split())
    if len(plain) == 2 * len(real):
        return hmac.compare_digest(real.hex(), plain.lower())
    try:
        return hmac.compare_digest(real, base64.b64decode(plain, validate=True))
    except (binascii.Error, ValueError):
        return False
