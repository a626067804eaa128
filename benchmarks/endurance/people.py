"""The people: who hand documents in through the programming interface until they are thanked, and
who types captchas at the desk."""

from __future__ import annotations

import base64
import hashlib
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from benchmarks.endurance.pile import Paper
from fixtures.account import signed_in

_PATIENCE_SECONDS = 15
_LONGEST_ANSWER = 20


@dataclass(frozen=True)
class Thanks:
    """An acknowledged upload: the paper, the document and batch it became, whether a key of its
    own went with it, and how often it was sent."""

    paper: Paper
    document: str
    batch: str
    repeated: bool
    keyed: bool
    sent: int


@dataclass
class Counter:
    """The counter where papers are handed in; `allowed` are let through so far."""

    web: str
    token: str
    papers: tuple[Paper, ...]
    seed: int
    allowed: int = 0
    thanks: list[Thanks] = field(default_factory=list)
    #: Answers other than thanks, by what they were.
    refused: dict[str, int] = field(default_factory=dict)
    _next: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def client(self) -> httpx.Client:
        head = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.web, headers=head, timeout=_LONGEST_ANSWER)

    def work(self, number: int) -> None:
        """One client: takes the next paper, and hands it in until it is thanked for."""
        draw = random.Random(self.seed * 1009 + number)
        while (paper := self._taken()) is not None:
            with self.client() as client:
                self.hand_in(client, paper, keyed=draw.random() < 0.5)
            if draw.random() < 0.15:  # the second click
                with self.client() as client:
                    self.hand_in(client, paper, keyed=False)

    def _taken(self) -> Paper | None:
        while not self.over.is_set():
            with self._lock:
                if self._next >= len(self.papers):
                    return None
                if self._next < self.allowed:
                    self._next += 1
                    return self.papers[self._next - 1]
            time.sleep(0.05)
        return None

    def hand_in(self, client: httpx.Client, paper: Paper, *, keyed: bool) -> None:
        """Send again, with the same key, until the answer is 201. A request that died with its
        server holds its key for minutes: who will not wait sends without one."""
        headers = {"Idempotency-Key": secrets.token_hex(8)} if keyed else {}
        began, sent = time.monotonic(), 0
        while not self.over.is_set():
            sent += 1
            if time.monotonic() - began > _PATIENCE_SECONDS:
                headers = {}
            try:
                answer = client.post(
                    "/api/v1/documents",
                    files={"files": (paper.name, paper.content)},
                    data={"voucher": paper.voucher},
                    headers=headers,
                )
            except httpx.HTTPError as error:
                self._refuse(type(error).__name__)
            else:
                if answer.status_code == httpx.codes.CREATED:
                    said = answer.json()
                    file = said["files"][0]
                    kept = Thanks(
                        paper,
                        file["document"],
                        said["batch"],
                        file["repeated"],
                        bool(headers),
                        sent,
                    )
                    with self._lock:
                        self.thanks.append(kept)
                    return
                self._refuse(_told(answer))
            time.sleep(0.3)

    def _refuse(self, what: str) -> None:
        with self._lock:
            self.refused[what] = self.refused.get(what, 0) + 1


def _told(answer: httpx.Response) -> str:
    """A refusal's status and code."""
    try:
        return f"{answer.status_code} {answer.json()['code']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}"


def sit_at_the_desk(
    web: str, portal: str, login: str, password: str, name: str, over: threading.Event
) -> None:
    """Type captchas; sign in again whenever the desk was away or the session is over."""
    while not over.is_set():
        try:
            with (
                signed_in(web, login, password) as desk,
                httpx.Client(base_url=portal, timeout=10) as stand_in,
            ):
                while not over.is_set():
                    if not _typed(desk, stand_in, name):
                        over.wait(0.1)
        except (httpx.HTTPError, RuntimeError, ValueError):
            over.wait(0.5)


def _typed(desk: httpx.Client, stand_in: httpx.Client, name: str) -> bool:
    """One captcha; whether there was one. Who cannot read it asks for another picture."""
    waiting = desk.get("/api/captcha/next", params={"operator": name})
    if waiting.raise_for_status().status_code == httpx.codes.NO_CONTENT:
        return False
    posed = waiting.json()
    image = base64.b64decode(posed["image"].partition(",")[2])
    digest = hashlib.sha256(image).hexdigest()
    answer = stand_in.get("/fixture/captcha-answer", params={"sha256": digest})
    if answer.status_code == httpx.codes.NOT_FOUND:  # it was restarted since, and has forgotten
        desk.post(f"/api/captcha/{posed['id']}/refresh", params={"operator": name})
        return True
    typed = {"answer": answer.raise_for_status().json()["answer"]}
    said = desk.post(f"/api/captcha/{posed['id']}", json=typed, params={"operator": name})
    if said.status_code != httpx.codes.GONE:
        said.raise_for_status()
    return True


def in_threads(works: Sequence[Callable[[], None]], name: str) -> list[threading.Thread]:
    """Each of the works in a thread, started."""
    threads = [threading.Thread(target=work, name=name, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads
