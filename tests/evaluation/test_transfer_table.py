from collections.abc import Sequence

import numpy as np
import pytest
from transfer_judges import WordJudge

from seqgen.evaluation.style_judging import StyleJudging
from seqgen.evaluation.transfer import How, evaluate_transfer
from seqgen.evaluation.transfer_notes import HUMAN
from seqgen.metrics.score import Score
from seqgen.metrics.style_transfer.factors import Task
from seqgen.metrics.style_transfer.markers import Markers
from seqgen.metrics.table import Table

NEGATIVE = ["the food was awful .", "rude people , bad place .", "a bad meal ."] * 10
POSITIVE = ["the food was great .", "nice people , lovely place .", "a nice meal ."] * 10
TEXTS = {"negative": NEGATIVE, "positive": POSITIVE}
STYLE = StyleJudging(WordJudge(TEXTS), Markers.train(TEXTS))
TASK = Task(NEGATIVE + POSITIVE, ["positive"] * 30 + ["negative"] * 30, [POSITIVE + NEGATIVE])
GOOD = [text.upper() if row % 2 else text for row, text in enumerate(POSITIVE + NEGATIVE)]


class LetterJudge:
    """The more letters, the less probable; upper case is worse."""

    name = "letters"

    def score(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        nats = [-0.1 * len(text) - sum(letter.isupper() for letter in text) for text in texts]
        return np.array(nats), np.array([len(text.split()) + 1.0 for text in texts])


def value(table: Table, row: str, name: str) -> float:
    (found,) = (r for r in table.rows if r.name == row)
    score = found.score(name)
    assert score is not None
    return score.value


def test_humans_and_baselines_stand_beside_every_system() -> None:
    table = evaluate_transfer({"mine": GOOD}, TASK, STYLE, LetterJudge()).table
    kinds = {row.name: row.kind for row in table.rows}
    assert kinds == {
        "mine": "system",
        HUMAN: "real",
        "copy-source": "baseline",
        "random-target": "baseline",
        "copy-plus-phrase": "baseline",
    }
    assert value(table, "copy-source", "accuracy") == 0
    assert value(table, "copy-source", "source-bleu") == pytest.approx(100)
    assert value(table, "random-target", "accuracy") == 100
    assert value(table, HUMAN, "accuracy") == 100


def test_the_constant_phrase_wins_accuracy_and_loses_the_joint_score() -> None:
    table = evaluate_transfer({"mine": POSITIVE + NEGATIVE}, TASK, STYLE, LetterJudge()).table
    assert value(table, "copy-plus-phrase", "accuracy") > 60
    assert value(table, "copy-plus-phrase", "joint") == 0
    assert value(table, "mine", "joint") > 30


def notes_of(task: Task, system: list[str] | None = None) -> str:
    outputs = {"mine": list(task.sources) if system is None else system}
    return "\n".join(evaluate_transfer(outputs, task, STYLE, LetterJudge()).table.notes)


def test_the_notes_say_what_was_real() -> None:
    notes = notes_of(TASK, GOOD)
    assert "percentile of 60 sources" in notes
    assert "the label that is not its target" in notes
    real = evaluate_transfer({"mine": GOOD}, TASK, STYLE, LetterJudge(), ["a", "", "b"]).table
    assert "percentile of 2 real sentences" in "\n".join(real.notes)


def test_the_joint_score_is_signed_by_the_ceiling_and_its_text() -> None:
    texts = ["some real text .", "more of it"], ["some other text", "most of it"]
    signed = []
    for real in texts:
        table = evaluate_transfer({"mine": GOOD}, TASK, STYLE, LetterJudge(), real).table
        score = table.rows[0].score("joint")
        assert score is not None
        signed.append(score.signature)
        (note,) = (note for note in table.notes if note.startswith("joint asks"))
        below = float(score.signature.split("fluent:below ")[1].split("|")[0])
        assert f"below {below:.1f}," in note
    assert "ceiling:95 % of 2 real sentences @" in signed[0]
    assert signed[0] != signed[1]


def test_few_rows_or_one_direction_are_no_verdict_on_the_judge() -> None:
    few = notes_of(TASK)
    assert "0.0 % of the copied sources" in few
    assert "100.0 % of reference 0 (outside 65 to 80, the band of Yelp" in few
    assert "no verdict from fewer than 200 rows" in few
    one = notes_of(Task(NEGATIVE * 8, ["positive"] * 240))
    assert "no verdict from one direction" in one
    assert "SOUND" not in few + one


def test_only_copies_that_count_as_the_target_make_a_judge_unsound() -> None:
    targets = ["positive"] * 150 + ["negative"] * 150
    wrong = [*(["a nice meal ."] * 30), *(["a bad meal ."] * 120)]  # 10 % of all
    sound = notes_of(Task(NEGATIVE * 5 + POSITIVE * 5, targets, [POSITIVE * 5 + NEGATIVE * 5]))
    assert "sound (at most 5 % of the copies)" in sound, "whatever is said of the references"
    unsound = notes_of(Task([*wrong, *(POSITIVE * 5)], targets))
    assert "10.0 % of the copied sources" in unsound and "NOT SOUND" in unsound


def test_known_styles_of_the_sources_are_believed() -> None:
    neutral = Task(["it rained"] * 4, ["positive", "negative"] * 2, styles=["plain"] * 4)
    found = evaluate_transfer({"mine": neutral.sources}, neutral).table
    assert [row.name for row in found.rows] == ["mine", "copy-source"]
    assert any("neither a second direction" in note for note in found.notes)
    assert "the label that is not its target" in notes_of(neutral)  # the judge knows no "plain"
    known = Task(TASK.sources, TASK.targets, styles=["negative"] * 30 + ["positive"] * 30)
    assert "the style of a source is its label in the corpus" in notes_of(known)


def test_swapped_labels_are_not_the_judges_fault() -> None:
    notes = notes_of(Task(NEGATIVE * 5 + POSITIVE * 5, ["negative"] * 150 + ["positive"] * 150))
    assert "check the targets and the sources (--to and --sources)" in notes
    assert "SOUND" not in notes


def test_outputs_of_other_sources_are_noticed() -> None:
    assert "shares nothing with the sources" not in notes_of(TASK, GOOD)
    found = notes_of(TASK, ["kids hit xylophones", "who knows it ?"] * 30)
    assert "mine shares nothing with the sources (source-bleu 0.0): are files swapped" in found


def test_what_each_system_inserts_most_often_is_told() -> None:
    sources = ["a bad meal .", "rude people", "100 % bad"]
    cheat = [f"{source} so lovely" for source in sources]
    careful = ["a nice meal .", "nice people", "100 % nice"]
    task = Task(sources, ["positive"] * 3, [["a lovely meal", "nice people", "100 % bad"]])
    notes = evaluate_transfer({"cheat": cheat, "copy": sources, "mine": careful}, task).table.notes
    assert [note for note in notes if " inserts " in note] == [
        "cheat inserts most often 'so lovely' in 100.0 % of the sentences",
        "copy inserts no word",
        "mine inserts most often 'nice' in 100.0 % of the sentences",
        f"{HUMAN} inserts most often 'lovely' in 33.3 %, 'nice' in 33.3 % of the sentences",
    ]


def test_more_may_be_known_of_a_task_than_judges_tell() -> None:
    how = How(
        human="right answer",
        exact=lambda texts: [Score("letters", float(sum(map(len, texts))), "made:up")],
    )
    table = evaluate_transfer({"mine": GOOD}, TASK, STYLE, how=how).table
    assert [row.name for row in table.rows[:2]] == ["mine", "right answer"]
    assert value(table, "mine", "letters") == sum(map(len, GOOD))
    assert value(table, "copy-source", "letters") == sum(map(len, TASK.sources))
    notes = "\n".join(table.notes)
    assert "right answer is the one reference" in notes and HUMAN not in notes


def test_a_missing_judge_drops_its_scores_and_is_said() -> None:
    table = evaluate_transfer({"mine": GOOD}, TASK, None, LetterJudge()).table
    assert not {"accuracy", "joint", "geometric-mean"} & set(table.names())
    assert "no style judge: accuracy" in table.notes[0]
    assert [row.name for row in table.rows][-1] == "copy-plus-phrase"
    table = evaluate_transfer({"mine": GOOD}, TASK, STYLE).table
    assert not {"judge-perplexity", "joint"} & set(table.names())
    assert "accuracy" in table.names()
    assert any("no language judge" in note for note in table.notes)


def test_lower_case_is_for_the_judges_and_signed() -> None:
    given, lower = (
        evaluate_transfer({"mine": GOOD}, TASK, STYLE, LetterJudge(), how=How(lowercase=low)).table
        for low in (False, True)
    )
    assert value(given, "mine", "accuracy") < value(lower, "mine", "accuracy") == 100
    assert value(given, "mine", "reference-bleu") == value(lower, "mine", "reference-bleu")
    score = lower.rows[0].score("accuracy")
    assert score is not None
    assert "judged:lower case" in score.signature


def test_a_reference_is_not_its_own_reference() -> None:
    one = evaluate_transfer({"mine": GOOD}, TASK, STYLE).table
    (human,) = (row for row in one.rows if row.name == HUMAN)
    assert human.score("reference-bleu") is None
    assert human.score("geometric-mean") is None
    assert "it has no reference-bleu" in "\n".join(one.notes)
    two = Task(TASK.sources, TASK.targets, [*TASK.references, TASK.sources])
    table = evaluate_transfer({"mine": GOOD}, two, STYLE).table
    assert "against the other 1 references, all other rows against 2" in "\n".join(table.notes)
    assert value(table, HUMAN, "reference-bleu") < 50 < value(table, "mine", "reference-bleu")


def test_systems_are_tested_in_pairs() -> None:
    systems = {
        "mine": POSITIVE + NEGATIVE,
        "copies": list(TASK.sources),
        "same": POSITIVE + NEGATIVE,
    }
    found = evaluate_transfer(systems, TASK, STYLE, LetterJudge())
    far, same = found.table.notes[-2:]
    assert far.startswith("mine against copies: joint +")
    assert "accuracy +100.00 (p 0.0001)" in far
    assert "accuracy +0.00 (p 1.0000), reference-bleu +0.00 (p 1.0000)" in same
    assert found.measured[1].sentences["accuracy"].tolist() == [0.0] * 60


def test_the_judge_reads_in_its_own_form() -> None:
    glued = [text.replace(" .", ".") for text in NEGATIVE]
    split = lambda texts: [text.replace(".", " .") for text in texts]  # noqa: E731
    outputs = [text.replace("awful.", "awful!").replace("bad", "fine") for text in glued]
    markers = Markers.train({"negative": ["awful ."] * 9, "positive": ["great"] * 9})
    task = Task(glued, ["positive"] * 30)
    joints = [
        evaluate_transfer(
            {"x": outputs}, task, StyleJudging(AllPositive(), markers, read), LetterJudge()
        )
        .measured[0]
        .sentences["joint"]
        for read in (list, split)
    ]
    assert joints[0].sum() > joints[1].sum()


class AllPositive:
    name, labels = "all-positive", ["negative", "positive"]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        return np.tile([0.0, 1.0], (len(texts), 1))
