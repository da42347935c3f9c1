"""What a reader of a run must be warned of: collapse, copying, players that learn nothing.

Every warning says the figure, what it was compared with and the threshold. The thresholds are wide
on purpose: they catch what has gone wrong and are no test of significance. What the
run itself warned of while it trained is told in its words, and not a second time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seqgen.alarm_limits import (
    ALWAYS_RIGHT,
    CHANCE,
    LAST_LINES,
    REWARD_SPREAD,
    always_right,
    guesses,
    rewards_alike,
)
from seqgen.report.history import History, Line, names, points
from seqgen.report.story import Story, read_story

SELF_BLEU_ABOVE = 0.15
"""Self-BLEU this much above that of real text."""
UNIQUE_BELOW = 0.10
"""Share of different sentences this much below that of real text."""
UNIQUE_ALONE = 0.50
"""Share of different sentences, where that of real text is not known."""
DISTINCT_RATIO = 0.50
"""Share of different n-grams, as a part of that of real text."""
ENTROPY_BELOW = 1.5
"""Nats of n-gram entropy below that of real text; exp(1.5) is 4.5 times fewer n-grams in use."""
COPIED_ABOVE = 0.10
"""Share of sentences copied from the training text, above that of held-out real text."""
COPIED_ALONE = 0.30
"""The same, where that of held-out real text is not known."""
LIKELIHOOD = ("teacher-forcing",)
"""Methods whose loss is the likelihood of real sentences, and nothing else."""
RISING = 3
"""How many evaluations in a row the held-out NLL must have risen."""
RISEN = 0.02
"""And by which share of its lowest value."""


def found(folder: str | Path) -> list[str]:
    """The warnings of a run, each in a sentence or two; empty where there are none.

    Raises:
        UserError: this is no run, or a file of it is damaged.
        RunFailure: its evaluation.json is damaged.
    """
    return of_story(read_story(Path(folder)))


def of_story(story: Story) -> list[str]:
    """The warnings of a run that has been read."""
    compared = story.compared
    warnings = [
        *collapse(compared.generated, compared.real),
        *copying(compared.generated, compared.real),
        *([] if story.classifies else discriminators(story.history)),
        *rewards(story.history),
        *overfitting(story.history, story.methods, story.best),
        *not_finite(story.history),
        *(f"The run itself warned: {text}" for text in story.history.warnings),
    ]
    return list(dict.fromkeys(warnings))


def unchecked(story: Story) -> str | None:
    """What could not be checked because the run was not evaluated; None where it was, or where it
    is a judge."""
    if story.record is not None or story.classifies:
        return None
    return (
        "This run was not evaluated yet, so collapse and copying could be checked only roughly, or "
        f"not at all: run seqgen evaluate {story.name} for the figures beside those of real text."
    )


def collapse(generated: Mapping[str, float], real: Mapping[str, float]) -> Iterator[str]:
    """Warn of sentences that repeat each other more than real ones do."""
    name = _highest("self-bleu", generated, real)
    if name and generated[name] - real[name] > SELF_BLEU_ABOVE:
        yield (
            f"Collapse: {name} is {generated[name]:.3f} and {real[name]:.3f} for real text (more "
            f"than {SELF_BLEU_ABOVE} above): the sentences repeat each other. Read the samples."
        )
    yield from _few_unique(generated, real)
    name = _highest("distinct", generated, real)
    if name and generated[name] < DISTINCT_RATIO * real[name]:
        yield (
            f"Collapse: {name} is {generated[name]:.3f} and {real[name]:.3f} for real text (less "
            f"than {DISTINCT_RATIO:g} times as much): few different phrases are in use."
        )
    name = _highest("entropy", generated, real)
    if name and generated[name] < real[name] - ENTROPY_BELOW:
        yield (
            f"Collapse: {name} is {generated[name]:.2f} nats and {real[name]:.2f} for real text "
            f"(more than {ENTROPY_BELOW} below): few phrases make up most of the text."
        )


def _few_unique(generated: Mapping[str, float], real: Mapping[str, float]) -> Iterator[str]:
    share = generated.get("unique", math.nan)
    if "unique" in real and share < real["unique"] - UNIQUE_BELOW:
        yield (
            f"Collapse: {share:.1%} of the sentences are different from each other, and "
            f"{real['unique']:.1%} of real ones (more than {UNIQUE_BELOW:.0%} below)."
        )
    elif "unique" not in real and share < UNIQUE_ALONE:
        yield (
            f"Collapse: only {share:.1%} of the sentences are different from each other (less than "
            f"{UNIQUE_ALONE:.0%})."
        )


def copying(generated: Mapping[str, float], real: Mapping[str, float]) -> Iterator[str]:
    """Warn of sentences that stand word by word in the training text."""
    copied = 1 - generated.get("novel", math.nan)
    if "novel" in real and copied > 1 - real["novel"] + COPIED_ABOVE:
        yield (
            f"Copying: {copied:.1%} of the sentences stand word by word in the training text, and "
            f"{1 - real['novel']:.1%} of held-out real ones (more than {COPIED_ABOVE:.0%} above)."
        )
    elif "novel" not in real and copied > COPIED_ALONE:
        yield (
            f"Copying: {copied:.1%} of the sentences stand word by word in the training text (more "
            f"than {COPIED_ALONE:.0%}; how much of real text does is not known here)."
        )


def discriminators(history: History) -> Iterator[str]:
    """Warn of discriminators that are always right or guess, unless the run did."""
    for name in names(history.training):
        player, _, figure = name.rpartition("/")
        last = _last(history.training, name)
        if figure != "accuracy" or not player or player == "generator" or len(last) < LAST_LINES:
            continue
        over = f"over the last {len(last)} lines of the journal"
        mean = sum(last) / len(last)
        if min(last) >= ALWAYS_RIGHT and not _told(history, always_right(player)):
            yield _sentence(
                f"{always_right(player)}: accuracy {min(last):.1%} or more {over} (from "
                f"{ALWAYS_RIGHT:.1%} on). The generator can learn little from it; make it weaker, "
                "slower or regularised."
            )
        elif abs(mean - 0.5) < CHANCE and not _told(history, guesses(player)):
            yield _sentence(
                f"{guesses(player)}: accuracy {mean:.1%} {over} (within {CHANCE:.0%} of 50 %). "
                "Either nothing tells generated sentences from real ones, or, far more often, it "
                "has not learned; compare self-BLEU and the samples."
            )


def rewards(history: History) -> Iterator[str]:
    """Warn of rewards that are the same for all sentences, unless the run did."""
    for name in names(history.training):
        last = _last(history.training, name)
        if "reward" not in name or not name.endswith("deviation") or len(last) < LAST_LINES:
            continue
        if max(last) < REWARD_SPREAD and not _told(history, rewards_alike(name)):
            yield _sentence(
                f"{rewards_alike(name)} is at most {max(last):.2g} over the last "
                f"{len(last)} lines of the journal (below {REWARD_SPREAD:g}): they say of no "
                "sentence that it is better than another."
            )


def _told(history: History, beginning: str) -> bool:
    """Whether the run itself gave a warning that begins so; the step stands before it."""
    return any(beginning in warning for warning in history.warnings)


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}"


def overfitting(
    history: History, methods: Mapping[str, str], best: int | None = None
) -> Iterator[str]:
    """Warn of a held-out NLL that rises.

    It is overfitting where the method of the phase does nothing but maximise likelihood, or where
    the NLL of the training sentences falls meanwhile; under other methods it may be their price.

    Args:
        history: the figures.
        methods: kinds of methods by the names of the phases.
        best: the step of the best checkpoint, where there is one.
    """
    lines = [
        line for line in history.evaluations if math.isfinite(line.figures.get("nll", math.nan))
    ]
    curve = points(lines, "nll")
    values = [value for _, value in curve]
    rises = 0
    while rises + 1 < len(values) and values[-rises - 1] > values[-rises - 2]:
        rises += 1
    if rises < RISING or values[-1] <= min(values) * (1 + RISEN):
        return
    lowest_step, lowest = min(curve, key=lambda point: point[1])
    said = (
        f"the held-out NLL rose in each of the last {rises} evaluations, to {values[-1]:.3f}; it "
        f"was lowest, {lowest:.3f}, at step {lowest_step:,}."
    )
    used = (
        "" if best is None else f" Figures and sentences are of the best checkpoint, step {best:,}."
    )
    method = methods.get(lines[-1].phase, lines[-1].phase)
    if method in LIKELIHOOD or _falls(history, curve[-rises - 1][0]):
        yield f"Overfitting: {said}{used}"
    else:
        yield f"Under {method} {said} That can be the price of this method.{used}"


def _falls(history: History, since: int) -> bool:
    """Whether the NLL of the training sentences is lower in the later half of the lines since a
    step than in the earlier one."""
    name = next((n for n in names(history.training) if n.endswith("/nll")), "")
    later = [v for s, v in points(history.training, name) if s > since and math.isfinite(v)]
    middle = len(later) // 2
    if not middle:
        return False
    return sum(later[-middle:]) < sum(later[:middle])


def not_finite(history: History) -> Iterator[str]:
    """Warn of figures that were infinite or not a number."""
    lost = [
        (name, line.step)
        for line in (*history.training, *history.evaluations)
        for name in line.nonfinite
    ]
    for name in dict.fromkeys(name for name, _ in lost):
        steps = [step for other, step in lost if other == name]
        times = "once" if len(steps) == 1 else f"{len(steps)} times"
        if name == "grammar-nll":
            yield (
                f"grammar-nll could not be measured {times}, first at step {steps[0]:,}: no "
                "sentence was grammatical."
            )
        else:
            yield f"{name} was not finite {times}, first at step {steps[0]:,}."


def _highest(family: str, one: Mapping[str, float], other: Mapping[str, float]) -> str | None:
    """The name of one order of a family that both have: the highest up to 4, or else 5, for which
    short sentences have too few n-grams, or 1, which says least; None where there is none."""
    orders = (f"{family}-{order}" for order in (4, 3, 2, 5, 1))
    return next((name for name in orders if name in one and name in other), None)


def _last(lines: Sequence[Line], name: str) -> list[float]:
    """The last values of a figure."""
    return [value for _, value in points(lines, name) if math.isfinite(value)][-LAST_LINES:]
