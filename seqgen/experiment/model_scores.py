"""What only a model or the truth of a synthetic corpus can tell: likelihoods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from seqgen.evaluation.batching import by_length
from seqgen.evaluation.hugging_face import TOKENS
from seqgen.evaluation.language_scores import ratio_of_sums
from seqgen.evaluation.likelihood import log_probabilities
from seqgen.evaluation.measure import Truth
from seqgen.evaluation.network_names import named
from seqgen.evaluation.truth import GrammarTruth, OracleTruth
from seqgen.experiment.model import TextModel
from seqgen.experiment.real_sentences import examples
from seqgen.experiment.synthetic import grammar_of, open_oracle
from seqgen.generators.modes import evaluating
from seqgen.metrics.arrays import Floats
from seqgen.metrics.score import Interval, Score, sign
from seqgen.recipe.data import GrammarCorpus, OracleCorpus
from seqgen.recipe.recipe import Recipe
from seqgen.text.encoded import Encoded
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.run import Run


class Likelihood(NamedTuple):
    """`nll` and `perplexity`, and what a reader must know of them."""

    scores: list[Score]
    notes: list[str]


def likelihood_of_split(
    model: TextModel, run: Run, recipe: Recipe, split: str, intervals: bool, seed: int
) -> Likelihood:
    """`nll` (nats a token, END counted) and `perplexity` of a split, encoded as in training: cut at
    the limit, each sentence under its own label. The limit is in the signature where it cut any."""
    data = Encoded.build(
        examples(recipe, run.folder, split), model.vocabulary, model.limit,
        labels=model.labels or None, name=f"{split} sentences", warn=False,
    )  # fmt: skip
    nats, tokens = np.empty(len(data)), data.lengths.numpy().astype(np.float64)
    with torch.no_grad(), evaluating(model.generator):
        for rows in by_length(data.lengths, TOKENS):
            found = log_probabilities(model.generator, data.select(rows))
            # As numpy: a tensor of one number would be taken for the number alone.
            nats[rows.numpy()] = found.sum(1, dtype=torch.float64).cpu().numpy()
    cut = 0 if data.report is None else data.report.cut
    about: dict[str, str | int] = {
        "sentences": split,
        "count": len(data),
        "cut": model.limit if cut else "none",
        **({"given": "label"} if model.labels else {}),
    }
    scores = _likelihood(nats, tokens, about, model.vocabulary, intervals, seed)
    said = (
        f"nll and perplexity: {cut} of the {len(data)} {split} sentences were cut to "
        f"{model.limit} tokens (corpus.limit), as in training; their ends are not counted"
    )
    return Likelihood(scores, [said] if cut else [])


def likelihood_of_texts(
    model: TextModel, texts: Sequence[str], intervals: bool, seed: int
) -> Likelihood:
    """`nll` and `perplexity` of given sentences, whole, averaged over labels where there are any.

    Raises:
        UserError: a sentence is longer than the model can read.
    """
    tokens = model.vocabulary.encode_flat(list(texts)).lengths.astype(np.float64)
    about: dict[str, str | int] = {
        "sentences": "given",
        "count": len(texts),
        "cut": "none",
        **({"given": "any label"} if model.labels else {}),
    }
    nats = np.array(model.score(texts))
    return Likelihood(_likelihood(nats, tokens, about, model.vocabulary, intervals, seed), [])


def open_truth(recipe: Recipe) -> Truth | None:
    """What is known of the sentences of a synthetic corpus; None for a real one."""
    match recipe.corpus:
        case GrammarCorpus() as corpus:
            return GrammarTruth(grammar_of(corpus), corpus.style)
        case OracleCorpus() as corpus:
            return OracleTruth(open_oracle(corpus))
    return None


def truth_scores(truth: Truth, vocabulary: Vocabulary, texts: Sequence[str]) -> list[Score]:
    """The truth's figures of sentences, under its own names."""
    name = "grammar"
    if isinstance(truth, OracleTruth):
        name = named("oracle", truth.oracle)
    signature = sign({"truth": name, "hypotheses": len(texts)})
    found = truth.measure(vocabulary.encode(list(texts)), texts)
    return [Score(name, value, signature) for name, value in found.items()]


def divergence_scores(
    truth: Truth, model: TextModel, held_out: Sequence[str], texts: Sequence[str] | None
) -> list[Score]:
    """`forward-kl` of held-out sentences and `reverse-kl` of drawn ones, of a model on a grammar;
    none of others. `texts` None: they were not drawn at temperature 1, and say nothing of it."""
    if not isinstance(truth, GrammarTruth):
        return []
    given = {"given": "any label"} if model.labels else {}
    forward = sign({"truth": "grammar", "held-out": len(held_out), **given})
    log_p = truth.log_probabilities(held_out)
    found = truth.forward_kl(_log_q(model, held_out), log_p)
    scores = [Score(name, value, forward) for name, value in found.items()]
    if texts is None:
        return scores
    reverse = sign({"truth": "grammar", "hypotheses": len(texts), **given})
    found = truth.reverse_kl(_log_q(model, texts), truth.log_probabilities(texts))
    return [*scores, *(Score(name, value, reverse) for name, value in found.items())]


def _log_q(model: TextModel, texts: Sequence[str]) -> list[float]:
    """log q of each sentence; NaN of one with unknown words, or too long to be read."""
    tokens = model.vocabulary.encode_flat(list(texts)).lengths.tolist()
    most = model.generator.limit
    known = [
        not model.vocabulary.unknown_words(text) and (most is None or length <= most)
        for text, length in zip(texts, tokens, strict=True)
    ]
    found = iter(model.score([text for text, read in zip(texts, known, strict=True) if read]))
    return [next(found) if read else math.nan for read in known]


def _likelihood(
    nats: Floats,
    tokens: Floats,
    about: dict[str, str | int],
    vocabulary: Vocabulary,
    intervals: bool,
    seed: int,
) -> list[Score]:
    """Scores of log-probabilities and numbers of tokens, (rows,) each."""
    value, interval = ratio_of_sums(-nats, tokens, seed if intervals else None)
    # Of other pieces, or with other words unknown, another figure: the vocabulary belongs to it.
    signature = sign({**about, "vocabulary": vocabulary.checksum[:8], "per": "token+end"})
    return [
        Score("nll", value, signature, interval),
        Score("perplexity", float(np.exp(min(value, 700.0))), signature, _exp(interval)),
    ]


def _exp(interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    low, high = np.exp(np.minimum([interval.low, interval.high], 700.0)).tolist()
    return Interval(low, high, interval.method, interval.confidence)
