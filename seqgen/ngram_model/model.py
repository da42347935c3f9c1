"""An interpolated modified Kneser-Ney n-gram language model: train, save, load, score."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from seqgen.errors import UserError
from seqgen.metrics.arrays import Floats, Integers
from seqgen.ngram_model.arpa_read import read_arpa
from seqgen.ngram_model.arpa_write import write_arpa
from seqgen.ngram_model.counting import adjusted_counts
from seqgen.ngram_model.discounts import Discounts, given, modified
from seqgen.ngram_model.estimate import estimate
from seqgen.ngram_model.scored import Scored
from seqgen.ngram_model.tables import NEVER, Order, log_probabilities
from seqgen.ngram_model.words import SPECIALS, UNKNOWN, Sentence, TrainingText, Words, learn
from seqgen.windows import windows

_LOG = logging.getLogger(__name__)
_ROWS, _LENGTH = 1 << 15, 1 << 23  # sentences, and characters or tokens, scored at once


class NgramModel:
    """A back-off language model over words, a `LanguageJudge`.

    "An empirical study of smoothing techniques for language modeling", Chen and Goodman 1999. The
    conventions are those of KenLM's lmplz and of SRILM's ``-ukndiscount -interpolate``: one BEGIN
    (``<s>``) in front of a sentence, never predicted; END (``</s>``) predicted and counted; n-grams
    that start with BEGIN keep their raw counts; the unigrams are interpolated with 1/V, where V
    counts the words, UNKNOWN (``<unk>``) and END. Perplexities are per token, END counted.

    `nltk.lm.KneserNeyInterpolated` differs in three points: its unigrams are not discounted, so
    unknown words have probability 0 (here ``discounts=[0, 0.1, 0.1]`` gives that for order 3);
    n-grams that start with BEGIN count the words in front too, so that after one BEGIN the contexts
    shorter than order - 1 divide by zero; for that its own pipeline puts order - 1 BEGIN and END
    around a sentence, and predicts them. Everything else is the same definition: of sentences with
    one BEGIN and END, all probabilities that it has are equal.

    Attributes:
        words: the vocabulary.
        orders: the n-grams, unigrams first.
        discounts: of counts 1, 2 and 3 or more, for each order; None for a model from a file.
        text: what training met; None for a model from a file.
    """

    def __init__(
        self,
        words: Words,
        orders: Sequence[Order],
        discounts: Sequence[Discounts] | None = None,
        text: TrainingText | None = None,
    ) -> None:
        self.words, self.orders = words, tuple(orders)
        self.discounts = None if discounts is None else tuple(discounts)
        self.text = text

    @classmethod
    def train(
        cls,
        sentences: Iterable[Sentence],
        order: int = 5,
        discounts: float | Sequence[float] | None = None,
        unknown_below: int = 1,
        vocabulary: Iterable[str] = (),
    ) -> NgramModel:
        """Train on sentences: strings, split at white space, or lists of tokens.

        Sentences without words are left out, and words that look like BEGIN or END become UNKNOWN;
        `text` says how many. Where the sentences are so short that there are no n-grams of some
        order, the order is the longest there is.

        Args:
            sentences: the text.
            order: the longest n-grams.
            discounts: by default those of modified Kneser-Ney, computed from the text; one number
                between 0 and 1 is taken for all counts and orders, several are one for each order.
            unknown_below: words seen less often become UNKNOWN.
            vocabulary: words that are known however seldom the text has them, those it lacks all
                equally probable: models of different texts that know the same words compare.

        Raises:
            UserError: there is no sentence with a word, or a setting is out of range.
        """
        if order < 1:
            raise UserError(f"order {order}: must be 1 (single words) or more; 5 is usual")
        chosen = None if discounts is None else given(discounts, order)
        words, encoded, text = learn(sentences, unknown_below, vocabulary)
        order = min(order, int(encoded.lengths.max()))
        counted = adjusted_counts(encoded, order)
        used = chosen[:order] if chosen else [modified(grams.counts) for grams in counted]
        return cls(words, estimate(counted, used), used, text)

    @classmethod
    def load(cls, path: Path | str) -> NgramModel:
        """Read an ARPA file, ours or that of another program.

        Raises:
            UserError: it is missing or no sound ARPA file.
        """
        names, orders = read_arpa(Path(path))
        return cls(Words(names), orders)

    def save(self, path: Path | str) -> None:
        """Write an ARPA file, whole or not at all; read again, it is an equal model."""
        write_arpa(Path(path), self.words.names, self.orders)

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.orders)

    @cached_property
    def name(self) -> str:
        """Order and the first 8 digits of a SHA-256 of words, n-grams and figures."""
        digest = hashlib.sha256("\n".join(self.words.names).encode())
        for order in self.orders:
            for values in (order.keys, order.probabilities, order.backoffs):
                digest.update(np.ascontiguousarray(values).data)
        return f"ngram-{self.order}@{digest.hexdigest()[:8]}"

    def score(self, texts: Sequence[Sentence]) -> tuple[Floats, Floats]:
        """Return log-probabilities in nats, END included, and numbers of tokens with END; (rows,)
        each. A blank text is an END alone."""
        scored = self.score_tokens(texts)
        return scored.sums, scored.lengths.astype(np.float64)

    def score_tokens(self, texts: Iterable[Sentence]) -> Scored:
        """Return the log-probability of each token of the texts and of their ENDs. A model that
        gives unknown words the probability 0 warns where there are any."""
        if isinstance(texts, str):
            raise TypeError("one string given: give a list of sentences")
        scored = Scored.join([self._scored(rows) for rows in windows(texts, _ROWS, _LENGTH)])
        if scored.unknown and self.orders[0].probabilities[SPECIALS.index(UNKNOWN)] <= NEVER:
            _LOG.warning(
                "%d of the words scored are unknown to %s, which gives unknown words no "
                "probability (no <unk>, or one of 10^%d): each costs %.0f nats; leave such "
                "sentences out, or take a model with <unk>",
                scored.unknown, self.name, NEVER, -NEVER * math.log(10),
            )  # fmt: skip
        return scored

    def perplexity(self, texts: Iterable[Sentence]) -> float:
        """Return exp(mean negative log-probability of a token), END counted.

        Raises:
            UserError: there are no texts.
        """
        return self.score_tokens(texts).perplexity

    def probability(self, word: str, context: Sequence[str] = ()) -> float:
        """Return P(word | context), where the word may be ``</s>``; the context holds ``<s>`` where
        it reaches back to the start of the sentence, and only its last order - 1 tokens count."""
        tokens = np.array([self.words.number(token) for token in (*context, word)])[-self.order :]
        first = np.arange(len(tokens)) == 0
        return math.pow(10, float(log_probabilities(self.orders, tokens, first)[-1]))

    def _scored(self, texts: Sequence[Sentence]) -> Scored:
        encoded = self.words.encode(texts)
        tokens, lengths = encoded.tokens, encoded.lengths
        first = np.zeros(len(tokens), bool)
        first[np.cumsum(lengths) - lengths] = True
        values = log_probabilities(self.orders, tokens, first)[~first] * math.log(10)
        return Scored(values, lengths - 1, _unknown(tokens))


def _unknown(tokens: Integers) -> int:
    return int((tokens == SPECIALS.index(UNKNOWN)).sum())
