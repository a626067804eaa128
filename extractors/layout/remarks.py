"""The remarks (备注) of a VAT face: free text in its own box between the sums and the foot.

Remarks often carry what a house needs (contract, project, place of building work), so rows that
were set apart stay apart, and a row that only ran out of room goes on in the next.
"""

from __future__ import annotations

import itertools
import re

from extractors.layout.page import Run, join
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact
from extractors.layout.set_phrases import with_set_phrases

_SIDE_LABEL = re.compile(r"^(?:备注?|注)$")
#: Stands in the same column as 备注 on older faces, and is never under the seal.
_CIPHER_LABEL = re.compile(r"^密码?区?$")
_LIKE_CIPHER_LABEL = re.compile(r"^[密码区]+$")
#: Down the side of the buyer's box.
_BUYER = re.compile(r"^购[买方]")
_FOOT = re.compile(r"(?:开票人|收款人|复核)")
#: The same, misread.
_LIKE_FOOT = re.compile(r"^\W?(?:[开升井并].{1,2}人[:。;]|.?[票非]人|收[款故].?人|复[核位])")
#: Parts of a seller's seal, which is pressed over this box.
_SEAL = re.compile(r"专用章|发票专|^.?(?=\d*[A-Z])[0-9A-Z]{15,20}.?$")
#: The tax id in its middle, misread.
_SEAL_ID = re.compile(r"^[^\u4e00-\u9fff]{14,22}$")
_HOUSE_MARKS = str.maketrans({";": "；", ":": "：", "(": "（", ")": "）"})
#: The platform ends this row with a full stop, which recognition may lose.
_MARGIN = re.compile(r"^((?:扣除额|差额征税)：\d+\.\d\d)[*.,·'°]?$", re.MULTILINE)
#: A row's own label whose colon is lost or another sign; more may be lost beside it.
_NO_COLON = re.compile(
    r"^[一-鿿]{2,6}(?:名称|编号|号码|地址|单位|日期|号)(?![：一-鿿])", re.MULTILINE
)
#: Print down the left side stands within this share of the sheet's width.
_MARGIN_WIDTH = 0.09
_CHINESE = r"[^\x00-\x7f]"


def read_remarks(face: Face, floor: float, right: float) -> None:
    """Keep the remarks below `floor` (the row of the total); `right` is the table's right end.

    Recognised remarks under a seal are doubtful, for strokes of the one join the other's.
    """
    left = _box_left(face, floor)
    if left is None:
        return
    top = floor + 0.8 * face.sheet.line_height
    runs = face.sheet.within(
        face.sheet.runs, left=left, right=right, top=top, bottom=_foot(face, top)
    )
    doubtful = mended = False
    if face.recognised:
        on_paper = "invoice_code" in face.found
        own = _without_seal(runs, left)
        doubtful = len(own) < len(runs) or on_paper
        own = [
            run
            for run in own
            if re.search(r"\w", run.text)  # others are specks
            and not (len(run.raw) <= _BIT and run.height > _LEANING * face.sheet.line_height)
        ]
        runs = (
            [run for row in _rows(own) if _begins_left(row, left) for run in row]
            if on_paper
            else own
        )
    if not runs:
        return
    grouped = _rows(runs)
    rows = [join(row) for row in grouped]
    if face.recognised:
        doubtful = doubtful or any(_has_hole(row) for row in grouped) or _has_bit(rows, right)
    whole = Run(tuple(glyph for row in rows for glyph in row.glyphs))
    text = _text(rows, right, given=not face.recognised)
    if text is not None and face.recognised and re.search("[\u4e00-\u9fff]", text):
        # Recognition does not tell half from full width.
        read = _MARGIN.sub(r"\1。", text.translate(_HOUSE_MARKS))
        text = with_set_phrases(read)
        mended = text != read
        doubtful = doubtful or _NO_COLON.search(text) is not None
    if face.recognised and text is not None and not re.search(r"\w", text):
        return  # A speck of the paper.
    most = UNLABELLED if doubtful else MENDED if mended else 1.0
    face.keep("remarks", text, whole, most=most)


def _without_seal(runs: list[Run], left: float) -> list[Run]:
    """The runs that a seal does not print. Remarks begin at the left edge of their box; bits of
    a seal's ring stand anywhere."""
    seals = [run for run in runs if _is_seal(run, left)]
    if not seals:
        return runs
    return [run for run in runs if run not in seals and (len(run.raw) > _BIT or _is_at(left, run))]


