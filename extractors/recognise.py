"""PaddleOCR on ONNX Runtime: a page picture becomes words.

The engine is imported and loaded on first use (it takes seconds) and kept; one instance
serves one thread. Every stage gets its model from a local folder, since a stage without one
asks a model hub over the network.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from extractors.errors import EngineMissing
from extractors.images import Pixels, shrink
from extractors.kinds import kind_from_name
from extractors.model import Box, Kind
from extractors.models import ModelFolders, TextModels, model_folders
from extractors.recogniser import RecognisedPage
from extractors.seal import Strip, title_without_seal
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
        return self._with_title(_page_of(answer, page))

    def _with_title(self, page: RecognisedPage) -> RecognisedPage:
        """The page with what a second look under the title's seal adds. Only where the first
        look found no title: the look takes a good second."""
        if _has_title(page.words):
            return page
        strip = title_without_seal(page.image)
        if strip is None:
            return page
        answer = self._engine.predict(strip.pixels, use_doc_orientation_classify=False)[0]
        found = [_on_page(word, strip) for word in _words(answer, strip.pixels, page.words.page)]
        added = [word for word in found if not _is_covered(word, page.words.words)]
        words = (*_not_replaced(page.words.words, added), *added)
        return replace(page, words=page.words.model_copy(update={"words": words}))


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
    return RecognisedPage(
        words=PageWords(page=page, width=width, height=height, words=_words(answer, upright, page)),
        rotation=turned,
        image=upright,
    )


def _words(answer: Mapping[str, Any], picture: Pixels, page: int) -> tuple[Word, ...]:
    height, width = picture.shape[:2]
    return tuple(
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


def _has_title(words: PageWords) -> bool:
    """Does the head of the page name a kind of invoice?"""
    head = [word.text for word in words.words if word.box.y1 < 0.3]
    return any(kind_from_name(text) is not Kind.UNKNOWN for text in (*head, "".join(head)))


def _on_page(word: Word, strip: Strip) -> Word:
    """A word of the strip, its box on the page."""
    across, down = strip.x1 - strip.x0, strip.y1 - strip.y0
    box = Box(
        page=word.box.page,
        x0=strip.x0 + word.box.x0 * across,
        y0=strip.y0 + word.box.y0 * down,
        x1=strip.x0 + word.box.x1 * across,
        y1=strip.y0 + word.box.y1 * down,
    )
    return word.model_copy(update={"box": box})


def _is_covered(word: Word, others: Sequence[Word]) -> bool:
    """Was the word seen before? A title is worth more than the pieces seen of it."""
    if kind_from_name(word.text) is not Kind.UNKNOWN:
        return False
    return any(_shared(word.box, other.box) > 0.2 for other in others)


def _not_replaced(words: Sequence[Word], added: Sequence[Word]) -> list[Word]:
    return [word for word in words if not any(_shared(word.box, new.box) > 0.5 for new in added)]


def _shared(one: Box, two: Box) -> float:
    """The common area as a share of the first box's area."""
    across = min(one.x1, two.x1) - max(one.x0, two.x0)
    down = min(one.y1, two.y1) - max(one.y0, two.y0)
    area = (one.x1 - one.x0) * (one.y1 - one.y0)
    return max(across, 0.0) * max(down, 0.0) / area if area > 0 else 0.0


def _box(edges: Any, width: int, height: int, page: int) -> Box:
    left, top, right, bottom = (float(edge) for edge in edges)
    return Box(
        page=page,
        x0=min(left, right) / width,
        y0=min(top, bottom) / height,
        x1=max(left, right) / width,
        y1=max(top, bottom) / height,
    )
