"""What training changed is applied to the model that it belongs to, and to no other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from extractors.further import FOLDER, Change, in_steps, trained, trainings
from extractors.models import model_folders


def _model() -> tuple[bytes, np.ndarray, np.ndarray]:
    """A file with two tensors in it, and their values."""
    draw = np.random.default_rng(1)
    first = draw.normal(size=(3, 4)).astype("<f4")
    second = draw.normal(size=(1, 5)).astype("<f4")
    return b"head" + first.tobytes() + b"between" + second.tobytes() + b"end", first, second


def _change(content: bytes, *moved: np.ndarray) -> Change:
    steps, moves = zip(*(in_steps(each) for each in moved), strict=True)
    return Change(
        base=hashlib.sha256(content).hexdigest(),
        places=np.array([4, 4 + 48 + 7]),
        rows=np.array([3, 1]),
        widths=np.array([4, 5]),
        steps=np.concatenate(steps),
        moves=np.concatenate([each.ravel() for each in moves]),
    )


def test_weights_move_and_nothing_else_does(tmp_path: Path) -> None:
    content, first, second = _model()
    up = np.full((3, 4), 0.5, np.float32) * np.array([[1], [0], [-2]], np.float32)
    down = np.array([[0.0, -1.0, 0.25, 1.0, 0.5]], np.float32)
    _change(content, up, down).save(tmp_path / "some.npz")

    changed = Change.load(tmp_path / "some.npz").applied(content)

    assert len(changed) == len(content)
    assert (changed[:4], changed[52:59], changed[79:]) == (b"head", b"between", b"end")
    got = np.frombuffer(changed, "<f4", 12, 4).reshape(3, 4)
    assert got == pytest.approx(first + up, abs=1e-6)
    got = np.frombuffer(changed, "<f4", 5, 59).reshape(1, 5)
    assert got == pytest.approx(second + down, abs=1 / 127)


def test_another_model_is_not_changed() -> None:
    content, first, second = _model()
    change = _change(content, np.zeros_like(first), np.zeros_like(second))
    assert change.applied(content) == content
    with pytest.raises(ValueError, match="not the model"):
        change.applied(content + b"!")


def test_a_damaged_change_is_told(tmp_path: Path) -> None:
    (tmp_path / "some.npz").write_bytes((FOLDER / "small-rec.npz").read_bytes()[:1000])
    with pytest.raises(OSError, match="damaged"):
        Change.load(tmp_path / "some.npz")


def test_a_row_that_stays_has_no_step() -> None:
    steps, moves = in_steps(np.array([[0.0, 0.0], [1.0, -0.5]], np.float32))
    assert steps.tolist() == [0.0, pytest.approx(1 / 127)]
    assert moves.tolist() == [[0, 0], [127, -64]]


def test_the_package_holds_the_models_that_were_trained(tmp_path: Path) -> None:
    """Else pages would be read as before, and nobody would be told."""
    folders = model_folders(cache=tmp_path)
    assert folders.finds_further
    pairs = (
        ("small-rec", folders.small.recognition, folders.trained.recognition),
        ("small-det", folders.small.detection, folders.trained.detection),
        ("tiny-rec", folders.tiny.recognition, folders.cheap.recognition),
    )
    for name, base, own in pairs:
        before, after = ((each / "inference.onnx").read_bytes() for each in (base, own))
        assert after == trained(name, before) != before
        assert (own / "inference.yml").read_text() == (base / "inference.yml").read_text()


def test_other_models_serve_as_they_are(tmp_path: Path) -> None:
    """Models that were fetched otherwise are not those that were trained."""
    source = model_folders().small.detection.joinpath("inference.onnx").resolve().parents[3]
    root = tmp_path / "models"
    for path in source.rglob("*"):
        if path.suffix in (".onnx", ".yml"):
            place = root / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes() + (b"" if path.suffix == ".yml" else b"!"))
    folders = model_folders(root=root, cache=tmp_path / "cache")
    assert folders.trained == folders.small
    assert folders.cheap == folders.tiny
    assert not folders.finds_further


def test_other_trainings_make_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = trainings()
    for path in FOLDER.glob("*.npz"):
        (tmp_path / path.name).write_bytes(path.read_bytes() + b" ")
    monkeypatch.setattr("extractors.further.FOLDER", tmp_path)
    assert trainings() != before
