"""The process that fuzzed files are read in: `-m benchmarks.fuzzing.child HANDLE PARENT MEMORY`.

It does what the product's reading process does with a file, up to the JSON that leaves it, confined
as that is (`worker.confinement`), and answers with the outcome and what it cost. Recognition is
played by `ScriptedRecogniser`: pictures take the whole road except the seconds of the engine.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import hashlib
import json
import logging
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from extractors.errors import YanpiaoError
from extractors.images import shrink
from extractors.model import Box
from extractors.reader import Reader
from extractors.recogniser import Image, RecognisedPage
from extractors.report import to_json
from extractors.seal import title_without_seal
from extractors.straighten import straighten
from extractors.words import PageWords, Word
from worker.confinement import Bounds, confine

_PR_SET_PDEATHSIG = 1
_SCRAPS = (
    "增值税专用发票", "电子发票（普通发票）", "铁路电子客票", "航空运输电子客票行程单",
    "出租汽车", "名称：", "纳税人识别号", "合计", "价税合计（大写）", "（小写）", "壹佰元整",
    "零零零", "￥100.00", "¥-0.00", "￥1.2.3", "¥99999999999999999999.99", "NaN", "Infinity",
    "1E+999", "13%", "免税", "***", "No", "N012345678", "012345678901", "4400231130",
    "24442000000012345678", "91330100MA2CE71F65", "校验码", "0" * 20, "2026年02月30日",
    "2026年13月45日", "0000-00-00", "9999-12-31", "99:99", "开票日期：2026年01月01日",
    "货物或应税劳务、服务名称", "项目名称", "规格型号", "数量", "单价", "金额", "税率", "税额",
    "备注", "（", "）", "：", "*", "*服务*费", "\u200b", "\u0000", "𠀀", "٣٤٥", "①②", "发票号码:",
    "发票代码:", "销货清单", "详见销货清单", "小计", "CNY", "票价", "燃油附加费", "元",
    "共1页 第1页", "检票", "D1234",
)  # fmt: skip


class ScriptedRecogniser:
    """Stands for the engine: words drawn by the picture's own bytes, sensible and senseless.

    The picture is cut out and levelled as for the real engine, since that code meets it first.
    """

    def recognise_region(self, image: Image, boxes: Iterable[Box]) -> tuple[Word, ...]:
        """What a closer look sees in the first places: senseless too."""
        draw = random.Random(image.size)
        return tuple(
            _word(draw, box.page).model_copy(update={"box": box}) for box in list(boxes)[:5]
        )

    def recognise(self, image: Image, page: int) -> RecognisedPage:
        flat = straighten(shrink(image))
        title_without_seal(flat)
        digest = hashlib.blake2b(np.ascontiguousarray(flat).tobytes()).digest()
        draw = random.Random(digest)
        words = tuple(_word(draw, page) for _ in range(draw.choice((0, 1, 5, 40, 40, 120, 400))))
        height, width = flat.shape[:2]
        return RecognisedPage(
            words=PageWords(page=page, width=width, height=height, words=words),
            rotation=draw.choice((0, 0, 90, 180, 270)),
            image=flat,
        )


def _word(draw: random.Random, page: int) -> Word:
    """One scrap, whole or damaged, anywhere; rows line up often enough for tables to form."""
    text = "".join(draw.choice(_SCRAPS) for _ in range(draw.choice((1, 1, 1, 2, 3))))
    if draw.random() < 0.2:
        place = draw.randrange(len(text))
        text = (
            text[:place] + chr(draw.choice((draw.randint(33, 126), 0x58F9, 0x3007))) + text[place:]
        )
    x = draw.random()
    y = draw.randrange(40) / 40 if draw.random() < 0.8 else draw.random()
    width = draw.choice((0.0, 0.01, 0.1, 0.2, 0.9))
    height = draw.choice((0.0, 0.015, 0.015, 0.02, 0.5))
    box = Box(page=page, x0=x, y0=y, x1=x + width, y1=y + height)
    return Word(text=text, box=box, confidence=round(draw.uniform(0.3, 1.0), 3))


class BlindRecogniser(ScriptedRecogniser):
    """Sees nothing on any picture (with the argument `blind`): how one ends is then no chance."""

    def recognise(self, image: Image, page: int) -> RecognisedPage:
        seen = super().recognise(image, page)
        return dataclasses.replace(seen, words=seen.words.model_copy(update={"words": ()}))


#: What reading a file asked of the machine beyond its own memory, refused or not.
_reached_out: set[str] = set()


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of every connection, program and file; reading an installed module is none."""
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "ftplib.")):
        _reached_out.add(event)
    elif event == "open":
        path, mode = str(arguments[0]), str(arguments[1] or "")
        if set(mode) & set("wax+") or path.startswith("/etc/passwd"):
            _reached_out.add(f"open {path}")


def examined(reader: Reader, data: bytes) -> dict[str, Any]:
    """Read `data` and say how it ended: `outcome` is result, error, memory or crash."""
    try:
        invoices = reader.read_all(data)
        for invoice in invoices:
            json.dumps(to_json(invoice, "fuzz", 0.0, language="zh"))
            invoice.model_dump_json()
    except YanpiaoError as error:
        return {"outcome": "error", "detail": error.code, "said": error.message("zh")[:200]}
    except MemoryError:
        return {"outcome": "memory", "detail": "address space"}
    except Exception as error:  # noqa: BLE001 - finding these is what the run is for
        return {"outcome": "crash", "detail": _where(error), "said": str(error)[:300]}
    return {
        "outcome": "result",
        "detail": "flagged" if any(each.findings for each in invoices) else "clean",
    }


def _where(error: Exception) -> str:
    """The kind of the error and the last of our own lines that it passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/extractors/" in frame.filename] or frames
    last = ours[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} {last.name}"


def _peak() -> int:
    """The peak of resident memory in bytes since the parent had it forgotten."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        status = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
        line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    handle, parent, memory = (int(argument) for argument in sys.argv[1:4])
    confine(Bounds(memory))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)
    logging.disable(logging.CRITICAL)
    sys.addaudithook(_watch)
    reader = Reader(recogniser=BlindRecogniser() if "blind" in sys.argv else ScriptedRecogniser())
    channel: Connection[Any, Any] = Connection(handle)
    channel.send_bytes(b"ready")
    with contextlib.suppress(EOFError, OSError):
        while True:
            data = channel.recv_bytes()
            _reached_out.clear()
            began = time.process_time()
            answer = examined(reader, data)
            reached_out = sorted(_reached_out)
            answer |= {"seconds": time.process_time() - began, "peak": _peak()}
            answer["reached_out"] = reached_out
            channel.send_bytes(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
