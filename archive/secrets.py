"""Random tokens, and passwords as argon2id digests. Only digests are ever kept."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: The library's defaults: argon2id with the second recommended option of RFC 9106, section 4.
_hasher = PasswordHasher()

SHORTEST_PASSWORD = 10
#: argon2 would take more, but nobody types it, and hashing megabytes only serves an attacker.
LONGEST_PASSWORD = 200


def new_token() -> str:
    """256 random bits, fit for a cookie, a header or an address."""
    return secrets.token_urlsafe(32)


def digest_of_token(token: str) -> str:
    """What is kept of a token. A plain digest suffices: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def hash_password(password: str) -> str:
    return _hasher.hash(password)


@cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_hex())


def password_matches(password: str, digest: str | None) -> bool:
    """Whether it is the password. Without a digest it is compared with nobody's, so that an
    unknown login takes as long as a wrong password."""
    try:
        return _hasher.verify(digest or _nobodys(), password) and digest is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(digest: str) -> bool:
    """Whether the digest was made with older parameters than today's."""
    return _hasher.check_needs_rehash(digest)
