"""What deserves a closer look on a recognised page, and what to make of it.

Recognition is asked again about the places that left a document in doubt, enlarged and by the
best model. Its answer counts only if the document as a whole then has fewer faults: a digit that
sums, words or a check digit now agree with was read right, and one that they do not is no better
than before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from extractors.checks import CONFIDENT, missing_fields
from extractors.merge import folded
from extractors.model import FIELD_NAMES, Box, Field, Finding, Invoice, Severity, Source
from extractors.words import PageWords, Word

#: Words less certain than this are looked at too where a needed value is missing.
_UNSURE = 0.92
#: Places looked at on one page; each costs some hundredths of a second.
_MOST = 24
#: A closer look that is less sure than this is none.
_LEAST = 0.5
_FAULT = 3
#: ... and so is one that sees fewer characters than this share of those seen before.
_MOST_OF_IT = 0.8
#: Words of one row share so much of their height.
_SAME_ROW = 0.5


def faults(invoice: Invoice) -> int:
    """How much is wrong with a reading: needed values that are missing and findings that block
    weigh three, doubts one."""
    blocking = sum(finding.severity is Severity.BLOCK for finding in invoice.findings)
    doubts = sum(finding.code == "low_confidence" for finding in invoice.findings)
    return _FAULT * (len(missing_fields(invoice)) + blocking) + doubts


def keeps(before: Invoice, after: Invoice, seen: Sequence[Invoice]) -> bool:
    """Does the second reading still have everything that the first had? One that lost a doubtful
    value has a doubt less and yet is worse. What the face was seen to say otherwise than a better
    source is settled only where recognition alone, in `seen`, now reads that source's value."""
    names = {name for name in FIELD_NAMES if getattr(before, name) is not None}
    settled = before.doubted.keys() - after.doubted.keys()
    return (
        all(getattr(after, name) is not None for name in names)
        and all(any(_agree(each, after, name) for each in seen) for name in settled)
        and before.extra.keys() <= after.extra.keys()
        and len(before.lines) <= len(after.lines)
    )


def _agree(one: Invoice, other: Invoice, name: str) -> bool:
    mine, theirs = getattr(one, name), getattr(other, name)
    if mine is None or theirs is None:
        return False
    return folded(name, mine.value) == folded(name, theirs.value)


def places(invoice: Invoice, seen: Invoice, words: PageWords) -> list[Box]:
    """Where to look again on a page: values in doubt, values that others contradict, and where
    needed ones are missing, every word that is not certain. `seen` is what recognition alone
    gave, `invoice` what all sources together say."""
    wanted = [field.box for field in _questioned(invoice, seen) if field.box is not None]
    if missing_fields(invoice):
        unsure = [word for word in words.words if word.confidence < _UNSURE]
        wanted.extend(word.box for word in sorted(unsure, key=lambda word: word.confidence))
    own = [_whole(box, words.words) for box in wanted if box.page == words.page]
    return list(dict.fromkeys(own))[:_MOST]


def _questioned(invoice: Invoice, seen: Invoice) -> Iterator[Field[Any]]:
    yield from seen.doubted.values()
    disputed = {finding.field for finding in invoice.findings if finding.severity is Severity.BLOCK}
    for name in FIELD_NAMES:
        field = getattr(seen, name)
        if field is not None and (name in disputed or field.confidence < CONFIDENT):
            yield field
    yield from (field for field in seen.extra.values() if field.confidence < CONFIDENT)


def replaced(words: PageWords, boxes: Sequence[Box], found: Sequence[Word]) -> PageWords:
    """The page's words, those in `boxes` replaced by what the closer look found there; a place
    where it found nothing keeps what it had. No word is surer than the surest of the page, nor than
    what it stands for may be: of poor print, a closer look proves as little as the first."""
    surest = max((word.confidence for word in words.words), default=0.0)
    sure = [
        _no_surer(word, surest, words.words)
        for word in _distinct(found)
        if word.confidence >= _LEAST
    ]
    looked = [box for box in boxes if _sees_as_much(box, sure, words.words)]
    kept = [word for word in words.words if not any(_holds(box, word.box) for box in looked)]
    added = [word for word in sure if any(_holds(box, word.box) for box in looked)]
    return words.model_copy(update={"words": (*kept, *added)})


