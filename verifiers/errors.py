"""Broken machinery of verification. What a portal answers is never an exception: it is a
`Verification`; inside the lane these errors are turned into one before they leave it."""

from __future__ import annotations

from extractors.errors import YanpiaoError


class PortalError(YanpiaoError):
    """Root of all trouble on the road to a portal."""

    code = "portal_error"


class PortalUnreachable(PortalError):
    """The portal, or the network before it, did not answer properly. Says nothing of the
    invoice."""

    code = "portal_unreachable"
    retryable = True


class PortalRefused(PortalError):
    """The portal refuses this visitor altogether (HTTP 403 and its like)."""

    code = "portal_refused"


class PortalChanged(PortalError):
    """The page is not the one that `portal.toml` describes: a developer's matter."""

    code = "portal_page_changed"


class BrowserMissing(PortalError):
    """No Chromium can be started on this machine."""

    code = "browser_missing"
    retryable = True
