"""How far a model is from the grammar: both divergences by hand, and what is left out of them."""

from __future__ import annotations

import math

import pytest
import torch

from seqgen.evaluation.likelihood import sentence_log_probabilities
from seqgen.evaluation.measure import Measure
from seqgen.evaluation.truth import GrammarTruth
from seqgen.generators.protocol import Condition, Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.randomness import Stream
from seqgen.text.encoded import Encoded
from seqgen.text.grammar import Grammar
from seqgen.text.vocabulary import Vocabulary

GRAMMAR = Grammar.default()
DRAWN = [text for text, _ in GRAMMAR.sample(400, 1)]
VOCABULARY = Vocabulary.train(DRAWN, "word")
HELD_OUT = [text for text, _ in GRAMMAR.sample(60, 2)]


def model(styles: int = 0, vocabulary: Vocabulary = VOCABULARY) -> Generator:
    torch.manual_seed(0)
    assert vocabulary.end is not None
    specials = Specials(vocabulary.begin, vocabulary.end, vocabulary.pad)
    made = Recurrent(len(vocabulary), specials, width=6, hidden=8, styles=styles)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.3)
    return made.eval()


@torch.no_grad()
def log_q(generator: Generator, text: str, style: int | None = None) -> float:
    """log q of a sentence and its END, a token at a time."""
    words = [VOCABULARY.tokenizer.token_to_id(word) for word in text.split()]
    condition = None if style is None else Condition(style=torch.tensor([style]))
    state, fed, total = generator.start(1, condition), VOCABULARY.begin, 0.0
    for wanted in [*words, VOCABULARY.end]:
        forced, state = generator.advance(torch.tensor([[fed]]), state)
        total += float(generator.logits(forced.hidden)[0, 0].log_softmax(0)[wanted])
        fed = wanted
    return total


def known(texts: list[str]) -> list[str]:
    return [text for text in texts if not VOCABULARY.unknown_words(text)]


def measure(generator: Generator, truth: GrammarTruth, **settings: object) -> Measure:
    data = Encoded.build(known(HELD_OUT), VOCABULARY, limit=40)
    return Measure(generator, VOCABULARY, 40, ["truth"], data, data, truth, samples=20, **settings)


def test_probabilities_of_sentences_are_sums_over_their_tokens() -> None:
    data = Encoded.build(known(HELD_OUT)[:5], VOCABULARY)
    found = sentence_log_probabilities(model(), data, size=2)
    expected = [log_q(model(), text) for text in known(HELD_OUT)[:5]]
    assert found.dtype == torch.float64 and found.tolist() == pytest.approx(expected, rel=1e-5)


def test_of_a_labelled_model_they_are_means_over_labels() -> None:
    data = Encoded.build(known(HELD_OUT)[:5], VOCABULARY)
    found = sentence_log_probabilities(model(styles=2), data)
    for text, value in zip(known(HELD_OUT)[:5], found.tolist(), strict=True):
        one, other = (log_q(model(styles=2), text, style) for style in (0, 1))
        assert one != pytest.approx(other, rel=1e-4)
        assert value == pytest.approx(math.log((math.exp(one) + math.exp(other)) / 2), rel=1e-5)


def test_the_forward_divergence_is_the_mean_over_held_out_sentences() -> None:
    texts = known(HELD_OUT)
    figures, _ = measure(model(), GrammarTruth(GRAMMAR))(Stream.of(1))
    gaps = [GRAMMAR.log_probability(text) - log_q(model(), text) for text in texts]
    assert figures["forward-kl"] == pytest.approx(sum(gaps) / len(gaps), rel=1e-5)
    assert "forward-kl-unread" not in figures


def test_a_corpus_of_one_style_has_the_probabilities_of_that_style() -> None:
    style = GRAMMAR.styles[0]
    one = GrammarTruth(GRAMMAR, style)
    text = next(text for text, drawn in GRAMMAR.sample(20, 3) if drawn == style)
    other = next(text for text, drawn in GRAMMAR.sample(20, 3) if drawn != style)
    (within,) = one.log_probabilities([text])
    (over_all,) = GrammarTruth(GRAMMAR).log_probabilities([text])
    assert within == pytest.approx(over_all + math.log(len(GRAMMAR.styles)))
    assert one.log_probabilities([other]) == [-math.inf]


def test_the_divergences_of_a_perfect_model_are_0() -> None:
    truth = GrammarTruth(GRAMMAR)
    log_p = truth.log_probabilities(HELD_OUT)
    assert truth.forward_kl(log_p, log_p) == {"forward-kl": 0.0}
    assert truth.reverse_kl(log_p, log_p) == {"reverse-kl": 0.0}


def test_the_reverse_divergence_is_of_grammatical_draws_alone() -> None:
    truth = GrammarTruth(GRAMMAR)
    texts = [HELD_OUT[0], "grass man the the", HELD_OUT[1]]
    log_p = truth.log_probabilities(texts)
    found = truth.reverse_kl([-5.0, -1.0, -7.0], log_p)
    assert found == {"reverse-kl": pytest.approx((-5.0 - log_p[0] - 7.0 - log_p[2]) / 2)}
    assert truth.reverse_kl([-1.0], [-math.inf]) == {}


def test_drawn_sentences_are_measured_by_their_own_probability() -> None:
    data = Encoded.build(HELD_OUT, VOCABULARY, limit=40)
    drawn = data.select(torch.arange(len(data)))  # as if they were draws
    found = GrammarTruth(GRAMMAR).divergences(model(), VOCABULARY, None, drawn)
    gaps = [log_q(model(), text) - GRAMMAR.log_probability(text) for text in known(HELD_OUT)]
    assert found == {"reverse-kl": pytest.approx(sum(gaps) / len(gaps), rel=1e-5)}


def test_what_the_model_cannot_read_is_left_out_and_its_share_is_told() -> None:
    few = Vocabulary.train(DRAWN[:150], "word")
    limit = 20
    data = Encoded.build(HELD_OUT, few, limit, warn=False)
    read = [not few.unknown_words(text) and len(text.split()) < limit for text in HELD_OUT]
    assert 0 < sum(read) < len(read)
    made = Measure(model(vocabulary=few), few, limit, ["truth"], data, data, GrammarTruth(GRAMMAR))
    figures, _ = made(Stream.of(1))
    assert figures["forward-kl-unread"] == pytest.approx(1 - sum(read) / len(read))
    kept = Encoded.build([t for t, r in zip(HELD_OUT, read, strict=True) if r], few)
    log_p = GrammarTruth(GRAMMAR).log_probabilities(
        [t for t, r in zip(HELD_OUT, read, strict=True) if r]
    )
    nats = sentence_log_probabilities(model(vocabulary=few), kept)
    expected = sum(log_p) / len(log_p) - float(nats.mean())
    assert figures["forward-kl"] == pytest.approx(expected, rel=1e-5)


def test_at_another_temperature_nothing_is_said_of_the_model() -> None:
    figures, _ = measure(model(), GrammarTruth(GRAMMAR), temperature=0.5)(Stream.of(1))
    assert "grammatical" in figures and not any("kl" in name for name in figures)
    assert not any(
        "kl" in name for name in measure(model(), GrammarTruth(GRAMMAR)).real(Stream.of(1))
    )
