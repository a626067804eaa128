"""Made invoices as files, and the stand-ins' list of them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from zoneinfo import ZoneInfo

from extractors.model import Kind
from fixtures.maker import Form, make, make_truth

FIRST_SEED = 70_000
#: Each form has invoices of its own: one invoice in two files would be a duplicate.
_SEEDS = {Form.XML: 0, Form.OFD: 1_000_000, Form.PDF: 2_000_000, Form.JPEG: 3_000_000}
E_FILES: Mapping[Form, int] = {Form.XML: 1, Form.OFD: 1, Form.PDF: 1}


@dataclass(frozen=True, slots=True)
class Made:
    """Files to hand in, in order, and the list that `fixtures.portal` and the vendor know."""

    paths: tuple[Path, ...]
    known: Path


def made(folder: Path, count: int, shares: Mapping[Form, int] = E_FILES) -> Made:
    """So many ordinary 数电票, the forms mixed by `shares`. What lies there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    today = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
    paths, rows = [], []
    for number, form in enumerate(_mixed(shares, count)):
        seed = FIRST_SEED + _SEEDS[form] + number
        truth = make_truth(Kind.DIGITAL_NORMAL, seed, today=today)
        path = folder / f"{form}-{seed}.{'jpg' if form is Form.JPEG else form}"
        if not path.exists():
            path.write_bytes(make(truth, form, seed).content)
        paths.append(path)
        rows.append(truth.model_dump(mode="json") | {"status": "normal"})
    known = folder / f"known-{'-'.join(shares)}-{count}.json"
    known.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return Made(tuple(paths), known)


def _mixed(shares: Mapping[Form, int], count: int) -> Iterator[Form]:
    """The forms in turn, each as often as its share says."""
    once: Sequence[Form] = [form for form, share in shares.items() for _ in range(share)]
    return islice(cycle(once), count)
