"""The reader in a process of its own: `-m benchmarks.speed_child ROLE`, paths on standard input.

First says `{"start": ...}`: seconds from the process's beginning to ready; then answers each
path with seconds (of processor and by the clock) and the invoice, and at the end
`{"peak": MiB}`. `ours` has its engine loaded, `files` has none, for electronic files.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

_BEGAN = time.perf_counter()
Role = Callable[[str], dict[str, Any]]


def _ours() -> Role:
    """The whole reader: decode, QR codes, levelling, recognition, geometry, checks."""
    from benchmarks.reading_work import Watched
    from extractors.errors import YanpiaoError
    from extractors.reader import Reader
    from extractors.recognise import PaddleRecogniser

    engine = PaddleRecogniser(threads=1)
    engine.load()
    watched = Watched(engine)
    reader = Reader(recogniser=watched)

    def read(path: str) -> dict[str, Any]:
        watched.pages.clear()
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - as bare as the others
                invoice = reader.read_bytes(file.read())
        except YanpiaoError as error:
            return {"error": error.code}
        return {"invoice": invoice.model_dump_json()}

    return read


def _files() -> Role:
    """The reader without an engine, for electronic files."""
    from extractors.reader import Reader

    reader = Reader()

    def read(path: str) -> dict[str, Any]:
        with open(path, "rb") as file:  # noqa: PTH123 - as bare as the others
            data = file.read()
        reader.read_bytes(data)
        return {}

    return read


ROLES = {"ours": _ours, "files": _files}


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # engines greet on standard output
    role = ROLES[sys.argv[1]]()
    print(json.dumps({"start": time.perf_counter() - _BEGAN}), file=out, flush=True)
    for line in sys.stdin:
        wall, began = time.perf_counter(), time.process_time()
        answer = role(line.strip())
        answer["seconds"] = time.process_time() - began
        answer["wall"] = time.perf_counter() - wall
        print(json.dumps(answer), file=out, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"peak": peak}), file=out, flush=True)


if __name__ == "__main__":
    main()
