"""PaddleOCR's modules, loaded from local folders: detection, recognition, orientation.

The modules and not the whole pipeline, so that each stage can be as cheap as its task allows.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from extractors.errors import EngineMissing
from extractors.models import ModelFolders, TextModels

#: `mallopt` of the GNU C library: what it takes from the system piece by piece, and from how
#: much free memory at its end on it gives some back. Detection frees some 200 MB at once.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 256 << 20


@dataclass(frozen=True)
class Modules:
    """What one engine needs. `dear` is None when doubtful lines are not read again."""

    orientation: Any
    detection: Any
    cheap: Any
    dear: Any | None


def load_modules(folders: ModelFolders, threads: int, *, twice: bool) -> Modules:
    """Import PaddleOCR (seconds) and load the models. Raises `EngineMissing`."""
    # Read at import: without the first the engine looks for model hubs on the network, without
    # the second it makes a folder in the user's home.
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    os.environ["PADDLE_PDX_CACHE_HOME"] = str(folders.engine)
    # ONNX Runtime would tell its maker what it runs on. Reading has no network, but not every
    # machine lets it shut itself in.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        package = importlib.import_module("paddleocr")
    except ImportError as error:
        raise EngineMissing(detail=str(error)) from error
    # The engine greets every model in colour on the user's terminal; faults still come through.
    logging.getLogger("paddlex").setLevel(logging.WARNING)
    how = _how(threads)
    _keep_freed_memory()
    try:
        return Modules(
            orientation=package.DocImgOrientationClassification(
                model_name="PP-LCNet_x1_0_doc_ori", model_dir=str(folders.orientation), **how
            ),
            detection=package.TextDetection(
                model_name=folders.cheap.detection_name,
                model_dir=str(folders.cheap.detection),
                **how,
            ),
            cheap=_reader(package, folders.cheap, how),
            dear=_reader(package, folders.trained, how) if twice else None,
        )
    except (RuntimeError, OSError, ValueError, AssertionError) as error:
        raise EngineMissing(detail=str(error)) from error


def load_best_detection(folders: ModelFolders, threads: int) -> Any:
    """The dearer detection module, which only poor pages need. Raises `EngineMissing`."""
    package, text = importlib.import_module("paddleocr"), folders.trained
    try:
        return package.TextDetection(
            model_name=text.detection_name, model_dir=str(text.detection), **_how(threads)
        )
    except (RuntimeError, OSError, ValueError, AssertionError) as error:
        raise EngineMissing(detail=str(error)) from error


def alphabet(recognition: Any) -> Sequence[str]:
    """Which character each class of a recognition module stands for; the first is the blank."""
    characters: Sequence[str] = recognition.paddlex_predictor.post_op.character
    return characters


@contextlib.contextmanager
def overheard(recognition: Any, ear: Callable[[Any], None]) -> Iterator[None]:
    """While this lasts, `ear` is told line by line what a recognition module weighs (columns x
    classes, shares of 1) before it decides what to answer."""
    predictor = recognition.paddlex_predictor
    decide = predictor.post_op

    def listening(weights: Any, **how: Any) -> Any:
        for line in weights[0]:
            ear(line)
        return decide(weights, **how)

    predictor.post_op = listening
    try:
        yield
    finally:
        predictor.post_op = decide


def _keep_freed_memory() -> None:
    """Let the allocator keep what one run of a graph frees for the next, which wants as much.
    Else it returns it to the system and gets it back page by page: a tenth of a page's time, and
    a third of detection's. Elsewhere than on the GNU C library nothing happens."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _KEPT)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def _reader(package: Any, text: TextModels, how: dict[str, Any]) -> Any:
    return package.TextRecognition(
        model_name=text.recognition_name, model_dir=str(text.recognition), **how
    )


def _how(threads: int) -> dict[str, Any]:
    # Every page and line has its own shape: memory that is kept for the next would only grow.
    settings = {
        "intra_op_num_threads": threads,
        "enable_cpu_mem_arena": False,
        "enable_mem_pattern": False,
    }
    return {"engine": "onnxruntime", "device": "cpu", "engine_config": settings}
