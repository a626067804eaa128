"""Signing in with the organisation's own accounts (OpenID Connect), where settings name it."""

from __future__ import annotations

from worker.settings import Settings


def is_offered(settings: Settings) -> bool:
    """Whether the sign-in page shows the other way in."""
    return bool(settings.oidc_issuer and settings.oidc_client_id)
