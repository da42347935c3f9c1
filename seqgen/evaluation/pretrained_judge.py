"""Pretrained causal language models as judges of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.evaluation.hugging_face import Batch, open_pretrained, padded_batches, require_readable
from seqgen.evaluation.network_names import named
from seqgen.metrics.arrays import Floats

NUMBERS = 1 << 26  # logits held at once, a quarter of a gibibyte


class PretrainedJudge:
    """A causal language model of Hugging Face transformers.

    A sentence is read after BEGIN (END where the tokenizer has no BEGIN), and its END is counted
    where the tokenizer has one. Text is taken as it stands: the tokenizer's own pieces are counted.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name
        self._end: int | None = tokenizer.eos_token_id
        begin: int | None = tokenizer.bos_token_id
        self._begin = self._end if begin is None else begin
        if self._begin is None:
            raise UserError(
                f"{name}: its tokenizer names neither a bos_token nor an eos_token, so the first "
                "word of a sentence has no probability; name one in tokenizer_config.json"
            )

    @classmethod
    def open(cls, source: str, device: torch.device | str = "cpu") -> PretrainedJudge:
        """Open a local folder or, by its name, a model of the hub.

        Raises:
            UserError: nothing is there, or it is no causal language model with a tokenizer.
        """
        model, tokenizer = open_pretrained(source, "AutoModelForCausalLM")
        return cls(model.to(device), tokenizer, named(source, model))

    def score(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Summed log-probability in nats, END included, and the number of tokens; (rows,) each.

        Raises:
            UserError: a sentence is longer than the model can read.
        """
        end = [] if self._end is None else [self._end]
        pieces = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
        rows = [[self._begin, *row, *end] for row in pieces]
        require_readable([len(row) - 1 for row in rows], self.model, self.name)
        nats = np.zeros(len(rows))
        held = max(1, NUMBERS // self.model.config.vocab_size)
        for batch in padded_batches(rows, self._begin or 0, self.model.device, held):
            nats[batch.rows] = self._sums(batch).cpu().numpy()
        tokens = np.array([max(1, len(row) - 1) for row in rows], dtype=np.float64)
        return nats, tokens

    def _sums(self, batch: Batch) -> Tensor:
        """log p of each sentence, (rows,) float64."""
        with torch.no_grad():
            found = self.model(input_ids=batch.ids[:, :-1], attention_mask=batch.mask[:, :-1])
        logs = found.logits.float().log_softmax(-1)
        taken = logs.gather(-1, batch.ids[:, 1:, None]).squeeze(-1)
        total: Tensor = (taken * batch.mask[:, 1:]).sum(1, dtype=torch.float64)
        return total
