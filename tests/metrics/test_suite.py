"""The whole evaluation: scores equal the functions they stand for, the real row is what it says."""

import numpy as np
import pytest

from seqgen.metrics.bleu_family.bleu import (
    backward_bleu_orders,
    bleu_orders,
    harmonic_bleu_orders,
    self_bleu_orders,
)
from seqgen.metrics.bleu_family.sentence_bleu import sentence_bleu
from seqgen.metrics.diversity import (
    distinct,
    entropy,
    expected_distinct,
    lengths,
    novel_share,
    repetition,
    unique_share,
)
from seqgen.metrics.overlap import coverage, ms_jaccard
from seqgen.metrics.suite import evaluate

WORDS = ["the", "a", "dog", "cat", "man", "sits", "runs", "on", "under", "table", "mat", "red"]


def drawn(seed, count):
    draws = np.random.default_rng(seed)
    return [" ".join(draws.choice(WORDS, size)) for size in draws.integers(2, 9, count)]


PREDICTIONS, REFERENCES, TRAINING = drawn(1, 30), drawn(2, 40), drawn(3, 50)


def every_score(predictions, references, own, smoothing="method1"):
    vocabulary = len({word for s in REFERENCES + TRAINING for word in s.split()})
    return [
        *bleu_orders(predictions, references, smoothing=smoothing),
        *backward_bleu_orders(predictions, references, smoothing=smoothing),
        *harmonic_bleu_orders(predictions, references, smoothing=smoothing),
        *self_bleu_orders(own, smoothing=smoothing),
        *(distinct(predictions, order) for order in (1, 2, 3)),
        expected_distinct(predictions, vocabulary),
        entropy(predictions),
        ms_jaccard(predictions, references),
        *(coverage(predictions, references, order) for order in (1, 2, 3)),
        unique_share(predictions),
        repetition(predictions),
        *lengths(predictions),
    ]


def plain(scores):
    return {
        score.name: (score.signature, pytest.approx(score.value, abs=1e-12)) for score in scores
    }


def found(row):
    return {score.name: (score.signature, score.value) for score in row.scores}


@pytest.mark.parametrize("smoothing", ["method1", "none"])
def test_every_score_equals_its_own_function(smoothing):
    table = evaluate(
        PREDICTIONS, REFERENCES, TRAINING, first=20, self_first=25, smoothing=smoothing,
        intervals=False, name="ours",
    )  # fmt: skip
    first = PREDICTIONS[:20]
    expected = every_score(first, REFERENCES, PREDICTIONS[:25], smoothing)
    assert (table.rows[0].name, table.rows[0].kind) == ("ours", "system")
    assert found(table.rows[0]) == plain([*expected, novel_share(first, TRAINING)])


def test_the_real_row_is_training_text_measured_the_same_way():
    table = evaluate(PREDICTIONS, REFERENCES, TRAINING, first=20, self_first=25, seed=4)
    order = np.random.default_rng(4).permutation(len(TRAINING)).tolist()
    sentences, own = [[TRAINING[row] for row in order[:count]] for count in (20, 25)]
    assert table.rows[1].kind == "real"
    values = found(table.rows[1])
    signature, copied = values.pop("novel")  # of held-out text: training text is none of it novel
    assert values == plain(every_score(sentences, REFERENCES, own))
    assert copied == novel_share(REFERENCES, TRAINING).value
    assert signature.startswith(f"held-out:{len(REFERENCES)}|training:{len(TRAINING)}|")
    assert "20 sentences of the training text" in table.notes[0]


