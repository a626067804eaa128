"""Sealed bags tested again on a schedule, a few seconds' worth in each round of the clock."""

from __future__ import annotations

import time

from archive import inspections
from archive.four_properties import examine
from archive.records import BagRow
from worker.log import logger
from worker.services import Services

log = logger("inspections")

_MOST_A_ROUND = 50
_SECONDS_A_ROUND = 2.0


def inspect_due(services: Services, seconds: float = _SECONDS_A_ROUND) -> int:
    """Test the bags whose time has come, the longest untested first, until `seconds` are spent;
    returns how many. A failure raises an alarm on its voucher."""
    after_days = services.policy.vouchers.inspect_after_days
    if after_days == 0:
        return 0
    with services.database.read() as session:
        due = inspections.due(session, after_days, _MOST_A_ROUND)
    began, done = time.monotonic(), 0
    for bag in due:
        inspect_one(services, bag)
        done += 1
        if time.monotonic() - began > seconds:
            break
    return done


def inspect_one(services: Services, bag: BagRow) -> list[str]:
    """Test one bag against its record and keep the outcome; codes of the items that failed."""
    with services.bags.local(bag.path) as folder:
        report = examine(folder, bag.digest)
    failed = [result.code for result in report.failed]
    with services.database.write() as session:
        inspections.record(session, session.get_one(BagRow, bag.id), failed)
    if failed:
        log.error("bag_unsound", voucher_no=bag.voucher_no, version=bag.version, failed=failed)
    return failed
