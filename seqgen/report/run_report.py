"""A run folder -> report.html, one file that needs nothing else, and its pictures as files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from seqgen.errors import UserError
from seqgen.files import replacing
from seqgen.report import sections
from seqgen.report.curve_section import curve_parts, curve_pictures
from seqgen.report.history import Phase
from seqgen.report.markup import block, paragraph, section
from seqgen.report.page import page
from seqgen.report.panel_pictures import describe, draw
from seqgen.report.panels import Panel, panels
from seqgen.report.picture import Picture
from seqgen.report.rewriting_section import rewriting_section
from seqgen.report.story import Story, read_story

FILE = "report.html"
PICTURES = "pictures"
FOOTER = (
    "Written by seqgen report. The page needs no network and no other file; its pictures lie in "
    "the run's folder pictures/ as PNG and SVG."
)


def write_report(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a run, and return where it is.

    The same run gives the same bytes. With `out` only the page is written, there, and nothing into
    the run's folder; else RUN/report.html and RUN/pictures/NAME.png and .svg.

    Raises:
        UserError: this is no run, a file of it is damaged, or the folder for the pictures is none.
        RunFailure: its evaluation.json is damaged.
    """
    run = Path(folder).expanduser()
    story = read_story(run)
    if out is None:
        _require_folder(run / PICTURES)
    curves = () if story.record is None else story.record.curves
    compared = curve_pictures(curves)
    drawn = panels(story.history, story.history.real, story.start.figures if story.start else {})
    steps = _over_steps(drawn, story.history.phases())
    real = any(series.real is not None for panel in drawn for series in panel.series)
    body = [
        sections.glance(story),
        sections.warning_list(story),
        section(
            "quality-diversity",
            "Quality and diversity",
            *(curve_parts(curves, compared) if curves else _no_curves(story)),
        ),
        sections.curves_over_steps(story, steps, real),
        sections.metrics(story),
        rewriting_section(story.record),
        sections.samples(story),
        sections.settings(story),
        sections.reproduce(story),
    ]
    html = page(
        f"Run {story.name}",
        paragraph(story.about, "quiet") if story.about else "",
        "\n".join(part for part in body if part),
        FOOTER,
    )
    place = run / FILE if out is None else Path(out).expanduser()
    if out is None:
        for picture in (*compared, *(one for some in steps.values() for one in some)):
            picture.save(run / PICTURES)
    with replacing(place) as file:
        file.write(html.encode("utf-8"))
    return place


def _over_steps(drawn: Sequence[Panel], phases: Sequence[Phase]) -> Mapping[str, list[Picture]]:
    """The pictures of the training by the heading they stand below."""
    found: dict[str, list[Picture]] = {}
    for panel in drawn:
        picture = Picture(panel.name, panel.title, describe(panel), draw(panel, phases))
        found.setdefault(panel.section, []).append(picture)
    return found


def _no_curves(story: Story) -> list[str]:
    """What to do for the curves, where there is something that could have some."""
    if story.record is None or story.classifies or story.record.rewritings:
        return []
    said = "Sentences were drawn in one way only. To see quality and diversity at other settings:"
    return [paragraph(said, "quiet"), block(f"seqgen evaluate {shlex.quote(story.name)}")]


def _require_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise UserError(
            f"{path} is a file, and the report's pictures go into a folder of that name: move it, "
            "or write the page alone with --out FILE"
        )
