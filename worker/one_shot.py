"""`yanpiao read` and `yanpiao check`: files now, without queue or archive."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from extractors.errors import FileTooLarge, YanpiaoError
from extractors.messages import say
from extractors.model import Invoice
from extractors.report import error_json, to_json
from verifiers.model import Verifier
from verifiers.portal.lane import PortalVerifier
from verifiers.rules import run_rules
from worker.broker import connect, wait_for
from worker.captcha_desk import RedisCaptchaDesk
from worker.decide import decide
from worker.intake import files_in
from worker.jobs import portal_settings
from worker.manners import SharedManners
from worker.offline import today_in_china, with_findings
from worker.reader_process import ReaderProcess
from worker.roads import open_roads
from worker.services import Services, policy_of
from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class _Reading:
    """One invoice of a file, or the error that the file gave instead; seconds the file took."""

    file: str
    outcome: Invoice | YanpiaoError
    seconds: float


def _readings(paths: list[Path], settings: Settings) -> Iterator[_Reading]:
    """Every file meant, read in the isolated process as the workers do; a path with nothing at
    it, or a file that cannot be read, gives its error and the rest go on."""
    with ReaderProcess(settings) as reader:
        reader.warm_up()
        for path in paths:
            try:
                files = files_in([path])
            except YanpiaoError as error:
                yield _Reading(str(path), error, 0.0)
                continue
            for file in files:
                began = time.monotonic()
                outcomes = _read_one(reader, file, settings)
                seconds = time.monotonic() - began
                outcomes = _with_signatures(reader, file, outcomes)
                for outcome in outcomes:
                    yield _Reading(str(file), outcome, seconds)


def _read_one(
    reader: ReaderProcess, path: Path, settings: Settings
) -> tuple[Invoice | YanpiaoError, ...]:
    """The invoices of a file, or its one error."""
    size = path.stat().st_size
    if size > settings.max_file_size:
        return (FileTooLarge(size=size, limit=settings.max_file_size),)
    try:
        return reader.read(path.resolve())
    except YanpiaoError as error:
        return (error,)


def _with_signatures(
    reader: ReaderProcess, path: Path, outcomes: tuple[Invoice | YanpiaoError, ...]
) -> tuple[Invoice | YanpiaoError, ...]:
    """The invoices with what the file's signatures prove; an error stays as it is."""
    invoices = [outcome for outcome in outcomes if isinstance(outcome, Invoice)]
    if not invoices:
        return outcomes
    try:
        return with_findings(invoices, reader.signatures(path.resolve()))
    except YanpiaoError as error:
        return (error,)


def read_files(paths: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    """One result an invoice, in the order of files and, within each, of parts, with the findings
    of reading, of the file's signatures and of the offline rules."""
    for reading in _readings(paths, settings):
        yield _report(reading, settings)


def _report(reading: _Reading, settings: Settings) -> dict[str, Any]:
    if isinstance(reading.outcome, YanpiaoError):
        return error_json(reading.file, reading.outcome)
    return to_json(_judged(reading.outcome, settings), reading.file, reading.seconds)


def _judged(invoice: Invoice, settings: Settings) -> Invoice:
    """The invoice with what the offline rules find as well."""
    offline = run_rules(invoice, today_in_china(), policy_of(settings))
    findings = (*invoice.findings, *offline)
    return invoice.model_copy(update={"findings": findings})


def check_files(
    paths: list[Path], settings: Settings, console: Console
) -> Iterator[dict[str, Any]]:
    """As `read_files`, and each invoice is verified by the portal, with a person at the desk.

    Raises `BrokerUnreachable` when the services (and so the desk) do not run.
    """
    wait_for(connect(settings), 2)
    services = Services.open(settings)
    console.print(f"Captchas wait at http://{settings.web_host}:{settings.web_port}/captcha")
    portal = portal_settings(settings)
    with ExitStack() as stack:
        lane = stack.enter_context(PortalVerifier(portal, manners=SharedManners(services)))
        verifier = open_roads(services.policy, settings, portal, lane, stack)
        for reading in _readings(paths, settings):
            result = _report(reading, settings)
            if isinstance(reading.outcome, Invoice):
                began = time.monotonic()
                result |= _verdict(verifier, services.desk, reading.outcome, settings)
                result["seconds"] = round(reading.seconds + time.monotonic() - began, 3)
            yield result


def _verdict(
    verifier: Verifier, desk: RedisCaptchaDesk, invoice: Invoice, settings: Settings
) -> dict[str, Any]:
    offline = run_rules(invoice, today_in_china(), policy_of(settings))
    verification = verifier.verify("check", invoice, desk)
    decision = decide((*invoice.findings, *offline), verification, 0, dt.datetime.now(dt.UTC))
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "reason_text": say(decision.reason, settings.language, decision.params),
        "portal_time": verification.portal_time,
        "portal_count": verification.portal_count,
        "next_try_at": decision.next_try_at.isoformat() if decision.next_try_at else None,
        "verification_findings": [
            finding.model_dump(mode="json") for finding in (*offline, *verification.findings)
        ],
    }
