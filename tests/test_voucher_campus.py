"""Who decides about a voucher without a campus: who does in all that its documents come from."""

from __future__ import annotations

import pytest

from archive import accounting, vouchers
from archive.actors import EVERYWHERE, SYSTEM, Actor, Role
from archive.database import Database
from archive.records import Document, new_id
from tests.helpers import sha256

NORTH, SOUTH = "north", "south"


def _actor(*grants: tuple[Role, str]) -> Actor:
    return Actor("u", "u", "u", frozenset(grants))


def _voucher(database: Database, *campuses: str) -> None:
    """A voucher with a document of each of these campuses."""
    with database.write() as session:
        vouchers.ensure(session, "JZ-1", "test")
        for campus in campuses:
            content = b"x" + campus.encode()
            session.add(
                Document(
                    id=new_id(), sha256=sha256(content), size=1, kept=True, media_type="x",
                    name="a", voucher_no="JZ-1", submitter="", campus=campus, bulk=False,
                )
            )  # fmt: skip


@pytest.mark.parametrize(
    ("campuses", "grants", "may"),
    [
        ((NORTH,), [(Role.ARCHIVIST, NORTH)], True),
        ((NORTH,), [(Role.ARCHIVIST, SOUTH)], False),
        ((NORTH,), [(Role.REVIEWER, EVERYWHERE)], True),
        ((NORTH, SOUTH), [(Role.ARCHIVIST, NORTH)], False),
        ((NORTH, SOUTH), [(Role.ARCHIVIST, NORTH), (Role.REVIEWER, SOUTH)], True),
        ((NORTH, ""), [(Role.ARCHIVIST, NORTH)], False),
        ((NORTH, ""), [(Role.ARCHIVIST, EVERYWHERE)], True),
        ((), [(Role.ARCHIVIST, NORTH)], False),
        ((), [(Role.ARCHIVIST, EVERYWHERE)], True),
        ((NORTH,), [(Role.AUDITOR, NORTH), (Role.SUBMITTER, NORTH)], False),
    ],
)
def test_a_voucher_without_a_campus(
    database: Database, campuses: tuple[str, ...], grants: list[tuple[Role, str]], may: bool
) -> None:
    _voucher(database, *campuses)
    with database.write() as session:
        assert accounting.may_accept(session, _actor(*grants), "JZ-1") is may
        assert not accounting.may_accept(session, SYSTEM, "JZ-1")
        expected = accounting.NothingToAccept if may else accounting.MayNotAccept
        with pytest.raises(expected):
            accounting.accept_difference(session, _actor(*grants), "JZ-1", "nothing", "x")
