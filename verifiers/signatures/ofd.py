"""Signatures of an OFD (GB/T 33190-2016, 18): is each signature's value right, and whose is it?

Whether the parts that a signature lists are still the ones that were signed is told by reading
(`extractors.ofd.signatures`). Here follows what protects that list: the seal's signature value
is checked over the digest of the list, with the key in the signer's certificate, and the seal
itself with its maker's key (GB/T 38540-2020, 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from extractors.digests import digest, matches
from extractors.errors import DamagedFile
from extractors.limits import Limits
from extractors.ofd.package import Package
from extractors.safe_xml import every, first, text_of
from verifiers.signatures.outcome import Outcome, Reason
from verifiers.signatures.ses import SealSignature, Signed, parse_seal_signature
from verifiers.signatures.signers import chain_outcome, signer_params, time_outcome
from verifiers.signatures.sm2 import (
    CHINESE_ARC,
    SM2_WITH_SM3,
    chain_holds,
    is_signed_by,
    public_point,
)

#: An invoice bears one signature or two; each costs a fifth of a second.
_MOST = 8
_NAMED = 5


def ofd_outcomes(content: bytes, roots: Sequence[bytes]) -> Iterator[Outcome]:
    """What each signature of the file is worth; nothing for a file without any. `roots` are
    trusted certificates (DER). Raises `DocumentError` for a file that cannot be opened."""
    package = Package(content, Limits())
    entry = package.find("OFD.xml")
    if entry is None:
        raise DamagedFile(detail="OFD.xml is missing")
    location = text_of(first(package.xml(entry), "Signatures"))
    listing = package.find(location) if location else None
    if listing is None:
        return  # unsigned, or taken out, which reading tells
    places = [each.get("BaseLoc") or "" for each in every(package.xml(listing), "Signature")]
    names = [name for place in places if (name := package.find(place, listing)) is not None]
    covered = {listing}
    for name in names[:_MOST]:
        try:
            value, parts = _signature(package, name)
            covered |= parts
            yield from _checked(package, name, value, roots)
        except (DamagedFile, KeyError):
            yield Outcome(Reason.UNREADABLE, {"part": name})
    if len(names) > _MOST:
        yield Outcome(Reason.NOT_CHECKED, {"part": ", ".join(names[_MOST:][:_NAMED])})
    if names and (left := [part for part in package.names if part not in covered]):
        more = " …" if len(left) > _NAMED else ""
        yield Outcome(Reason.LEAVES_OUT, {"parts": ", ".join(left[:_NAMED]) + more})


def _signature(package: Package, name: str) -> tuple[str | None, set[str]]:
    """Where the signature's value lies, and the parts that it covers or consists of."""
    root = package.xml(name)
    found = (package.find(each.get("FileRef") or "", name) for each in every(root, "Reference"))
    value = package.find(text_of(first(root, "SignedValue")) or "", name)
    own = {part for part in (name, value) if part is not None}
    return value, {part for part in found if part is not None} | own


def _checked(
    package: Package, name: str, value: str | None, roots: Sequence[bytes]
) -> Iterator[Outcome]:
    if value is None:
        yield Outcome(Reason.NOT_CHECKED, {"part": name})
        return
    content = package.read(value)
    try:
        seal = parse_seal_signature(content)
    except ValueError:
        known = CHINESE_ARC in content
        yield Outcome(Reason.NOT_CHECKED if known else Reason.UNREADABLE, {"part": value})
        return
    if seal.signed.algorithm != SM2_WITH_SM3 or public_point(seal.signed.certificate) is None:
        yield Outcome(Reason.NOT_CHECKED, {"part": value, **_params(seal)})
        return
    yield from _judged(seal, package.read(name), name, roots)


def _judged(
    seal: SealSignature, listed: bytes, name: str, roots: Sequence[bytes]
) -> Iterator[Outcome]:
    """A wrong value makes everything else that the signature says worthless."""
    if not matches("sm3", listed, seal.digest.hex()):
        yield Outcome(Reason.HASH_FAILURE, {"parts": name})
    elif not _holds(seal.signed):
        yield Outcome(Reason.CRYPTO_FAILURE, _params(seal))
    elif not _is_true_seal(seal):
        yield Outcome(Reason.SEAL_FAILURE, _params(seal))
    else:
        yield Outcome(Reason.VALID, _params(seal))
        yield from time_outcome(seal.signed.certificate, seal.at)
        certificate = seal.signed.certificate
        yield chain_outcome(certificate, roots, lambda: chain_holds(certificate, roots))


def _holds(signed: Signed) -> bool:
    point = public_point(signed.certificate)
    try:
        return point is not None and is_signed_by(point, signed.content, signed.signature)
    except ValueError:
        return False


def _is_true_seal(seal: SealSignature) -> bool:
    """Made by the maker that it names, for the signer who used it."""
    certificate = seal.signed.certificate.dump()
    own = certificate in seal.signers or digest("sm3", certificate) in seal.signers
    return own and _holds(seal.made)


def _params(seal: SealSignature) -> dict[str, str]:
    told = signer_params(seal.signed.certificate, seal.at, "SM2/SM3")
    return {**told, "seal": seal.seal_name}
