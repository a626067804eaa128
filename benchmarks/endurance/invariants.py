"""What must hold after everything that happened. Each check names what is wrong; none: it holds."""

from __future__ import annotations

import json
import time
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil
import redis
from rq import Worker
from rq.intermediate_queue import IntermediateQueue
from rq.registry import StartedJobRegistry
from sqlalchemy import select

from archive import fixity
from archive.bag_reading import NotABag, read_bag
from archive.bucket_address import BucketAddress
from archive.buckets import Bucket
from archive.page_pictures import PageRow
from archive.records import (
    IN_MOTION,
    BagRow,
    Document,
    EvidenceRow,
    InvoiceClaim,
    State,
    Upload,
    VerificationRow,
    Voucher,
)
from archive.store import name_of
from benchmarks.endurance.faults import Injector, yanpiao
from benchmarks.endurance.house import STAGES, House
from benchmarks.endurance.people import Thanks
from extractors.errors import YanpiaoError
from worker.queues import Stage, queue_of
from worker.services import Services

_MOST_TOLD = 12
#: RQ holds a job for begun no longer than this after its worker's last sign of life.
_LONGEST_JOB_SECONDS = 3600


class Judge:
    """The checks on a house at rest: `records` and `working` while its services run, `stopped`
    after."""

    def __init__(
        self, house: House, services: Services, thanks: list[Thanks], injector: Injector
    ) -> None:
        self._house = house
        self._services = services
        self._thanks = thanks
        self._injector = injector
        with services.database.read() as session:
            self._documents = list(session.scalars(select(Document)).unique())
            self._uploads = list(session.scalars(select(Upload)))
            self._bags = list(session.scalars(select(BagRow).order_by(BagRow.version)))
            self._claims = list(session.scalars(select(InvoiceClaim)))
            self._vouchers = list(session.scalars(select(Voucher)))
            self._drawn = {
                *session.scalars(select(EvidenceRow.sha256)),
                *session.scalars(select(PageRow.sha256)),
            }
        self._by_id = {one.id: one for one in self._documents}

    def records(self) -> dict[str, list[str]]:
        """Each check of what is recorded and kept, by name."""
        checks: dict[str, Callable[[], Iterable[str]]] = {
            "every acknowledged upload is recorded": self._recorded,
            "every acknowledged upload's bytes are in the store": self._kept,
            "an upload with a key was taken once": self._taken_once,
            "ten at once became one document": self._one_of_ten,
            "every document ends as its truth demands": self._ends_right,
            "of two papers of one invoice exactly one is sealed": self._twins,
            "the same bytes are one document": self._one_a_file,
            "no voucher holds an invoice twice": self._sealed_once,
            "every sealed bag validates": self._bags_valid,
            "nothing is leased": self._leases,
            "queues and desk are empty": self._queues,
            "the store holds no file that nobody knows": self._unknown_files,
            "no bag lies half made or unrecorded": self._unknown_bags,
        }
        return {name: list(check())[:_MOST_TOLD] for name, check in checks.items()}

    def working(self) -> dict[str, list[str]]:
        """Each check of what runs, and what `yanpiao` itself says."""
        return {
            "the audit trail and all it proves is whole": list(self._audit())[:_MOST_TOLD],
            "the house is well, with one browser a worker": list(self._well())[:_MOST_TOLD],
        }

    def stopped(self) -> dict[str, list[str]]:
        """Each check of what is left once every service has ended."""
        return {
            "no process is left": [
                _called(each) for each in self._house.belonging() if not _is_engine(each)
            ],
            "no temporary file is left": list(self._temporary()),
        }

    # -- uploads -------------------------------------------------------------------------

    def _recorded(self) -> Iterable[str]:
        for one in self._thanks:
            document = self._by_id.get(one.document)
            if document is None or document.sha256 != one.paper.sha256:
                yield f"{one.paper.name}: {one.document} is not there, or other bytes"

    def _kept(self) -> Iterable[str]:
        for one in {each.paper.sha256: each for each in self._thanks}.values():
            try:
                same = self._services.store.get(one.paper.sha256) == one.paper.content
            except YanpiaoError as error:
                yield f"{one.paper.name}: {error.code}"
            else:
                if not same:
                    yield f"{one.paper.name}: other bytes"

    def _taken_once(self) -> Iterable[str]:
        batches = Tally(upload.batch_id for upload in self._uploads)
        for one in self._thanks:
            if batches[one.batch] != 1:
                yield f"{one.paper.name}: batch {one.batch} has {batches[one.batch]} uploads"
        for batch, count in Tally(one.batch for one in self._thanks).items():
            if count != 1:
                yield f"batch {batch} was thanked for {count} times"

    def _one_of_ten(self) -> Iterable[str]:
        for told in self._injector.at_once:
            if len(told) < 10 or len(set(told)) != 1:
                yield f"{len(told)} answers, {len(set(told))} documents"

    # -- documents -----------------------------------------------------------------------

    def _ends_right(self) -> Iterable[str]:
        ends = {one.paper.sha256: one.paper for one in self._thanks}
        for document in self._documents:
            paper = ends.get(document.sha256)
            if paper is None:
                yield f"{document.name}: in the archive, and nobody was thanked for it"
            elif not any(
                document.state == state and document.reason == reason
                for state, reason in _ends(paper)
            ):
                yield (
                    f"{document.name} ({paper.trick}, {document.id}): {document.state}, "
                    f"{document.reason} {document.reason_params}; {self._tried(document.id)}"
                )

    def _tried(self, document_id: str) -> str:
        """What its last attempts came to, as the portal or the browser put it."""
        query = (
            select(VerificationRow)
            .where(VerificationRow.document_id == document_id)
            .order_by(VerificationRow.at.desc())
        )
        with self._services.database.read() as session:
            rows = list(session.scalars(query))
        last = [f"{row.reason} ({row.portal_message})" for row in rows[:3]]
        return f"tried {len(rows)} times, last {', '.join(last) or 'never'}"

    def _twins(self) -> Iterable[str]:
        by_invoice: dict[str, set[str]] = defaultdict(set)
        for one in self._thanks:
            if one.paper.invoice and one.paper.trick not in ("raised", "void", "red", "unknown"):
                by_invoice[one.paper.invoice].add(one.paper.sha256)
        for number, papers in by_invoice.items():
            own = [each for each in self._documents if each.sha256 in papers]
            states = Tally(each.state for each in own)
            if len(papers) > 1 and states[State.ARCHIVED] > 1:
                yield f"{number}: {dict(states)}"
            if len(papers) > 1 and not states[State.ARCHIVED] and not _picture(own):
                yield f"{number}: none of {len(own)} is sealed"

    def _one_a_file(self) -> Iterable[str]:
        counts = Tally((each.sha256, each.part) for each in self._documents)
        yield from (f"{sha256}: {count}" for (sha256, _), count in counts.items() if count > 1)
        claims = Tally(each.document_id for each in self._claims)
        yield from (f"{each} claims {count}" for each, count in claims.items() if count > 1)

    def _sealed_once(self) -> Iterable[str]:
        """Every invoice lies in one voucher's newest bag, once, and so does every document that
        says it is archived."""
        newest = {bag.voucher_no: bag for bag in self._bags}
        invoices: Tally[str] = Tally()
        documents: Tally[str] = Tally()
        for bag in newest.values():
            with self._services.bags.local(bag.path) as folder:
                try:
                    content = read_bag(folder)
                except NotABag as error:
                    yield f"{bag.path}: {error}"
                    continue
                invoices.update(
                    each.metadata["invoice"]["invoice_number"]["value"] for each in content.invoices
                )
                documents.update(each.document_id for each in content.invoices)
        yield from (f"invoice {one}: {count}" for one, count in invoices.items() if count > 1)
        archived = {each.id for each in self._documents if each.state == State.ARCHIVED}
        yield from (
            f"document {one} sealed {documents[one]} times"
            for one in archived
            if documents[one] != 1
        )
        yield from (
            f"document {one} sealed, not archived" for one in documents if one not in archived
        )

    def _bags_valid(self) -> Iterable[str]:
        for bag in self._bags:
            with self._services.bags.local(bag.path) as folder:
                yield from (
                    f"{bag.path}: {one}" for one in fixity.inspect(folder, bag.digest).faults
                )

    def _audit(self) -> Iterable[str]:
        run = yanpiao(self._house, "audit", "verify", "--deep")
        try:
            said = json.loads(run.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            yield run.stderr[-500:]
            return
        yield from said["faults"]
        if run.returncode or not said["rows"]:
            yield f"status {run.returncode}, {said['rows']} rows"

    # -- what was left behind ------------------------------------------------------------

    def _leases(self) -> Iterable[str]:
        yield from (f"document {one.id}" for one in self._documents if one.lease)
        yield from (f"voucher {one.voucher_no}" for one in self._vouchers if one.lease)
        yield from (
            f"document {one.id} is {one.state}" for one in self._documents if one.state in IN_MOTION
        )

    def _queues(self) -> Iterable[str]:
        client = self._services.redis
        for stage in Stage:
            queue = queue_of(stage, client)
            if queue.count:
                yield f"{queue.count} in {stage}"
        yield from (f"{one} is begun for ever" for one in self.begun())
        yield from (f"{one} is being begun" for one in self.being_begun())
        with suppress(redis.RedisError):
            if waiting := self._services.desk.waiting():
                yield f"{waiting} captchas wait"

    def being_begun(self) -> list[str]:
        """Jobs that a worker took and did not begin: of a killed one, until the living strike them
        out, some minutes later."""
        client = self._services.redis
        keys = [queue_of(stage, client).key for stage in Stage]
        return [one for key in keys for one in IntermediateQueue(key, client).get_job_ids()]

    def begun(self) -> list[str]:
        """Jobs that are noted as being worked on, and stay so; one that a worker has in hand, such
        as pages to be drawn, is to be waited for. What a killed worker was at, or one whose queue
        server was away when it wanted to note the end, is struck out by the living once the job's
        time is over."""
        client = self._services.redis
        busy = [each for each in Worker.all(connection=client) if each.get_state() == "busy"]
        in_hand = {each.get_current_job_id() for each in busy}
        latest = time.time() + self._house.ahead + _LONGEST_JOB_SECONDS
        found: list[str] = []
        for stage in Stage:
            registry = StartedJobRegistry(queue=queue_of(stage, client))
            passing = set(registry.get_expired_job_ids(latest)) - in_hand
            found += [one for one in registry.get_job_ids(cleanup=False) if one not in passing]
        return found

    def _unknown_files(self) -> Iterable[str]:
        known = {name_of(one) for one in self._drawn}
        known |= {name_of(one.sha256) for one in self._documents if one.kept}
        yield from sorted(set(self._stored("files/")) - known)

    def _unknown_bags(self) -> Iterable[str]:
        places = {bag.path for bag in self._bags}
        found = {"/".join(name.split("/")[:2]) for name in self._stored("bags/")}
        yield from sorted(found - places)

    def _stored(self, below: str) -> list[str]:
        if self._house.bucket is not None:
            keys = Bucket(BucketAddress.parse(self._house.storage_url)).keys(below)
            return [key.removeprefix(below) for key in keys]
        root = self._house.data / below
        return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]

    def _well(self) -> Iterable[str]:
        yield from self._house.lacks()
        tree = {each.pid for name in self._house.processes for each in self._house.tree(name)}
        yield from (
            f"orphan {_called(each)}"
            for each in self._house.belonging()
            if each.pid not in tree and "crashpad" not in _line(each)  # at init by design
        )
        browsers = [
            each for each in self._house.tree("verify") if "--remote-debugging-pipe" in _line(each)
        ]
        if len([each for each in browsers if "--type=" not in _line(each)]) > 1:
            yield f"{len(browsers)} browsers"
        for stage in STAGES:
            if not self._house.tree(stage):
                yield f"no {stage}"

    def _temporary(self) -> Iterable[str]:
        for folder in (self._house.temporary, self._house.data):
            for path in sorted(folder.rglob("*")):
                if _is_temporary(path, folder == self._house.temporary):
                    yield str(path.relative_to(self._house.disk.root))


def _ends(paper: object) -> frozenset[tuple[str, str]]:
    ends: frozenset[tuple[str, str]] = getattr(paper, "ends")  # noqa: B009
    return ends


def _is_temporary(path: Path, anything: bool) -> bool:
    """What a killed process may leave: all of the temporary folder, and in the data folder files
    under names that are not yet their own."""
    if anything:
        return path.parent.parent.name == "tmp" or (path.parent.name == "tmp" and path.is_file())
    if path.name == "bag-info.txt":  # what every bag has (RFC 8493)
        return False
    hidden = path.name.startswith(".") and path.name not in (".accepted", ".refused", ".incoming")
    return hidden or path.name.startswith(("bag-", ".sealing-"))


def _picture(documents: list[Document]) -> bool:
    return any(each.media_type.startswith("image/") for each in documents)


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _is_engine(process: psutil.Process) -> bool:
    """The portal and the queue server are stopped later."""
    return "fixtures.portal" in _line(process) or "valkey" in _line(process)


def _called(process: psutil.Process) -> str:
    return f"{process.pid} {_line(process)[:120]}"
