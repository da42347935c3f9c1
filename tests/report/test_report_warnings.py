"""Each warning on a made-up run that deserves it, and silence on one that does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from report_runs import RECIPE, evaluation, full_run, make_run, row, training, write_journal

from seqgen.errors import UserError
from seqgen.metrics.suite import evaluate
from seqgen.metrics.table import Table
from seqgen.report import found
from seqgen.report.record import FILE, Record
from seqgen.report.story import read_story
from seqgen.report.warnings import unchecked
from seqgen.training.alarms import Alarms

SOUND = {"self_bleu_4": 0.33, "unique": 1.0, "novel": 0.98, "distinct_2": 0.5, "entropy_4": 9.0}


def evaluated(folder: Path, real: bool = True, **changed: float) -> list[str]:
    """The warnings of a run whose figures are the real ones but for those changed."""
    make_run(folder)
    rows = [row("run", **{**SOUND, **changed})]
    rows += [row("real data", "real", **SOUND)] if real else []
    (folder / FILE).write_text(json.dumps(Record({}, Table(rows)).to_json()))
    return found(folder)


def trained(folder: Path, lines: list[dict[str, Any]], recipe: str = RECIPE) -> list[str]:
    make_run(folder, recipe)
    write_journal(folder, lines)
    return found(folder)


def test_a_sound_run_has_no_warnings(tmp_path: Path) -> None:
    assert found(full_run(tmp_path)) == []
    assert evaluated(tmp_path / "as-real") == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"self_bleu_4": 0.6}, ["Collapse", "self-bleu-4", "0.600", "0.330", "0.15 above"]),
        ({"unique": 0.7}, ["Collapse", "70.0%", "100.0%", "10% below"]),
        ({"distinct_2": 0.2}, ["Collapse", "distinct-2", "0.200", "0.500", "0.5 times"]),
        ({"entropy_4": 7.0}, ["Collapse", "entropy-4", "7.00", "9.00", "1.5 below"]),
        ({"novel": 0.5}, ["Copying", "50.0%", "2.0%", "10% above"]),
    ],
)
def test_figures_far_from_real_ones_are_told_with_both_numbers(
    tmp_path: Path, changed: Mapping[str, float], said: list[str]
) -> None:
    (warning,) = evaluated(tmp_path, **changed)
    assert all(part in warning for part in said), warning


@pytest.mark.parametrize(
    "changed", [{"self_bleu_4": 0.47}, {"unique": 0.91}, {"distinct_2": 0.26}, {"novel": 0.89}]
)
def test_smaller_differences_are_no_warning(tmp_path: Path, changed: Mapping[str, float]) -> None:
    assert evaluated(tmp_path, **changed) == []


def test_copies_are_compared_with_those_of_held_out_text(tmp_path: Path) -> None:
    """On the table that an evaluation makes."""
    training = [f"sentence {n} of {n % 7} others" for n in range(40)]
    held_out = [*training[:8], *(f"text {n} of no {n % 5} others" for n in range(32))]
    for predictions, copied in ((training[:9] + held_out[8:39], 0.225), (training, 1.0)):
        make_run(tmp_path)
        table = evaluate(predictions, held_out, training, intervals=False)
        (tmp_path / FILE).write_text(json.dumps(Record({}, table).to_json()))
        warnings = [w for w in found(tmp_path) if w.startswith("Copying")]
        assert len(warnings) == (copied > 0.3)
    assert "100.0% of the sentences" in warnings[0] and "20.0% of held-out real ones" in warnings[0]


def test_without_real_data_only_gross_figures_are_told(tmp_path: Path) -> None:
    assert evaluated(tmp_path, real=False, self_bleu_4=0.9, unique=0.6, novel=0.75) == []
    warnings = evaluated(tmp_path, real=False, unique=0.4, novel=0.6)
    assert [w.split(":")[0] for w in warnings] == ["Collapse", "Copying"]


def test_before_an_evaluation_the_journal_is_used_and_the_rest_is_said(tmp_path: Path) -> None:
    lines = [evaluation(10, self_bleu_4=0.8, unique=0.9)]
    assert trained(tmp_path, lines) == []
    said = unchecked(read_story(tmp_path))
    assert said is not None and f"seqgen evaluate {tmp_path.name}" in said
    real = {**evaluation(10, self_bleu_4=0.4, unique=1.0), "event": "real"}
    (warning,) = trained(tmp_path, [*lines, real])
    assert "0.800" in warning and "0.400" in warning
    assert unchecked(read_story(full_run(tmp_path / "full"))) is None


def accuracies(*values: float, player: str = "discriminator") -> list[dict[str, Any]]:
    return [{**training(n), f"{player}/accuracy": v} for n, v in enumerate(values)]


def test_a_discriminator_that_is_always_right(tmp_path: Path) -> None:
    (warning,) = trained(tmp_path, accuracies(0.5, *[0.996] * 5))
    assert "discriminator is always right" in warning and "99.6%" in warning
    assert trained(tmp_path, accuracies(*[0.999] * 5, 0.95)) == []


def test_a_discriminator_that_guesses(tmp_path: Path) -> None:
    (warning,) = trained(tmp_path, accuracies(0.9, 0.49, 0.51, 0.5, 0.5, 0.51))
    assert "discriminator guesses" in warning and "50.2%" in warning
    assert trained(tmp_path, accuracies(*[0.57] * 6)) == []


def test_too_few_lines_the_generator_and_judges_are_not_warned_of(tmp_path: Path) -> None:
    assert trained(tmp_path, accuracies(1.0, 1.0, 1.0)) == []
    assert trained(tmp_path, accuracies(*[1.0] * 9, player="generator")) == []
    judge = RECIPE.replace("kind: seqgan", "kind: classification")
    assert trained(tmp_path, accuracies(*[1.0] * 9, player="classifier"), judge) == []


def test_rewards_without_variance(tmp_path: Path) -> None:
    flat = [training(n, generator__reward_deviation=1e-5) for n in range(6)]
    (warning,) = trained(tmp_path, flat)
    assert "generator/reward-deviation is at most 1e-05" in warning
    lively = [training(n, generator__reward_deviation=0.05) for n in range(6)]
    assert trained(tmp_path, lively) == []


RIGHT, CHANCE, FLAT = (0.999,) * 6, (0.5,) * 6, {"generator/reward-deviation": 1e-5}
KINDS = {"right": RIGHT, "guesses": CHANCE}


def own(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The warnings a training with these lines writes into its journal."""
    alarms, found = Alarms(), []
    for line in lines:
        figures = {name: value for name, value in line.items() if "/" in name}
        for text in alarms.hear(0, figures):
            text = f"step {line['step']}, phase 'seqgan': {text}"
            found.append({"event": "warning", "seconds": 1.0, "text": text})
    return found


