"""PaddleOCR's models run by ONNX Runtime directly: orientation and reading of lines.

What a model wants of a picture is in the settings beside it; the pipelines around PaddleOCR's
own modules would ask for seconds of imports, and for a third more of each narrow line.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import yaml

from extractors.images import Pixels

Tensor = npt.NDArray[np.float32]

#: Lines are read at this height, and at these widths. Trained were at least 320, which doubles
#: what narrow lines cost and reads them no better.
_TALL, _LEAST_WIDE, _MOST_WIDE = 48, 160, 3200
#: Channel means and deviations of the pictures that these models were trained on, 0..255.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32) * 255
_SHORT_SIDE, _WINDOW = 256, 224


class Graph:
    """One model, one tensor in and one out."""

    def __init__(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Every page and line has its own shape: memory that is kept for the next would only grow.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(
            str(folder / "inference.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._given = self._session.get_inputs()[0].name

    def run(self, tensor: Tensor) -> Tensor:
        """The answer to a tensor of one picture (1 x channels x height x width)."""
        return np.asarray(self._session.run(None, {self._given: tensor})[0], dtype=np.float32)


class Orientation:
    """Says which way up a page lies."""

    #: What the model's answers mean, in order.
    LABELS = ("0", "90", "180", "270")

    def __init__(self, folder: Path, threads: int) -> None:
        self._graph = Graph(folder, threads)

    def of(self, picture: Pixels) -> str:
        """The page's turn in degrees, one of `LABELS`."""
        height, width = picture.shape[:2]
        scale = _SHORT_SIDE / min(height, width)
        small = cv2.resize(picture, (round(width * scale), round(height * scale)))
        top, left = (small.shape[0] - _WINDOW) // 2, (small.shape[1] - _WINDOW) // 2
        window = small[top : top + _WINDOW, left : left + _WINDOW, ::-1]
        return self.LABELS[
            int(self._graph.run(normalised(np.asarray(window, dtype=np.uint8)))[0].argmax())
        ]


def normalised(picture: Pixels) -> Tensor:
    """The tensor of a picture, its channels in the order that the model was trained on."""
    level = (picture - _MEAN) / _SPREAD
    return np.ascontiguousarray(level.transpose(2, 0, 1)[None], dtype=np.float32)


class LineModel:
    """Reads the picture of one line."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._graph = Graph(folder, threads)
        # The first answer of each place means that nothing new was seen there.
        self._characters = ("", *_characters(folder / "inference.yml"), " ")

    def read(self, line: Pixels) -> tuple[str, float]:
        """What the line (BGR) says, and the mean certainty over its characters; ("", 0.0) where
        nothing was seen."""
        answers = self._graph.run(tensor_of(line))[0]
        best = answers.argmax(axis=1)
        # A character that goes on over several places was seen once.
        seen = np.flatnonzero((best > 0) & np.append(True, best[1:] != best[:-1]))
        if not len(seen):
            return "", 0.0
        text = "".join([self._characters[index] for index in best[seen]])
        return text, float(answers[seen, best[seen]].mean())


def tensor_of(line: Pixels) -> Tensor:
    """A line at the model's height in its own proportions, filled up with middle grey on the
    right: what training did with lines of different widths."""
    height, width = line.shape[:2]
    own = min(_MOST_WIDE, max(1, math.ceil(width * _TALL / height)))
    tensor = np.zeros((1, 3, _TALL, max(_LEAST_WIDE, own)), np.float32)
    sized = cv2.resize(line, (own, _TALL)).transpose(2, 0, 1)
    tensor[0, :, :, :own] = sized / np.float32(127.5) - 1
    return tensor


def _characters(settings: Path) -> list[str]:
    # The loader in C, where there is one, is six times as fast.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(settings.read_text(encoding="utf-8"), loader)  # noqa: S506 - a safe one
    return [str(character) for character in content["PostProcess"]["character_dict"]]