#: Characters at most that a bit of a seal's ring is read as.
_BIT = 3
#: ... and it leans, so that its box is so many times as high as print.
_LEANING = 1.8


def _is_seal(run: Run, left: float) -> bool:
    text = compact(run).text
    return bool(_SEAL.search(text) or (_SEAL_ID.search(text) and not _is_at(left, run)))


def _begins_left(row: list[Run], left: float) -> bool:
    """Rows of remarks do; what stands in the midst of the box is a piece of a seal's ring."""
    return any(_is_at(left, run) for run in row)


def _is_at(left: float, run: Run) -> bool:
    return run.x0 - left < 2.5 * run.height


def _box_left(face: Face, floor: float) -> float | None:
    """The right edge of the label down the side; None when there is none to go by."""
    everything = (*face.sheet.runs, *face.sheet.upright)
    cipher = _LIKE_CIPHER_LABEL if face.recognised else _CIPHER_LABEL
    for pattern, top, bottom in ((_SIDE_LABEL, floor, 1e9), (cipher, -1.0, floor)):
        marks = [
            run
            for run in face.sheet.within(everything, top=top, bottom=bottom)
            if pattern.match(compact(run).text)
        ]
        if marks:
            return max(run.x1 for run in marks)
    return _beside_buyer(face, floor)


def _beside_buyer(face: Face, floor: float) -> float | None:
    """On 数电票 the label, if recognition missed it, stands right below that of the buyer's box; or
    else it is one of the lone characters down the left side."""
    if not face.recognised or "invoice_code" in face.found:
        return None
    marks = [
        run.x1
        for run in face.sheet.within(face.sheet.upright, bottom=floor)
        if _BUYER.match(run.text)
    ]
    if marks:
        return min(marks)
    runs = face.sheet.within(face.sheet.runs, top=floor)
    lone = [run.x1 for run in runs if len(run.glyphs) == 1 and run.x1 < _MARGIN_WIDTH]
    return max(lone, default=min((run.x0 for run in face.sheet.runs), default=None))


def _foot(face: Face, top: float) -> float:
    """The top of the row of names at the foot."""
    feet = [
        run.y0
        for run in face.sheet.within(face.sheet.phrases, top=top)
        if _FOOT.search(compact(run).text)
        or (face.recognised and _LIKE_FOOT.search(compact(run).text))
    ]
    return min(feet, default=face.sheet.bottom)


def _rows(runs: list[Run]) -> list[list[Run]]:
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: run.middle):
        if rows and run.middle - rows[-1][0].middle < 0.6 * min(run.height, rows[-1][0].height):
            rows[-1].append(run)
        else:
            rows.append([run])
    return rows


def _has_hole(row: list[Run]) -> bool:
    """Is there room for a character that was not recognised, as under the ring of a seal?"""
    order = sorted(row, key=lambda run: run.x0)
    return any(
        after.x0 - before.x1 > 0.9 * before.height for before, after in itertools.pairwise(order)
    )


def _has_bit(rows: list[Run], right: float) -> bool:
    """Does a character stand alone in its row, below none that ran out of room? It may be a piece
    of a seal's ring."""
    befores = (None, *rows)
    return any(
        len(compact(row).raw) == 1 and (before is None or not _is_full(before, right))
        for before, row in zip(befores, rows, strict=False)
    )


def _is_full(row: Run, right: float) -> bool:
    return right - row.x1 < 3 * row.height


def _text(rows: list[Run], right: float, *, given: bool) -> str | None:
    """One line a row, except where a row filled the box and so goes on in the next."""
    text = ""
    for index, row in enumerate(rows):
        before = rows[index - 1] if index else None
        wrapped = before is not None and _is_full(before, right)
        text += ("" if wrapped or before is None else "\n") + row.raw
    tidied = re.sub(rf"(?<={_CHINESE})[ ]+(?={_CHINESE})", "", text)
    if not given:
        # Engines neither see nor leave out gaps beside Chinese print reliably.
        tidied = re.sub(rf"(?<={_CHINESE})[ ]+|[ ]+(?={_CHINESE})", "", tidied)
    return tidied.strip() or None
