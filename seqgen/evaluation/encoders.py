"""Networks as encoders: the mean over time of what they make of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.evaluation.batching import by_length
from seqgen.evaluation.hugging_face import TOKENS, open_pretrained, padded_batches, require_readable
from seqgen.evaluation.network_names import named
from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.metrics.arrays import Floats
from seqgen.text.sentences import Sentences
from seqgen.text.vocabulary import Vocabulary


class HiddenStates:
    """The hidden vectors of a generator that reads a sentence, averaged over its tokens.

    A generator with styles reads it once a style, and these are averaged too. It sees a word it
    does not know as unknown.
    """

    def __init__(self, generator: Generator, vocabulary: Vocabulary, name: str) -> None:
        self.generator, self.vocabulary, self.name = generator, vocabulary, name

    def features(self, texts: Sequence[str]) -> Floats:
        """One vector a sentence, (rows, width).

        Raises:
            UserError: a sentence is longer than the generator can read.
        """
        sentences = self.vocabulary.encode(list(texts))
        limit = self.generator.limit
        if limit is not None and (long := (sentences.lengths > limit).nonzero().flatten()).numel():
            raise UserError(
                f"sentence {int(long[0]) + 1}: longer than the {limit} tokens {self.name} can "
                "read; shorten it or leave it out"
            )
        found = np.zeros((len(texts), self.generator.head.weight.shape[1]))
        with torch.no_grad(), evaluating(self.generator):
            for rows in by_length(sentences.lengths, TOKENS):
                batch = sentences.select(rows).trim().to(self.generator.device)
                found[rows.numpy()] = self._means(batch).cpu().numpy()
        return found

    def _means(self, batch: Sentences) -> Tensor:
        """Mean hidden vectors, (rows, width) float64."""
        styles: list[Condition | None] = [
            Condition(style=torch.full_like(batch.lengths, style))
            for style in range(self.generator.styles)
        ]
        each = [_mean(teacher_force(self.generator, batch, s).hidden, batch.mask)
                for s in styles or [None]]  # fmt: skip
        return torch.stack(each).mean(0)


class PretrainedEncoder:
    """The last hidden vectors of a model of Hugging Face transformers, averaged over the tokens its
    tokenizer makes of a sentence, special ones among them."""

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name

    @classmethod
    def open(cls, source: str, device: torch.device | str = "cpu") -> PretrainedEncoder:
        """Open a local folder or, by its name, a model of the hub.

        Raises:
            UserError: nothing is there, or something else.
        """
        model, tokenizer = open_pretrained(source, "AutoModel")
        return cls(model.to(device), tokenizer, named(source, model))

    def features(self, texts: Sequence[str]) -> Floats:
        """One vector a sentence, (rows, width).

        Raises:
            UserError: a sentence is longer than the model can read.
        """
        rows = self.tokenizer(list(texts))["input_ids"] if texts else []
        rows = [row or [self._filler] for row in rows]
        require_readable([len(row) for row in rows], self.model, self.name)
        found: Floats = np.zeros((len(rows), self.model.config.hidden_size))
        for batch in padded_batches(rows, self._filler, self.model.device):
            with torch.no_grad():
                said = self.model(input_ids=batch.ids, attention_mask=batch.mask)
            found[batch.rows] = _mean(said.last_hidden_state, batch.mask.bool()).cpu().numpy()
        return found

    @property
    def _filler(self) -> int:
        """An id for what the mask hides, and for a sentence of no token at all."""
        names = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id)
        return next((number for number in names if number is not None), 0)


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """hidden (rows, time, width), mask (rows, time) bool -> (rows, width) float64; 0 for a sentence
    of no token."""
    total = torch.where(mask[:, :, None], hidden.double(), 0.0).sum(1)
    return total / mask.sum(1, keepdim=True).clamp(min=1)
