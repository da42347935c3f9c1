"""GPT-2's weights in our own Transformer: the same network without the transformers library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from seqgen.generators.protocol import Specials
from seqgen.generators.transformer import Transformer

# What our Transformer computes, in the words of GPT-2's configuration.
_EXPECTED = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "tie_word_embeddings": (True,),
    "add_cross_attention": (False,),
}
_LAYERS = {
    "ln_1": "attention_norm",
    "attn.c_attn": "attention",
    "attn.c_proj": "attention_out",
    "ln_2": "perceptron_norm",
    "mlp.c_fc": "perceptron",
    "mlp.c_proj": "perceptron_out",
}


def from_gpt2(model: Any, specials: Specials | None = None) -> Transformer:
    """A Transformer with the weights of a Hugging Face GPT2LMHeadModel; it gives the same logits.

    Args:
        model: a GPT2LMHeadModel.
        specials: ids of their own; GPT-2's one special id for all three when None.

    Raises:
        ValueError: a variant of GPT-2 that our Transformer does not compute.
    """
    configuration = model.config
    _check(configuration)
    one = configuration.eos_token_id
    transformer = Transformer(
        configuration.vocab_size,
        Specials(one, one, one) if specials is None else specials,
        width=configuration.n_embd,
        heads=configuration.n_head,
        layers=configuration.n_layer,
        positions="learned",
        limit=configuration.n_positions,
        dropout=configuration.resid_pdrop,
        activation="gelu-tanh",
    )
    transformer.load_state_dict(converted(model.state_dict()))
    return transformer


def converted(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a GPT2LMHeadModel under our names; GPT-2 keeps its matrices transposed."""
    renamed = {}
    for name, value in weights.items():
        place = name.removeprefix("transformer.")
        if place.startswith("h."):
            _, number, rest = place.split(".", 2)
            layer, _, kind = rest.rpartition(".")
            if layer not in _LAYERS:
                continue  # old files hold the causal mask as attn.bias
            matrix = kind == "weight" and value.dim() == 2
            renamed[f"blocks.{number}.{_LAYERS[layer]}.{kind}"] = value.t() if matrix else value
    renamed["embedding.weight"] = renamed["head.weight"] = weights["transformer.wte.weight"]
    renamed["position"] = weights["transformer.wpe.weight"]
    renamed["norm.weight"] = weights["transformer.ln_f.weight"]
    renamed["norm.bias"] = weights["transformer.ln_f.bias"]
    return renamed


def _check(configuration: Any) -> None:
    problems = [
        f"{name} is {getattr(configuration, name)!r}, not {' or '.join(map(repr, allowed))}"
        for name, allowed in _EXPECTED.items()
        if getattr(configuration, name, allowed[0]) not in allowed
    ]
    if configuration.n_inner not in (None, 4 * configuration.n_embd):
        problems.append(f"n_inner is {configuration.n_inner}, not 4 x n_embd")
    if problems:
        raise ValueError(
            f"this GPT-2 cannot become a Transformer: {'; '.join(problems)}; "
            "use it as a pretrained generator instead"
        )
