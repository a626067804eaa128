"""What the portal's page shows at a look, and the scripts that look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Popup:
    """A popup's words; it stands over the page until it is dismissed."""

    message: str


@dataclass(frozen=True)
class Picture:
    """A captcha as shown. `colour` is the one that the instruction names, or all."""

    png: bytes
    instruction: str
    colour: str


@dataclass(frozen=True)
class Seen:
    """One look at the page: the popup's words, whether a captcha stands there that was not read
    before, and whether the result window does."""

    popup: str | None
    another_captcha: bool
    window: bool


@dataclass(frozen=True)
class Window:
    """The result window's snapshot (see `verifiers.portal.result`)."""

    raw: dict[str, Any]


#: One evaluation a look: while five tabs wait, ten looks a second must cost next to nothing.
LOOK = """
({popup, message, captcha, window, known}) => {
  const at = (selector) => document.querySelector(selector);
  const seen = (node) => !!node && node.checkVisibility({visibilityProperty: true})
    && node.getClientRects().length > 0;
  const picture = at(captcha);
  return {
    popup: seen(at(popup)) ? (at(message)?.innerText ?? '').trim() : null,
    another: seen(picture) && !known.includes(picture.getAttribute('src') ?? ''),
    window: seen(at(window)),
  };
}
"""

#: A copy without scripts. Inline handlers must not run either, where the copy is printed.
STATIC_COPY = """
() => {
  const copy = document.documentElement.cloneNode(true);
  copy.querySelectorAll('script').forEach((node) => node.remove());
  const base = document.createElement('base');
  base.href = document.baseURI;
  const policy = document.createElement('meta');
  policy.httpEquiv = 'Content-Security-Policy';
  policy.content = "script-src 'none'";
  copy.querySelector('head').prepend(policy, base);
  return '<!DOCTYPE html>' + copy.outerHTML;
}
"""
