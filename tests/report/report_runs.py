"""Made-up run folders with everything a report can show."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.score import Interval, Score, sign
from seqgen.metrics.table import Kind, Row, Table
from seqgen.report.record import FILE, Record
from seqgen.report.rewritings import Attention, Rewriting

RECIPE = """\
about: LSTM by an adversary & <b>friends</b>
corpus: {kind: files, train: train.txt}
phases:
- method: {kind: teacher-forcing}
  steps: 400
- method: {kind: seqgan}
  steps: 400
seed: 1
"""
HOSTILE = [
    "<script>hostile = 1</script>",
    "",
    "a\x00b\x1b[31m",
    '"><img src=x onerror="hostile = 2">',
    "שלום עולם",
]


def make_run(folder: Path, recipe: str = RECIPE) -> Path:
    """A folder with nothing but a recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    return folder


def write_journal(folder: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")


def training(step: int, phase: str = "seqgan", **figures: float | None) -> dict[str, Any]:
    """A line of updates; player__figure stands for "player/figure", with - for _."""
    named = {name.replace("__", "/").replace("_", "-"): v for name, v in figures.items()}
    about = {"event": "training", "step": step, "round": step, "phase": phase, "seconds": step / 10}
    return {**about, **named}


def evaluation(step: int, phase: str = "seqgan", **figures: float | None) -> dict[str, Any]:
    """A line of an evaluation; names have - for _."""
    named = {name.replace("_", "-"): value for name, value in figures.items()}
    about = {"event": "evaluation", "step": step, "round": step, "phase": phase, "seconds": 1.0}
    return {**about, **named}


def journal() -> list[dict[str, Any]]:
    """Two phases, two players, nothing wrong."""
    lines: list[dict[str, Any]] = []
    for step in range(10, 801, 10):
        phase = "teacher-forcing" if step <= 400 else "seqgan"
        nll = 3 + 4 * math.exp(-step / 120)
        figures: dict[str, float] = {"generator__nll": nll, "generator__loss": nll}
        figures["generator__rate"] = 0.002 * (1 - step / 800)
        figures["generator__gradient_norm"] = 0.5 + 0.1 * math.sin(step / 30)
        if step > 400:
            figures |= {
                "generator__reward": 0.4 + step / 8000,
                "generator__reward_deviation": 0.1,
                "discriminator__loss": 1.2 + 0.1 * math.cos(step / 40),
                "discriminator__accuracy": 0.7 + 0.05 * math.sin(step / 50),
                "discriminator__rate": 0.0001,
            }
        lines.append(training(step, phase, **figures))
        if step % 100 == 0:
            lines.append(evaluation(step, phase, **evaluated(step)))
    real = {"bleu-2": 0.72, "bleu-4": 0.27, "self-bleu-4": 0.33, "distinct-2": 0.5, "unique": 1.0}
    lines.append({"event": "signatures", "bleu-4": "hypotheses:500|version:1"})
    lines.append({"event": "real", **real})
    return lines


def evaluated(step: int) -> dict[str, float]:
    nll = 3.1 + 3 * math.exp(-step / 150)
    return {
        "nll": nll,
        "perplexity": math.exp(nll),
        "bleu_2": 0.7 - 0.3 * math.exp(-step / 200),
        "bleu_4": 0.25 - 0.15 * math.exp(-step / 200),
        "self_bleu_4": 0.35 - 0.1 * math.exp(-step / 200),
        "distinct_2": 0.45 + 0.1 * math.exp(-step / 300),
        "unique": 0.99,
        "novel": 0.97,
    }


def score(name: str, value: float, hypotheses: int = 1000, wide: float = 0.01) -> Score:
    signature = sign({"hypotheses": hypotheses, "references": 10000, "order": 4, "smooth": "m1"})
    interval = Interval(value - wide, value + wide, "bootstrap 1000") if wide else None
    return Score(name, value, signature, interval)


def row(name: str, kind: Kind = "system", **figures: float) -> Row:
    """A row of scores; names have - for _."""
    return Row(name, [score(n.replace("_", "-"), v) for n, v in figures.items()], kind)


def table() -> Table:
    shared = {"entropy_4": 9.1, "length_mean": 10.4, "ms_jaccard_4": 0.1}
    rows = [
        row("made-up", bleu_2=0.71, bleu_4=0.268, self_bleu_4=0.355, distinct_2=0.45, unique=0.99,
            novel=0.97, lm_score=3.1, reverse_lm_score=3.6, frechet=1.2, **shared),
        row("real data", "real", bleu_2=0.74, bleu_4=0.30, self_bleu_4=0.33, distinct_2=0.52,
            unique=1.0, novel=0.98, lm_score=2.9, reverse_lm_score=3.3, frechet=0.4, **shared),
    ]  # fmt: skip
    return Table(rows, ["references were cut to 10,000 <lines>"])


def curve(name: str, shift: float = 0.0, spread: bool = False) -> Curve:
    """A sweep over nine temperatures and four shares of rejection, `shift` worse than the best."""
    points = [
        _point("temperature", heat, 1.2 - 0.55 * heat, shift, spread)
        for heat in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
    ]
    points += [
        _point("reject-likelihood", share, 0.95 - 0.3 * share, shift - 0.02, spread)
        for share in (0.25, 0.5, 0.75, 0.9)
    ]
    return Curve(name, points, {"bleu-5": "order:5|version:1"})


def _point(family: Any, value: float, sharp: float, shift: float, spread: bool) -> Point:
    figures = {
        "bleu-5": 0.08 + 0.4 * sharp**2 - shift,
        "self-bleu-5": 0.05 + 0.75 * sharp**3 + shift,
        "lm-score": 3.9 - 1.3 * sharp + shift,
        "reverse-lm-score": 3.3 + 0.9 * sharp**4 + shift,
    }
    if spread:
        figures |= {"bleu-5-deviation": 0.008, "self-bleu-5-deviation": 0.012}
    return Point(family, value, figures)


REAL = Point(
    "real",
    0.0,
    {"bleu-5": 0.22, "self-bleu-5": 0.17, "lm-score": 3.05, "reverse-lm-score": 3.35},
)


def real_curve() -> Curve:
    return Curve("real data", [REAL], {})


def rewritings() -> list[Rewriting]:
    """Two rewritten sentences, one with attention, and one of them hostile."""
    words, hostile = ["a", "<b>bad</b>", "meal", "(end)"], HOSTILE[3]
    weights = [[0.9, 0.04, 0.03, 0.03], [0.2, 0.6, 0.1, 0.1], [0.0, 0.0, 1.0, 0.0]]
    attention = Attention(words, ["a", "nice", "meal"], weights)
    return [
        Rewriting("a <b>bad</b> meal", "<i>", "a nice meal", "A good meal .", True, attention),
        Rewriting(HOSTILE[0], "up", hostile, hostile, False),
        Rewriting("", "up", "", None, None),
    ]


def full_run(folder: Path) -> Path:
    """A run with a journal, samples and an evaluation."""
    make_run(folder)
    write_journal(folder, journal())
    (folder / "samples").mkdir(exist_ok=True)
    for step in range(100, 801, 100):
        lines = [*HOSTILE, *(f"sentence {n} of step {step}" for n in range(20))]
        text = "".join(f"{line}\n" for line in lines)
        (folder / "samples" / f"step-{step:08d}.txt").write_text(text, encoding="utf-8")
    about = {"step": 800, "sentences": 10_000, "decoding": {"temperature": 1.0, "top_k": 0}}
    record = Record(about, table(), [curve("made-up"), real_curve()], ["one", "two"], rewritings())
    (folder / FILE).write_text(json.dumps(record.to_json()), encoding="utf-8")
    return folder
