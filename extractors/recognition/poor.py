"""What poor pages need beside: print that is small, pale or blurred.

Measured on made pages of tuning seeds: four harsh worn copies (147 values, held whole by some word)
and seven hurried photos (284 values):

- Taken to the recogniser's height in one step and between two neighbours only, a line reads best:
  a cubic step to the picture's own height and another one to the recogniser's gain nothing but
  noise (worn 68.7 -> 75.5 %). Levelling a copy is such a step too: its lines are cut from the
  picture that came (77.6 %). Looks in other sizes, margins and softness, voted or averaged, added
  nothing, nor did PP-OCRv5 (42.9 % alone).
- The better detector sees pale cells whole of which the cheap one sees a part. It runs short cells
  of a narrow column together instead, and overlooks single characters: what it leaves out is taken
  from the cheap one, and what it runs together is cut where the other columns have their rows
  (84 %). On an enlarged picture either found less.
- Black print under a stamp reads best in the colour of the stamp's ink, red print from the picture
  as it is; the surer of both is kept (hurried 86.6 -> 88.7 %).

Measured again once the models were trained further (decision 28):

- An unsure line is cut a little higher and a little taller too, the surest look kept: now that
  gains (636 worn lines, 89.8 -> 91.0 % whole), and so does the bleached page as a third look under
  a stamp (369 lines, 80.5 -> 81.6 %).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np

from extractors.colour import in_own_light
from extractors.images import Pixels
from extractors.prepare import Prepared, Warp
from extractors.recognition.find import Quad
from extractors.recognition.read import Reading
from extractors.recognition.rows import bounds, sides

#: No word of a poor page is surer by itself, nor one under a stamp on a photograph.
WORN = 0.84
#: The height that recognisers take lines at, in pixels.
_HEIGHT = 48
#: Boxes of pale print end within their first and last characters: so much of a line's height is
#: added at both ends.
BEYOND = 0.15
#: What is hard to read keeps the room that training gave it, in pixels of that height: without it
#: the better model loses a few more such lines. The second for lines no wider than it.
_ROOM, _LESS_ROOM = 320, 160
#: How much higher and taller an unsure line is cut once more, in heights.
_HIGHER, _TALLER = 0.06, 0.08
_MIDDLE_GREY = (128, 128, 128)
#: Two stars around a class begin the name of goods; in small print they pass for quotation marks,
#: which no such name holds, and the first is overlooked.
_STARRED = re.compile(
    r"^[\"“”*＊·]?([一-鿿、]{2,12})[\"“”*＊](?=[一-鿿A-Za-z0-9(（])([^\"“”*＊]+)$"
)
#: The point before the last two figures of an amount, taken for another small sign. Two figures
#: before a colon may be an hour.
_POINTED = re.compile(r"^([¥￥]?\s?(?:\d{1,3}(?:,\d{3})+|\d+))[,，;；·|'](\d{2})$")
_COLONED = re.compile(r"^([¥￥]\s?\d+|\d{3,})[:：](\d{2})$")
#: A speck before an amount, taken for a point.
_SPECKED = re.compile(r"^[.·,'‘’、|:：](?=[¥￥]?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d$)")
#: Commas between thousands, taken for points.
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{3})+(?=\.\d{2}(?!\d))")


class Sight:
    """The pictures that the lines of an upright page are cut from: the one that came, or with
    stamps on it the levelled one, with them and in their own light."""

    def __init__(self, ready: Prepared, turned: int) -> None:
        """`turned` is the clockwise turn, in degrees, that brought the levelled page upright."""
        height, width = ready.stamped.shape[:2]
        turn = _unturned(turned, width, height)
        self._stamps = ready.stamps
        self._picture = ready.stamped if ready.stamps else ready.source
        self._bleached = ready.pixels
        self._back = turn if ready.stamps else ready.back @ turn
        #: Had the sheet to be flattened, as after no scanner?
        self.photographed = bool(np.abs(ready.back[2, :2]).max() > 0)

    def is_stamped(self, quad: Quad) -> bool:
        """Does a stamp lie over any of the line within a quad of the upright page?"""
        return bool(self._stamps) and self._meets_stamp(_moved(quad, self._back))

    def _meets_stamp(self, place: Quad) -> bool:
        return any(_meets(place, stamp.box) for stamp in self._stamps)

    @cached_property
    def _in_own_light(self) -> Pixels:
        return in_own_light(self._picture, self._stamps)

    def pictures(self, quad: Quad) -> list[Pixels]:
        """The line within a quad of the upright page, in every light that may show it best."""
        place = _moved(quad, self._back)
        lights = [self._picture]
        if self._meets_stamp(place):
            lights = [self._in_own_light, self._bleached, self._picture]
        return [line_picture(light, quad, self._back) for light in lights]

    def aslant(self, quad: Quad) -> list[Pixels]:
        """The line cut a little higher, and a little taller on both sides."""
        down = (quad[3] - quad[0] + quad[2] - quad[1]) / 2
        higher = quad - _HIGHER * down
        taller = quad + _TALLER * np.stack([-down, -down, down, down])
        cuts = (np.asarray(cut, dtype=np.float32) for cut in (higher, taller))
        return [line_picture(self._picture, cut, self._back) for cut in cuts]


def line_picture(picture: Pixels, quad: Quad, back: Warp | None = None) -> Pixels:
    """The line within `quad`, level, at the recogniser's own height. `back` leads from where the
    quad stands to the picture, if that is another one."""
    along, down = sides(quad)
    reach = (quad[1] - quad[0]) / max(along, 1.0) * BEYOND * down
    wider = quad + np.stack([-reach, reach, reach, -reach])
    width = max(1, int(np.ceil(_HEIGHT * (along / max(down, 1.0) + 2 * BEYOND))))
    corners = np.asarray(wider, dtype=np.float32) if back is None else _moved(wider, back)
    frame = np.array([[0, 0], [width, 0], [width, _HEIGHT], [0, _HEIGHT]], dtype=np.float32)
    line = cv2.warpPerspective(
        picture,
        cv2.getPerspectiveTransform(corners, frame),
        (width, _HEIGHT),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(line, dtype=np.uint8)


def with_room(line: Pixels) -> Pixels:
    """The line with grey to its right as in training."""
    filled = cv2.copyMakeBorder(line, 0, 0, 0, _room(line), cv2.BORDER_CONSTANT, value=_MIDDLE_GREY)
    return np.asarray(filled, dtype=np.uint8)


def without_room(reading: Reading, line: Pixels) -> Reading:
    """What was read in a line that had room, its characters placed as shares of the line alone."""
    wider = 1 + _room(line) / line.shape[1]
    return replace(reading, places=tuple(place * wider for place in reading.places))


def _room(line: Pixels) -> int:
    """Pixels of grey that a line lacks."""
    height, width = line.shape[:2]
    least = _LESS_ROOM if width * _HEIGHT <= height * _LESS_ROOM else _ROOM
    return int(max(0, round(least * height / _HEIGHT) - width))


def _moved(quad: Quad, warp: Warp) -> Quad:
    moved = cv2.perspectiveTransform(quad.reshape(-1, 1, 2).astype(np.float64), warp)
    return np.asarray(moved.reshape(4, 2), dtype=np.float32)


def _unturned(degrees: int, width: int, height: int) -> Warp:
    """What leads from a page turned clockwise back to how it lay, `width` by `height`."""
    rows = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, 1, 0], [-1, 0, height]],
        180: [[-1, 0, width], [0, -1, height]],
        270: [[0, -1, width], [1, 0, 0]],
    }
    return np.asarray([*rows[degrees % 360], [0, 0, 1]], dtype=np.float64)


def _meets(quad: Quad, box: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = bounds(quad)
    return left < box[2] and box[0] < right and top < box[3] and box[1] < bottom


def mended(text: str) -> str:
    """A line of small print with the signs that it is known to lose put back."""
    starred = _STARRED.match(text)
    if starred:
        return f"*{starred[1]}*{starred[2]}"
    text = _THOUSANDS.sub(lambda found: found[0].replace(".", ","), text)
    text = _SPECKED.sub("", text)
    pointed = _POINTED.match(text) or _COLONED.match(text)
    return f"{pointed[1]}.{pointed[2]}" if pointed else text
