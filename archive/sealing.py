"""Secrets that must come out again (seeds of second factors, keys of webhooks) lie in the database
sealed, so that a copy of it alone gives none of them away."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from extractors.errors import YanpiaoError


class SealedByAnother(YanpiaoError):
    """It was sealed by another key: the key was lost or replaced."""

    code = "sealed_by_another"


class Sealer:
    """Seals and opens short texts with one key."""

    def __init__(self, secret: str) -> None:
        digest = hashlib.sha256(f"yanpiao sealing {secret}".encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises `SealedByAnother`."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealedByAnother from error


def kept_secret(path: Path) -> str:
    """The machine's own secret, drawn at the first start and readable by its owner only. Of
    processes that start together, one draws it and all read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        drawn = path.with_name(f"{path.name}.{os.getpid()}")
        drawn.touch(mode=0o600)
        drawn.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        try:
            path.hardlink_to(drawn)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            drawn.unlink()
    return path.read_text(encoding="utf-8").strip()
