"""`yanpiao read` and `yanpiao check`: files now, without queue or archive."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from extractors.errors import FileTooLarge, YanpiaoError
from extractors.messages import say
from extractors.model import Invoice
from extractors.report import error_json, to_json
from verifiers.portal.lane import PortalVerifier
from verifiers.rules import run_rules
from worker.broker import connect, wait_for
from worker.captcha_desk import RedisCaptchaDesk
from worker.decide import decide
from worker.intake import files_in
from worker.jobs import portal_settings
from worker.reader_process import ReaderProcess
from worker.settings import Settings
from worker.visit import today_in_china


def _each(paths: list[Path]) -> Iterator[tuple[Path, YanpiaoError | None]]:
    """Every file meant, and for a path with nothing at it the error instead."""
    for path in paths:
        try:
            yield from ((found, None) for found in files_in([path]))
        except YanpiaoError as error:
            yield path, error


def _read_one(
    reader: ReaderProcess, path: Path, settings: Settings, fault: YanpiaoError | None
) -> Invoice:
    if fault is not None:
        raise fault
    size = path.stat().st_size
    if size > settings.max_file_size:
        raise FileTooLarge(size=size, limit=settings.max_file_size)
    return reader.read(path.resolve())


def read_files(paths: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    """One result a file, in order; a file that cannot be read gives its error and the rest go
    on. Each is read in the isolated process, as the workers do."""
    with ReaderProcess(settings) as reader:
        reader.warm_up()
        for path, fault in _each(paths):
            began = time.monotonic()
            try:
                invoice = _read_one(reader, path, settings, fault)
            except YanpiaoError as error:
                yield error_json(str(path), error)
            else:
                yield to_json(invoice, str(path), time.monotonic() - began)


def check_files(
    paths: list[Path], settings: Settings, console: Console
) -> Iterator[dict[str, Any]]:
    """As `read_files`, and each invoice is verified by the portal, with a person at the desk.

    Raises `BrokerUnreachable` when the services (and so the desk) do not run.
    """
    client = connect(settings)
    wait_for(client, 2)
    desk = RedisCaptchaDesk(client)
    console.print(f"Captchas wait at http://{settings.web_host}:{settings.web_port}/captcha")
    with ExitStack() as stack:
        reader = stack.enter_context(ReaderProcess(settings))
        verifier = stack.enter_context(PortalVerifier(portal_settings(settings)))
        for path, fault in _each(paths):
            began = time.monotonic()
            try:
                invoice = _read_one(reader, path, settings, fault)
            except YanpiaoError as error:
                yield error_json(str(path), error)
                continue
            result = to_json(invoice, str(path), time.monotonic() - began)
            result.update(_verdict(verifier, desk, invoice, settings))
            result["seconds"] = round(time.monotonic() - began, 3)
            yield result


def _verdict(
    verifier: PortalVerifier, desk: RedisCaptchaDesk, invoice: Invoice, settings: Settings
) -> dict[str, Any]:
    offline = run_rules(invoice, today_in_china())
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