def _no_surer(word: Word, surest: float, before: Sequence[Word]) -> Word:
    """The word, no surer than what stood in its place before may be."""
    most = min((other.most for other in before if _meets(word.box, other.box)), default=1.0)
    sure = min(word.confidence, surest, most)
    return word.model_copy(update={"confidence": sure, "most": most})


def _sees_as_much(box: Box, found: Sequence[Word], before: Sequence[Word]) -> bool:
    """Did the closer look find anything in a place, and most of what stood there? One that passes
    over characters (the stars in the middle of an id) has nothing to say about the others."""
    now, was = (
        sum(len(word.text.replace(" ", "")) for word in words if _holds(box, word.box))
        for words in (found, before)
    )
    return now > 0 and now >= _MOST_OF_IT * was


def _distinct(found: Sequence[Word]) -> list[Word]:
    """What was found, each place once: boxes that overlap were looked at one after the other."""
    kept: list[Word] = []
    for word in sorted(found, key=lambda word: word.box.x0 - word.box.x1):
        if not any(_holds(other.box, word.box) for other in kept):
            kept.append(word)
    return [_without_neighbour(word, kept) for word in kept]


def _without_neighbour(word: Word, others: Sequence[Word]) -> Word:
    """The word without what it begins with of the one to its left: a place was cut through that."""
    for other in others:
        before, after = other.box, word.box
        if not (before.x0 < after.x0 < before.x1 < after.x1 and _level(before, after)):
            continue
        stray, _, rest = word.text.partition(" ")
        if rest and other.text.endswith(stray):
            box = after.model_copy(update={"x0": before.x1})
            return word.model_copy(update={"text": rest, "box": box, "weighed": ()})
    return word


def _level(one: Box, other: Box) -> bool:
    shared = min(one.y1, other.y1) - max(one.y0, other.y0)
    return shared > _SAME_ROW * min(one.y1 - one.y0, other.y1 - other.y0)


def _whole(box: Box, words: Sequence[Word]) -> Box:
    """The box, grown to hold every word whole that it shares a good part with. A value may be cut
    out of a word (`开票人：陈丽华`) or stand in several rows, glued to its neighbour in one;
    a part seen alone would be added to the word, and the value stand there twice."""
    met = [word.box for word in words if _meets(box, word.box)]
    return Box(
        page=box.page,
        x0=min([box.x0, *(other.x0 for other in met)]),
        y0=min([box.y0, *(other.y0 for other in met)]),
        x1=max([box.x1, *(other.x1 for other in met)]),
        y1=max([box.y1, *(other.y1 for other in met)]),
    )


def _meets(box: Box, other: Box) -> bool:
    """Do they share more than half of the lower one's height and of the shorter one's length?"""
    across = min(box.x1, other.x1) - max(box.x0, other.x0)
    return _level(box, other) and across > 0.5 * min(box.x1 - box.x0, other.x1 - other.x0)


def _holds(box: Box, other: Box) -> bool:
    """Does the middle of `other` lie in `box`?"""
    x, y = (other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1


def mended(before: Invoice, after: Invoice) -> Invoice:
    """The better reading, with an INFO finding `mended` for each value that the second look
    changed, added or rid of its doubt."""
    told = tuple(
        Finding(code="mended", severity=Severity.INFO, field=name, params={"field": name})
        for name in FIELD_NAMES
        if _is_new(getattr(before, name), getattr(after, name))
        or (name in before.doubted and name not in after.doubted)
    )
    return after.model_copy(update={"findings": (*after.findings, *told)})


def _is_new(was: Field[Any] | None, now: Field[Any] | None) -> bool:
    if now is None or now.source is not Source.OCR:
        return False
    return was is None or was.value != now.value
