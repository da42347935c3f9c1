"""Several runs beside each other: comparison.html, and its picture as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seqgen.files import replacing
from seqgen.metrics.quality_diversity.curves import Curve
from seqgen.metrics.quality_diversity.oracle_plane import Plane
from seqgen.metrics.table import Table
from seqgen.report import pictures, spots
from seqgen.report.curve_section import curve_parts, curve_pictures
from seqgen.report.markup import bullets, paragraph, section
from seqgen.report.metric_table import metric_table
from seqgen.report.oracle_picture import plane_picture, plane_section
from seqgen.report.page import page
from seqgen.report.picture import Picture
from seqgen.report.study import Trained, study_pictures, study_section

NAME = "comparison"
FOOTER = "Written by seqgen compare. The page needs no network and no other file."


def write_comparison(
    folder: str | Path,
    title: str,
    table: Table,
    curves: Sequence[Curve],
    sentences: Mapping[str, Sequence[str]],
    plane: Plane | None = None,
    trained: Sequence[Trained] = (),
) -> Path:
    """Write comparison.html, .png and .svg into the folder, which is made if missing; without
    curves there is no such picture.

    Args:
        folder: where to.
        title: plain text.
        table: a row for each run or group of runs.
        curves: their points at several decoding settings; deviations over runs are drawn as bars.
        sentences: what is to be said of the curves, under a heading each.
        plane: of models on a synthetic oracle; it becomes oracle-plane.png and .svg.
        trained: the models over their training; they become over-steps-NAME.png and .svg.

    Returns:
        The page.
    """
    place = Path(folder).expanduser()
    oracle = None if plane is None else plane_picture(plane)
    over_steps = study_pictures(trained)
    body = [
        section(
            "said",
            "In words",
            *(paragraph(at) + bullets(said) for at, said in sentences.items()),
        ),
        section(
            "quality-diversity",
            "Quality and diversity",
            *curve_parts(curves, curve_pictures(curves)),
        ),
        "" if plane is None or oracle is None else plane_section(plane, oracle),
        study_section(over_steps),
        section("metrics", "Metrics", metric_table(table)),
    ]
    html = page(title, "", "\n".join(part for part in body if part), FOOTER)
    drawable = [axes for _, axes in spots.drawable(curves)]
    if drawable:
        Picture(NAME, title, "", pictures.together(curves, drawable)).save(place)
    for picture in (*over_steps, *([] if oracle is None else [oracle])):
        picture.save(place)
    with replacing(place / f"{NAME}.html") as file:
        file.write(html.encode("utf-8"))
    return place / f"{NAME}.html"
