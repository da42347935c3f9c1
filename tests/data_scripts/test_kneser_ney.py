"""The Kneser-Ney yardstick: hand-computed values, a definition written down twice, sums to 1."""

import importlib.util
import math
import random
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.text.vocabulary import Vocabulary

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "kneser_ney.py"
CAPTIONS = Path(__file__).parents[2].parent / "shared" / "data" / "coco_texygen"
spec = importlib.util.spec_from_file_location("kneser_ney", SCRIPT)
kneser_ney = importlib.util.module_from_spec(spec)
sys.modules["kneser_ney"] = kneser_ney  # dataclasses look their module up
spec.loader.exec_module(kneser_ney)

BEGIN, END, UNKNOWN = kneser_ney.BEGIN, kneser_ney.END, kneser_ney.UNKNOWN
KneserNey = kneser_ney.KneserNey


def zipf_corpus(seed, sentences=300):
    """Sentences of frequent and rare phrases: the counts of counts of a real text, in small."""
    stream = random.Random(seed)
    words = [f"w{rank}" for rank in range(200)]
    weights = [1 / (rank + 1) for rank in range(200)]
    phrases = [stream.choices(words, weights, k=stream.randint(1, 4)) for _ in range(200)]
    drawn = (stream.choices(phrases, weights, k=stream.randint(0, 3)) for _ in range(sentences))
    return [[word for phrase in chosen for word in phrase] for chosen in drawn]


def by_definition(sentences, word, context, order):
    """P(word | context) straight from the formulas, over the padded corpus, by recursion."""
    padded = [[BEGIN, *sentence, END] for sentence in sentences]
    vocabulary = {word for sentence in sentences for word in sentence} | {UNKNOWN, END}

    def grams(length):
        return [tuple(s[at : at + length]) for s in padded for at in range(len(s) - length + 1)]

    def adjusted(length):
        raw = Counter(gram for gram in grams(length) if gram != (BEGIN,))
        if length == order:
            return raw
        left = defaultdict(set)
        for gram in grams(length + 1):
            left[gram[1:]].add(gram[0])
        return {gram: raw[gram] if gram[0] == BEGIN else len(left[gram]) for gram in raw}

    def probability(context):
        counts = adjusted(len(context) + 1)
        below = probability(context[1:]) if context else 1 / len(vocabulary)
        followers = {gram[-1]: n for gram, n in counts.items() if gram[:-1] == context}
        if not followers:
            return below
        discount = (0, *kneser_ney.discounts(counts.values()))
        total, own = sum(followers.values()), followers.get(word, 0)
        rest = sum(discount[min(n, 3)] for n in followers.values())
        return (own - discount[min(own, 3)] + rest * below) / total

    return probability(tuple(context[max(0, len(context) - order + 1) :]))


def test_discounts_by_hand():
    counts = [1, 1, 1, 1, 2, 2, 3, 4]  # 4, 2, 1, 1 n-grams of count 1, 2, 3, 4: Y = 4 / (4 + 4)
    assert kneser_ney.discounts(counts) == pytest.approx((0.5, 1.25, 1.0))
    assert kneser_ney.discounts([1, 2, 9]) == kneser_ney.FALLBACK_DISCOUNTS  # no count 3
    # Discount 3 would be 3 - 4 * (1/3) * 9 / 1 < 0.
    assert kneser_ney.discounts([1, 2, 3] + [4] * 9) == kneser_ney.FALLBACK_DISCOUNTS


