"""How pictures look.

Every colour is told apart by people with the common colour blindnesses, and has a counterpart for
dark pages: in inline SVG, colours are CSS variables, so that pictures follow the page's theme.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# After Okabe and Ito's palette, darkened or lightened until each stands out from its background.
LIGHT = (
    "#0072b2",
    "#d55e00",
    "#008f68",
    "#b0559b",
    "#a87400",
    "#3f9fd8",
    "#6b6b6b",
    "#8c3b2a",
)
DARK = (
    "#5ab4f0",
    "#ff8a3d",
    "#2fcfa0",
    "#e39ac8",
    "#f0be4a",
    "#a8dbff",
    "#b5b5b5",
    "#e88a76",
)
INK, FAINT, GRID, PAPER = "#1f2933", "#5f6b76", "#dde2e7", "#ffffff"
DARK_INK, DARK_FAINT, DARK_GRID, DARK_PAPER = "#e6e9ec", "#9aa5b1", "#39424c", "#1b2127"

# As Any: matplotlib names every key in its types, in each version others.
SETTINGS: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "text.color": INK,
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "legend.handlelength": 1.8,
    "legend.borderaxespad": 0.2,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "svg.hashsalt": "seqgen",
    "path.simplify": False,
}
PIXELS = 72.0
"""A unit of a picture's width and height is a CSS pixel where it is shown at its own size."""


@contextmanager
def styled() -> Iterator[None]:
    """Inside, matplotlib draws in this style, whatever the user's own settings are."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        # Letters that the font lacks are boxes in PNG; in pages the reader's fonts have them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many pixels; call it, and draw, inside `styled`."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    margin = 4 / PIXELS
    layout = ConstrainedLayoutEngine(h_pad=margin, w_pad=margin)
    return Figure(figsize=(width / PIXELS, height / PIXELS), layout=layout)


def settle(figure: Figure) -> None:
    """Lay the figure out, once and for all the files it becomes; nothing moves afterwards."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def colour(number: int) -> str:
    """The colour of the number-th of several things."""
    return LIGHT[number % len(LIGHT)]


def plain_numbers(axes: Axes, which: str = "y") -> None:
    """Write tick labels of an axis as short plain numbers with a true minus sign, and with as many
    digits as tell them apart."""
    axis = axes.yaxis if which == "y" else axes.xaxis

    def shown(value: float, _: object) -> str:
        low, high = axis.get_view_interval()
        span, size = abs(high - low), max(abs(low), abs(high))
        digits = 4 if span == 0 else max(4, math.ceil(math.log10(size / span)) + 2)
        return f"{value:.{min(digits, 15)}g}".replace("-", "−")

    axis.set_major_formatter(shown)


def variables() -> str:
    """The CSS that gives inline pictures, and the page, their colours in both themes."""
    light = {**_named(LIGHT), "ink": INK, "faint": FAINT, "grid": GRID, "paper": PAPER}
    dark = {
        **_named(DARK),
        "ink": DARK_INK,
        "faint": DARK_FAINT,
        "grid": DARK_GRID,
        "paper": DARK_PAPER,
    }
    return (
        f":root {{ color-scheme: light dark; {_css(light)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_css(dark)} }} }}\n"
        # On paper the light colours are right, whatever the screen shows.
        f"@media print {{ :root {{ color-scheme: light; {_css(light)} }} }}\n"
    )


def for_the_page(svg: str) -> str:
    """An SVG's colours as variables, and its letters in the page's own font."""
    names = {**_named(LIGHT), "ink": INK, "faint": FAINT, "grid": GRID, "paper": PAPER}
    for name, value in names.items():
        svg = svg.replace(value, f"var(--{name})")
    return re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", svg)


def _named(colours: tuple[str, ...]) -> dict[str, str]:
    return {f"colour-{number}": value for number, value in enumerate(colours)}


def _css(values: dict[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in values.items())
