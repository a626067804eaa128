"""The endurance run in short: a dozen and more faults while papers come in, and every promise kept
afterwards. And that its checks can fail."""

from __future__ import annotations

import errno
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest
from rq.registry import StartedJobRegistry

from archive.records import Document, State, Upload, Voucher
from benchmarks.endurance.disk import Disk, small_disk
from benchmarks.endurance.faults import Injector
from benchmarks.endurance.house import House
from benchmarks.endurance.invariants import Judge
from benchmarks.endurance.people import Thanks
from benchmarks.endurance.pile import Paper, made
from benchmarks.endurance.run import Plan, endured
from tests.helpers import hand_in as take_in
from tests.helpers import whole_road, xml
from worker.queues import Stage, enqueue, queue_of
from worker.services import Services


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.xdist_group("road")
def test_nothing_is_lost_doubled_or_left_behind() -> None:
    plan = Plan(documents=18, faults=12, seed=11, clients=3, drain_seconds=480)
    outcome = endured(plan, print)
    wrong = {name: found for name, found in outcome.checks.items() if found}
    assert not wrong
    assert len(outcome.met) == 12
    assert outcome.documents["archived"] > 6
    assert outcome.thanked >= 18


def test_a_pile_is_repeatable_and_holds_every_trick() -> None:
    pile = made(40, 3)
    assert pile == made(40, 3)
    assert {paper.trick for paper in pile.papers} >= {"honest", "twin", "void", "red", "bad"}
    assert len({paper.name for paper in pile.papers}) == len(pile.papers)


# -- each check can fail -------------------------------------------------------------------


def _thanked(services: Services) -> Thanks:
    """One paper that went the whole road."""
    receipt = take_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    ends = frozenset({(str(State.ARCHIVED), "consistent")})
    paper = Paper("a.xml", "honest", xml(), ends, "JZ-1", "26312000000000000001")
    with services.database.read() as session:
        batch = session.query(Upload).one().batch_id
    return Thanks(paper, receipt.document_id, batch, repeated=False, keyed=True, sent=1)


def _failed(services: Services, thanks: list[Thanks], *told: list[str]) -> set[str]:
    """The checks that find something wrong."""
    root = services.settings.root
    house = SimpleNamespace(bucket=None, data=root, ahead=0, disk=SimpleNamespace(root=root))
    injector = SimpleNamespace(at_once=told)
    judge = Judge(cast("House", house), services, thanks, cast("Injector", injector))
    return {name for name, wrong in judge.records().items() if wrong}


def _set(**values: object) -> Callable[[Services], None]:
    def change(services: Services) -> None:
        with services.database.write() as session:
            for name, value in values.items():
                setattr(session.query(Document).one(), name, value)

    return change


def _lay(below: str) -> Callable[[Services], None]:
    def write(services: Services) -> None:
        path = services.settings.root / below
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")

    return write


def _lose_original(services: Services) -> None:
    with services.database.read() as session:
        place = services.store.place(session.query(Document).one().sha256)
    Path(place).unlink()


def _lose_cover(services: Services) -> None:
    next((services.settings.bags / "JZ-1").rglob("000-*.pdf")).unlink()


def _lose_bag(services: Services) -> None:
    (services.settings.bags / "JZ-1").rename(services.settings.bags / "JZ-2")


def _hold_voucher(services: Services) -> None:
    with services.database.write() as session:
        session.query(Voucher).one().lease = "x"


def _queue(services: Services) -> None:
    enqueue(services.redis, Stage.OCR, "one")


def _begin_for_ever(services: Services) -> None:
    queue = queue_of(Stage.OCR, services.redis)
    services.redis.zadd(StartedJobRegistry(queue=queue).key, {"ocr-1:2": math.inf})


def _take_again(services: Services) -> None:
    """The same request did it twice."""
    with services.database.write() as session:
        first = session.query(Upload).one()
        session.add(Upload(batch_id=first.batch_id, document_id=first.document_id, name="b"))


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (_set(sha256="0" * 64), "every acknowledged upload is recorded"),
        (_lose_original, "every acknowledged upload's bytes are in the store"),
        (_take_again, "an upload with a key was taken once"),
        (_set(reason="mismatch"), "every document ends as its truth demands"),
        (_set(state=State.PASSED), "no voucher holds an invoice twice"),
        (_lose_cover, "every sealed bag validates"),
        (_lose_bag, "no bag lies half made or unrecorded"),
        (_hold_voucher, "nothing is leased"),
        (_set(state=State.READ), "nothing is leased"),
        (_queue, "queues and desk are empty"),
        (_begin_for_ever, "queues and desk are empty"),
        (_lay("files/ab/cd/what"), "the store holds no file that nobody knows"),
        (_lay("bags/JZ-9/v0001/bagit.txt"), "no bag lies half made or unrecorded"),
    ],
)
def test_a_check_finds_what_it_is_for(
    services: Services, spoil: Callable[[Services], None], check: str
) -> None:
    thanks = [_thanked(services)]
    _drain(services)
    assert _failed(services, thanks, ["a"] * 10) == set()
    spoil(services)
    assert check in _failed(services, thanks)


def test_ten_hands_that_made_two_documents_are_found(services: Services) -> None:
    thanks = [_thanked(services)]
    assert "ten at once became one document" in _failed(services, thanks, ["a", "b"] * 5)
    assert "ten at once became one document" in _failed(services, thanks, ["a"] * 9)


def _drain(services: Services) -> None:
    """No worker runs here that would take what was enqueued on the way."""
    services.redis.flushall()


@pytest.mark.parametrize("mounted", [True, False])
def test_a_full_disk_is_full(mounted: bool) -> None:
    """However this machine allows it: by a disk that has an end, or by forbidding the writing."""
    code = "import sys\nfrom pathlib import Path\nfor line in sys.stdin:\n try:"
    code += "\n  Path(line.strip()).write_text('x' * 5000)\n  print('written', flush=True)"
    code += "\n except OSError as e:\n  print(e.errno, flush=True)"
    with small_disk(4) as disk:
        if mounted and not disk.mounted:
            pytest.skip("nothing may be mounted here")
        chosen = Disk(disk.root, mounted)
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as writer:

            def tried(name: str) -> str:
                assert writer.stdin is not None
                assert writer.stdout is not None
                print(disk.root / name, file=writer.stdin, flush=True)
                return writer.stdout.readline().strip()

            assert tried("before") == "written"
            with chosen.full([psutil.Process(writer.pid)]):
                assert tried("meanwhile") == str(errno.ENOSPC if mounted else errno.EFBIG)
            assert tried("after") == "written"
            assert writer.stdin is not None
            writer.stdin.close()
