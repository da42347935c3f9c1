"""Where the labels of points go, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
    taken: Sequence[Box] = (),
    gap: float = 6.0,
) -> list[Box | None]:
    """A box for the label of each point, or None where there is no room; earlier ones go first.

    Args:
        points: pixels (across, up).
        sizes: width and height of each label, pixels.
        room: boxes stay inside it.
        taken: nothing may cover these.
        gap: between a point and its label, and the half width of what a point itself takes.
    """
    own = [Box(x - gap * 0.7, y - gap * 0.7, x + gap * 0.7, y + gap * 0.7) for x, y in points]
    occupied = [*taken, *own]
    found: list[Box | None] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        boxes = (_beside(x, y, width, height, side, gap) for side in _SIDES)
        free = (
            box
            for box in boxes
            if box.lies_in(room) and not any(box.overlaps(other) for other in occupied)
        )
        box = next(free, None)
        found.append(box)
        if box is not None:
            occupied.append(box)
    return found


def _beside(
    x: float, y: float, width: float, height: float, side: tuple[int, int], gap: float
) -> Box:
    across, up = side
    middle_x = x + across * (gap + width / 2)
    middle_y = y + up * (gap + height / 2)
    return Box(
        middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2
    )