@pytest.mark.parametrize("kind", [*KINDS, "rewards without"])
def test_what_the_run_warned_of_is_not_said_again(tmp_path: Path, kind: str) -> None:
    lines = (
        accuracies(*KINDS[kind]) if kind in KINDS else [{**training(n), **FLAT} for n in range(6)]
    )
    (alone,) = trained(tmp_path / "without", lines)
    assert kind in alone.lower() and not alone.startswith("The run itself")
    (once,) = trained(tmp_path / "with", [*lines, *own(lines)])
    assert once.startswith("The run itself warned: step 4, phase 'seqgan'") and kind in once


def test_a_warning_of_another_kind_or_player_silences_nothing(tmp_path: Path) -> None:
    lines = accuracies(*RIGHT)
    others = [
        *own(accuracies(*CHANCE)),
        *own(accuracies(*RIGHT, player="critic")),
        *own([{**training(n), **FLAT} for n in range(6)]),
    ]
    assert len(others) == 3
    said, *ran = trained(tmp_path, [*lines, *others])
    assert said.startswith("The discriminator is always right") and len(ran) == 3


def nlls(*values: float, phase: str = "teacher-forcing") -> list[dict[str, Any]]:
    return [evaluation(100 * n, phase, nll=value) for n, value in enumerate(values, 1)]


def test_a_held_out_nll_that_rises(tmp_path: Path) -> None:
    (warning,) = trained(tmp_path, nlls(4.0, 3.0, 3.1, 3.2, 3.3))
    assert "last 3 evaluations" in warning and "3.300" in warning
    assert "lowest, 3.000, at step 200" in warning
    for values in [(4.0, 3.0, 3.1, 3.2), (3.0, 3.01, 3.02, 3.03), (3.0, 3.4, 3.5, 3.6, 3.5)]:
        assert trained(tmp_path, nlls(*values)) == []


def test_a_rising_nll_may_be_the_price_of_a_method(tmp_path: Path) -> None:
    """Unless the training sentences become likelier meanwhile: then they are learned by heart."""
    rising = nlls(4.0, 3.0, 3.1, 3.2, 3.3, phase="mine")
    recipe = RECIPE.replace(
        "method: {kind: seqgan}", "method: {kind: scheduled-sampling}\n  name: mine"
    )
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best").write_text("step-00000200\n")
    for slope, said in ((0.001, "Under scheduled-sampling the held-out"), (-0.001, "Overfitting")):
        own = [training(n, "mine", generator__nll=3 + slope * n) for n in range(10, 501, 10)]
        (warning,) = trained(tmp_path, [*own, *rising], recipe)
        assert warning.startswith(said) and "of the best checkpoint, step 200." in warning
        assert ("price of this method" in warning) is (slope > 0)


def test_no_grammatical_sentence_is_told_in_words(tmp_path: Path) -> None:
    lost = {**evaluation(20, grammar_nll=None), "nonfinite": ["grammar-nll"]}
    (warning,) = trained(tmp_path, [lost])
    assert warning.endswith("once, first at step 20: no sentence was grammatical.")


def test_figures_that_were_not_finite_and_what_the_run_warned_of(tmp_path: Path) -> None:
    lost = [
        {**training(n, generator__loss=None), "nonfinite": ["generator/loss"]} for n in (30, 40)
    ]
    said = {"event": "warning", "seconds": 1.0, "text": "lines are lost"}
    assert trained(tmp_path, [*lost, said, said]) == [
        "generator/loss was not finite 2 times, first at step 30.",
        "The run itself warned: lines are lost",
    ]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run: it has no recipe"):
        found(tmp_path)
