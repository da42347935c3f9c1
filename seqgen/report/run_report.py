"""A run folder -> report.html, one file that needs nothing else, and its pictures as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seqgen.files import replacing
from seqgen.report import sections
from seqgen.report.curve_section import curve_parts, curve_pictures
from seqgen.report.history import Phase
from seqgen.report.markup import paragraph, section
from seqgen.report.page import page
from seqgen.report.panel_pictures import describe, draw
from seqgen.report.panels import Panel, panels
from seqgen.report.picture import Picture
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
        UserError: this is no run, or a file of it is damaged.
        RunFailure: its evaluation.json is damaged.
    """
    run = Path(folder).expanduser()
    story = read_story(run)
    curves = () if story.record is None else story.record.curves
    compared = curve_pictures(curves)
    drawn = panels(story.history, _real(story))
    steps = _over_steps(drawn, story.history.phases())
    real = any(series.real is not None for panel in drawn for series in panel.series)
    body = [
        sections.glance(story),
        sections.warning_list(story),
        section("quality-diversity", "Quality and diversity", *curve_parts(curves, compared)),
        sections.curves_over_steps(story, steps, real),
        sections.metrics(story),
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


def _real(story: Story) -> dict[str, float]:
    """Values of real data that were measured as those of the evaluations in training: the
    journal's, and of the table those with the same signature."""
    row = story.row("real")
    scores = () if row is None else row.scores
    signatures = story.history.signatures
    found = {s.name: s.value for s in scores if s.signature == signatures.get(s.name)}
    return {**found, **story.history.real}
