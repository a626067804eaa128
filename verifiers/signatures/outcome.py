"""What was found of one signature, in the three values of ETSI EN 319 102-1 (passed, failed,
indeterminate) with the reason, and how each reason is told to people.

The table below is the whole mapping from reasons to findings; no checker writes findings itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from extractors.model import Finding, Severity


class Indication(StrEnum):
    """Failed: proven wrong. Indeterminate: nothing is proven either way."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


class Reason(StrEnum):
    """The sub-indication."""

    VALID = "valid"
    #: Valid; later additions are form fields, signatures or what long-term validation adds.
    EXTENDED = "extended"
    #: The digest of what was signed is another now.
    HASH_FAILURE = "hash_failure"
    #: Intact as far as it reaches, but content was added or replaced behind it.
    CHANGED_AFTERWARDS = "changed_afterwards"
    #: It leaves out bytes in the middle of what it should cover.
    COVERS_PART = "covers_part"
    #: The signature's own value is wrong.
    CRYPTO_FAILURE = "crypto_failure"
    #: The seal was not made by its maker, or is not the signer's.
    SEAL_FAILURE = "seal_failure"
    #: An SM2 seal in a form that cannot be checked here.
    SM2_NOT_CHECKED = "sm2_not_checked"
    #: Of a kind or by an algorithm that cannot be checked here.
    NOT_CHECKED = "not_checked"
    #: Broken, or made to break readers.
    UNREADABLE = "unreadable"
    WEAK_DIGEST = "weak_digest"
    LEAVES_OUT = "leaves_out"
    NO_ROOTS = "no_roots"
    CHAIN_HOLDS = "chain_holds"
    NO_CHAIN = "no_chain"
    #: The certificate was not valid at the time that the signature names.
    OUT_OF_TIME = "out_of_time"
    TAX_BUREAU_SIGNED = "tax_bureau_signed"
    TAX_BUREAU_UNSIGNED = "tax_bureau_unsigned"


_TOLD: dict[Reason, tuple[Indication, str, Severity]] = {
    Reason.VALID: (Indication.PASSED, "signature_valid", Severity.INFO),
    Reason.EXTENDED: (Indication.PASSED, "signature_extended", Severity.INFO),
    Reason.HASH_FAILURE: (Indication.FAILED, "altered_after_signing", Severity.BLOCK),
    Reason.CHANGED_AFTERWARDS: (Indication.FAILED, "altered_after_signing", Severity.BLOCK),
    Reason.COVERS_PART: (Indication.FAILED, "signature_covers_part", Severity.BLOCK),
    Reason.CRYPTO_FAILURE: (Indication.FAILED, "signature_wrong", Severity.BLOCK),
    Reason.SEAL_FAILURE: (Indication.FAILED, "seal_wrong", Severity.BLOCK),
    Reason.SM2_NOT_CHECKED: (Indication.INDETERMINATE, "seal_sm2_unverified", Severity.INFO),
    Reason.NOT_CHECKED: (Indication.INDETERMINATE, "signature_unverified", Severity.WARN),
    Reason.UNREADABLE: (Indication.INDETERMINATE, "signature_unreadable", Severity.WARN),
    Reason.WEAK_DIGEST: (Indication.PASSED, "signature_weak", Severity.INFO),
    Reason.LEAVES_OUT: (Indication.PASSED, "signature_leaves_out", Severity.INFO),
    Reason.NO_ROOTS: (Indication.INDETERMINATE, "signer_unchecked", Severity.INFO),
    Reason.CHAIN_HOLDS: (Indication.PASSED, "signer_trusted", Severity.INFO),
    Reason.NO_CHAIN: (Indication.INDETERMINATE, "signer_untrusted", Severity.WARN),
    Reason.OUT_OF_TIME: (Indication.INDETERMINATE, "signer_out_of_time", Severity.WARN),
    Reason.TAX_BUREAU_SIGNED: (
        Indication.INDETERMINATE,
        "tax_signature_unverified",
        Severity.INFO,
    ),
    Reason.TAX_BUREAU_UNSIGNED: (
        Indication.INDETERMINATE,
        "tax_signature_absent",
        Severity.WARN,
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing found of one signature. `params` fill the sentence."""

    reason: Reason
    params: dict[str, str] = field(default_factory=dict)

    @property
    def indication(self) -> Indication:
        """What it means for the signature."""
        return _TOLD[self.reason][0]

    def finding(self) -> Finding:
        """How it is told."""
        indication, code, severity = _TOLD[self.reason]
        params = {**self.params, "indication": indication, "reason": self.reason}
        return Finding(code=code, severity=severity, params=params)
