"""Carrying a disposal list out on the stores: killed anywhere, the next run ends it right
(`archive.disposal` says by which steps)."""

from __future__ import annotations

import datetime as dt
from functools import partial

from archive import disposal, disposal_bags
from archive.actors import Actor
from archive.disposal import Disposed
from archive.disposal_tables import DisposalRecord
from worker.log import logger
from worker.services import Services

log = logger("disposal")


def carry_out(services: Services, list_id: str, actor: Actor, today: dt.date) -> Disposed:
    """Begin an approved list, or go on with it, to its end. Raises what `archive.disposal.begin`
    raises, and what the stores raise; then a later run goes on."""
    with services.database.write() as session:
        listed = disposal.begin(session, list_id, actor, today)
        numbers = [item.voucher_no for item in listed.items]
    record = _recorded(services, list_id)
    deleted = _clear(services, list_id)  # what a killed run left
    for voucher_no in numbers:
        with services.database.write() as session:
            done = disposal.take_out(session, list_id, voucher_no, actor)
        if done:
            log.info("voucher_disposed", voucher_no=voucher_no, list=list_id)
        deleted += _clear(services, list_id)
    with services.database.write() as session:
        disposal.end(session, list_id, actor)
    return Disposed(list_id, len(numbers), deleted, record)


def _recorded(services: Services, list_id: str) -> str:
    """Where the list's sealed record lies; it is made now unless a run before has."""
    with services.database.read() as session:
        known = session.get(DisposalRecord, list_id)
        if known is not None:
            return services.bags.where(known.path)
        said = disposal.record_of(session, list_id)
    # Of two runs at once, or one that was killed here, each writes the same bytes.
    sealed = services.bags.seal(partial(disposal_bags.write, record=said))
    with services.database.write() as session:
        disposal.keep_record(session, list_id, sealed)
    return services.bags.where(sealed.path)


def _clear(services: Services, list_id: str) -> int:
    count = 0
    while True:
        with services.database.read() as session:
            places = disposal.todo(session, list_id)
        if not places:
            return count
        for place in places:
            with services.database.write() as session:
                disposal.clear(session, list_id, place, services.store, services.bags)
            count += 1
