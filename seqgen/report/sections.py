"""The sections of a run's report, each from what is known of the run; "" where it has nothing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgen.report import warnings
from seqgen.report.history import Phase
from seqgen.report.markup import block, bullets, details, paragraph, section, table, text
from seqgen.report.metric_table import arrow, metric_table
from seqgen.report.picture import Picture, gallery
from seqgen.report.story import Judged, Story, read_lines
from seqgen.report.verdict import said
from seqgen.report.words import KEY_FIGURES, number

MOST_CARDS = 8
STEPS_SHOWN = 5
FIRST_LINES, LAST_LINES = 4, 12
LONGEST_SENTENCE = 600
"""Characters of a sentence that are shown."""


def glance(story: Story) -> str:
    """The most telling figures, with those of real data below them."""
    if story.judged is not None:
        return _judge(story, story.judged)
    found = story.compared
    chosen = [name for name in KEY_FIGURES if name in found.generated]
    cards = [
        _card(
            f"{name}{arrow(name)}",
            found.generated[name],
            _beside(found.real.get(name), found.beside),
        )
        for name in chosen[:MOST_CARDS]
    ]
    return _cards(cards, found.source)


def _judge(story: Story, judged: Judged) -> str:
    """How far a judge is to be trusted, as a whole and for each label."""
    whole = f"{judged.split} accuracy"
    cards = [_card(whole, judged.accuracy, f"on {judged.sentences:,} sentences")]
    labels = list(judged.per_label.items())[: MOST_CARDS - 1]
    cards += [_card(f"of {label}", share, "") for label, share in labels]
    said = f"{whole} {judged.accuracy:.4f} on {judged.sentences:,} sentences"
    return _cards(cards, f"{said[:1].upper()}{said[1:]}{story.named(judged.step)}.")


def warning_list(story: Story) -> str:
    """Every warning in words, or that there are none."""
    found = warnings.of_story(story)
    missing = warnings.unchecked(story)
    fine = paragraph("No warnings: nothing that is checked looks wrong.", "fine")
    return section(
        "warnings",
        "Warnings",
        bullets(found, "warnings") if found else fine,
        paragraph(missing, "quiet") if missing else "",
    )


def curves_over_steps(story: Story, pictures: Mapping[str, list[Picture]], real: bool) -> str:
    """The small pictures below their headings, and the phases in words; `real`: whether values of
    real data are drawn."""
    parts = []
    for heading, drawn in pictures.items():
        parts += [f"<h3>{text(heading)}</h3>", gallery(drawn)]
    phases = _spoken(story.history.phases())
    dashed = "Lines of long dashes are real data, measured in the same way. " if real else ""
    if story.start is not None:
        dashed += (
            "Lines of short dashes are the likelihood checkpoint that adversarial training began "
            f"with, step {story.start.step:,}. "
        )
    known = parts and (phases or dashed)
    helped = said(story)
    return section(
        "curves",
        "Over the rounds",
        paragraph(helped) if helped and parts else "",
        paragraph(f"{dashed}{phases}".strip(), "quiet") if known else "",
        *parts,
        _signatures(story.history.signatures) if parts else "",
    )


def metrics(story: Story) -> str:
    """The evaluation's table, and what it was made of."""
    if story.record is None and story.classifies:
        return ""
    if story.record is None:
        command = block(f"seqgen evaluate {shlex.quote(story.name)}")
        return section("metrics", "Metrics", paragraph("Not evaluated yet:"), command)
    about = "; ".join(f"{name} {_plain(value)}" for name, value in story.record.about.items())
    measured = paragraph(f"Measured: {about}.", "quiet") if about else ""
    return section("metrics", "Metrics", measured, metric_table(story.record.table))


def samples(story: Story) -> str:
    """Sentences of a handful of evaluations, drawn with the same random numbers each time; those of
    the best checkpoint among them."""
    steps = spread(list(story.samples), STEPS_SHOWN)
    if story.best is not None and story.best in story.samples:
        steps = sorted({*steps, story.best})
    parts = [
        _sentences(f"Step {step:,}{_best(story, step)}", story.samples[step], count)
        for step, count in zip(steps, _counts(len(steps)), strict=True)
    ]
    if not steps and story.record is not None and story.record.samples:
        parts = [_listed(story.record.samples[:LAST_LINES])]
    same = "Drawn with the same random numbers at every step: what changes is the model."
    return section("samples", "Samples over time" if steps else "Samples",
                   paragraph(same, "quiet") if len(steps) > 1 else "", *parts)  # fmt: skip


