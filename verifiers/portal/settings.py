"""How the lane reaches the portal: plain values, given by whoever runs it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class PortalSettings:
    """`url` is the portal's form. Times are seconds.

    `tabs`: documents that are worked on at once, a tab each. `chromium`: the executable; None
    looks for an installed one. `attach_url`: the debugging address of a person's own running
    browser on this machine to work in instead of starting one (the attended way); raises
    `ValueError` when it points elsewhere. `sandbox`: None means "off for root only", where
    Chromium cannot have one. `captcha_seconds`: how long one document's captcha is asked for,
    renewals included.
    """

    url: str
    tabs: int = 1
    chromium: str | None = None
    attach_url: str | None = None
    headless: bool = True
    ignore_certificate: bool = False
    sandbox: bool | None = None
    page_timeout: float = 30.0
    answer_timeout: float = 60.0
    captcha_seconds: float = 600.0
    captcha_attempts: int = 3
    typing_delay: float = 0.02

    def __post_init__(self) -> None:
        if self.attach_url is not None and not is_loopback(self.attach_url):
            raise ValueError("a browser is attached to on this machine only")

    @property
    def attended(self) -> bool:
        return self.attach_url is not None


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine: whoever reaches a debugging port owns the
    browser with every session in it, so it must not cross a network."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
