"""Decoding with `advance` compiled by torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from seqgen.errors import UserError
from seqgen.generators.protocol import Generator

# Kept, so that no batch compiles again what one before it did.
_advances: dict[type[Generator], Callable[..., Any]] = {}


@contextmanager
def compiled(generator: Generator, wanted: bool = True) -> Iterator[None]:
    """For a while, where it is wanted, `advance` is compiled; row counts and lengths may vary."""
    if not wanted:
        yield
        return
    advance = _compiled_advance(type(generator))
    generator.advance = partial(advance, generator)  # type: ignore[method-assign]
    try:
        yield
    finally:
        del generator.advance


def _compiled_advance(kind: type[Generator]) -> Callable[..., Any]:
    if kind not in _advances:
        _advances[kind] = torch.compile(kind.advance, dynamic=True)
    return _advances[kind]


def require_compiler(device: torch.device) -> None:
    """Compile something small.

    Raises:
        UserError: torch cannot compile here.
    """
    try:
        torch.compile(_small)(torch.ones(2, device=device))
    except Exception as problem:  # torch raises many kinds, of its own and of what it calls
        needs = "Triton" if device.type == "cuda" else "a C++ compiler (g++, or what CXX names)"
        said = " ".join(str(problem).split("\n")[:2])
        raise UserError(
            f"torch cannot compile for {device.type} here, which takes {needs}; decode without "
            f"compiling. It said: {said}"
        ) from problem


def _small(numbers: torch.Tensor) -> torch.Tensor:
    return numbers * 2 + 1
