"""How the lane reaches the portal: plain values, given by whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PortalSettings:
    """`url` is the portal's form. Times are seconds.

    `chromium`: the executable; None looks for an installed one. `attach_url`: the debugging
    address of a person's own visible browser to work in instead of starting one (the attended
    way). `sandbox`: None means "off for root only", where Chromium cannot have one.
    """

    url: str
    chromium: str | None = None
    attach_url: str | None = None
    headless: bool = True
    ignore_certificate: bool = False
    sandbox: bool | None = None
    page_timeout: float = 30.0
    answer_timeout: float = 60.0
    captcha_seconds: float = 120.0
    captcha_attempts: int = 3
    typing_delay: float = 0.02
