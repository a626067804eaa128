"""Vehicle invoices beside the sale itself: telephones, accounts, addresses, the market's tax id.

The forms repeat these labels (电话 stands three times on a used car's), so each is told by the
row that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout.bank_names import mended_bank
from extractors.layout.grid import Cell, named
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact
from extractors.layout.slips import doubted
from extractors.layout.tax_ids import keep_tax_id
from extractors.layout.vehicle_lost import label_of, lost_account, lost_address, lost_phone
from extractors.model import Field

_PHONE = r"(?:\d{3,4}-?)?\d{7,8}(?:-\d{1,5})?|1\d{10}"
_SHAPES = {
    "phone": _PHONE,
    "account": r"\d[\d-]{7,29}",
    "address": r"(?=.*[\u4e00-\u9fff]).{4,80}",
    "bank": r"(?=.*[\u4e00-\u9fff]).{4,80}",
}
#: A long number without any check: recognition must be sure of every digit.
_SURE_DIGITS = 0.97
#: The end of the label (开户银行、账号), read with its value.
_LABELS_END = re.compile(r"^(?:[、,，]\s?[账帐]?号?\s*)+|^[\u4e00-\u9fff]号\s*")
#: Of the words of a poor page none is surer; one wrong id in thirty passes its check by chance.
_POOR = 0.85


def seller_contacts(face: Face, lower: Sequence[Cell]) -> dict[str, Field[str]]:
    """`phone`, `account`, `address` and `bank` of the dealer, from the cells below the total."""
    extra: dict[str, Field[str]] = {}
    for name in _SHAPES:
        _keep(face, extra, name, next(iter(named(lower, name)), None))
    if face.recognised:
        # The form sets telephone, account and address in the rows of seller, tax id and bank.
        for name, found in (
            ("phone", lost_phone(face, label_of(lower, "seller"))),
            ("account", lost_account(face, label_of(lower, "tax_id"))),
            ("address", lost_address(face, label_of(lower, "bank"))),
        ):
            _keep_lost(face, extra, name, found)
    return extra


def _keep_lost(face: Face, extra: dict[str, Field[str]], name: str, run: Run | None) -> None:
    if run is not None and name not in extra:
        extra[name] = doubted(face.field(compact(run).raw, run), UNLABELLED)


def used_contacts(face: Face, cells: Sequence[Cell]) -> dict[str, Field[str]]:
    """Telephones of the owners; tax ids of auctioneer and market, and how to reach the market."""
    extra: dict[str, Field[str]] = {}
    for role in ("buyer", "seller"):
        _keep(face, extra, f"{role}_phone", _in_row_of(cells, f"{role}_address", "phone"))
        if face.recognised:
            found = lost_phone(face, label_of(cells, f"{role}_address"))
            _keep_lost(face, extra, f"{role}_phone", found)
    _keep_id(face, extra, "auctioneer_tax_id", _in_row_of(cells, "auctioneer_address", "tax_id"))
    _keep_id(face, extra, "market_tax_id", _in_row_of(cells, "market", "tax_id"))
    market = next((cell.label for cell in cells if cell.name == "market"), None)
    if market is not None:
        below = [cell for cell in cells if cell.label.middle > market.middle + market.height]
        for name in ("address", "bank", "phone"):
            _keep(face, extra, f"market_{name}", next(iter(named(below, name)), None))
        if face.recognised:
            _keep_lost(face, extra, "market_phone", lost_phone(face, label_of(below, "bank")))
    return extra


def _in_row_of(cells: Sequence[Cell], owner: str, name: str) -> Cell | None:
    """The cell to the right in the row of another's label, filled or not."""
    left = next((cell.label for cell in cells if cell.name == owner), None)
    if left is None:
        return None
    level = [
        cell
        for cell in named(cells, name)
        if cell.label.x0 > left.x1 and abs(cell.label.middle - left.middle) < 0.8 * left.height
    ]
    return level[0] if len(level) == 1 else None


def _keep(face: Face, extra: dict[str, Field[str]], name: str, cell: Cell | None) -> None:
    """The cell's value if it has its sort's shape; or the row of it that has, where print from
    elsewhere strayed into the cell."""
    if cell is None:
        return
    shape = _SHAPES[name.rpartition("_")[2]]
    whole = cell.value
    runs = [run for run in (whole, *cell.rows) if run and re.fullmatch(shape, compact(run).text)]
    if not runs:
        return
    value = runs[0]
    # A bank and the account behind it are two words; nothing else here is.
    spaced = re.sub(r"\s+", " ", value.raw).strip()
    bare = _as_printed(spaced) if face.recognised and name == "market_bank" else spaced
    strayed, spaced = bare != spaced, bare
    field = face.field(spaced if name == "market_bank" else compact(value).raw, value)
    digits = compact(value).text[-5:].isdigit()
    unsure = strayed or (face.recognised and digits and value.score < _SURE_DIGITS)
    extra[name] = doubted(field, MENDED) if unsure else field


def _as_printed(text: str) -> str:
    """A bank and its account without the end of their label, the bank as banks are written."""
    bare = _LABELS_END.sub("", text)
    bank = re.sub(r"\s?[\d-]*$", "", bare)
    return mended_bank(bank) + bare[len(bank) :]


def _keep_id(face: Face, extra: dict[str, Field[str]], name: str, cell: Cell | None) -> None:
    """As the parties' own tax ids: a recognised one must prove itself."""
    value: Run | None = cell.value if cell is not None else None
    if value is None:
        return
    seen = Face(face.sheet, face.source)
    keep_tax_id(seen, name, value)
    if name in seen.found:
        found = seen.found[name]
        extra[name] = doubted(found, MENDED) if value.score < _POOR else found


def left_of(face: Face, label: Run | None, shape: str) -> Run | None:
    """The one value of a shape left of a label, in its row: its own label was not recognised."""
    if label is None:
        return None
    first = {id(glyph) for glyph in label.glyphs}
    row = next((row for row in face.sheet.rows if any(id(g) in first for g in row.glyphs)), None)
    found = [
        part
        for run in (_pieces(row, label.x0) if row is not None else ())
        if re.fullmatch(shape, (part := compact(run)).text)
    ]
    return found[0] if len(found) == 1 else None


def _pieces(row: Run, right: float) -> list[Run]:
    """What stands left of `right` in a row, cut at its gaps."""
    pieces: list[Run] = []
    first = 0
    for index, glyph in enumerate(row.glyphs):
        if glyph.char.isspace() or glyph.x1 > right + 0.5 * row.height:
            part = row.part(first, index)
            pieces.extend([part] if part is not None else [])
            first = index + 1
        if glyph.x1 > right + 0.5 * row.height:
            break
    return pieces
