"""PaddleOCR on ONNX Runtime: a page picture becomes words.

The engine is imported and loaded on first use (it takes seconds) and kept; one instance
serves one thread. Every stage gets its model from a local folder, since a stage without one
asks a model hub over the network.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from extractors.errors import EngineMissing
from extractors.images import Pixels, shrink
from extractors.model import Box
from extractors.models import ModelFolders, TextModels, model_folders
from extractors.recogniser import RecognisedPage
from extractors.straighten import straighten
from extractors.words import PageWords, Word

#: Runs that the engine itself holds for noise.
LEAST_SCORE = 0.3


class PaddleRecogniser:
    """The `Recogniser` of production. `threads` is per instance: a pool of one-thread processes
    has more throughput than one process with many. `size` is `small` (best) or `tiny` (fast)."""

    def __init__(
        self, threads: int = 1, size: str = "small", folders: ModelFolders | None = None
    ) -> None:
        if threads < 1:
            raise ValueError("threads must be at least 1")
        if size not in ("small", "tiny"):
            raise ValueError(f"size must be small or tiny, not {size!r}")
        self._threads = threads
        self._size = size
        self._folders = folders
        self._engine: Any = None

    def load(self) -> None:
        """Import the engine and load the models now. Raises `EngineMissing`."""
        if self._engine is None:
            folders = self._folders or model_folders()
            text = folders.small if self._size == "small" else folders.tiny
            self._engine = _start_engine(text, folders, self._threads)

    def recognise(self, image: Pixels, page: int) -> RecognisedPage:
        """Read one page picture (BGR uint8). The page is first cut out and levelled; boxes are
        fractions of the returned upright picture. `rotation` is the clockwise turn applied.
        Raises `EngineMissing`."""
        self.load()
        flat = straighten(shrink(image))
        answer = self._engine.predict(flat)[0]
        return _page_of(answer, page)


def _start_engine(text: TextModels, folders: ModelFolders, threads: int) -> Any:
    # Read at import: without it the engine looks for model hubs on the network.
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    try:
        engine = importlib.import_module("paddleocr")
    except ImportError as error:
        raise EngineMissing(detail=str(error)) from error
    # The engine greets every model in colour on the user's terminal; faults still come through.
    logging.getLogger("paddlex").setLevel(logging.WARNING)
    try:
        return engine.PaddleOCR(
            engine="onnxruntime",
            device="cpu",
            engine_config={"intra_op_num_threads": threads, "enable_cpu_mem_arena": False},
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
    except (RuntimeError, OSError, ValueError, AssertionError) as error:
        raise EngineMissing(detail=str(error)) from error


def _page_of(answer: Mapping[str, Any], page: int) -> RecognisedPage:
    prepared = answer["doc_preprocessor_res"]
    # The engine names the turn counter-clockwise, and -1 when it did not look.
    turned = (360 - max(int(prepared["angle"]), 0)) % 360
    upright = cast("Pixels", np.ascontiguousarray(prepared["output_img"]))
    height, width = upright.shape[:2]
    words = tuple(
        Word(
            text=str(line).strip(),
            box=_box(edges, width, height, page),
            confidence=min(1.0, max(0.0, float(score))),
        )
        for line, score, edges in zip(
            answer["rec_texts"], answer["rec_scores"], answer["rec_boxes"], strict=True
        )
        if str(line).strip() and float(score) >= LEAST_SCORE
    )
    return RecognisedPage(
        words=PageWords(page=page, width=width, height=height, words=words),
        rotation=turned,
        image=upright,
    )


def _box(edges: Any, width: int, height: int, page: int) -> Box:
    left, top, right, bottom = (float(edge) for edge in edges)
    return Box(
        page=page,
        x0=min(left, right) / width,
        y0=min(top, bottom) / height,
        x1=max(left, right) / width,
        y1=max(top, bottom) / height,
    )
