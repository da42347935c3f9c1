"""The number of different sentences of a grammar, counted on the automaton that reads them."""

from __future__ import annotations

from seqgen.text.grammar import Grammar
from seqgen.text.grammar_reader import _END


def different_sentences(grammar: Grammar) -> int:
    """Exact at any size: sets of stacks behind the same words are counted once."""
    reader = grammar._reader
    known: dict[int, int] = {}

    def below(here: int) -> int:
        if here not in known:
            steps = reader._steps(here).items()
            onward = sum(below(step.goal) for word, step in steps if word != _END)
            known[here] = onward + any(word == _END for word, _ in steps)
        return known[here]

    return below(reader._start)
