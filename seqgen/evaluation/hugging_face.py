"""Models of Hugging Face transformers that judge or encode: opened, fed in batches.

transformers is imported where it is needed only: it takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.evaluation.batching import by_length

TOKENS = 8192  # of a batch, padding among them
PATIENCE = 10.0  # seconds until the hub counts as silent


class Batch(NamedTuple):
    """Some sentences: their row numbers, ids (rows, time) and mask (rows, time), 1 on tokens."""

    rows: list[int]
    ids: Tensor
    mask: Tensor


def open_pretrained(source: str, kind: str) -> tuple[Any, Any]:
    """A model and its tokenizer, from a local folder or, by name, from the hub.

    Args:
        source: the folder, or the name.
        kind: the class of transformers that opens the model: AutoModel, AutoModelForCausalLM.

    Raises:
        UserError: nothing is there, or something else.
    """
    try:
        return _opened(source, kind, here=True)
    except (OSError, ValueError, KeyError) as problem:
        if Path(source).is_dir():
            raise UserError(
                f"cannot open {source!r}: give a folder that save_pretrained wrote, with model and "
                f"tokenizer ({_first_line(problem)})"
            ) from problem
    _require_on_hub(source)
    try:
        return _opened(source, kind, here=False)
    except (OSError, ValueError, KeyError) as problem:
        raise UserError(
            f"cannot open {source!r} of the Hugging Face hub ({_first_line(problem)})"
        ) from problem


def _opened(source: str, kind: str, here: bool) -> tuple[Any, Any]:
    """`here`: from a folder or the cache of what was downloaded before, without a network."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(source, local_files_only=here)
    opened = getattr(transformers, kind).from_pretrained(
        source, dtype=torch.float32, local_files_only=here
    )
    return opened.eval().requires_grad_(False), tokenizer


def _require_on_hub(name: str) -> None:
    """Ask the hub once: transformers asks it for every file, many times each where it is silent."""
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(name, timeout=PATIENCE)
    except Exception as problem:  # of the hub or of what it calls the network with, by version
        raise UserError(
            f"cannot open {name!r}: it is no folder here, was not downloaded before, and the "
            f"Hugging Face hub does not give it ({_first_line(problem)}); look at the name and the "
            "network, or give a folder that save_pretrained wrote"
        ) from problem


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


def padded_batches(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device | str, tokens: int = TOKENS
) -> Iterator[Batch]:
    """Rows of ids in padded batches of similar length."""
    sizes = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    for chosen in by_length(sizes, tokens):
        numbers = chosen.tolist()
        time = max(len(rows[number]) for number in numbers)
        padded = [[*rows[n], *[pad] * (time - len(rows[n]))] for n in numbers]
        mask = (torch.arange(time) < sizes[chosen, None]).long()
        yield Batch(numbers, torch.tensor(padded).to(device), mask.to(device))


def require_readable(lengths: Sequence[int], model: Any, name: str) -> None:
    """Raise UserError for sentences longer than the positions a model has."""
    most = getattr(model.config, "max_position_embeddings", None)
    long = [row for row, length in enumerate(lengths) if most is not None and length > most]
    if long:
        shown = ", ".join(str(row + 1) for row in long[:10]) + (", ..." if len(long) > 10 else "")
        raise UserError(
            f"sentences {shown}: longer than the {most} tokens {name} can read; shorten them or "
            "leave them out"
        )
