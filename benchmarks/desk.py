"""The main pages with many documents in the database: time of the first and the median answer in
the process itself (no network), and bytes of the HTML alone.

    python -m benchmarks.desk [--count 100000] [--times 15]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from archive.actors import Role
from benchmarks.archive_made import make
from benchmarks.machine import machine
from tests.helpers import sign_in
from web.app import create_app
from worker import broker
from worker.figures import bring_up_to_date
from worker.services import Services
from worker.settings import Settings

PAGES = ("/", "/review", "/vouchers", "/find?q=0001", "/dashboard", "/audit", "/captcha",
         "/claims", "/new", "/notices")  # fmt: skip
#: Every document in one of twelve months and four campuses; one in a hundred waits for a person.
_SPREAD = (
    (
        "UPDATE documents SET received_at = datetime(received_at, '-' || (rowid % 330) || ' days'),"
        " campus = '校区' || (rowid % 4)"
    ),
    (
        "UPDATE documents SET state = 'in_review', verdict = 'contradicted', reason = 'mismatch'"
        " WHERE rowid % 100 = 0"
    ),
    "UPDATE invoices SET total_with_tax = '113.00'",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=15)
    asked = parser.parse_args()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{machine()}, load before {load}, SQLite, {asked.count:,} documents")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), api_per_minute=1_000_000)
        with (
            broker.bundled(settings),
            TestClient(create_app(settings), base_url="http://localhost") as web,
        ):
            services: Services = web.app.state.services  # type: ignore[attr-defined]
            _fill(services, asked.count)
            begun = time.perf_counter()
            bring_up_to_date(services.database)
            print(f"figures of all months added up in {time.perf_counter() - begun:.2f} s")
            sign_in(web, *Role)
            _measure(web, asked.times)


def _fill(services: Services, count: int) -> None:
    services.database.engine.dispose()  # the making wants the database for itself
    engine = create_engine(services.database.engine.url)
    make(engine, count)
    with engine.begin() as connection:
        for statement in _SPREAD:
            connection.execute(text(statement))
    engine.dispose()


def _measure(web: TestClient, times: int) -> None:
    print(f"{'page':<14}{'first ms':>10}{'median ms':>11}{'HTML bytes':>12}")
    for page in PAGES:
        spent = []
        for _ in range(times):
            begun = time.perf_counter()
            reply = web.get(page)
            spent.append((time.perf_counter() - begun) * 1000)
            if reply.status_code != 200:
                raise SystemExit(f"{page}: {reply.status_code}")
        print(
            f"{page:<14}{spent[0]:>10.0f}{statistics.median(spent):>11.0f}{len(reply.content):>12,}"
        )


if __name__ == "__main__":
    main()
