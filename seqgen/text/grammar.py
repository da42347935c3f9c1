"""A probabilistic grammar as a corpus whose every true figure is known.

A model trained on its sentences can be held against the true entropy, the exact probability of
what it writes, the share of grammatical sentences, the share of the grammar it covers, and the one
right answer of a style change. A style change keeps the derivation and swaps the paired fragments.
"""

import importlib.resources
import math
import random
from bisect import bisect
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import accumulate

from seqgen.text import grammar_facts as facts
from seqgen.text.grammar_file import Fragment, Part, Production, Rules, read_rules
from seqgen.text.grammar_reader import Reader, Reading

_Places = tuple[bool, int, bool] | tuple[()]  # begins with style, places, ends with style


class Grammar:
    """An unambiguous probabilistic grammar with styles; a sentence is words with spaces between."""

    def __init__(self, rules: Rules) -> None:
        """Take rules whose unambiguity is known; read() checks it, tests that of embedded()."""
        self.styles = rules.styles
        self._rules = rules
        self._productions = rules.productions
        self._reader = Reader(rules)
        self._cumulative = {
            name: [*accumulate(production.probability for production in productions[:-1]), 1.0]
            for name, productions in rules.rules.items()
        }

    @classmethod
    def default(cls) -> "Grammar":
        """Return the grammar of captions that comes with seqgen."""
        return cls.embedded("captions")

    @classmethod
    def embedded(cls, name: str) -> "Grammar":
        """Return a grammar that comes with seqgen; grammar_names has their names."""
        file = importlib.resources.files("seqgen.text").joinpath(f"{name}.grammar")
        return cls(read_rules(file.read_text(encoding="utf-8")))

    @classmethod
    def read(cls, text: str) -> "Grammar":
        """Return the grammar of a text in the format that grammar_file describes.

        Raises ValueError with the line numbers of all mistakes, or with an example sentence if
        the grammar is ambiguous.
        """
        grammar = cls(read_rules(text))
        example = grammar.ambiguous_sentence()
        if example is not None:
            raise ValueError(
                f"the grammar is ambiguous: {example!r} can be derived in two ways;"
                " change a rule so that every sentence has one derivation and one style"
            )
        return grammar

    def sample(self, count: int, seed: int, style: str | None = None) -> list[tuple[str, str]]:
        """Return count sentences with their styles, a pure function of the arguments.

        A larger count continues the same list. Raises ValueError for an unknown style.
        """
        stream = random.Random(f"grammar {seed} {style}")  # text seeds keep -1 and 1 apart
        fixed = None if style is None else self._style_number(style)
        priors = [*accumulate(self._rules.priors[:-1]), 1.0]

        def choose(rule: str) -> Production:
            return self._rules.rules[rule][bisect(self._cumulative[rule], stream.random())]

        drawn = []
        for _ in range(count):
            number = bisect(priors, stream.random()) if fixed is None else fixed
            drawn.append((self._write(number, choose), self.styles[number]))
        return drawn

    def log_probability(self, sentence: str, style: str | None = None) -> float:
        """Return the log-probability in nats, under all styles or within one; -inf outside."""
        wanted = None if style is None else self._style_number(style)
        reading = self._read(sentence)
        if reading is None or wanted not in (None, reading.style):
            return -math.inf
        prior = math.log(self._rules.priors[reading.style]) if wanted is None else 0.0
        return reading.log_probability + prior

    def style_of(self, sentence: str) -> str | None:
        """Return the style of a sentence, None if it is not grammatical."""
        reading = self._read(sentence)
        return None if reading is None else self.styles[reading.style]

    def contains(self, sentence: str) -> bool:
        """Return whether a sentence is grammatical; the kind of white space does not matter."""
        return self._read(sentence) is not None

    def restyle(self, sentence: str, style: str) -> str | None:
        """Return the same sentence in a style, None if the sentence is not grammatical."""
        number = self._style_number(style)
        reading = self._read(sentence)
        if reading is None:
            return None
        productions = iter(reading.productions)
        return self._write(number, lambda rule: self._productions[next(productions)])

    def content_words(self, sentence: str) -> list[str] | None:
        """Return the words that do not show the style, in order; None if not grammatical."""
        reading = self._read(sentence)
        if reading is None:
            return None
        words: list[str] = []
        waiting: list[Part] = [self._rules.start]
        productions = iter(reading.productions)
        while waiting:
            part = waiting.pop()
            if isinstance(part, Fragment):
                words.extend(() if part.styled else part.sides[reading.style])
            else:
                waiting.extend(self._productions[next(productions)].parts[::-1])
        return words

    def coverage(self, sentences: Iterable[str]) -> float:
        """Return the share, in [0, 1], of the grammar's choices that the sentences make use of.

        A choice is a pair of a style and an alternative of a rule that has several. Each counts by
        how often it is made on average in a true sentence, so the result is the probability that
        a choice made at random in true sentences is one that was seen. Ungrammatical sentences
        count for nothing.
        """
        seen: set[tuple[int, int]] = set()
        for sentence in sentences:
            reading = self._read(sentence)
            if reading is not None:
                seen.update((reading.style, number) for number in reading.productions)
        masses = {
            (style, production.number): prior * self._uses[production.number]
            for style, prior in enumerate(self._rules.priors)
            for production in self._productions
            if production.probability < 1
        }
        total = sum(masses.values())
        return sum(masses[choice] for choice in masses.keys() & seen) / total if total else 1.0

    def entropy(self, style: str | None = None) -> float:
        """Return the exact entropy of a sentence in nats, with the style's or within one style."""
        within = facts.derivation_entropy(self._rules)
        if style is not None:
            self._style_number(style)
            return within
        return within - sum(prior * math.log(prior) for prior in self._rules.priors)

    def count(self) -> int:
        """Return the exact number of different sentences of all styles."""
        return len(self.styles) * facts.derivations(self._rules)

    def lengths(self) -> dict[int, float]:
        """Return the exact probability of each sentence length in words, in rising order."""
        mixed = self._mixture(lambda _, styled: 1, lambda one, other: one + other, 0)
        return dict(sorted(mixed.items()))

    def words(self) -> list[str]:
        """Return all word types in alphabetical order."""
        return sorted(
            {
                word
                for production in self._productions
                for part in production.parts
                if isinstance(part, Fragment)
                for side in part.sides
                for word in side
            }
        )

    def marks(self) -> dict[str, str]:
        """Return the words that only one style has, each with that style."""
        owners: dict[str, set[str]] = {}
        for production in self._productions:
            for part in production.parts:
                if isinstance(part, Fragment):
                    for style, side in zip(self.styles, part.sides, strict=True):
                        for word in side:
                            owners.setdefault(word, set()).add(style)
        return {word: styles.pop() for word, styles in owners.items() if len(styles) == 1}

    def style_share(self) -> float:
        """Return the expected number of style-bearing words over that of all words (exact)."""
        styled = self._mixture(lambda _, styled: int(styled), lambda one, other: one + other, 0)
        return _mean(styled) / _mean(self.lengths())

    def style_places(self) -> dict[int, float]:
        """Return the exact probability of each number of separate places that show the style.

        Style-bearing words standing next to each other are one place.
        """

        def join(left: _Places, right: _Places) -> _Places:
            if not left or not right:
                return left or right
            return (left[0], left[1] + right[1] - int(left[2] and right[0]), right[2])

        empty: _Places = ()
        mixed = self._mixture(lambda _, styled: (styled, int(styled), styled), join, empty)
        places: dict[int, float] = {}
        for value, probability in mixed.items():
            number = value[1] if value else 0
            places[number] = places.get(number, 0.0) + probability
        return dict(sorted(places.items()))

    def ambiguous_sentence(self) -> str | None:
        """Return a sentence with two derivations, None if there is none (an exact proof)."""
        return self._reader.ambiguous_sentence()

    def summary(self) -> str:
        """Return the exact facts as a few lines of text."""
        lengths = self.lengths()
        mean, entropy = _mean(lengths), self.entropy()
        return "\n".join(
            [
                f"styles                {', '.join(self.styles)}",
                f"word types            {len(self.words())}",
                f"sentences             {self.count()} ({float(self.count()):.2e})",
                f"entropy               {entropy:.4f} nats a sentence, {entropy / mean:.4f} a word"
                f" ({entropy / (mean + 1):.4f} a token with the end of the sentence)",
                f"length                {min(lengths)} to {max(lengths)} words, mean {mean:.2f}",
                f"style-bearing words   {100 * self.style_share():.1f} % of all words,"
                f" in at least {min(self.style_places())} places of a sentence",
            ]
        )

    @cached_property
    def _uses(self) -> list[float]:
        return facts.expected_uses(self._rules)

    def _read(self, sentence: str) -> Reading | None:
        return self._reader.read(sentence.split())

    def _write(self, style: int, choose: Callable[[str], Production]) -> str:
        """Expand the start from left to right; choose gives the production of each rule met."""
        words: list[str] = []
        waiting = list(choose(self._rules.start).parts[::-1])
        while waiting:
            part = waiting.pop()
            if isinstance(part, Fragment):
                words.extend(part.sides[style])
            else:
                waiting.extend(choose(part).parts[::-1])
        return " ".join(words)

    def _style_number(self, style: str) -> int:
        if style not in self.styles:
            raise ValueError(f"unknown style {style!r}; the styles are {', '.join(self.styles)}")
        return self.styles.index(style)

    def _mixture(
        self,
        value: Callable[[str, bool], facts.Value],
        join: Callable[[facts.Value, facts.Value], facts.Value],
        empty: facts.Value,
    ) -> dict[facts.Value, float]:
        """Return the distribution of a value over the sentences of all styles."""
        mixed: dict[facts.Value, float] = {}
        for style, prior in enumerate(self._rules.priors):
            within = facts.distribution(self._rules, style, value, join, empty)
            for one, probability in within.items():
                mixed[one] = mixed.get(one, 0.0) + prior * probability
        return mixed


def _mean(distribution: dict[int, float]) -> float:
    return sum(value * probability for value, probability in distribution.items())