def settings(story: Story) -> str:
    """The recipe as it is written, and the versions it was trained with."""
    versions = ", ".join(f"{name} {number}" for name, number in story.versions.items())
    return section(
        "settings",
        "Settings",
        paragraph(f"Trained with {versions}.", "quiet") if versions else "",
        block(story.recipe_text.rstrip("\n")),
    )


def reproduce(story: Story) -> str:
    """The commands that make such a run, evaluate it and write this report."""
    name = shlex.quote(story.name if not story.name.startswith("-") else f"./{story.name}")
    again = shlex.quote(f"{story.name}-again")
    evaluate = f"seqgen evaluate {name}\n"
    commands = (
        f"seqgen train {name}/recipe.yaml --name={again}\n"
        f"{'' if story.classifies else evaluate}"
        f"seqgen report {name}"
    )
    where = "In the folder that holds this run; the first trains the same model anew beside it:"
    return section("reproduce", "How to reproduce", paragraph(where, "quiet"), block(commands))


def spread(steps: Sequence[int], count: int) -> list[int]:
    """At most so many of the steps: the first, the last, and evenly between."""
    if len(steps) <= count:
        return list(steps)
    return [steps[round(place * (len(steps) - 1) / (count - 1))] for place in range(count)]


def _best(story: Story, step: int) -> str:
    return ", the best checkpoint" if step == story.best else ""


def _cards(cards: Sequence[str], source: str) -> str:
    if not cards:
        return ""
    grid = '<ul class="cards">' + "".join(cards) + "</ul>"
    return section("glance", "At a glance", grid, paragraph(source, "quiet"))


def _card(name: str, value: float, below: str) -> str:
    small = f"<span>{text(below)}</span>" if below else ""
    return f"<li><span>{text(name)}</span><strong>{number(value)}</strong>{small}</li>\n"


def _beside(real: float | None, name: str) -> str:
    return "" if real is None else f"{name} {number(real)}"


def _spoken(phases: Sequence[Phase]) -> str:
    if len(phases) < 2:
        return ""
    shown = [f"{phase.name} to step {phase.last_step:,}" for phase in phases[:8]]
    more = ", ..." if len(phases) > 8 else ""
    return f"Phases: {', then '.join(shown)}{more}. Dotted vertical lines stand between them."


def _signatures(given: Mapping[str, str]) -> str:
    """How the figures of the evaluations were measured; nothing where the journal does not say."""
    body = [
        f'<tr><th scope="row">{text(name)}</th><td class="wide"><code>{text(signature)}</code>'
        "</td></tr>"
        for name, signature in given.items()
    ]
    caption = "Of the figures in training; they differ from those of the metric table."
    shown = table(caption, ["metric", "signature"], body)
    return details("Signatures: how these figures were measured", shown) if body else ""


def _counts(steps: int) -> list[int]:
    return [FIRST_LINES] * (steps - 1) + [LAST_LINES] if steps else []


def _sentences(heading: str, path: Path, count: int) -> str:
    return f"<h3>{text(heading)}</h3>\n{_listed(read_lines(path, count))}"


def _listed(lines: Sequence[str]) -> str:
    items = "".join(f'<li dir="auto">{_sentence(line)}</li>\n' for line in lines)
    return f'<ol class="sentences">\n{items}</ol>'


def _sentence(line: str) -> str:
    if not line.strip():
        return '<span class="quiet">(empty)</span>'
    return text(line if len(line) <= LONGEST_SENTENCE else f"{line[:LONGEST_SENTENCE]}…")


def _plain(value: Any) -> str:
    """A value of the evaluation's settings as people write it."""
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} {_plain(one)}" for name, one in value.items()) + ")"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else "none" if value is None else str(value)
