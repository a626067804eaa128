"""What passes between the portal's page and its server, watched and never touched: it tells an
outage from an answer that we did not see on the page."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.async_api import Page, Request, Response

#: Kinds of request without which the page does not work.
_NEEDED = frozenset({"document", "script", "xhr", "fetch"})


class Traffic:
    """Watches a tab until `let_go`."""

    def __init__(self, page: Page) -> None:
        #: The last failure of a needed request in words, or "".
        self.failure = ""
        self._answers: set[str] = set()
        self._page = page
        page.on("response", self._note_response)
        page.on("requestfailed", self._note_failure)

    def let_go(self) -> None:
        """Watch no longer."""
        self._page.remove_listener("response", self._note_response)
        self._page.remove_listener("requestfailed", self._note_failure)

    def forget(self) -> None:
        """What was seen so far no longer matters."""
        self.failure = ""
        self._answers.clear()

    def answered(self, request: str) -> bool:
        """Whether a request whose path ends in this name was answered well."""
        return request in self._answers

    def _note_response(self, response: Response) -> None:
        if response.ok:
            self._answers.add(urlsplit(response.url).path.rpartition("/")[2])
        if response.status >= 500 and response.request.resource_type in _NEEDED:
            self.failure = f"HTTP {response.status}"

    def _note_failure(self, request: Request) -> None:
        if request.resource_type in _NEEDED:
            self.failure = request.failure or "request failed"
