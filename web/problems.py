"""Errors as answers: the only place that knows which error is which HTTP status. JSON callers
get a problem document (RFC 9457), people a page with the reason and what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

import redis
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from archive.factors import Stage
from extractors.errors import YanpiaoError
from extractors.messages import say
from web.rendering import language_of, render
from web.safety import AWAY, AWAY_SECONDS
from web.who import SignInNeeded, ask_nobody
from worker.log import logger

log = logger("problems")

#: Where a sign-in goes on, by what it still lacks.
_DOORS: dict[str, str] = {
    Stage.PROVE: "/sign-in/code",
    Stage.SET_UP: "/sign-in/second-factor",
}

_LATER = (429, 503)

_STATUS = {
    "key_reused": 422,
    "still_being_done": 409,
    "too_late_to_attach": 409,
    "voucher_refused": 409,
    "bad_cursor": 422,
    "unknown_webhook": 404,
    "too_many_webhooks": 409,
    "bad_webhook_address": 422,
    "oidc_not_offered": 404,
    "oidc_failed": 502,
    "oidc_unknown": 403,
    "password_wrong": 422,
    "factor_needed": 401,
    "factor_required": 409,
    "scope_missing": 403,
    "wrong_code": 422,
    "unknown_token": 404,
    "too_many_requests": 429,
    "sign_in_needed": 401,
    "not_allowed": 403,
    "form_too_old": 403,
    "campus_needed": 422,
    "link_gone": 410,
    "unknown_person": 404,
    "bad_login": 422,
    "login_taken": 409,
    "weak_password": 422,
    "last_admin": 409,
    "unknown_document": 404,
    "unknown_voucher": 404,
    "unknown_transfer": 404,
    "wrong_offset": 409,
    "transfer_busy": 409,
    "too_late_to_withdraw": 409,
    "being_worked_on": 409,
    "encrypted_file": 422,
    "archive_bomb": 422,
    "damaged_file": 422,
    "captcha_gone": 410,
    "captcha_answer_invalid": 422,
    "bad_voucher_number": 422,
    "nothing_to_drop": 422,
    "upload_too_many": 413,
    "file_too_large": 413,
    "broker_unreachable": 503,
    "forbidden_move": 409,
    "nothing_to_accept": 409,
    "reason_missing": 422,
    "may_not_accept": 403,
    "review_not_in_charge": 403,
    "review_own_upload": 403,
    "review_second_person": 403,
    "review_not_now": 409,
    "review_under_way": 409,
    "review_case_changed": 409,
    "review_nothing_to_undo": 409,
    "review_invoice_taken": 409,
    "review_token_reused": 409,
    "review_not_acceptable": 422,
    "review_reason_needed": 422,
    "review_bad_correction": 422,
    "review_nothing_to_confirm": 422,
    "review_same_picture": 422,
    "review_picture_known": 422,
    "overloaded": 503,
    "queue_too_long": 503,
    "disk_nearly_full": 503,
    "unknown_batch": 404,
    "storage_unreachable": 503,
    "storage_full": 507,
    "storage_refused": 500,
    "stored_file_missing": 500,
    "stored_file_damaged": 500,
}


def status_of(code: str) -> int:
    """The HTTP status of an error."""
    return _STATUS.get(code, 500)


def problem(request: Request, error: YanpiaoError) -> Response:
    """The error as a problem document under /api, as a page elsewhere."""
    if isinstance(error, SignInNeeded) and not request.url.path.startswith("/api/"):
        return _to_sign_in(request, error)
    language = language_of(request)
    status = _STATUS.get(error.code, 500)
    title, detail = error.message(language), error.hint(language)
    later = status in _LATER and "seconds" in error.params
    headers = {"Retry-After": error.params["seconds"]} if later else {}
    if request.url.path.startswith("/api/"):
        return _document(error.code, title, detail, status, headers)
    page = render(request, "problem.html", {"title": title, "hint": detail}, status_code=status)
    page.headers.update(headers)
    return page


def _document(
    code: str,
    title: str,
    detail: str,
    status: int,
    headers: Mapping[str, str],
    **more: object,
) -> JSONResponse:
    """A problem document (RFC 9457); `code` is what a program decides by."""
    body = {"type": f"urn:yanpiao:{code}", "title": title, "detail": detail, "status": status}
    return JSONResponse(
        {**body, "code": code, **more}, status, headers, media_type="application/problem+json"
    )


def _to_sign_in(request: Request, error: SignInNeeded) -> Response:
    """The page where one signs in, and from there back here. A part of a page that asks by itself
    (htmx) leads its whole page there, because the form must not appear inside of it."""
    door = _DOORS.get(error.params.get("stage", ""), "/sign-in")
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": door})
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(here)}" if request.method == "GET" and here != "/" else ""
    return RedirectResponse(f"{door}{back}", status_code=303)


async def _handle(request: Request, error: Exception) -> Response:
    if not isinstance(error, YanpiaoError):
        raise error
    return problem(request, error)


def _said(request: Request, code: str, status: int, **more: object) -> Response:
    """A fault of the request itself, by its sentence in the catalogues."""
    language = language_of(request)
    title, hint = say(code, language), say(code, language, part="hint")
    if request.url.path.startswith("/api/"):
        return _document(code, title, hint, status, {}, **more)
    return render(request, "problem.html", {"title": title, "hint": hint}, status_code=status)


async def _invalid(request: Request, error: Exception) -> Response:
    """What was sent is not what the route takes. Values are not sent back: they may be secret."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it was installed for
    errors = [
        {"where": "/".join(map(str, fault["loc"])), "message": fault["msg"], "kind": fault["type"]}
        for fault in error.errors()
    ]
    return _said(request, "bad_request", 422, errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    """No route, or not by this method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    code = {404: "no_such_page", 405: "wrong_method"}.get(error.status_code, "bad_request")
    answer = _said(request, code, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _away(code: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    """An engine does not answer: asking again later makes sense, as programs see by 503."""

    async def answer(request: Request, error: Exception) -> Response:
        log.error("engine_away", code=code, error=type(error).__name__, path=request.url.path)
        ask_nobody(request)
        said = _said(request, code, 503)
        said.headers["Retry-After"] = str(AWAY_SECONDS)
        return said

    return answer


async def _fault(request: Request, _: Exception) -> Response:
    """A fault of ours. The server's log has it; the answer tells nothing of how it came about."""
    ask_nobody(request)
    return _said(request, "internal_fault", 500)


def install(app: FastAPI) -> None:
    """Let the application answer every fault this way."""
    app.add_exception_handler(YanpiaoError, _handle)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in AWAY:
        app.add_exception_handler(kind, _away("database_unreachable"))
    app.add_exception_handler(redis.RedisError, _away("queue_unreachable"))
    app.add_exception_handler(Exception, _fault)
