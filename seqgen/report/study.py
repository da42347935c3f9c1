"""Models over their training: figures of the journals of their runs, from the likelihood checkpoint
on, mean and spread over seeds, a line a model."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgen.report.history import Phase, points
from seqgen.report.likelihood_checkpoint import LIKELIHOOD
from seqgen.report.markup import paragraph, section
from seqgen.report.panel_pictures import describe, draw
from seqgen.report.panels import Panel, Series
from seqgen.report.picture import Picture, gallery
from seqgen.report.story import Story, read_story
from seqgen.report.words import meaning, number

HEADING = "over training"
SPARSITY, DEVIATION = "generator/reward-sparsity", "generator/reward-deviation"
TITLES = {
    "grammatical": "Share grammatical",
    "grammar-coverage": "Mode coverage: grammar's choices in use",
    "forward-kl": "Forward KL, nats a sentence",
    "reverse-kl": "Reverse KL on grammatical draws, nats",
    "oracle-nll": "NLL under the oracle, nats a token",
    "nll": "Held-out NLL, nats a token",
    SPARSITY: "Reward sparsity: share below 0.05",
    DEVIATION: "Standard deviation of rewards",
}
"""What is drawn, in this order, where any model has it."""
SHARES = ("grammatical", "grammar-coverage", SPARSITY)
READ = (
    "Figures of the evaluations in training and of the updates, from the likelihood checkpoint on; "
    "steps count from it, and from the beginning of a run that has none. Lines of short dashes are "
    "that checkpoint; bands are one standard deviation over seeds to each side. Beside others, "
    "models trained by likelihood alone are not drawn."
)


@dataclass(frozen=True)
class Track:
    """A figure of a model over steps since the likelihood checkpoint: means over its runs, their
    standard deviations (nan of one run), and what every run had at the checkpoint, where all have
    one, and at the end."""

    steps: Sequence[int]
    means: Sequence[float]
    deviations: Sequence[float]
    starts: Sequence[float]
    ends: Sequence[float]


@dataclass(frozen=True)
class Trained:
    """A model: its name, and what its runs tell."""

    name: str
    stories: Sequence[Story]

    @property
    def likelihood(self) -> bool:
        """Whether all its phases are of likelihood."""
        kinds = {kind for story in self.stories for kind in story.methods.values()}
        return bool(kinds) and kinds <= set(LIKELIHOOD)

    def track(self, figure: str) -> Track | None:
        """The figure at the steps at which all runs have it; None where there is none."""
        curves = [_curve(story, figure) for story in self.stories]
        steps = sorted(set.intersection(*(set(curve) for curve in curves)))
        if not steps:
            return None
        values = [[curve[step] for curve in curves] for step in steps]
        starts = [
            story.start.figures[figure]
            for story in self.stories
            if story.start is not None and math.isfinite(story.start.figures.get(figure, math.nan))
        ]
        return Track(
            steps,
            [statistics.fmean(some) for some in values],
            [_deviation(some) for some in values],
            starts if len(starts) == len(self.stories) else (),
            values[-1],
        )


def read_study(runs: Mapping[str, Sequence[Path]]) -> list[Trained]:
    """What the runs of models, by the models' names, tell of their training.

    Raises:
        UserError: a folder is no run, or a file of it is damaged.
    """
    return [Trained(name, [read_story(run) for run in folders]) for name, folders in runs.items()]


def sentences(models: Sequence[Trained]) -> list[str]:
    """In words, where every model that went on from a likelihood checkpoint came from there."""
    said = []
    for model in models:
        tracks = {figure: model.track(figure) for figure in TITLES}
        changes = [
            _change(figure, track) for figure, track in tracks.items() if track and track.starts
        ]
        changes += [
            f"{figure.rpartition('/')[2]} {number(track.means[0])} to {number(track.means[-1])}"
            for figure, track in tracks.items()
            if track and "/" in figure
        ]
        if any(track and track.starts for track in tracks.values()):
            steps = max(track.steps[-1] for track in tracks.values() if track)
            said.append(
                f"{model.name}, from the likelihood checkpoint over {steps:,} steps: "
                f"{'; '.join(changes)}."
            )
    counts = {_samples(model) for model in models} - {None}
    if said and len(counts) > 1:
        shown = ", ".join(map(str, sorted(count for count in counts if count)))
        said.append(
            f"The models drew different numbers of sentences in their evaluations ({shown}): "
            "coverage grows with the number, so compare each with its own checkpoint only."
        )
    return said


def study_pictures(models: Sequence[Trained]) -> list[Picture]:
    """A picture for each figure that any of the models has over steps.

    Beside others, models of likelihood alone are left out: their steps are of another kind, and the
    checkpoint of the others is a line already.
    """
    found = []
    models = [model for model in models if not model.likelihood] or models
    for figure, title in TITLES.items():
        tracks = [(model.name, track) for model in models if (track := model.track(figure))]
        drawn = [_series(name, track) for name, track in tracks if len(track.steps) > 1]
        if drawn:
            name = f"over-steps-{figure.rpartition('/')[2]}"
            better = meaning(figure).better
            panel = Panel(name, "", title, drawn, better, shares=figure in SHARES)
            last = max(track.steps[-1] for _, track in tracks)
            # No names of phases: models have different ones.
            picture = draw(panel, [Phase("", last)])
            found.append(Picture(name, title, describe(panel), picture))
    return found


def study_section(drawn: list[Picture]) -> str:
    """The pictures on a page, and how to read them; nothing where there are none."""
    if not drawn:
        return ""
    return section("over-steps", "Over training", gallery(drawn), paragraph(READ, "quiet"))


def _curve(story: Story, figure: str) -> dict[int, float]:
    """A figure of a run by the steps since its likelihood checkpoint."""
    first = 0 if story.start is None else story.start.step
    lines = story.history.training if "/" in figure else story.history.evaluations
    return {
        step - first: value
        for step, value in points(lines, figure)
        if step >= first and math.isfinite(value)
    }


def _series(name: str, track: Track) -> Series:
    spread = all(map(math.isfinite, track.deviations))
    return Series(
        name,
        list(zip(map(float, track.steps), track.means, strict=True)),
        track.deviations if spread else (),
        start=statistics.fmean(track.starts) if track.starts else None,
    )


def _change(figure: str, track: Track) -> str:
    """From where to where, and the change with its deviation over seeds: each from its own."""
    start = statistics.fmean(track.starts)
    changes = [end - start for end, start in zip(track.ends, track.starts, strict=True)]
    mean, deviation = statistics.fmean(changes), _deviation(changes)
    spread = f" ± {number(deviation)}" if math.isfinite(deviation) else ""
    sign = "+" if mean >= 0 else "−"
    return (
        f"{figure} {number(start)} to {number(track.means[-1])} ({sign}{number(abs(mean))}{spread})"
    )


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan


def _samples(model: Trained) -> int | None:
    """How many sentences the evaluations in training drew; None where it is not said."""
    evaluate = model.stories[0].recipe.get("evaluate")
    found = evaluate.get("samples") if isinstance(evaluate, Mapping) else None
    return found if isinstance(found, int) else None
