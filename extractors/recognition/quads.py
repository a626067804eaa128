"""What every stage calls the corners of a line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Corners of a line in pixels, 4x2: top left, top right, bottom right, bottom left.
Quad = npt.NDArray[np.float32]
