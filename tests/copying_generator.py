"""A generator whose transfer is known: style n replaces every word by the n-th word after it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgen.experiment.model import TextModel
from seqgen.generators.head import Head
from seqgen.generators.protocol import Condition, Forced, Generator, Specials
from seqgen.text.vocabulary import Vocabulary

WORDS = ["the", "food", "was", "great", "bad", "cold", "it", "waiter", ".", "!"]
STYLES = {"plain": 0, "next": 1, "second": 2}
LIMIT = 8
SURE = 5.0  # logit of the word it wants; all others have 0


@dataclass(frozen=True)
class Place:
    """What is to be written, ids (rows, time), and how much of it is."""

    wanted: Tensor
    written: int = 0

    def select(self, rows: Tensor) -> Place:
        return Place(self.wanted[rows], self.written)


class Copying(Generator):
    """Writes its source, each word `style` words further in the vocabulary; an unknown word stays
    unknown. Attention looks at the word that is written."""

    reads_source = True

    def __init__(self, vocabulary: Vocabulary, limit: int = LIMIT) -> None:
        size = len(vocabulary)
        assert vocabulary.end is not None
        super().__init__(Specials(vocabulary.begin, vocabulary.end, vocabulary.pad))
        self.styles, self.limit = len(STYLES), limit
        self.head = Head(size, size, nn.Parameter(SURE * torch.eye(size)), bias=False)

    def start(self, count: int, condition: Condition | None = None) -> Place:
        assert condition is not None
        tokens, mask, style = condition.tokens, condition.mask, condition.style
        assert tokens is not None and mask is not None and style is not None
        assert len(tokens) == count
        moved = (tokens - 4 + style.unsqueeze(1)) % (len(self.head.weight) - 4) + 4
        moved = torch.where(tokens < 4, tokens, moved)
        return Place(torch.where(mask, moved, self.specials.end))

    def advance(self, tokens: Tensor, state: Place) -> tuple[Forced, Place]:
        places = torch.arange(state.written, state.written + tokens.shape[1])
        places = places.clamp(max=state.wanted.shape[1] - 1)
        hidden = nn.functional.one_hot(state.wanted[:, places], len(self.head.weight)).float()
        attention = nn.functional.one_hot(places, state.wanted.shape[1]).float()
        extras = {"attention": attention.expand(len(tokens), -1, -1)}
        return Forced(hidden, extras), Place(state.wanted, state.written + tokens.shape[1])


def copying_model(limit: int = LIMIT) -> TextModel:
    """The generator over ten words, lower-cased, every punctuation character a word."""
    ranked = [" ".join(WORDS[: len(WORDS) - n]) for n in range(len(WORDS))]  # the first most often
    vocabulary = Vocabulary.train(ranked, "word", lowercase=True, punctuation="split")
    return TextModel(Copying(vocabulary, limit).eval(), vocabulary, limit, STYLES)
