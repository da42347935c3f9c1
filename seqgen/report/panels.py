"""What is drawn over the steps of a training: figures -> small pictures that belong together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from seqgen.report.history import History, Line, names, points
from seqgen.report.words import Better, family, meaning, spoken

MOST_POINTS = 300
"""Longer curves are drawn as means of neighbours, or pages grow without end."""

LIKELIHOOD, SENTENCES, PLAYERS = "Losses and likelihood", "Generated sentences", "The players"

TITLES = {
    "shares": "Shares of the sentences",
    "grammar": "Grammar",
    "divergence": "KL divergence from the grammar, nats",
}
"""Of panels of several figures."""


@dataclass(frozen=True)
class Series:
    """A line: its name, its points in order, half the width of the band around it, the value of
    real text, and that of the likelihood checkpoint that adversarial training began with."""

    label: str
    points: Sequence[tuple[float, float]]
    deviations: Sequence[float] = ()
    real: float | None = None
    start: float | None = None


@dataclass(frozen=True)
class Panel:
    """A small picture.

    Attributes:
        name: of its files.
        section: the heading it stands below.
        title: what it shows.
        better: which values are better.
        series: its lines.
        shares: whether all values lie in 0 to 1 and the whole range is shown.
        chance: a value to be marked as that of guessing.
        logarithmic: whether the values' axis is.
    """

    name: str
    section: str
    title: str
    series: Sequence[Series]
    better: Better = ""
    shares: bool = False
    chance: float | None = None
    logarithmic: bool = False


def panels(
    history: History, real: Mapping[str, float], start: Mapping[str, float] | None = None
) -> list[Panel]:
    """All small pictures of a training, in the order in which they are shown.

    Args:
        history: the figures.
        real: values of real text, measured as in `history.evaluations`.
        start: values of the likelihood checkpoint, measured so too.
    """
    evaluated = _evaluated(history, real, start or {})
    drawn = [
        *_losses(history.training),
        *(panel for panel in evaluated if panel.section == LIKELIHOOD),
        *(panel for panel in evaluated if panel.section == SENTENCES),
        *(panel for panel in evaluated if panel.section == PLAYERS),
        *_players(history.training),
    ]
    return [panel for panel in drawn if any(_finite(series) for series in panel.series)]


def _losses(lines: Sequence[Line]) -> Iterator[Panel]:
    """The loss of every player, with the terms it is the sum of."""
    for player in _player_names(lines):
        terms = [figure for figure in _figures(lines, player) if _is_term(figure)]
        curves = {figure: points(lines, f"{player}/{figure}") for figure in terms}
        whole = curves.get("loss")
        different = [name for name in terms if name == "loss" or curves[name] != whole]
        if different:
            yield Panel(
                _file_name(f"loss-{player}"),
                LIKELIHOOD,
                f"Loss of the {player}",
                [Series(name, thinned(curves[name])) for name in different],
                "lower",
            )


def _evaluated(
    history: History, real: Mapping[str, float], start: Mapping[str, float]
) -> list[Panel]:
    """The figures of evaluations: orders of one metric together, shares together."""
    groups: dict[str, list[str]] = {}
    found = names(history.evaluations)
    for name in found:
        if name == "perplexity" and "nll" in found:
            continue  # it is exp(nll), and its picture would say nothing else
        groups.setdefault(_group(name), []).append(name)
    return [_panel(group, members, history, real, start) for group, members in groups.items()]


def _panel(
    group: str,
    members: list[str],
    history: History,
    real: Mapping[str, float],
    start: Mapping[str, float],
) -> Panel:
    series = [
        Series(
            name, thinned(points(history.evaluations, name)), real=real.get(name),
            start=start.get(name),
        )
        for name in members
    ]  # fmt: skip
    section = SENTENCES
    title = TITLES.get(group, group)
    if group == "nll":
        section, title = LIKELIHOOD, "Held-out NLL"
        series = _beside_training(history, start.get("nll"))
    elif len(members) == 1:
        title = spoken(members[0])
        series = [replace(series[0], label="generated")]
    elif group not in TITLES:
        title = f"{spoken(group)}, by the length of n-grams"
        series = [replace(s, label=family(s.label)[1]) for s in series]
    shares = group == "shares"
    if group == "accuracy":  # of a judge, which writes no sentences
        group, section, title, shares = "held-out-accuracy", PLAYERS, "Held-out accuracy", True
    better = meaning(members[0]).better
    return Panel(_file_name(group), section, title, series, better, shares=shares)


def _beside_training(history: History, start: float | None) -> list[Series]:
    """The held-out NLL, and that in training from the first evaluation on: what came before would
    leave no room for the rest."""
    held_out = points(history.evaluations, "nll")
    player = next((n for n in names(history.training) if n.endswith("/nll")), "")
    own = [(s, v) for s, v in points(history.training, player) if s >= held_out[0][0]]
    training = [Series("training", thinned(own))] if own else []
    return [Series("held-out", thinned(held_out), start=start), *training]


def _group(name: str) -> str:
    if name in ("unique", "novel"):
        return "shares"
    if name in ("grammatical", "grammar-coverage"):
        return "grammar"
    if name in ("forward-kl", "reverse-kl"):
        return "divergence"
    return family(name)[0]


def _players(lines: Sequence[Line]) -> Iterator[Panel]:
    """Accuracies, rewards, gradients, rates, and what else methods measure."""
    everyone = _player_names(lines)
    yield Panel("accuracy", PLAYERS, "Accuracy", _each(lines, everyone, "accuracy"),
                shares=True, chance=0.5)  # fmt: skip
    for player in everyone:
        figures = _figures(lines, player)
        scores = [figure for figure in figures if figure.startswith(_SCORES)]
        if scores:
            series = [Series(f[len(_SCORES):], thinned(points(lines, f"{player}/{f}")))
                      for f in scores]  # fmt: skip
            name = _file_name(f"{player}-scores")
            yield Panel(name, PLAYERS, f"Scores by the {player}", series)
        for figure in figures:
            if _is_own(figure):
                yield _own_panel(lines, player, figure)
    for figure, title in (("gradient-norm", "Norm of the gradient"), ("rate", "Learning rate")):
        series = _each(lines, everyone, figure)
        if figure != "rate" or any(_moves(one) for one in series):  # else the settings say it all
            yield Panel(figure, PLAYERS, title, series, logarithmic=_spans(series))


def _own_panel(lines: Sequence[Line], player: str, figure: str) -> Panel:
    """A figure that a method measures beside its losses, with its deviation where it has one."""
    name = f"{player}/{figure}"
    around = dict(points(lines, f"{name}-deviation"))
    curve = points(lines, name)
    band = [around.get(step, math.nan) for step, _ in curve] if around else []
    drawn = thinned(curve)
    series = Series(figure, drawn, band if len(drawn) == len(curve) else ())
    title = f"{spoken(figure)} of the {player}"
    return Panel(_file_name(f"{player}-{figure}"), PLAYERS, title, [series])


def _each(lines: Sequence[Line], players: Sequence[str], figure: str) -> list[Series]:
    found = {player: points(lines, f"{player}/{figure}") for player in players}
    return [Series(player, thinned(curve)) for player, curve in found.items() if curve]


def thinned(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most MOST_POINTS points, each the mean of as many neighbours; NaN where one of them is."""
    size = -(-len(curve) // MOST_POINTS)
    if size <= 1:
        return list(curve)
    parts = [curve[start : start + size] for start in range(0, len(curve), size)]
    return [
        (sum(step for step, _ in part) / len(part), sum(value for _, value in part) / len(part))
        for part in parts
    ]


def _player_names(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(n.rpartition("/")[0] for n in names(lines) if "/" in n))


def _figures(lines: Sequence[Line], player: str) -> list[str]:
    found = (name.rpartition("/") for name in names(lines))
    return [figure for owner, _, figure in found if owner == player]


_COMMON = ("accuracy", "gradient-norm", "rate")
_SCORES = "score-"
_MEASURED = ("reward", "return", "entropy", "temperature", "baseline", "advantage", "share", "gate",
             "anchor-kl")  # fmt: skip


def _is_own(figure: str) -> bool:
    """Whether it is something measured that has another unit than the loss."""
    measured = any(word in figure for word in _MEASURED)
    return measured and figure not in _COMMON and not figure.endswith("-deviation")


def _is_term(figure: str) -> bool:
    other = _is_own(figure) or figure.startswith(_SCORES) or figure.endswith("-deviation")
    return figure not in _COMMON and not other


def _spans(series: Sequence[Series]) -> bool:
    """Whether the values are all positive and differ so much that the small ones would vanish."""
    values = [v for one in series for _, v in one.points if math.isfinite(v)]
    return bool(values) and min(values) > 0 and max(values) > 50 * min(values)


def _moves(series: Series) -> bool:
    return len({value for _, value in series.points}) > 1


def _finite(series: Series) -> bool:
    return any(math.isfinite(value) for _, value in series.points)


def _file_name(text: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)
