from math import sqrt

import numpy as np
import pytest
import sacrebleu

from seqgen.metrics.bleu_family.aligned import sentence_aligned_bleu
from seqgen.metrics.style_transfer.baselines import baselines, phrase_added, random_target
from seqgen.metrics.style_transfer.factors import (
    Factors,
    Task,
    fluency_ceiling,
    fluent,
    free_of_markers,
    judged_right,
    source_styles,
)
from seqgen.metrics.style_transfer.markers import Markers
from seqgen.metrics.style_transfer.scores import NAMES, Setting, Verdicts, measure

LABELS = ["negative", "positive"]
MARKERS = Markers.train(
    {
        "negative": ["awful food"] * 9 + ["bad ."] * 9,
        "positive": ["great food"] * 9 + ["nice ."] * 9,
    }
)
SOURCES = ["the food is awful and Bad .", "the place was awful .", "great food here ."]
TARGETS = ["positive", "positive", "negative"]
REFERENCES = ["the food is great .", "the place was nice .", "awful food here ."]
TASK = Task(SOURCES, TARGETS, [REFERENCES])


def test_a_sentence_is_right_when_the_target_is_most_probable_and_it_says_anything() -> None:
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4], [1.0, 0.0]])
    found = judged_right(["a", "a", " "], TARGETS, probabilities, LABELS)
    assert found.tolist() == [True, False, False]
    with pytest.raises(ValueError, match="'neutral' given: the style judge tells apart negative"):
        judged_right(["a"], ["neutral"], probabilities[:1], LABELS)


def test_the_style_of_a_source_is_the_other_label_of_two_and_the_judges_of_more() -> None:
    wrong = np.array([[0.1, 0.9], [0.9, 0.1], [0.9, 0.1]])
    assert source_styles(TARGETS, wrong, LABELS) == ["negative", "negative", "positive"]
    three = np.array([[0.5, 0.1, 0.4], [0.1, 0.5, 0.4]])
    assert source_styles(["a", "a"], three, ["a", "b", "c"]) == ["c", "b"]


def test_only_markers_of_the_source_style_that_stand_in_both_are_survivors() -> None:
    styles = ["negative", "negative", "positive"]
    outputs = ["the food is bad and great", "the food is bad and great", "great awful food"]
    found = free_of_markers(outputs, SOURCES, styles, MARKERS)
    assert found.tolist() == [False, True, False], "bad in another case; bad is new; great stays"
    assert free_of_markers(["Awful"], [SOURCES[1]], ["negative"], MARKERS).tolist() == [False]


def test_fluency_is_a_perplexity_below_that_of_95_percent_of_real_text() -> None:
    nats, tokens = -np.arange(1.0, 101) / 10, np.full(100, 2.0)
    ceiling = fluency_ceiling(nats, tokens)
    assert fluent(nats, tokens, ceiling).sum() == 95
    assert ceiling == pytest.approx(np.percentile(np.exp(np.arange(1, 101) / 20), 95))
    assert not fluent(np.array([-2.0]), np.array([1.0]), np.exp(2.0)).any(), "below, not at"


def test_the_joint_score_is_the_chrf_of_the_rows_where_all_else_holds() -> None:
    yes, no = np.ones(4, bool), np.array([True, False, True, True])
    kept = np.array([80.0, 70, 60, 50])
    joint = Factors(no, np.array([1, 1, 0, 1], bool), kept, np.array([1, 1, 1, 0], bool)).joint()
    assert joint.tolist() == [80, 0, 0, 0]
    assert Factors(yes, yes, kept, yes).joint().mean() == 65


def test_all_scores_of_a_system_follow_from_their_definitions() -> None:
    outputs = ["The food is great and .", "the place was awful .", "awful food here ."]
    nats, tokens = np.array([-8.0, -5, -30]), np.array([7.0, 6, 5])
    right, clean = np.array([True, False, True]), np.array([True, False, True])
    setting = Setting(TASK, style="s", language="l", ceiling=20.0, real="3 sources")
    found = measure("system", outputs, setting, Verdicts(right, clean, nats, tokens))
    value = {score.name: score.value for score in found.row.scores}
    assert list(value) == list(NAMES)
    low = [output.lower() for output in outputs]
    bleu = sentence_aligned_bleu(low, [REFERENCES])[0].mean() * 100
    assert value["reference-bleu"] == pytest.approx(bleu)
    assert value["accuracy"] == pytest.approx(200 / 3)
    assert value["geometric-mean"] == pytest.approx(sqrt(bleu * 200 / 3))
    assert value["harmonic-mean"] == pytest.approx(2 / (1 / bleu + 3 / 200))
    assert value["judge-perplexity"] == pytest.approx(np.exp(43 / 18))
    sources = [source.lower() for source in SOURCES]
    assert value["chrf"] == pytest.approx(sacrebleu.corpus_chrf(low, [sources]).score)
    kept = sacrebleu.sentence_chrf(low[0], [sources[0]]).score
    assert value["joint"] == pytest.approx(kept / 3), "the third is right and clean, not fluent"
    assert found.sentences["joint"].tolist() == pytest.approx([kept, 0, 0])
    theirs = sacrebleu.corpus_bleu(low, [sources], "none", tokenize="none", force=True)
    assert value["corpus-source-bleu"] == pytest.approx(theirs.score)


