"""One verification on the portal's page, from the open form to the verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from extractors.model import Invoice
from verifiers.compare import compare, contradicts, findings_of
from verifiers.errors import PortalChanged
from verifiers.keys import FourthKey, lacking_keys_finding, missing_keys, portal_keys
from verifiers.model import (
    CaptchaChallenge,
    CaptchaDesk,
    Evidence,
    PortalKeys,
    Reason,
    Verdict,
    Verification,
)
from verifiers.portal.layout import Answered, Layout
from verifiers.portal.outcome import undecided
from verifiers.portal.page import Picture, Popup, PortalPage, Window
from verifiers.portal.result import Shown, read_result
from verifiers.portal.settings import PortalSettings

#: Longer than any captcha; a person who pastes more has slipped.
_LONGEST_ANSWER = 12
#: Answers that the portal gives only after it has taken the captcha.
_TAKEN = frozenset({Reason.DAILY_LIMIT, Reason.SAME_DAY})

Collect = Callable[[PortalPage], tuple[Evidence, ...]]


class Visit:
    """The steps of one verification. `run` raises only the portal errors of the page."""

    def __init__(
        self,
        page: PortalPage,
        layout: Layout,
        settings: PortalSettings,
        clock: Callable[[], dt.datetime],
        collect: Collect,
    ) -> None:
        self._page = page
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._collect = collect

    def run(self, document_id: str, invoice: Invoice, desk: CaptchaDesk) -> Verification:
        self._page.open()
        keys = self._fill(invoice)
        if keys is None:
            return self._keys_lacking(invoice)
        complaint = self._page.complaint()
        if complaint:
            return self._undecided(Reason.KEYS_INCOMPLETE, message=complaint)
        for _ in range(self._settings.captcha_attempts):
            said = self._page.captcha()
            if isinstance(said, Popup):
                return self._told(said)
            outcome = self._try(said, keys, document_id, invoice, desk)
            if outcome is not None:
                return outcome
        return self._undecided(Reason.CAPTCHA_REJECTED)

    def _try(
        self,
        picture: Picture,
        keys: PortalKeys,
        document_id: str,
        invoice: Invoice,
        desk: CaptchaDesk,
    ) -> Verification | None:
        """One captcha: None when the portal did not take its answer and another may do."""
        challenge = self._challenge(picture, document_id)
        typed = desk.ask(challenge)
        if typed is None:
            return self._undecided(Reason.CAPTCHA_UNANSWERED)
        answer = typed.strip()[:_LONGEST_ANSWER]
        if not answer:
            desk.report(challenge, accepted=False)
            return self._undecided(Reason.CAPTCHA_UNANSWERED)
        said = self._page.submit(answer)
        if isinstance(said, Window):
            desk.report(challenge, accepted=True)
            return self._judge(said, keys, invoice)
        meaning = self._meaning(said)
        if meaning.captcha:
            desk.report(challenge, accepted=False)
            return None
        if meaning.reason in _TAKEN:
            desk.report(challenge, accepted=True)
        return self._told(said)

    def _fill(self, invoice: Invoice) -> PortalKeys | None:
        """Type the keys, the fourth as the page's label asks; None when the label asks for
        something that the invoice does not give."""
        keys = portal_keys(invoice)
        if keys is None:
            return None
        if keys.invoice_code:
            self._page.type_into("code", keys.invoice_code)
        self._page.type_into("number", keys.invoice_number)
        self._page.type_into("date", f"{keys.issue_date:%Y%m%d}")
        keys = portal_keys(invoice, self._wanted())
        if keys is None:
            return None
        self._page.type_into("fourth", keys.fourth)
        self._page.leave_fourth()
        return keys

    def _wanted(self) -> FourthKey:
        label = self._page.fourth_label()
        wanted = self._layout.label(label)
        if wanted is None:
            raise PortalChanged(detail=f"unknown label: {label[:30]}")
        return wanted

    def _challenge(self, picture: Picture, document_id: str) -> CaptchaChallenge:
        patience = dt.timedelta(seconds=self._settings.captcha_seconds)
        return CaptchaChallenge(
            document_id=document_id,
            image_png=picture.png,
            instruction=picture.instruction,
            colour=picture.colour,
            expires_at=self._clock().astimezone(dt.UTC) + patience,
        )

    def _judge(self, window: Window, keys: PortalKeys, invoice: Invoice) -> Verification:
        shown = read_result(window.raw, self._layout, keys)
        evidence = self._collect(self._page)
        if shown.failure is not None:
            return Verification(
                verdict=Verdict.CONTRADICTED,
                reason=shown.failure.reason,
                portal_time=shown.time,
                portal_count=shown.count,
                portal_code=shown.failure.code,
                portal_message=shown.failure_text,
                evidence=evidence,
            )
        return _compared(shown, invoice, evidence)

    def _told(self, popup: Popup) -> Verification:
        meaning = self._meaning(popup)
        return self._undecided(
            meaning.reason, code=meaning.code, message=popup.message, minutes=meaning.minutes
        )

    def _meaning(self, popup: Popup) -> Answered:
        meaning = self._layout.popup(popup.message)
        if meaning is None:
            raise PortalChanged(detail=f"unknown message: {popup.message[:60]}")
        return meaning

    def _keys_lacking(self, invoice: Invoice) -> Verification:
        label = self._layout.label(self._page.fourth_label())
        finding = lacking_keys_finding(missing_keys(invoice, label))
        return undecided(Reason.KEYS_INCOMPLETE, self._clock(), findings=(finding,))

    def _undecided(
        self,
        reason: Reason,
        *,
        code: str | None = None,
        message: str | None = None,
        minutes: int | None = None,
    ) -> Verification:
        picture = Evidence(name="page.png", media_type="image/png", content=self._page.screenshot())
        return undecided(
            reason,
            self._clock(),
            code=code,
            message=message,
            minutes=minutes,
            evidence=(picture,),
        )


def _compared(shown: Shown, invoice: Invoice, evidence: tuple[Evidence, ...]) -> Verification:
    """The verdict on a result that was found: its status first, then its values."""
    values = shown.values
    if values is None:
        raise PortalChanged(detail="a result with neither values nor failure")
    compared = compare(invoice, values)
    findings = findings_of(compared)
    reason = Reason.MISMATCH if contradicts(findings) else Reason.CONSISTENT
    if shown.status is not None:
        reason = shown.status.reason
    confirmed = reason is Reason.CONSISTENT
    return Verification(
        verdict=Verdict.CONFIRMED if confirmed else Verdict.CONTRADICTED,
        reason=reason,
        findings=findings,
        compared=compared,
        portal_values=values,
        portal_time=shown.time,
        portal_count=shown.count,
        portal_code="001",
        portal_message=values.status_text or None,
        evidence=evidence,
    )
