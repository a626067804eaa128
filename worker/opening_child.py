"""The process that takes one package or table apart: `python -m worker.opening_child WHAT REQUEST
CHANNEL FILE PARENT MEMORY` (`worker.opening`).

Each message on the channel begins with a letter: `j` for JSON, `c` for the bytes of the file that
the message before named. The last one says that it is the end, or which error it was.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, BinaryIO

from extractors.errors import YanpiaoError
from worker.confinement import Bounds, bound_processor, confine
from worker.living import die_with_parent
from worker.log import configure, logger
from worker.settings import Settings
from worker.unpacking import Limits, unpack

log = logger("opening_child")


def _told(error: YanpiaoError) -> dict[str, Any]:
    params = {name: str(value) for name, value in error.params.items()}
    return {"code": error.code, "params": params}


def _unpack(file: BinaryIO, request: dict[str, int]) -> Iterator[dict[str, Any] | bytes]:
    for entry in unpack(file, Limits(**request)):
        yield {"name": entry.name, "error": _told(entry.error) if entry.error else None}
        if entry.error is None:
            yield entry.content


def _vouchers(file: BinaryIO, _request: dict[str, int]) -> Iterator[dict[str, Any] | bytes]:
    # Here, because who unpacks a ZIP has no use for their weight.
    from archive.voucher_rows import gather
    from archive.voucher_sheets import open_rows

    origin, rows = open_rows(file.read())
    found = gather(rows)
    yield {
        "origin": origin,
        "vouchers": [each.model_dump(mode="json") for each in found.vouchers],
        "faults": [each.model_dump(mode="json") for each in found.faults],
    }


_WORK = {"unpack": _unpack, "vouchers": _vouchers}


def main() -> None:
    what, request = sys.argv[1], json.loads(sys.argv[2])
    channel_handle, file_handle, parent, memory = map(int, sys.argv[3:7])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    settings = Settings(_env_file=None)
    configure(settings.log_level, settings.log_format)
    missing = confine(Bounds(memory=memory))
    die_with_parent(parent)
    bound_processor(settings.reader_seconds)
    channel: Connection[Any, Any] = Connection(channel_handle)

    def say(said: dict[str, Any]) -> None:
        channel.send_bytes(b"j" + json.dumps(said).encode())

    if missing:
        say({"missing": missing})
    try:
        with os.fdopen(file_handle, "rb") as file:
            for said in _WORK[what](file, request):
                if isinstance(said, bytes):
                    channel.send_bytes(b"c" + said)
                else:
                    say(said)
    except YanpiaoError as error:
        say(_told(error))
    except (MemoryError, RecursionError) as error:
        say({"code": "opening_failed", "params": {"detail": type(error).__name__}})
    except OSError as error:
        log.info("nobody_listens", error=type(error).__name__)
    else:
        say({"end": True})


if __name__ == "__main__":
    main()
