"""One engine in a process of its own: `python recognition_child.py ENGINE PICTURE...`.

Prints one JSON object: seconds from the start to the first page, processor seconds of every
page, peak MiB, and what was read. The file imports nothing of this project before it knows the
engine, so that a Python with rapidocr alone can run it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

BEGAN = time.perf_counter()
#: A page's answer: its words as [text, score, left, top, right, bottom] (fractions), its height
#: against its width, and the processor seconds that it took when the engine timed itself.
Page = dict[str, Any]


def main() -> None:
    """Read every picture with the named engine."""
    read = {"ours": ours, "bare": bare, "graphs": graphs, "rapid": rapid}[sys.argv[1]]()
    first, spent, answers = 0.0, [], []
    for path in sys.argv[2:]:
        began = time.process_time()
        answer = read(path)
        spent.append(answer.pop("seconds", time.process_time() - began))
        first = first or time.perf_counter() - BEGAN
        answers.append(answer)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    json.dump({"first": first, "seconds": spent, "peak": peak, "pages": answers}, sys.stdout)


def ours() -> Callable[[str], Page]:
    """The product's recogniser, with everything it does to a picture."""
    from extractors.recognise import PaddleRecogniser

    engine = PaddleRecogniser(threads=1)
    engine.load()

    def read(path: str) -> Page:
        page = engine.recognise(_picture(path), 0).words
        words = [
            [word.text, word.confidence, word.box.x0, word.box.y0, word.box.x1, word.box.y1]
            for word in page.words
        ]
        return {"words": words, "tall": page.height / page.width}

    return read


def bare() -> Callable[[str], Page]:
    """PaddleOCR's whole pipeline, its small models, as its manual starts it."""
    pipeline = _pipeline()

    def read(path: str) -> Page:
        answer = pipeline.predict(_picture(path))[0]
        height, width = answer["doc_preprocessor_res"]["output_img"].shape[:2]
        words = [
            [text, float(score), *(float(edge) / (width, height)[place % 2]
                                   for place, edge in enumerate(box))]
            for text, score, box in zip(
                answer["rec_texts"], answer["rec_scores"], answer["rec_boxes"], strict=True
            )
        ]  # fmt: skip
        return {"words": words, "tall": height / width}

    return read


def graphs() -> Callable[[str], Page]:
    """Only the graphs of the bare pipeline: the time inside ONNX Runtime, on its own tensors."""
    import onnxruntime

    inside = [0.0]
    run = onnxruntime.InferenceSession.run

    def timed(session: Any, *arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return run(session, *arguments, **named)
        finally:
            inside[0] += time.process_time() - began

    onnxruntime.InferenceSession.run = timed
    pipeline = _pipeline()

    def read(path: str) -> Page:
        inside[0] = 0.0
        pipeline.predict(_picture(path))
        return {"seconds": inside[0]}

    return read


def rapid() -> Callable[[str], Page]:
    """rapidocr as it comes, on one thread."""
    import importlib

    import cv2

    engine: Any = importlib.import_module("rapidocr").RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def read(path: str) -> Page:
        image = cv2.imread(path)
        height, width = image.shape[:2]
        answer = engine(image)
        words = []
        for text, score, corners in zip(
            answer.txts or (),
            answer.scores or (),
            () if answer.boxes is None else answer.boxes,
            strict=True,
        ):
            xs, ys = ([float(corner[place]) for corner in corners] for place in (0, 1))
            edges = (min(xs) / width, min(ys) / height, max(xs) / width, max(ys) / height)
            words.append([str(text), float(score), *edges])
        return {"words": words, "tall": height / width}

    return read


def _pipeline() -> Any:
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    import logging

    import paddleocr

    from extractors.models import model_folders

    logging.getLogger("paddlex").setLevel(logging.WARNING)
    folders = model_folders()
    return paddleocr.PaddleOCR(
        engine="onnxruntime",
        device="cpu",
        engine_config={"intra_op_num_threads": 1},
        text_detection_model_name=folders.small.detection_name,
        text_detection_model_dir=str(folders.small.detection),
        text_recognition_model_name=folders.small.recognition_name,
        text_recognition_model_dir=str(folders.small.recognition),
        doc_orientation_classify_model_name="PP-LCNet_x1_0_doc_ori",
        doc_orientation_classify_model_dir=str(folders.orientation),
        use_doc_orientation_classify=True,
        use_doc_unwarping=False,
        use_textline_orientation=False,
    )


def _picture(path: str) -> Any:
    from pathlib import Path

    from extractors.images import load_image
    from extractors.limits import Limits

    return load_image(Path(path).read_bytes(), Limits())


if __name__ == "__main__":
    main()
