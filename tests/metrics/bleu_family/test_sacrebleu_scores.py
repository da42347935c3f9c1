import logging

import pytest
import sacrebleu

from seqgen.metrics.bleu_family.sacrebleu_scores import corpus_bleu, corpus_chrf, sentence_chrf

PREDICTIONS = ["The food is great here .", "we were not happy with it .", "no"]
FIRST = ["the food was great here .", "we were not happy at all .", "yes"]
SECOND = ["great food .", "we were not happy .", "no way"]


@pytest.mark.parametrize("streams", [[FIRST], [FIRST, SECOND]])
@pytest.mark.parametrize("smoothing", ["none", "exp", "floor"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_corpus_bleu_is_sacrebleus(
    streams: list[list[str]], smoothing: str, lowercase: bool
) -> None:
    score = corpus_bleu(
        PREDICTIONS, streams, lowercase=lowercase, tokenize="none", smoothing=smoothing
    )
    theirs = sacrebleu.corpus_bleu(
        PREDICTIONS, streams, smoothing, tokenize="none", lowercase=lowercase, force=True
    )
    assert score.value == pytest.approx(theirs.score, abs=1e-12)
    assert score.value > 10


def test_chrf_is_sacrebleus_for_the_corpus_and_for_each_row() -> None:
    score = corpus_chrf(PREDICTIONS, [FIRST, SECOND])
    assert score.value == pytest.approx(
        sacrebleu.corpus_chrf(PREDICTIONS, [FIRST, SECOND]).score, abs=1e-12
    )
    rows = sentence_chrf(PREDICTIONS, [FIRST, SECOND])
    expected = [
        sacrebleu.sentence_chrf(p, [a, b]).score
        for p, a, b in zip(PREDICTIONS, FIRST, SECOND, strict=True)
    ]
    assert rows.tolist() == pytest.approx(expected, abs=1e-12)
    assert sentence_chrf(["ABC", ""], [["abc", "abc"]], lowercase=True).tolist() == [100, 0]


def test_the_signature_is_sacrebleus_with_our_pairs() -> None:
    score = corpus_bleu(PREDICTIONS, [FIRST], lowercase=True, tokenize="none", smoothing="floor")
    pairs = dict(pair.split(":") for pair in score.signature.split("|"))
    assert pairs == {
        "hypotheses": "3",
        "nrefs": "1",
        "case": "lc",
        "eff": "no",
        "tok": "none",
        "smooth": "floor[0.10]",
        "sacrebleu": sacrebleu.__version__,
        "version": "1",
    }
    assert "nc:6|nw:0" in corpus_chrf(PREDICTIONS, [FIRST]).signature


def test_text_in_tokens_brings_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        corpus_bleu(["it was fine ."] * 200, [["it was fine ."] * 200])
    assert not caplog.records


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 predictions, but 2 sentences in reference stream 1"):
        corpus_bleu(PREDICTIONS, [FIRST, SECOND[:2]])
    with pytest.raises(TypeError, match="give a list of streams"):
        corpus_chrf(PREDICTIONS, FIRST)
    with pytest.raises(TypeError, match="one string given"):
        sentence_chrf("a b", [["a b"]])
    with pytest.raises(ValueError, match="no predictions"):
        corpus_bleu([], [[]])
    with pytest.raises(TypeError, match="not tokens"):
        corpus_bleu([["a"]], [[["a"]]])
    with pytest.raises(ValueError, match="smoothing 'method1' given: it may be add-k, exp"):
        corpus_bleu(PREDICTIONS, [FIRST], smoothing="method1")
    with pytest.raises(ValueError, match="tokenize 'moses' given"):
        corpus_bleu(PREDICTIONS, [FIRST], tokenize="moses")
