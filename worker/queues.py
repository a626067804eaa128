"""The three queues. A job carries an id and nothing else, under a job id of our own, so that
enqueuing twice is enqueuing once."""

from __future__ import annotations

import secrets
from enum import StrEnum

import redis
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from worker.fair_queue import FairQueue, Share
from worker.log import logger

log = logger("queues")

#: Far above any step's own limit: RQ's alarm is the last resort, not the first.
_JOB_SECONDS = 1800
_KEEP_FAILURE_SECONDS = 7 * 24 * 3600


class Stage(StrEnum):
    """A queue, and the step its workers do."""

    OCR = "ocr"
    VERIFY = "verify"
    ARCHIVE = "archive"


_FUNCTIONS = {
    Stage.OCR: "worker.jobs.read_document",
    Stage.VERIFY: "worker.jobs.verify_document",
    Stage.ARCHIVE: "worker.jobs.seal_voucher",
}


def queue_of(stage: Stage, client: redis.Redis) -> FairQueue:
    return FairQueue(stage, connection=client, serializer=JSONSerializer)


def job_id(stage: Stage, key: str) -> str:
    """RQ allows letters, digits, `_` and `-`; voucher numbers may be Chinese, hence hex."""
    safe = key if key.isascii() and key.isalnum() else key.encode().hex()
    return f"{stage}-{safe}"


_NOBODYS = Share()


def enqueue(client: redis.Redis, stage: Stage, key: str, share: Share = _NOBODYS) -> bool:
    """Put one piece of work in its queue; False when it is queued already, or the server
    does not take it: the clock will see to it, because the database knows.

    Work that is in hand right now is queued once more, under a name of its own: it may have
    looked before there was something new to do. A live lease makes a needless run return.

    `share` is the flow it belongs to, by which its turn comes.
    """
    name = job_id(stage, key)
    try:
        try:
            _push(client, stage, key, name, share)
        except DuplicateJobError:
            free = _freed(client, name)
            if free is None:
                return False
            _push(client, stage, key, free, share)
    except DuplicateJobError:  # another was faster
        return False
    except redis.RedisError as error:  # away, or it takes nothing: its disk is full, it is a copy
        log.warning("enqueue_postponed", stage=stage, id=key, error=type(error).__name__)
        return False
    return True


def _push(client: redis.Redis, stage: Stage, key: str, name: str, share: Share) -> None:
    """Queue it under this name. Raises `DuplicateJobError` where there is such a job."""
    queue = queue_of(stage, client)
    with client.pipeline(transaction=False) as rest:
        queue.enqueue_call(
            _FUNCTIONS[stage],
            args=(key,),
            job_id=name,
            unique=True,  # pushed at once, by one script; the pipeline takes what is beside it
            pipeline=rest,
            timeout=_JOB_SECONDS,
            failure_ttl=_KEEP_FAILURE_SECONDS,
        )
        queue.tag(name, share, rest)
        rest.execute()


def _freed(client: redis.Redis, name: str) -> str | None:
    """`name`, freed of a job that has failed; another one while its job is being worked on; None
    where it is queued."""
    try:
        job = Job.fetch(name, connection=client, serializer=JSONSerializer)
    except NoSuchJobError:
        return name
    status = job.get_status(refresh=False)
    if status == JobStatus.QUEUED:
        return None
    if status == JobStatus.STARTED:
        return f"{name}-{secrets.token_hex(4)}"
    job.delete(remove_from_queue=True)
    return name


def queued_keys(client: redis.Redis, stage: Stage) -> set[str]:
    """Job ids that lie in the queue right now."""
    return set(queue_of(stage, client).get_job_ids())
