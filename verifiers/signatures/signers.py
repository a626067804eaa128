"""Who signed: names out of certificates, their time, and whether they lead to a trusted root."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from asn1crypto import x509

from verifiers.signatures.outcome import Outcome, Reason

_MOST_LETTERS = 120


def signer_params(
    certificate: x509.Certificate, at: dt.datetime | None, method: str
) -> dict[str, str]:
    """What the sentences say of a signer. `at` is as the signer's clock told it."""
    return {
        "signer": name_of(certificate.subject),
        "issuer": name_of(certificate.issuer),
        "at": at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC") if at else "?",
        "method": method,
    }


def name_of(name: x509.Name) -> str:
    """The common name, or else the organisation."""
    parts = name.native
    told = parts.get("common_name") or parts.get("organization_name") or name.human_friendly
    return str(told)[:_MOST_LETTERS]


def time_outcome(certificate: x509.Certificate, at: dt.datetime | None) -> Iterator[Outcome]:
    """Told where the certificate was not valid when it signed, by the signer's own clock."""
    if at is not None and not certificate.not_valid_before <= at <= certificate.not_valid_after:
        yield Outcome(
            Reason.OUT_OF_TIME,
            {
                "signer": name_of(certificate.subject),
                "at": f"{at:%Y-%m-%d}",
                "from": f"{certificate.not_valid_before:%Y-%m-%d}",
                "to": f"{certificate.not_valid_after:%Y-%m-%d}",
            },
        )


def chain_outcome(
    certificate: x509.Certificate, roots: Sequence[bytes], holds: Callable[[], bool]
) -> Outcome:
    """Whether the signer's certificate leads to a root; not asked without roots. What cannot be
    followed does not lead there."""
    params = {"signer": name_of(certificate.subject), "issuer": name_of(certificate.issuer)}
    if not roots:
        return Outcome(Reason.NO_ROOTS, params)
    try:
        return Outcome(Reason.CHAIN_HOLDS if holds() else Reason.NO_CHAIN, params)
    except ValueError:
        return Outcome(Reason.NO_CHAIN, params)
