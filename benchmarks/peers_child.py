"""One peer reading files, in the peers' own environment: knows nothing of Yanpiao.

    python benchmarks/peers_child.py ofdkit < paths.txt

Answers with one JSON object a line and path: `fields` under our names, or `error`; `seconds` of
processor, the best of several readings in a warm process.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROUNDS = 5


def _ofdkit() -> Callable[[Path], dict[str, Any]]:
    ofdkit = importlib.import_module("ofdkit")

    def read(path: Path) -> dict[str, Any]:
        invoice = ofdkit.extract_invoice(path)
        if invoice is None:
            return {}
        return {
            "invoice_code": invoice.invoice_code,
            "invoice_number": invoice.invoice_number,
            "issue_date": invoice.issue_date,
            "check_code": invoice.check_code,
            "buyer_name": invoice.buyer.name,
            "buyer_tax_id": invoice.buyer.tax_id,
            "seller_name": invoice.seller.name,
            "seller_tax_id": invoice.seller.tax_id,
            "total_without_tax": invoice.amount_without_tax,
            "total_tax": invoice.tax_amount,
            "total_with_tax": invoice.total_amount,
        }

    return read


def _invoice_amount_tool() -> Callable[[Path], dict[str, Any]]:
    parse_invoice_file = importlib.import_module("invoice_amount_tool.core").parse_invoice_file

    def read(path: Path) -> dict[str, Any]:
        invoice = parse_invoice_file(path)
        if invoice is None:
            return {}
        return {
            "invoice_number": invoice.invoice_no,
            "issue_date": invoice.issue_date,
            "buyer_name": invoice.buyer,
            "seller_name": invoice.seller,
            "total_tax": invoice.tax,
            "total_with_tax": invoice.amount,
        }

    return read


PEERS = {"ofdkit": _ofdkit, "invoice-amount-tool": _invoice_amount_tool}


def main() -> None:
    read = PEERS[sys.argv[1]]()
    for line in sys.stdin:
        path, best = Path(line.strip()), float("inf")
        answer: dict[str, Any] = {}
        for _ in range(_ROUNDS):
            began = time.process_time()
            try:
                answer = {"fields": {k: v for k, v in read(path).items() if v not in (None, "")}}
            except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
                answer = {"error": f"{type(error).__name__}: {error}"[:120]}
            best = min(best, time.process_time() - began)
        print(json.dumps(answer | {"seconds": best}, default=str), flush=True)


if __name__ == "__main__":
    main()
