"""A bucket of an S3 server: objects by key, with the errors of this project.

Every upload carries the SHA-256 of its bytes, which the server compares before it answers; an
answered upload is as durable as the server makes it. Keys to the server come from where its own
tools look for them (`AWS_ACCESS_KEY_ID`, a profile, the machine's role), never from a URL.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from archive.bucket_address import BucketAddress
from archive.store import StorageFull, StorageRefused, StorageUnreachable, StoredFileMissing

#: Seconds; a store that needs longer counts as one that does not answer.
_CONNECT_SECONDS = 5
#: Tries inside one call, with growing pauses; afterwards the caller's own patience counts.
_TRIES = 3
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "507"})
_BUSY = frozenset(
    {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "TooManyRequests", "429"}
)
_REFUSED_FROM, _BROKEN_FROM = 400, 500


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing tells of it: key, size in bytes, time of change (ns)."""

    key: str
    size: int
    changed: int


class Bucket:
    """Objects under one prefix; keys are relative to it. Every method may raise
    `StorageUnreachable`, `StorageFull` or `StorageRefused`."""

    def __init__(self, address: BucketAddress) -> None:
        self.address = address
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=address.endpoint or None,
            region_name=address.region or None,
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=address.read_seconds,
                retries={"mode": "standard", "total_max_attempts": _TRIES},
                # Other makers' servers know no checksums in trailers; ours is sent with the head.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path" if address.endpoint else "auto"},
            ),
        )

    def put(self, key: str, content: bytes) -> None:
        """Write an object as a whole, or not at all."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        with _translated(key):
            self._client.put_object(
                Bucket=self.address.bucket,
                Key=self.address.prefix + key,
                Body=content,
                ChecksumSHA256=digest,
            )

    def get(self, key: str) -> bytes:
        """Raises `StoredFileMissing`."""
        with _translated(key):
            answer = self._client.get_object(
                Bucket=self.address.bucket, Key=self.address.prefix + key
            )
            content: bytes = answer["Body"].read()
        return content

    def size(self, key: str) -> int | None:
        """Bytes of an object, None where there is none."""
        try:
            with _translated(key):
                answer = self._client.head_object(
                    Bucket=self.address.bucket, Key=self.address.prefix + key
                )
        except StoredFileMissing:
            return None
        return int(answer["ContentLength"])

    def keys(self, below: str) -> list[str]:
        """Every key that begins with `below`, in order."""
        return sorted(listed.key for listed in self.listing(below))

    def listing(self, below: str) -> Iterator[Listed]:
        """Every object whose key begins with `below`, a page at a time."""
        with _translated(below):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.address.bucket, Prefix=self.address.prefix + below
            )
            for page in pages:
                for each in page.get("Contents", ()):
                    key = each["Key"].removeprefix(self.address.prefix)
                    changed = int(each["LastModified"].timestamp() * 1e9)
                    yield Listed(key, int(each["Size"]), changed)

    def delete(self, key: str) -> None:
        with _translated(key):
            self._client.delete_object(Bucket=self.address.bucket, Key=self.address.prefix + key)

    def check(self) -> None:
        """One question to the server, answered when the bucket is there and open to us."""
        with _translated("bucket"):
            self._client.list_objects_v2(
                Bucket=self.address.bucket, Prefix=self.address.prefix, MaxKeys=1
            )

    def close(self) -> None:
        self._client.close()


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """The library's errors as this project's."""
    try:
        yield
    except ClientError as error:
        raise _translate(error, key) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StorageRefused(detail="no keys for the S3 server were found") from error
    except (BotoCoreError, OSError) as error:
        raise StorageUnreachable(detail=type(error).__name__) from error


def _translate(error: ClientError, key: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _MISSING:
        return StoredFileMissing(sha256=key.rpartition("/")[2])
    if code in _FULL:
        return StorageFull(detail=code)
    if code in _BUSY or not _REFUSED_FROM <= status < _BROKEN_FROM:
        return StorageUnreachable(detail=f"{status} {code}")
    return StorageRefused(detail=f"{status} {code}")
