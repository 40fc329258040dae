"""How points of a set-up stand in files. Kept apart so that checking a proof needs no numpy."""

from typing import Final

#: A point of the first group: affine x, y as 32 bytes each, big-endian.
POINT_BYTES: Final = 64
#: Points that are computed together at most.
BLOCK: Final = 2**15