@pytest.mark.parametrize("count", [12, 40, 60])
def test_without_training_text_each_reference_meets_all_the_others(count):
    table = evaluate(drawn(5, count), REFERENCES, intervals=False)
    order = np.random.default_rng(0).permutation(len(REFERENCES)).tolist()
    chosen = order[:count]

    def others(row, rows):
        return [REFERENCES[other] for other in rows if other != row]

    everyone = range(len(REFERENCES))
    forward = [sentence_bleu([REFERENCES[r]], others(r, everyone))[:, 0] for r in chosen]
    backward = [sentence_bleu([REFERENCES[r]], others(r, chosen))[:, 0] for r in everyone]
    f, b = np.mean(forward, axis=0), np.mean(backward, axis=0)
    values = found(table.rows[1])
    for place, order_ in enumerate((2, 3, 4, 5)):
        assert values[f"bleu-{order_}"][1] == pytest.approx(f[place])
        assert values[f"backward-bleu-{order_}"][1] == pytest.approx(b[place])
        assert values[f"bleu-ha-{order_}"][1] == pytest.approx(2 / (1 / f + 1 / b)[place])
    signature = f"order:4|hypotheses:{len(chosen)}|references:39|smoothing:method1|"
    assert values["bleu-4"][0].startswith(signature)
    assert "leave-one-out:yes" in values["bleu-4"][0]
    assert "novel" not in values
    # Overlap only with references that were not drawn, when there are enough of them.
    assert ("ms-jaccard-4" in values) == (count == 12)
    if count == 12:
        rest = [REFERENCES[row] for row in order[12:]]
        expected = ms_jaccard([REFERENCES[row] for row in chosen], rest)
        assert values["ms-jaccard-4"] == (expected.signature, pytest.approx(expected.value))
    assert any("real data has 40 sentences, the hypotheses are 60" in n for n in table.notes) == (
        count == 60
    )


def test_a_copied_sentence_does_not_meet_itself_in_the_real_row():
    table = evaluate(["a b c d e f"], ["a b c d e f", "g h i j k l"], intervals=False)
    assert table.rows[0].score("bleu-4").value == 1
    assert len(table.rows[1].scores) > 20
    assert table.rows[1].score("bleu-4").value == 0
    assert table.rows[1].score("unique").signature.startswith("hypotheses:2|")


def test_intervals_surround_the_figures_and_change_none():
    bare = evaluate(PREDICTIONS, REFERENCES, TRAINING, intervals=False)
    table = evaluate(PREDICTIONS, REFERENCES, TRAINING)
    assert [found(row) for row in table.rows] == [found(row) for row in bare.rows]
    assert not any(score.interval for row in bare.rows for score in row.scores)
    for row in table.rows:
        for score in row.scores:
            if score.name.startswith("length-") and score.name != "length-mean":
                assert score.interval is None
                continue
            if score.name in ("coverage-1", "ms-jaccard-4"):
                assert score.value in (0, 1) and score.interval is None  # the same in all subsets
                continue
            assert score.interval.low <= score.value <= score.interval.high
            by_row = ("bleu-2", "bleu-3", "bleu-4", "bleu-5", "novel", "repetition", "length")
            method = "bootstrap 1000" if score.name.startswith(by_row) else "subsampling 40"
            edge = score.name in ("unique", "novel", "repetition-2") and score.value in (0, 1)
            assert score.interval.method == ("rule of three" if edge else method), score.name


def test_intervals_of_backward_bleu_are_those_of_another_draw():
    """Of the predictions; the references stay what they are."""
    widths, values = [], []
    for seed in range(24):
        row = evaluate(drawn(100 + seed, 60), REFERENCES, orders=(2,), seed=seed).rows[0]
        scores = [row.score("backward-bleu-2"), row.score("bleu-ha-2")]
        values.append([score.value for score in scores])
        widths.append([score.interval.high - score.interval.low for score in scores])
    expected = 2 * 2.02 * np.std(values, axis=0, ddof=1)
    assert np.mean(widths, axis=0) == pytest.approx(expected, rel=0.35)


def test_the_seed_decides_all():
    once, again = (evaluate(PREDICTIONS, REFERENCES, TRAINING, seed=7) for _ in range(2))
    assert once == again
    assert once != evaluate(PREDICTIONS, REFERENCES, TRAINING, seed=8)


