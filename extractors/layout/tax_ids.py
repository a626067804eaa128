"""Tax ids on a page: where they stand, and how far their check character proves them."""

from __future__ import annotations

import re

from rapidfuzz.distance import Hamming

from extractors.layout import values
from extractors.layout.id_mending import id_in, mended_id
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact, cut
from extractors.weighed import AHEAD, likeliest_id

ID_SHAPE = re.compile(r"(?<![0-9A-Za-z<>+*/\-])([0-9A-Za-z]{15,20})(?![0-9A-Za-z<>+*/\-])")
#: Ids from before the three certificates became one: digits of the organisation's code alone.
SHORT_ID = re.compile(r"(\d{9,14})")
LIKE_ID_LABEL = re.compile(r"社会信|信用.?码|[用可]代码|纳税|税人|别号|识.{1,2}号")
#: Digits with a day of birth where identity numbers have it (GB 11643).
_BORN = re.compile(r"\d{6}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")
#: Certainty of an id that the check character mended where at most two characters, which may be
#: read in two ways each, were open: a second misreading would hardly pass the check too.
_MENDED_ID = 0.88
#: Of an id's characters so many may be misread where another print of it is whole.
_WHOLE_ID, _MOST_MISREAD = 18, 6


def tax_ids(face: Face, top: float, bottom: float) -> list[Run]:
    """Everything shaped like a tax id that satisfies the check character, between two heights."""
    found = []
    for run in face.sheet.within(face.sheet.runs, top=top, bottom=bottom):
        for match in ID_SHAPE.finditer(run.text):
            part = cut(run, match)
            if part is not None and values.check_character_holds(match[1].upper()):
                found.append(part)
    return found


def id_labels(face: Face, bottom: float) -> list[Run]:
    """What is left of the labels of tax ids above a height, values or not."""
    runs = face.sheet.within(face.sheet.runs, bottom=bottom)
    return [run for run in runs if LIKE_ID_LABEL.search(compact(run).text) or id_in(run)]


def keep_tax_id(face: Face, name: str, run: Run) -> None:
    """Record a tax id if it can be one; recognised ones of 18 characters must prove themselves."""
    text = compact(run).text.upper()
    if face.recognised and _BORN.fullmatch(text) and not resident_id_holds(text):
        # A person's, misread: that it satisfies the check of organisations is chance.
        face.keep(name, text, run, most=UNLABELLED)
        return
    if resident_id_holds(text):
        face.keep(name, text, run, proven=True)
        return
    likeliest = likeliest_id(compact(run).weighed)
    if likeliest is not None:
        _keep_likeliest(face, name, run, *likeliest)
        return
    if values.check_character_holds(text):
        face.keep(name, text, run, proven=True)
        return
    _keep_unproven_id(face, name, run)


def _keep_unproven_id(face: Face, name: str, run: Run) -> None:
    """Record what may be an id that its check character does not prove as it stands."""
    text = compact(run).text.upper()
    mended = values.mended_tax_id(text) if face.recognised else None
    likely = mended_id(text) if face.recognised and mended is None else None
    stamped = _like_one_proven(face, run, text) if face.recognised and mended is None else None
    if stamped is not None:
        face.keep(name, stamped, run, most=MENDED)
    elif mended is not None:
        face.keep(name, mended, run, most=_MENDED_ID if text.count("O") <= 2 else MENDED)
    elif likely is not None:
        face.keep(name, likely, run, most=MENDED)
    elif SHORT_ID.fullmatch(text):
        # On forms with a code only; a piece of a longer id looks the same.
        if "invoice_code" in face.found:
            face.keep(name, text, run, most=UNLABELLED)
    elif values.is_tax_id(text):
        # An id that fails its check character, or is about as long as those that have one, is more
        # likely misread than odd; and so is a shorter one with letters.
        odd = face.recognised and (len(text) == 18 or not text.isdigit() or id_in(run) is not None)
        face.keep(name, text, run, most=UNLABELLED if odd else 1.0)
    elif face.recognised and id_in(run) is not None:
        face.keep(name, text, run, most=UNLABELLED)


def _like_one_proven(face: Face, run: Run, text: str) -> str | None:
    """The one id elsewhere on the page that satisfies its check character and is nearly this one:
    a seal repeats the seller's, larger."""
    if len(text) != _WHOLE_ID:
        return None
    proven = {
        match[1]
        for other in map(compact, face.sheet.runs)
        if abs(other.middle - run.middle) > run.height
        for match in ID_SHAPE.finditer(other.text.upper())
        if values.check_character_holds(match[1])
    }
    like = [each for each in proven if Hamming.distance(each, text) <= _MOST_MISREAD]
    return like[0] if len(like) == 1 else None


def _keep_likeliest(
    face: Face, name: str, run: Run, tax_id: str, cost: float, ahead: float
) -> None:
    """Record the id that the characters of a run most likely are. That it satisfies the check
    character proves it where no other that does is nearly as likely."""
    if ahead < AHEAD or cost < -AHEAD:
        stamped = _like_one_proven(face, run, compact(run).text.upper())
        face.keep(name, stamped or tax_id, run, most=MENDED if stamped else UNLABELLED)
    elif cost < 0:
        face.keep(name, tax_id, run, most=MENDED)
    else:
        face.keep(name, tax_id, run, proven=True)


def resident_id_holds(text: str) -> bool:
    """Does an identity number of 18 satisfy its check character (GB 11643)? Farmers and other
    persons stand with it where firms have their tax id."""
    if not re.fullmatch(r"\d{17}[0-9X]", text):
        return False
    total = sum(int(char) * pow(2, 17 - index, 11) for index, char in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17]
