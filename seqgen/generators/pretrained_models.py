"""Causal language models of Hugging Face transformers: opened, made anew, given LoRA adapters.

transformers is imported where it is needed only: it takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch

from seqgen.errors import UserError
from seqgen.generators.protocol import Specials


def open_model(source: str, *, weights: bool = True, dtype: torch.dtype = torch.float32) -> Any:
    """A causal language model from a local folder or, by its name, from the hub.

    Args:
        source: a folder that `save_pretrained` wrote, or a name on the hub.
        weights: False makes the same network with random weights (they are loaded later).
        dtype: number format of the weights.

    Raises:
        UserError: nothing is there, or it is no causal language model.
    """
    import transformers

    models: Any = transformers.AutoModelForCausalLM
    here = Path(source).is_dir()  # a download may take long, and shows how far it is
    try:
        if weights:
            with without_progress() if here else nullcontext():
                return models.from_pretrained(source, dtype=dtype)
        configuration = transformers.AutoConfig.from_pretrained(source)
        return models.from_config(configuration, dtype=dtype)
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot open {source!r} as a causal language model: give a folder with config.json "
            f"and weights, or a name on the hub and a network ({_first_line(error)})"
        ) from error


@contextmanager
def without_progress() -> Iterator[None]:
    """Inside, transformers shows no progress of reading or writing weights."""
    from transformers.utils import logging

    bars: Any = logging  # it has no annotations
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def new_model(configuration: Mapping[str, Any], vocabulary: int, specials: Specials) -> Any:
    """A causal language model with random weights.

    Args:
        configuration: `model_type` (gpt2, llama, ...) and the settings transformers has for it.
        vocabulary: number of ids; `vocab_size` may be left out.
        specials: begin, end and pad ids.

    Raises:
        UserError: an unknown model type or setting, or another vocabulary size.
    """
    import transformers

    models: Any = transformers.AutoModelForCausalLM
    configurations = transformers.AutoConfig
    settings = {"vocab_size": vocabulary, **configuration}
    kind = settings.pop("model_type", None)
    try:
        known = configurations.for_model(kind)
    except ValueError as error:
        raise UserError(f"configuration: model_type {kind!r} is none transformers knows") from error
    _check_settings(settings, known, vocabulary)
    # PAD only where it is an id of its own: an embedding of PAD gets no gradient in many models.
    own = specials.pad not in (specials.begin, specials.end)
    ids = {
        "bos_token_id": specials.begin,
        "eos_token_id": specials.end,
        "pad_token_id": specials.pad if own else None,
    }
    try:
        return models.from_config(configurations.for_model(kind, **ids | settings))
    except (ValueError, TypeError) as error:
        raise UserError(f"configuration of {kind}: {_first_line(error)}") from error


def add_lora(model: Any, *, rank: int = 8, alpha: float = 16.0, dropout: float = 0.0) -> Any:
    """Freeze a model and put trainable low-rank matrices beside its linear layers, in place.

    LoRA: Hu et al., 2021, arXiv 2106.09685. The output layer stays as it is.

    Raises:
        UserError: peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise UserError("lora needs the package peft: pip install 'seqgen[peft]'") from error
    adapter: Any = peft.LoraConfig  # its own annotations allow no fractional alpha
    settings = adapter(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules="all-linear",
        fan_in_fan_out=any(type(part).__name__ == "Conv1D" for part in model.modules()),
        task_type="CAUSAL_LM",
    )
    return peft.inject_adapter_in_model(settings, model)


def specials_of(tokenizer: Any) -> Specials:
    """Special ids of a transformers tokenizer; a missing begin or pad is played by end.

    Raises:
        UserError: the tokenizer has no end.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise UserError("the tokenizer names no end token (eos_token): sentences could not end")
    begin, pad = tokenizer.bos_token_id, tokenizer.pad_token_id
    return Specials(end if begin is None else begin, end, end if pad is None else pad)


def _check_settings(settings: Mapping[str, Any], known: Any, vocabulary: int) -> None:
    names = [*known.to_dict(), *known.attribute_map]
    for name in settings:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UserError(f"configuration: {known.model_type} has no setting {name!r}{hint}")
    if settings["vocab_size"] != vocabulary:
        raise UserError(
            f"configuration: vocab_size {settings['vocab_size']}, but the vocabulary has "
            f"{vocabulary} ids; leave vocab_size out"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