def test_bigram_by_hand():
    model = KneserNey.train([["a", "b"], ["a", "b"], ["a"]], order=2)
    # Words in front of a: BEGIN; of b: a; of END: a and b. No count 3: fallback (0.5, 1, 1.5).
    # Unigrams: each keeps (count - discount) / 4, and 2/4 is spread over a, b, unknown and END.
    unigram = {"a": 0.25, "b": 0.25, END: 0.375, UNKNOWN: 0.125}
    # Bigrams: BEGIN a 3, a b 2, b END 2, a END 1; Y = 1/5, discounts 0.2, 1.7, 3.
    assert model.discounts == ((0.5, 1.0, 1.5), pytest.approx((0.2, 1.7, 3.0)))
    for word, share in unigram.items():
        assert model.probability(word, []) == pytest.approx(share)
        assert model.probability(word, [BEGIN]) == pytest.approx(share)  # 3 - 3 keeps nothing
        assert model.probability(word, ["z"]) == pytest.approx(share)  # unknown: not a context
    after_a = {"a": 0, "b": 0.3, END: 0.8, UNKNOWN: 0}
    for word, kept in after_a.items():
        expected = (kept + 1.9 * unigram[word]) / 3
        assert model.probability(word, ["a"]) == pytest.approx(expected)
    values = model.log_probabilities(["a", "b"])
    expected = [0.25, (0.3 + 1.9 * 0.25) / 3, (0.3 + 1.7 * 0.375) / 2]
    assert [math.exp(value) for value in values] == pytest.approx(expected)
    assert model.perplexity([["a", "b"]]) == pytest.approx(math.prod(expected) ** (-1 / 3))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_follow_the_definition(order):
    sentences = zipf_corpus(seed=order)
    model = KneserNey.train(sentences, order)
    for sentence in [*sentences[:5], ["w7", "w7", "w7"], ["new", "w0"], []]:
        known = [word if word in model.vocabulary else UNKNOWN for word in sentence]
        tokens = [BEGIN, *known, END]
        expected = [
            by_definition(sentences, tokens[at], tokens[:at], order) for at in range(1, len(tokens))
        ]
        got = [math.exp(value) for value in model.log_probabilities(sentence)]
        assert got == pytest.approx(expected, rel=1e-12)


def test_discounts_of_the_random_corpus_are_computed_ones():
    # Else the sums and definitions here would be checked for the fallback only.
    for order in (1, 2, 3, 4):
        model = KneserNey.train(zipf_corpus(seed=order), order)
        assert kneser_ney.FALLBACK_DISCOUNTS not in model.discounts


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one(order):
    model = KneserNey.train(zipf_corpus(seed=order), order)
    words = sorted(model.vocabulary - {END})[:6]
    contexts = [[], [BEGIN], ["never seen"], [BEGIN, "never seen", "w0"]]
    contexts += [list(pair) for pair in product(words, words)] + [[BEGIN, *words]]
    for context in contexts:
        total = math.fsum(model.probability(word, context) for word in model.vocabulary)
        assert total == pytest.approx(1.0, abs=1e-12), context


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=12),
    st.integers(1, 4),
    st.lists(st.sampled_from("abcdx"), max_size=4),
)
def test_tiny_corpora_sum_to_one_too(sentences, order, context):
    model = KneserNey.train(sentences, order)
    for start in ([], [BEGIN]):
        chances = [model.probability(word, start + context) for word in model.vocabulary]
        assert math.fsum(chances) == pytest.approx(1.0, abs=1e-12)
        assert min(chances) >= 0


def test_order_of_sentences_and_names_of_words_do_not_matter():
    sentences = zipf_corpus(seed=5)
    model = KneserNey.train(sentences, 4)
    shuffled = KneserNey.train(sentences[::-1], 4)
    renamed = KneserNey.train([[word[::-1] for word in s] for s in sentences], 4)
    for sentence in zipf_corpus(seed=6, sentences=20):
        values = model.log_probabilities(sentence)
        assert len(values) == len(sentence) + 1
        assert shuffled.log_probabilities(sentence) == pytest.approx(values, rel=1e-12)
        backwards = [word[::-1] for word in sentence]
        assert renamed.log_probabilities(backwards) == pytest.approx(values, rel=1e-12)


def test_all_unknown_words_are_one_word():
    model = KneserNey.train(zipf_corpus(seed=7), 3)
    known = model.log_probabilities(["w1", UNKNOWN, "w0"])
    assert model.log_probabilities(["w1", "never seen", "w0"]) == known


def test_positions_group_all_tokens_with_end_after_the_last_word():
    model = KneserNey.train(zipf_corpus(seed=8), 3)
    sentences = [["w0", "w1", "w2"], [], ["w3"]]
    costs = [[-value for value in model.log_probabilities(sentence)] for sentence in sentences]
    first = [*costs[0][:2], *costs[1], *costs[2]]
    assert kneser_ney.by_position(model, sentences, width=2) == [
        (1, 2, 5, pytest.approx(sum(first) / 5)),
        (3, 4, 2, pytest.approx(sum(costs[0][2:]) / 2)),
    ]
    with pytest.raises(ValueError, match="0 positions"):
        kneser_ney.by_position(model, sentences, width=0)


