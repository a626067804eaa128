"""What `STORAGE_URL` says of a bucket. Apart from `archive.buckets`, which loads the S3 library:
settings are read by every command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit

#: Seconds; a store that needs longer counts as one that does not answer.
_READ_SECONDS = 30


class BadStorageUrl(ValueError):
    """`STORAGE_URL` is none; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """`s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=NAME`; `endpoint` empty: Amazon's."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    read_seconds: float = _READ_SECONDS

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises `BadStorageUrl`."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc:
            raise BadStorageUrl("s3://BUCKET/PREFIX?endpoint=URL&region=NAME, without keys in it")
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if unknown := set(asked) - {"endpoint", "region", "timeout"}:
            raise BadStorageUrl(f"unknown part {min(unknown)!r}")
        endpoint = asked.get("endpoint", "")
        if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
            raise BadStorageUrl("the endpoint must begin with http:// or https://")
        prefix = parts.path.strip("/")
        return cls(
            parts.netloc,
            f"{prefix}/" if prefix else "",
            endpoint,
            asked.get("region", ""),
            float(asked.get("timeout", _READ_SECONDS)),
        )

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"
