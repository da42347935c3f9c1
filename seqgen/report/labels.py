"""Where the labels of points go, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Whether the two have a common area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def lies_in(self, other: Box) -> bool:
        """Whether no part of it is outside the other."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )


# Directions from the point, the best readable first: right, above, left, below, and between them.
_SIDES = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, -1), (-1, 1), (1, -1))


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    room: Box,
    lines: Sequence[Box] = (),
    gap: float = 6.0,
) -> list[Box | None]:
    """A box for the label of each point, or None where there is no room; earlier ones go first.

    Args:
        points: pixels (across, up).
        sizes: width and height of each label, pixels.
        room: boxes stay inside it.
        lines: covered only by labels that find no other place.
        gap: between a point and its label, and the half width of what a point itself takes.
    """
    reach = gap * 0.7
    occupied = [Box(x - reach, y - reach, x + reach, y + reach) for x, y in points]
    found: list[Box | None] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        boxes = [_beside(x, y, width, height, side, gap) for side in _SIDES]
        free = [b for b in boxes if b.lies_in(room) and not any(map(b.overlaps, occupied))]
        clear = [box for box in free if not any(map(box.overlaps, lines))]
        box = next(iter(clear or free), None)
        found.append(box)
        if box is not None:
            occupied.append(box)
    return found


def along(points: Sequence[tuple[float, float]], size: float) -> list[Box]:
    """Small boxes that cover the line through the points, pixels."""
    boxes = []
    for (x, y), (to_x, to_y) in pairwise(points):
        steps = max(1, int(max(abs(to_x - x), abs(to_y - y)) / size))
        for step in range(steps + 1):
            middle_x, middle_y = x + (to_x - x) * step / steps, y + (to_y - y) * step / steps
            half = size / 2
            boxes.append(Box(middle_x - half, middle_y - half, middle_x + half, middle_y + half))
    return boxes


def _beside(
    x: float, y: float, width: float, height: float, side: tuple[int, int], gap: float
) -> Box:
    across, up = side
    middle_x = x + across * (gap + width / 2)
    middle_y = y + up * (gap + height / 2)
    return Box(
        middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2
    )