def test_reading_splits_only_a_glued_final_period(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes(b"\xef\xbb\xbfA dog. Ran.\r\na cat .\n\n.\nno period\n")
    assert kneser_ney.read_sentences(path, lowercase=True, split_final_period=True) == [
        ["a", "dog.", "ran", "."],
        ["a", "cat", "."],
        [],
        ["."],
        ["no", "period"],
    ]
    assert kneser_ney.read_sentences(path, lowercase=False, split_final_period=False)[0] == [
        "A",
        "dog.",
        "Ran.",
    ]


def test_rare_words_become_unknown():
    sentences = [["a", "b"], ["a", "c", "c"]]
    assert kneser_ney.without_rare(sentences, 2) == [["a", UNKNOWN], ["a", "c", "c"]]
    assert kneser_ney.without_rare(sentences, 1) == sentences


@pytest.mark.parametrize(("sentences", "order"), [([], 2), ([["a"]], 0)])
def test_nothing_to_train_on_is_refused(sentences, order):
    with pytest.raises(ValueError, match="needed"):
        KneserNey.train(sentences, order)


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def write(path, sentences):
    path.write_text("".join(" ".join(s) + "\n" for s in sentences), encoding="utf-8")
    return path


def test_command_line_prints_what_the_class_computes(tmp_path):
    lines = [sentence for sentence in zipf_corpus(seed=9) if sentence]
    test = [["w0", "never"], ["w1"]]
    train_file, test_file = write(tmp_path / "a.txt", lines), write(tmp_path / "b.txt", test)
    result = run("--train", train_file, "--test", test_file, "--valid-last", 20, "--order", 3,
                 "--unknown-below", 3, "--score", test_file, "--positions", 2)  # fmt: skip
    assert result.returncode == 0, result.stderr
    model = KneserNey.train(kneser_ney.without_rare(lines[:-20], 3), 3)
    valid, held_out = model.perplexity(lines[-20:]), sum(len(s) + 1 for s in lines[-20:])
    assert f"valid: perplexity {valid:.3f}, {held_out} tokens" in result.stdout
    perplexity = model.perplexity(test)
    expected = f"test: perplexity {perplexity:.3f}, 5 tokens, 33.33% of words unknown"
    assert expected in result.stdout
    (first, last, tokens, cost), second = kneser_ney.by_position(model, test, 2)
    assert (first, last, tokens, second[2]) == (1, 2, 4, 1)
    assert f"b.txt: positions 1-2, 4 tokens, {cost:.4f} nats a token" in result.stdout


def test_command_line_refuses_what_does_not_fit(tmp_path):
    train_file = write(tmp_path / "a.txt", [["a"], ["b"]])
    too_many = run("--train", train_file, "--valid-last", 2)
    missing = run("--train", train_file, "--test", tmp_path / "missing.txt")
    assert too_many.returncode == missing.returncode == 2
    assert "--valid-last 2" in too_many.stderr
    assert "missing.txt" in missing.stderr
    assert "Traceback" not in too_many.stderr + missing.stderr


def test_captions_give_the_known_perplexity():
    if not CAPTIONS.exists():
        pytest.skip("no caption data beside the repository")
    result = run("--train", CAPTIONS / "train.txt", "--test", CAPTIONS / "test.txt",
                 "--valid-last", 500, "--lowercase", "--split-final-period",
                 "--unknown-below", 2)  # fmt: skip
    perplexity = float(result.stdout.split("test: perplexity ")[1].split(",")[0])
    assert perplexity == pytest.approx(43.8, abs=1.0)


def test_captions_are_read_as_the_vocabulary_reads_them(tmp_path: Path) -> None:
    lines = ["A dog.", "two dogs ..", "a man and a dog together..", "wait...", "a cat .", "no end"]
    file = tmp_path / "lines.txt"
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    vocabulary = Vocabulary.train(lines, "word", lowercase=True, punctuation="final")
    ids = vocabulary.encode(lines)
    assert vocabulary.texts(ids.ids, ids.lengths) == [
        " ".join(words) for words in kneser_ney.read_sentences(file, True, True)
    ]
