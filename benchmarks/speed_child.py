"""One contestant of `benchmarks.speed`, in a process of its own: `-m benchmarks.speed_child ROLE`.

Takes paths on standard input. First says `{"start": ...}`: seconds from the process's beginning
to ready; then answers each path with seconds (of processor and by the clock), the words or
fields found, and at the end `{"peak": MiB}`. `rapidocr` runs by its file's path in the peers'
environment, so nothing of ours is imported before the role asks for it.
"""

from __future__ import annotations

import importlib
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


def _bare() -> Role:
    """PaddleOCR's own pipeline with PP-OCRv6 small, and how much of it its graphs took."""
    import cv2

    from extractors.models import model_folders

    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    graphs = _timed_graphs()
    folders = model_folders()
    text = folders.small
    pipeline = importlib.import_module("paddleocr").PaddleOCR(
        engine="onnxruntime",
        device="cpu",
        engine_config={"intra_op_num_threads": 1, "enable_cpu_mem_arena": False},
        text_detection_model_name=text.detection_name,
        text_detection_model_dir=str(text.detection),
        text_recognition_model_name=text.recognition_name,
        text_recognition_model_dir=str(text.recognition),
        text_recognition_batch_size=1,
        doc_orientation_classify_model_name="PP-LCNet_x1_0_doc_ori",
        doc_orientation_classify_model_dir=str(folders.orientation),
        use_doc_orientation_classify=True,
        use_doc_unwarping=False,
        use_textline_orientation=False,
    )

    def read(path: str) -> dict[str, Any]:
        graphs.clear()
        image = cv2.imread(path)
        answer = pipeline.predict(image)[0]
        height, width = answer["doc_preprocessor_res"]["output_img"].shape[:2]
        boxes = [[float(edge) for edge in box] for box in answer["rec_boxes"]]
        words = [
            [str(text), float(score), *box]
            for text, score, box in zip(
                answer["rec_texts"], answer["rec_scores"], boxes, strict=True
            )
        ]
        return {"words": words, "size": [width, height], "graphs": sum(graphs)}

    return read


def _timed_graphs() -> list[float]:
    """Seconds of processor that each run of a graph takes from now on."""
    session = importlib.import_module("onnxruntime").InferenceSession
    seconds: list[float] = []
    original = session.run

    def run(self: Any, *arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return original(self, *arguments, **named)
        finally:
            seconds.append(time.process_time() - began)

    session.run = run
    return seconds


def _rapidocr() -> Role:
    """RapidOCR with its own PP-OCRv6 small, one thread."""
    import cv2

    engine = importlib.import_module("rapidocr").RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.log_level": "critical",
        }
    )

    def read(path: str) -> dict[str, Any]:
        image = cv2.imread(path)
        answer = engine(image)
        words = []
        for text, score, corners in zip(
            answer.txts or (),
            answer.scores or (),
            () if answer.boxes is None else answer.boxes,
            strict=True,
        ):
            xs, ys = [float(x) for x, _ in corners], [float(y) for _, y in corners]
            words.append([str(text), float(score), min(xs), min(ys), max(xs), max(ys)])
        return {"words": words, "size": [image.shape[1], image.shape[0]]}

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


ROLES = {"ours": _ours, "bare": _bare, "rapidocr": _rapidocr, "files": _files}


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
