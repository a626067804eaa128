"""Several documents on one picture: found where plain, and never one cut in two."""

from __future__ import annotations

import datetime as dt
import io

import numpy as np
import pytest
from PIL import Image

from extractors.errors import DamagedFile, TooManyPixels
from extractors.images import load_frames
from extractors.limits import Limits
from extractors.model import Box
from extractors.split import cut_out, split_documents
from fixtures.maker import draw_truth
from fixtures.maker.collage import make_collage
from fixtures.maker.grades import Grade, graded_pixels

TODAY = dt.date(2026, 11, 22)
WHOLE = Box(page=0, x0=0.0, y0=0.0, x1=1.0, y1=1.0)


@pytest.mark.parametrize("pasted", [True, False])
@pytest.mark.parametrize(
    "names", [("train_ticket",) * 4, ("digital_normal", "vat_electronic_normal")]
)
def test_documents_on_one_sheet_are_found(names: tuple[str, ...], pasted: bool) -> None:
    truths = [draw_truth(name, 7200 + i, today=TODAY) for i, name in enumerate(names)]
    sheet = make_collage(truths, 7200, pasted=pasted)
    found = split_documents(sheet.pixels)
    assert len(found) == len(sheet.boxes) == len(names)
    for box, true in zip(found, sheet.boxes, strict=True):
        for side in ("x0", "y0", "x1", "y1"):
            assert getattr(box, side) == pytest.approx(getattr(true, side), abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train_ticket", "vat_normal", "taxi"])
@pytest.mark.parametrize("grade", [Grade.FLAT, Grade.WORN, Grade.HURRIED])
def test_one_document_is_never_cut(name: str, grade: Grade) -> None:
    picture = graded_pixels(draw_truth(name, 7210, today=TODAY), grade, 7210)
    assert split_documents(picture) == [WHOLE]


def test_halves_of_a_wide_ticket_are_no_documents() -> None:
    """A rail e-ticket once fell in two at the white band across its middle."""
    picture = graded_pixels(draw_truth("digital_rail", 7001, today=TODAY), Grade.NOISY, 7001)
    assert split_documents(picture) == [WHOLE]


def test_blank_and_tiny_pictures_are_one_document() -> None:
    assert split_documents(np.full((900, 600, 3), 255, np.uint8)) == [WHOLE]
    assert split_documents(np.zeros((8, 8, 3), np.uint8)) == [WHOLE]


def test_a_part_is_cut_out_by_its_box() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[50:, 100:] = 9
    part = cut_out(picture, Box(page=0, x0=0.5, y0=0.5, x1=1.0, y1=1.0))
    assert part.shape == (50, 100, 3)
    assert (part == 9).all()


class TestFrames:
    def tiff(self, *sizes: tuple[int, int]) -> bytes:
        pages = [Image.new("L", size, 255 - 10 * i) for i, size in enumerate(sizes)]
        out = io.BytesIO()
        pages[0].save(out, format="TIFF", save_all=True, append_images=pages[1:])
        return out.getvalue()

    def test_every_frame_of_a_tiff(self) -> None:
        frames = load_frames(self.tiff((30, 20), (40, 20), (50, 20)), Limits())
        assert [frame.shape for frame in frames] == [(20, 30, 3), (20, 40, 3), (20, 50, 3)]
        assert int(frames[2][0, 0, 0]) == 235

    def test_frames_are_bounded(self) -> None:
        data = self.tiff(*[(30, 20)] * 6)
        assert len(load_frames(data, Limits(max_recognised_pages=4))) == 4
        assert len(load_frames(data, Limits(max_pixels=900))) == 3

    def test_a_frame_over_the_limit_ends_the_list(self) -> None:
        data = self.tiff((30, 20), (300, 200))
        assert len(load_frames(data, Limits(max_pixels=2000))) == 1
        with pytest.raises(TooManyPixels):
            load_frames(data, Limits(max_pixels=100))

    def test_a_film_has_one_frame(self) -> None:
        frames = [Image.new("L", (30, 20), shade) for shade in (0, 255)]
        out = io.BytesIO()
        frames[0].save(out, format="GIF", save_all=True, append_images=frames[1:])
        assert len(load_frames(out.getvalue(), Limits())) == 1

    def test_damage_is_an_error(self) -> None:
        with pytest.raises(DamagedFile):
            load_frames(self.tiff((30, 20))[:40], Limits())
