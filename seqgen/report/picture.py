"""A picture with its words: as files, and as inline SVG of a page."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqgen.files import replacing
from seqgen.report import style
from seqgen.report.markup import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARPNESS = 160
"""Dots per inch of PNG files, a picture's inch being 72 of its units."""


@dataclass(frozen=True)
class Picture:
    """A figure and what it is called.

    Attributes:
        name: of its files, and of its ids on a page; ASCII letters, digits and hyphens.
        title: what it shows.
        description: what can be seen in it, for readers who cannot see it.
        figure: drawn inside `style.styled`.
    """

    name: str
    title: str
    description: str
    figure: Figure

    def save(self, folder: Path) -> None:
        """Write `folder`/NAME.png and .svg on white; the same picture gives the same bytes."""
        png, svg = io.BytesIO(), io.BytesIO()
        with style.styled():
            self.figure.savefig(
                png, format="png", dpi=SHARPNESS, facecolor=style.PAPER, metadata={"Software": None}
            )
            self.figure.savefig(
                svg, format="svg", facecolor=style.PAPER, metadata={"Date": None, "Creator": None}
            )
        for ending, data in (("png", png), ("svg", svg)):
            with replacing(folder / f"{self.name}.{ending}") as file:
                file.write(data.getvalue())

    def inline(self) -> str:
        """An <svg> element for a page with `style.variables`; its letters are text there."""
        import matplotlib

        written = io.StringIO()
        with style.styled():
            matplotlib.rcParams["svg.fonttype"] = "none"
            self.figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        svg = re.sub(r"<metadata>.*?</metadata>\s*", "", written.getvalue(), flags=re.DOTALL)
        # Ids are made unique on the page: each picture has an "axes_1".
        svg = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{self.name}-", svg)
        head, _, body = style.for_the_page(svg[svg.index("<svg") :]).partition(">")
        view = re.search(r'viewBox="[^"]*"', head)
        assert view is not None  # matplotlib always writes one
        return f"{self._opening(view[0])}{body.rstrip()}"

    def _opening(self, view: str) -> str:
        return (
            f'<svg {view} role="img" aria-labelledby="{self.name}-title {self.name}-description"'
            ' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
            f'<title id="{self.name}-title">{text(self.title)}</title>'
            f'<desc id="{self.name}-description">{text(self.description)}</desc>'
        )


def gallery(pictures: list[Picture], kind: str = "") -> str:
    """Pictures side by side as far as the page is wide; nothing where there are none."""
    figures = "\n".join(f"<figure>{picture.inline()}</figure>" for picture in pictures)
    return f'<div class="{f"pictures {kind}".strip()}">\n{figures}\n</div>' if pictures else ""
