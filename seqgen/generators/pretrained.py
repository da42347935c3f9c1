"""Any causal language model of Hugging Face transformers as a generator.

transformers is imported where it is needed only: it takes seconds.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.base_weights import BaseWeights
from seqgen.errors import UserError
from seqgen.generators.head import Head
from seqgen.generators.protocol import Condition, Forced, Generator, Specials


@dataclass(frozen=True)
class PretrainedState:
    """A transformers DynamicCache and the style of the rows, (rows,)."""

    cache: Any
    style: Tensor | None = None

    def select(self, rows: Tensor) -> PretrainedState:
        """Repeat, reorder or drop rows; the layers are copied, so the old state stays as it is."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        cache.batch_select_indices(rows)
        return PretrainedState(cache, None if self.style is None else self.style[rows])


class Pretrained(Generator):
    """A Hugging Face causal language model; its own output layer is the head, shared.

    At construction a few random ids run through it; a model whose logits are not
    hidden @ weight + bias, or whose cache cannot select rows, is refused.

    Args:
        model: a PreTrainedModel with an output embedding, see `pretrained_models`.
        specials: begin, end and pad ids.
        styles: number of labels it can be conditioned on, each a vector added to every token's.

    Attributes:
        base: the weights below an adapter, which checkpoints then leave out; None: they do not.

    Raises:
        UserError: a model that is not supported.
    """

    base: BaseWeights | None = None

    def __init__(self, model: Any, specials: Specials, *, styles: int = 0) -> None:
        super().__init__(specials)
        output = model.get_output_embeddings()
        if output is None:
            raise _unsupported(model, "it has no output embedding")
        self.model, self.styles = model, styles
        self.limit = getattr(_configuration(model), "max_position_embeddings", None)
        self.head = Head(output.weight.shape[1], output.weight.shape[0], output.weight, bias=False)
        self.head.bias = getattr(output, "bias", None)
        width = model.get_input_embeddings().weight.shape[1]
        self.style = nn.Parameter(torch.randn(styles, width) * 0.02) if styles else None
        check_supported(self)

    def start(self, count: int, condition: Condition | None = None) -> PretrainedState:
        """An empty cache."""
        from transformers import DynamicCache

        style = None if condition is None else condition.style
        return PretrainedState(DynamicCache(config=self.model.config), style)

    def advance(self, tokens: Tensor, state: PretrainedState) -> tuple[Forced, PretrainedState]:
        """Read tokens; hidden is what the model's own output embedding would read."""
        output = self.model.base_model(
            inputs_embeds=self._vectors(tokens, state.style),
            past_key_values=state.cache,
            use_cache=True,
        )
        after = PretrainedState(output.past_key_values, state.style)
        return Forced(output.last_hidden_state), after

    def _vectors(self, tokens: Tensor, style: Tensor | None) -> Tensor:
        embedding = self.model.get_input_embeddings()
        if tokens.is_floating_point():
            vectors: Tensor = tokens.to(embedding.weight.dtype) @ embedding.weight
        else:
            vectors = embedding(tokens)
        if self.style is None or style is None:
            return vectors
        return vectors + self.style[style].unsqueeze(1).to(vectors.dtype)


@torch.no_grad()
def check_supported(generator: Pretrained) -> None:
    """Compare a generator with the model it wraps on a few random ids.

    Raises:
        UserError: logits, soft tokens or selected rows would come out differently.
    """
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    model, training = generator.model, generator.model.training
    for layer in generator.start(1).cache.layers:
        if type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer):
            raise _unsupported(model, f"its memory ({type(layer).__name__}) cannot select rows")
    model.eval()
    try:
        _check_numbers(generator)
    except RuntimeError as error:  # torch's word for sizes that do not fit
        raise _unsupported(model, f"it does not run ({error})") from error
    finally:
        model.train(training)


def _check_numbers(generator: Pretrained) -> None:
    model, vocabulary = generator.model, generator.head.weight.shape[0]
    drawn = torch.Generator().manual_seed(0)
    ids = torch.randint(vocabulary, (2, 6), generator=drawn).to(generator.device)
    hidden = generator.advance(ids, generator.start(2))[0].hidden
    own_hidden, own_logits, final = _own_logits(model, ids)
    if not _close(own_hidden, hidden):
        raise _unsupported(model, "its output layer reads something else than the hidden vectors")
    if not _close(own_logits, generator.logits(hidden)) or not _close(final, 50 * own_logits):
        raise _unsupported(model, "its logits are not hidden @ weight + bias (scaled or capped)")
    soft = nn.functional.one_hot(ids, vocabulary).to(hidden.dtype)
    if not _close(hidden, generator.advance(soft, generator.start(2))[0].hidden):
        raise _unsupported(model, "it treats token vectors before its first layer")
    order = torch.tensor([1, 0, 1], device=ids.device)
    state = generator.advance(ids[:, :3], generator.start(2))[1].select(order)
    if not _close(hidden[order, 3:], generator.advance(ids[order, 3:], state)[0].hidden):
        raise _unsupported(model, "its memory does not select rows")


def _own_logits(model: Any, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the output layer reads and gives, and what the model makes of fifty times that.

    A soft cap leaves small logits nearly as they are; fifty times as large, they show it.
    """
    seen: list[Tensor] = []

    def enlarge(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        seen.extend((inputs[0], output))
        return 50 * output

    hook = model.get_output_embeddings().register_forward_hook(enlarge)
    try:
        final = model(input_ids=ids).logits
    finally:
        hook.remove()
    if not seen:
        raise _unsupported(model, "it does not call its output embedding")
    return seen[0], seen[1], final


def _close(expected: Tensor, got: Tensor) -> bool:
    exact = expected.dtype in (torch.float32, torch.float64)
    scale = float(expected.abs().max())
    error = float((expected.float() - got.float()).abs().max())
    return error <= (1e-3 if exact else 5e-2) * scale


def _configuration(model: Any) -> Any:
    return model.config.get_text_config(decoder=True)


def _unsupported(model: Any, reason: str) -> UserError:
    return UserError(
        f"{type(model).__name__} is not supported as a generator: {reason}; "
        "GPT-2, Llama, OPT, GPT-NeoX, Qwen2 and Mistral are known to work"
    )
