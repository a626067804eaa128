"""One verification on the portal's page, from the open form to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from playwright.async_api import Error

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
from verifiers.outcome import STOPPING, undecided
from verifiers.portal.layout import Answered, Layout
from verifiers.portal.manners import Manners
from verifiers.portal.page import PortalPage
from verifiers.portal.result import Shown, read_result
from verifiers.portal.seen import Picture, Popup, Window
from verifiers.portal.settings import PortalSettings

log = logging.getLogger(__name__)

#: Longer than any captcha; a person who pastes more has slipped.
_LONGEST_ANSWER = 12
#: Answers that the portal gives only after it has taken the captcha.
_TAKEN = frozenset({Reason.DAILY_LIMIT, Reason.SAME_DAY})
#: Answers that leave it open whether the portal looked the invoice up, so that it counts.
_PERHAPS_COUNTED = frozenset({Reason.PORTAL_DOWN, Reason.PORTAL_CHANGED})
#: What a notice over the fresh form may mean for the visit; other notices are only closed.
_NOTICES = STOPPING | {Reason.TOO_FREQUENT}
#: How often the page is looked at while a person is thinking.
_GLANCE_SECONDS = 0.4


@dataclass(frozen=True)
class House:
    """What the visits of one lane share. `turnstile` is held from asking for a captcha until
    it is there, where several tabs are one visitor to the portal. `printing` lets one tab
    print at a time, for which Chromium starts processes of its own."""

    layout: Layout
    settings: PortalSettings
    clock: Callable[[], dt.datetime]
    manners: Manners
    turnstile: contextlib.AbstractAsyncContextManager[object]
    printing: asyncio.Lock


class _Over(Exception):
    """The visit is over, with this outcome. No error: it carries it out of the steps."""

    def __init__(self, outcome: Verification) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Visit:
    """The steps of one verification. `run` raises only the portal errors of the page."""

    def __init__(
        self, page: PortalPage, house: House, document_id: str, invoice: Invoice, desk: CaptchaDesk
    ) -> None:
        self._page = page
        self._house = house
        self._layout = house.layout
        self._document_id = document_id
        self._invoice = invoice
        self._desk = desk
        self._interrupted: Reason | None = None
        self._interruption = asyncio.Event()

    def interrupt(self, reason: Reason) -> None:
        """The lane has stopped under another tab: end without asking the portal for more."""
        self._interrupted = reason
        self._interruption.set()

    @property
    def interrupted(self) -> bool:
        """Whether the lane stopped under this visit, so that its outcome is the lane's."""
        return self._interrupted is not None

    async def run(self) -> Verification:
        try:
            notice = await self._page.open()
            if notice is not None:
                meaning = self._layout.popup(notice.message)
                if meaning is not None and meaning.reason in _NOTICES:
                    return await self._told(notice)
            return await self._verify(await self._fill())
        except _Over as over:
            return over.outcome

    async def _verify(self, keys: PortalKeys) -> Verification:
        patience = asyncio.get_running_loop().time() + self._house.settings.captcha_seconds
        refused = 0
        said = await self._ask_for(self._page.leave_fourth)
        while True:
            if isinstance(said, Popup):
                return await self._told(said)
            challenge = self._challenge(said)
            seen = await self._at_desk(challenge)
            if isinstance(seen, Picture):
                said = seen
                continue
            if seen is None:
                await self._insist_on_a_person(patience)
                said = await self._ask_for(self._page.refresh_captcha)
                continue
            answered = await self._answer(seen, keys)
            typed = challenge if isinstance(seen, str) else None  # else it was typed in the page
            if isinstance(answered, Window):
                await self._report(typed, accepted=True)
                return await self._judge(answered, keys)
            if isinstance(answered, Picture):
                said = answered
                continue
            meaning = self._meaning(answered)
            if not meaning.captcha:
                if meaning.reason in _TAKEN:
                    await self._report(typed, accepted=True)
                return await self._told(answered)
            await self._report(typed, accepted=False)
            refused += 1
            if refused == self._house.settings.captcha_attempts:
                return await self._undecided(Reason.CAPTCHA_REJECTED)
            said = await self._ask_for(self._page.dismiss)

    async def _fill(self) -> PortalKeys:
        """Type the keys, the fourth as the page's label asks. The visit is over when the label
        asks for something that the invoice does not give, or the page refuses a key."""
        keys = portal_keys(self._invoice)
        if keys is None:
            await self._lack_keys()
        if keys.invoice_code:
            await self._page.type_into("code", keys.invoice_code)
        await self._page.type_into("number", keys.invoice_number)
        await self._page.type_into("date", f"{keys.issue_date:%Y%m%d}")
        keys = portal_keys(self._invoice, await self._wanted())
        if keys is None:
            await self._lack_keys()
        await self._page.type_into("fourth", keys.fourth)
        complaint = await self._page.complaint()
        if complaint:
            raise _Over(await self._undecided(Reason.KEYS_INCOMPLETE, message=complaint))
        return keys

    async def _wanted(self) -> FourthKey:
        label = await self._page.fourth_label()
        wanted = self._layout.label(label)
        if wanted is None:
            raise PortalChanged(detail=f"unknown label: {label[:30]}")
        return wanted

    async def _lack_keys(self) -> NoReturn:
        label = self._layout.label(await self._page.fourth_label())
        finding = lacking_keys_finding(missing_keys(self._invoice, label))
        raise _Over(undecided(Reason.KEYS_INCOMPLETE, self._house.clock(), findings=(finding,)))

    async def _ask_for(self, ask: Callable[[], Awaitable[None]]) -> Picture | Popup:
        """Ask the page for a captcha when it is our turn."""
        while True:
            wait = await asyncio.to_thread(self._house.manners.turn)
            if wait is None:
                raise _Over(await self._undecided(Reason.DAY_FULL))
            if not wait:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._interruption.wait(), wait.total_seconds())
            self._heed_interruption()
        async with self._house.turnstile:
            await ask()
            return await self._page.captcha()

    def _challenge(self, picture: Picture) -> CaptchaChallenge:
        lifetime = dt.timedelta(
            seconds=min(self._layout.limits.captcha_seconds, self._house.settings.captcha_seconds)
        )
        return CaptchaChallenge(
            document_id=self._document_id,
            image_png=picture.png,
            instruction=picture.instruction,
            colour=picture.colour,
            expires_at=self._house.clock().astimezone(dt.UTC) + lifetime,
        )

    async def _at_desk(self, challenge: CaptchaChallenge) -> str | Popup | Window | Picture | None:
        """What a person typed at the desk (None: nobody in time), or what the page came to
        meanwhile; whichever is first."""
        asking = asyncio.ensure_future(asyncio.to_thread(self._desk.ask, challenge))
        try:
            while not asking.done():
                self._heed_interruption()
                seen = await self._page.glance()
                if seen is not None:
                    return seen
                await asyncio.wait({asking}, timeout=_GLANCE_SECONDS)
            return (asking.result() or "").strip()[:_LONGEST_ANSWER] or None
        finally:
            if not asking.done():
                # Not waited for: its thread ends when the desk hears of the withdrawal.
                asking.add_done_callback(_heard)
                await asyncio.to_thread(self._desk.withdraw, challenge)

    async def _insist_on_a_person(self, patience: float) -> None:
        """End the visit unless somebody is there to type another captcha."""
        there = await asyncio.to_thread(self._desk.attended)
        if not there or asyncio.get_running_loop().time() > patience:
            raise _Over(await self._undecided(Reason.CAPTCHA_UNANSWERED))

    async def _answer(
        self, seen: str | Popup | Window, keys: PortalKeys
    ) -> Popup | Window | Picture:
        """Send what was typed at the desk, unless the page has gone on without us."""
        if isinstance(seen, str):
            standing = await self._page.type_answer(seen)
            if standing is None:
                return await self._press(keys)
            seen_on_page = standing
        else:
            seen_on_page = seen
        if isinstance(seen_on_page, Window):
            await self._count_a_persons_check(keys)
        return seen_on_page

    async def _press(self, keys: PortalKeys) -> Popup | Window:
        """One check, counted before the button is pressed: a lane that dies has not forgotten."""
        self._heed_interruption()
        manners = self._house.manners
        refusal = await asyncio.to_thread(manners.begin_check, keys, self._document_id)
        if refusal is not None:
            raise _Over(await self._refused(refusal))
        said = await self._page.press()
        if isinstance(said, Popup) and self._meaning(said).reason not in _PERHAPS_COUNTED:
            await asyncio.to_thread(manners.uncount_check, keys)
        return said

    async def _count_a_persons_check(self, keys: PortalKeys) -> None:
        """Somebody pressed the button in the page itself: that counts as well, and is worth
        nothing when the keys are no longer ours."""
        await asyncio.to_thread(self._house.manners.begin_check, keys, self._document_id)
        if not await self._page.holds_what_was_typed():
            message = "the form's keys were changed by hand"
            raise _Over(await self._undecided(Reason.CAPTCHA_UNANSWERED, message=message))

    async def _report(self, challenge: CaptchaChallenge | None, *, accepted: bool) -> None:
        """Tell the desk how its answer did, where it was the desk's."""
        if challenge is None:
            return
        await asyncio.to_thread(self._desk.report, challenge, accepted)

    async def _judge(self, window: Window, keys: PortalKeys) -> Verification:
        shown = read_result(window.raw, self._layout, keys)
        evidence = await self._proof()
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
        return _compared(shown, self._invoice, evidence)

    async def _proof(self) -> tuple[Evidence, ...]:
        """The result as picture and as PDF. A PDF that cannot be made costs no verdict."""
        content = await self._page.result_picture()
        picture = Evidence(name="result.png", media_type="image/png", content=content)
        try:
            async with self._house.printing:
                content = await self._page.print_result()
        except Error as error:
            log.warning("result not printed: %s", type(error).__name__)
            return (picture,)
        return (picture, Evidence(name="result.pdf", media_type="application/pdf", content=content))

    async def _told(self, popup: Popup) -> Verification:
        meaning = self._meaning(popup)
        return await self._undecided(
            meaning.reason, code=meaning.code, message=popup.message, minutes=meaning.minutes
        )

    def _meaning(self, popup: Popup) -> Answered:
        meaning = self._layout.popup(popup.message)
        if meaning is None:
            raise PortalChanged(detail=f"unknown message: {popup.message[:60]}")
        return meaning

    def _heed_interruption(self) -> None:
        if self._interrupted is not None:
            raise _Over(undecided(self._interrupted, self._house.clock()))

    async def _refused(self, reason: Reason) -> Verification:
        """Our own manners forbid the check: for today, for a while, or until a person looked."""
        outcome = await self._undecided(reason)
        if reason is Reason.TOO_FREQUENT:
            resume_at = await asyncio.to_thread(self._house.manners.patience)
            return outcome.model_copy(update={"retry_at": resume_at or outcome.retry_at})
        return outcome

    async def _undecided(
        self,
        reason: Reason,
        *,
        code: str | None = None,
        message: str | None = None,
        minutes: int | None = None,
    ) -> Verification:
        content = await self._page.screenshot()
        return undecided(
            reason,
            self._house.clock(),
            code=code,
            message=message,
            minutes=minutes,
            evidence=(Evidence(name="page.png", media_type="image/png", content=content),),
        )


def _heard(asking: asyncio.Future[str | None]) -> None:
    """Take note of how a withdrawn question ended, so that nobody misses its exception."""
    if not asking.cancelled():
        asking.exception()


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