def test_intervals_hold_the_values_and_every_signature_its_judge() -> None:
    outputs = ["great food .", "awful place .", "nice ."] * 30
    task = Task(SOURCES * 30, TARGETS * 30, [REFERENCES * 30])
    drawn = np.random.default_rng(0)
    verdicts = Verdicts(
        drawn.random(90) < 0.5, drawn.random(90) < 0.9, -drawn.random(90), np.ones(90)
    )
    row = measure("x", outputs, Setting(task, "nltk", "none", "s", "l", 9.0), verdicts).row
    for score in row.scores:
        if "corpus" in score.name or score.name == "chrf":
            assert "sacrebleu:" in score.signature
            continue
        if score.name in ("geometric-mean", "harmonic-mean"):
            assert score.value == 0 and score.interval is None, "no BLEU at all"
            continue
        assert score.interval is not None
        assert score.interval.low <= score.value <= score.interval.high
        assert score.name == "judge-perplexity" or score.interval.high <= 100
    signed = {score.name: score.signature for score in row.scores}
    assert "style-judge:s" in signed["accuracy"]
    assert "of:accuracy and reference-bleu" in signed["geometric-mean"]
    assert "tokenizer:nltk+lowercase" in signed["source-bleu"]
    assert "scale:100" in signed["source-bleu"]
    for part in ("style-judge:s", "language-judge:l", "markers:log-odds above 1.0"):
        assert part in signed["joint"].split("|")


def test_a_missing_judge_leaves_its_scores_out_and_one_row_has_no_interval() -> None:
    row = measure("x", ["a"], Setting(Task(["a"], ["positive"])), Verdicts()).row
    assert [score.name for score in row.scores] == ["source-bleu", "corpus-source-bleu", "chrf"]
    assert all(score.interval is None for score in row.scores)
    verdicts = Verdicts(nats=np.array([-1.0]), tokens=np.array([1.0]))
    row = measure("x", ["a"], Setting(Task(["a"], ["b"]), language="l"), verdicts).row
    assert row.score("joint") is None
    assert row.score("judge-perplexity") is not None


def test_without_references_the_means_are_with_the_source_bleu() -> None:
    verdicts = Verdicts(right=np.array([True, False]))
    row = measure("x", ["a b c d"] * 2, Setting(Task(["a b c d"] * 2, ["p"] * 2)), verdicts).row
    mean = row.score("geometric-mean")
    assert mean is not None
    assert mean.value == pytest.approx(sqrt(50 * 100))
    assert "of:accuracy and source-bleu" in mean.signature


def test_baselines_copy_draw_from_the_target_style_and_append_a_phrase() -> None:
    found, missing = baselines(TASK, ["negative", "negative", "positive"], MARKERS)
    copied, drawn, phrased = found
    assert (copied.predictions, missing) == (SOURCES, [])
    assert drawn.predictions[:2] == [SOURCES[2]] * 2
    assert drawn.predictions[2] in SOURCES[:2]
    assert phrased.predictions[0] == SOURCES[0] + " great nice"
    assert phrased.predictions[2] == SOURCES[2] + " awful bad"
    assert "'great nice' for positive" in phrased.note


def test_random_sentences_are_of_the_target_style_and_of_another_row() -> None:
    task = Task(
        [f"bad {i}" for i in range(50)] + [f"good {i}" for i in range(50)], ["p"] * 50 + ["n"] * 50
    )
    styles = ["n"] * 50 + ["p"] * 50
    first, again, other = (random_target(task, styles, seed) for seed in (0, 0, 1))
    assert all(text.startswith("good") for text in first.predictions[:50])
    assert all(text.startswith("bad") for text in first.predictions[50:])
    assert first == again != other
    assert len(set(first.predictions)) > 50
    alone = Task(task.sources[:50], ["p"] * 50, [[f"fine {i}" for i in range(50)]])
    found = random_target(alone, styles[:50])
    assert all(a != b for a, b in zip(found.predictions, alone.references[0], strict=True))
    assert "reference 0 of the other rows" in found.note


def test_a_baseline_that_cannot_be_made_says_why() -> None:
    alone = Task(["bad food ."] * 3, ["positive"] * 3)
    assert isinstance(random_target(Task(["bad"], ["p"], [["good"]]), ["n"]), str)
    found, missing = baselines(alone, None, None)
    assert [baseline.name for baseline in found] == ["copy-source"]
    assert "neither a second direction nor a reference" in missing[0]
    assert "no word is known to mark the style positive" in missing[1]


def test_without_a_judge_the_phrase_comes_from_the_sentences_themselves() -> None:
    two = Task(["bad food"] * 9 + ["great food"] * 9, ["p"] * 9 + ["n"] * 9)
    found, _ = baselines(two, None, None)
    assert found[2].predictions[0] == "bad food great"
    assert "for want of a judge" in found[2].note
    one = Task(["bad food"] * 9, ["p"] * 9, [["great food"] * 9])
    assert phrase_added(one, None, None).predictions == ["bad food great"] * 9


def test_a_task_has_one_style_a_source() -> None:
    with pytest.raises(ValueError, match="3 sources, but 1 styles given"):
        Task(SOURCES, ["p"] * 3, styles=["n"])


@pytest.mark.parametrize(
    ("targets", "references", "message"),
    [
        (["p"], [], "3 sources, but 1 targets given"),
        (["p"] * 3, [["a"] * 3, ["a"] * 4], "3 sources, but 4 references 1 given"),
    ],
)
def test_a_task_has_one_target_and_one_of_each_reference_a_source(
    targets: list[str], references: list[list[str]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Task(SOURCES, targets, references)


def test_predictions_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match="2 predictions, but 3 sentences"):
        measure("x", ["a", "b"], Setting(TASK), Verdicts())
