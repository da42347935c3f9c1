"""Small generators of every kind: the table the tests walk."""

from __future__ import annotations

from collections.abc import Callable

import torch

from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import new_model
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relational import Relational
from seqgen.generators.transformer import Transformer

SPECIALS = Specials(begin=0, end=1, pad=2)
VOCABULARY = 101


def pretrained(configuration: dict[str, object]) -> Generator:
    return Pretrained(new_model(configuration, VOCABULARY, SPECIALS), SPECIALS)


GPT2 = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
# A window shorter than the sentences, so that the cache slides.
MISTRAL = LLAMA | {"model_type": "mistral", "sliding_window": 5}

GENERATORS: dict[str, Callable[[], Generator]] = {
    "lstm": lambda: Recurrent(VOCABULARY, SPECIALS, width=12, hidden=16, layers=2, dropout=0.1),
    "gru": lambda: Recurrent(VOCABULARY, SPECIALS, cell="gru", width=12, hidden=16),
    "lstm-tied-styles": lambda: Recurrent(
        VOCABULARY, SPECIALS, width=12, hidden=16, tie=True, styles=3
    ),
    "transformer-rotary": lambda: Transformer(
        VOCABULARY, SPECIALS, width=16, heads=2, layers=2, dropout=0.1, styles=3
    ),
    "transformer-learned": lambda: Transformer(
        VOCABULARY, SPECIALS, width=16, heads=2, layers=2, positions="learned", limit=40, tie=False
    ),
    "relational": lambda: Relational(VOCABULARY, SPECIALS, width=12, heads=2, head_size=8),
    "relational-slots": lambda: Relational(
        VOCABULARY, SPECIALS, width=12, slots=3, heads=2, head_size=8, blocks=2, tie=True, styles=3
    ),
    "pretrained-gpt2": lambda: pretrained(GPT2),
    "pretrained-llama": lambda: pretrained(LLAMA),
    "pretrained-mistral": lambda: pretrained(MISTRAL),
}


def make(name: str, seed: int = 0) -> Generator:
    """A generator of the table in evaluation mode, with logits that differ clearly."""
    torch.manual_seed(seed)
    generator = GENERATORS[name]()
    with torch.no_grad():
        for parameter in generator.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.4)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return generator.eval()
