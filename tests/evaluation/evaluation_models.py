"""A tiny corpus and generator the tests of evaluation share."""

from __future__ import annotations

import torch

from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.text.encoded import Encoded
from seqgen.text.vocabulary import Vocabulary

TEXTS = [
    "a man rides a horse",
    "a dog runs",
    "two dogs run on the grass",
    "the man sees two dogs and a horse",
    "a horse",
    "the dog sees a man on the grass",
    "run",
]
VOCABULARY = Vocabulary.train(TEXTS, "word")
CORPUS = Encoded.build(TEXTS, VOCABULARY, limit=12)


def generator(styles: int = 0, dropout: float = 0.0, scale: float = 0.6) -> Generator:
    torch.manual_seed(0)
    specials = Specials(VOCABULARY.begin, VOCABULARY.end, VOCABULARY.pad)
    made = Recurrent(len(VOCABULARY), specials, width=6, hidden=8, styles=styles, dropout=dropout)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, scale)
    return made
