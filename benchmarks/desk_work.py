"""What a case costs a reviewer besides thinking: keys, and seconds until the next case is shown.

    python -m benchmarks.desk_work [--each 5]

Made invoices of which the tax authority names another seller, whose name reading was not sure of,
are worked through in a real Chromium by key. For each deed: the keys it takes; milliseconds from
its last key until the next case is shown, with its picture and the first doubtful field lit; and
seconds of hand work, at 0.28 s a key (Card, Moran and Newell's average typist; a key of the value
counts too). Reading, deciding and looking up are not in it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from archive.actors import Role
from benchmarks.machine import machine
from tests.browsing import chromium, serving, visitor
from tests.reviewing import differing
from worker import broker
from worker.log import configure
from worker.settings import Settings

SELLER = "杭州云栖文化传播有限公司"
_A_KEY = 0.28
_SHOWN = """() => document.readyState === 'complete' && document.querySelector('rect.lit')
  && [...document.images].every(each => each.complete)"""


@dataclass(frozen=True, slots=True)
class Work:
    """A deed as it is typed: keys one after another; `value` is typed before the last of them."""

    name: str
    keys: tuple[str, ...]
    value: str = ""

    @property
    def strokes(self) -> int:
        return len(self.keys) + len(self.value)


DEEDS = (
    Work("what was read is right", ("c",)),
    Work("accept a difference", ("a", "1")),
    Work("reject with a reason", ("x", "3")),
    Work("ask for a better picture", ("p", "1")),
    Work("correct the lit field", ("e", "Enter"), SELLER),
    Work("verify now", ("v",)),
    Work("read again", ("r",)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", type=int, default=5)
    each = parser.parse_args().each
    configure("warning")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{machine()}, load before {load}")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        with (
            broker.bundled(settings),
            serving(settings) as site,
            chromium() as browser,
            visitor(browser, site) as guest,
        ):
            for seed in range(each * len(DEEDS) + 1):
                differing(site.services, 1000 + seed, SELLER, doubted="seller_name")
            guest.sign_in(Role.REVIEWER)
            page = guest.visit("/review")
            page.keyboard.press("Enter")
            page.wait_for_function(_SHOWN)
            _measure(page, each)


def _measure(page: Page, each: int) -> None:
    print(f"{'deed':<28}{'keys':>6}{'ms to next':>12}{'worst':>8}{'s of hand work':>16}")
    for deed in DEEDS:
        spent = [_done(page, deed) for _ in range(each)]
        usual = statistics.median(spent)
        seconds = deed.strokes * _A_KEY + usual / 1000
        print(
            f"{deed.name:<28}{deed.strokes:>6}{usual:>12.0f}{max(spent):>8.0f}{seconds:>16.1f}",
            flush=True,
        )


def _done(page: Page, deed: Work) -> float:
    before = page.url
    for key in deed.keys[:-1]:
        page.keyboard.press(key)
    if deed.value:
        page.keyboard.insert_text(deed.value)
    begun = time.perf_counter()
    page.keyboard.press(deed.keys[-1])
    page.wait_for_url(lambda url: url.split("?")[0] != before.split("?")[0])
    page.wait_for_function(_SHOWN)
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
