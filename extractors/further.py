"""Models that Yanpiao trained further: a model of the package and what training changed in it.

The package's models are pinned to the byte, so that a change is the places of the weights in the
file and how far each of them moves: a whole number of steps from -127 to 127, every row of a tensor
with a step of its own. A quarter of the model's size, and nothing of the model itself.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]

#: The changes lie here, named by the size of the model and its part.
FOLDER = Path(__file__).with_name("learnt")
_MOST = 127


@dataclass(frozen=True)
class Change:
    """`base` is the SHA-256 of the model it belongs to. Of each changed tensor: the `places` of
    its first byte, how many `rows` of how many weights it has (`widths`). `steps` are those of all
    rows and `moves` those of all weights, one tensor behind the other."""

    base: str
    places: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    steps: Weights
    moves: npt.NDArray[np.int8]

    def applied(self, model: bytes) -> bytes:
        """The model (an ONNX file) as trained further. Raises `ValueError` for another model."""
        if hashlib.sha256(model).hexdigest() != self.base:
            raise ValueError("not the model that was trained further")
        changed = bytearray(model)
        row = weight = 0
        for place, rows, width in zip(self.places, self.rows, self.widths, strict=True):
            count = int(rows * width)
            weights = np.frombuffer(changed, "<f4", count, int(place)).reshape(rows, width)
            moves = self.moves[weight : weight + count].reshape(rows, width)
            weights += moves * self.steps[row : row + rows, None]
            row, weight = row + int(rows), weight + count
        return bytes(changed)

    def save(self, path: Path) -> None:
        """Write it where `load` reads it."""
        np.savez_compressed(
            path,
            base=np.frombuffer(bytes.fromhex(self.base), np.uint8),
            places=self.places,
            rows=self.rows,
            widths=self.widths,
            steps=self.steps,
            moves=self.moves,
        )

    @classmethod
    def load(cls, path: Path) -> Change:
        """Read what `save` wrote. Raises `OSError` and `ValueError`."""
        try:
            with np.load(path, allow_pickle=False) as kept:
                parts = {name: kept[name] for name in kept.files}
        except zipfile.BadZipFile as error:
            raise OSError(f"{path.name} is damaged") from error
        return cls(base=parts.pop("base").tobytes().hex(), **parts)


def in_steps(moved: Weights) -> tuple[Weights, npt.NDArray[np.int8]]:
    """How far weights moved (rows x width), as a step for each row and whole numbers of it."""
    steps = np.abs(moved).max(axis=1) / np.float32(_MOST)
    whole = np.rint(moved / np.maximum(steps, np.float32(1e-30))[:, None])
    return steps.astype(np.float32), whole.astype(np.int8)


def trained(name: str, model: bytes) -> bytes:
    """The model of this name as trained further. Raises `ValueError` where it is another model
    than was trained, `OSError` where the change is missing."""
    return Change.load(FOLDER / f"{name}.npz").applied(model)


def trainings() -> str:
    """Another text for other changes."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.npz")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