def test_blank_predictions_count_and_blank_references_do_not():
    table = evaluate([*PREDICTIONS, "", " "], [*REFERENCES, ""], intervals=False)
    expected = bleu_orders([*PREDICTIONS, "", " "], REFERENCES)
    assert found(table.rows[0])["bleu-2"] == plain(expected)["bleu-2"]
    assert any("2 of 32 hypotheses are blank" in note for note in table.notes)
    assert any("1 blank references were left out" in note for note in table.notes)


def test_numbers_that_differ_are_noted():
    notes = evaluate(PREDICTIONS, REFERENCES, intervals=False).notes
    assert any("30 hypotheses and 40 references" in note for note in notes)
    assert not any("warning" in note for note in notes)
    same = evaluate(PREDICTIONS, REFERENCES[:30], TRAINING, intervals=False).notes
    assert len(same) == 1


def test_words_the_real_text_lacks_are_a_warning():
    notes = evaluate([s.upper() for s in PREDICTIONS], REFERENCES).notes
    assert any("no word of the hypotheses" in note and "100.0%" in note for note in notes)
    half = ["dog X Y cat", "Z X dog"]
    assert any("few words" in n and "57.1%" in n for n in evaluate(half, REFERENCES).notes)
    assert not any("warning" in n for n in evaluate(["X Y Z q"], REFERENCES, ["X Y Z q"]).notes)


def test_tokenizer_and_case_reach_every_score():
    table = evaluate(["The Dog"], ["the dog", "a cat"], tokenizer="character", lowercase=True)
    assert table.rows[0].score("bleu-2").value == 1
    for row in table.rows:
        assert all("tokenizer:character+lowercase|" in score.signature for score in row.scores)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_very_few_sentences(count):
    for training in (None, TRAINING[:count]):
        table = evaluate(PREDICTIONS[:count], REFERENCES[:count], training)
        assert len(table.rows) == (1 if training is None and count == 1 else 2)
        assert (table.rows[0].score("self-bleu-2") is None) == (count == 1)
        assert all(np.isfinite(score.value) for row in table.rows for score in row.scores)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([], REFERENCES), "0 sentences"),
        ((PREDICTIONS, []), "0 references"),
        ((PREDICTIONS, ["", " "]), "0 references given: 2 sentences"),
        ((PREDICTIONS, REFERENCES, [""]), "0 training sentences"),
    ],
)
def test_nothing_to_measure(given, words):
    with pytest.raises(ValueError, match=words):
        evaluate(*given)


def test_wrong_settings():
    with pytest.raises(ValueError, match="first 0"):
        evaluate(PREDICTIONS, REFERENCES, first=0)
    with pytest.raises(ValueError, match="self_first -1"):
        evaluate(PREDICTIONS, REFERENCES, self_first=-1)
    with pytest.raises(TypeError, match="one string"):
        evaluate(PREDICTIONS, "a b")


def warnings(*given):
    return " ".join(note for note in evaluate(*given, intervals=False).notes if "warning" in note)


def test_collapse_and_copies_are_warnings():
    assert warnings(PREDICTIONS, REFERENCES, TRAINING) == ""
    one = warnings(["a dog runs under"] * 50, REFERENCES)
    assert "all 50 hypotheses are one and the same sentence" in one
    assert "only 4 of the 50" in warnings(PREDICTIONS[:4] * 10 + PREDICTIONS[:1] * 10, REFERENCES)
    equal = warnings(REFERENCES, REFERENCES, TRAINING)
    assert "100.0% of the 40 hypotheses stand word by word in the references" in equal
    assert "copied" not in equal
    copied = warnings(PREDICTIONS, REFERENCES, [*TRAINING, *PREDICTIONS])
    assert "100.0% of the 30 hypotheses are copied word by word from the training text" in copied
