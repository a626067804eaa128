"""The certificates that an installation trusts: PEM files in one folder."""

from __future__ import annotations

from pathlib import Path

from asn1crypto import pem, x509

from extractors.errors import YanpiaoError

_SUFFIXES = (".pem", ".crt", ".cer")


class BadRoots(YanpiaoError):
    """The folder of trusted certificates cannot be used; `file` says where it fails."""

    code = "bad_roots"


def load_roots(folder: Path | None) -> tuple[bytes, ...]:
    """Every certificate (DER) of the folder's PEM files; none without a folder.

    Raises `BadRoots` for a folder or file that cannot be read or holds no certificate: a check
    that silently trusts less than it was told to would cry wolf at every signer.
    """
    if folder is None:
        return ()
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
        contents = {path: path.read_bytes() for path in files}
    except OSError as error:
        raise BadRoots(file=error.filename or str(folder), detail=error.strerror or "") from error
    return tuple(der for path, content in contents.items() for der in _certificates(path, content))


def _certificates(path: Path, content: bytes) -> list[bytes]:
    try:
        found = [der for name, _, der in pem.unarmor(content, multiple=True) if "CERT" in name]
        for der in found:
            _ = x509.Certificate.load(der, strict=True).subject.native
    except (ValueError, TypeError) as error:
        raise BadRoots(file=path.name, detail="no certificate in PEM") from error
    if not found:
        raise BadRoots(file=path.name, detail="no certificate in PEM")
    return found
