"""Who issued it: the one name in the foot of a VAT face, which the seller's seal often covers."""

from __future__ import annotations

import re

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact

_LABEL = re.compile(r"开票人:?")
#: The same with a character misread, or its colon.
_LIKE_LABEL = re.compile(r"[开升井并].{0,2}人[:。.;]|.[票非]人[:。.;]?|开票.?[:。]")
#: What stands behind the name: its neighbours' labels, or letters of the seal.
_NEXT = re.compile(r"[(]?章[)]|[(]|发票|专用|销[售货]|收款|复核|税号|备注")
#: A name goes on over a gap of at most so many times its height.
_GAP = 1.7
#: How a seal's text ends or begins; a name that ends so may have taken it in.
_SEAL = "章票专用财务公司印"
_TWO_CHARACTER_SURNAMES = re.compile(
    "欧阳|太史|端木|上官|司马|东方|独孤|南宫|万俟|闻人|夏侯|诸葛|尉迟|公羊|赫连|澹台|皇甫|宗政|濮阳|公冶|"
    "太叔|申屠|公孙|慕容|仲孙|钟离|长孙|宇文|司徒|鲜于|司空|令狐|百里|呼延|东郭|西门|南门"
)


def read_issuer(face: Face, floor: float) -> None:
    """Keep `issuer` from the rows below `floor`."""
    runs = face.sheet.within(face.sheet.runs, top=floor)
    for row in face.sheet.within(face.sheet.rows, top=runs[0].y0 if runs else 0.0):
        run = _behind_label(compact(row), _LABEL)
        if run is None and face.recognised:
            run = _behind_label(compact(row), _LIKE_LABEL)
        name = values.clean_name(run.raw) if run is not None else None
        if run is not None and name is not None:
            face.keep("issuer", name, run, most=_trust(face, name))
            return


def _behind_label(row: Run, pattern: re.Pattern[str]) -> Run | None:
    label = pattern.search(row.text)
    if label is None:
        return None
    end = label.end()
    stop = _NEXT.search(row.text, end)
    last = stop.start() if stop else len(row.glyphs)
    for place in range(end + 1, last):
        before, here = row.glyphs[place - 1], row.glyphs[place]
        if here.x0 - before.x1 > _GAP * (before.y1 - before.y0):
            return row.part(end, place)
    return row.part(end, last)


def _trust(face: Face, name: str) -> float:
    """Recognised names of persons have two to four characters, four only with a surname of two;
    one that ends like a seal may have swallowed a piece of it."""
    if not face.recognised or not re.fullmatch(r"[一-鿿]+", name):
        return 1.0
    if len(name) > 4:
        return UNLABELLED
    four = len(name) == 4 and not _TWO_CHARACTER_SURNAMES.match(name)
    return MENDED if four or name[-1] in _SEAL else 1.0
