"""What is told of text in a PDF that nobody sees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.model import Finding, Severity
from extractors.words import PageWords

#: What a value of an invoice looks like: numbers and codes, money, dates, amounts in words.
_VALUE = re.compile(
    r"[0-9A-Z]{8,}|\d[\d,]*\.\d{1,2}(?!\d)|(?:19|20)\d\d[年\-/.]\d|[壹贰叁肆伍陆柒捌玖][拾佰仟万圆元角分]"
)
_MOST_TEXTS = 6
_MOST_LETTERS = 40


def hidden_findings(pages: Sequence[tuple[PageWords, Sequence[str]]]) -> list[Finding]:
    """One finding for all pages, each with its seen words and its unseen texts.

    Unseen text that looks like a value and that no page shows is a BLOCK. What repeats the
    shown text (a search layer, a shadow) or is no value is an INFO.
    """
    if not pages:
        return []
    shown = "".join(_bare(word.text) for seen, _ in pages for word in seen.words)
    texts = [text for _, unseen in pages for text in unseen]
    values = [text for text in texts if _VALUE.search(text) and _bare(text) not in shown]
    if not texts:
        return []
    named = [text[:_MOST_LETTERS] for text in dict.fromkeys(values or texts)]
    more = " …" if len(named) > _MOST_TEXTS else ""
    return [
        Finding(
            code="hidden_text",
            severity=Severity.BLOCK if values else Severity.INFO,
            params={"texts": " ".join(named[:_MOST_TEXTS]) + more},
        )
    ]


def _bare(text: str) -> str:
    return "".join(char for char in text if char.isalnum())
