"""What the verbs share: a parser that reports in our words, and the options of the machine."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from seqgen.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are user errors like all others."""

    def __init__(self, verb: str, about: str, examples: str = "") -> None:
        super().__init__(
            prog=f"seqgen {verb}",
            description=about,
            epilog=examples,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the whole usage."""
        raise UserError(f"{message}. {self.prog} --help lists the options")


def machine_options(parser: argparse.ArgumentParser) -> None:
    """Add --device, --threads and --quiet."""
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 (default cpu)")
    group.add_argument("--threads", type=int, help="CPU threads torch may use (default: all)")
    group.add_argument("--quiet", action="store_true", help="no progress on stderr")


def use_machine(options: argparse.Namespace) -> str:
    """Apply --threads and check --device; returns the device."""
    import torch

    if options.threads is not None:
        if options.threads < 1:
            raise UserError(f"--threads {options.threads}: at least 1")
        torch.set_num_threads(options.threads)
    device = str(options.device)
    try:
        kind = torch.device(device).type
    except RuntimeError as problem:
        raise UserError(
            f"--device {device}: there is no such device; cpu, cuda and cuda:N exist"
        ) from problem
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"--device {device}: torch sees no CUDA device here; use --device cpu")
    return device


def lines_of_standard_input() -> list[str]:
    """All lines, by their newlines only, so that one line in is one line out."""
    if sys.stdin.isatty():
        print("reading sentences from the terminal, one a line; end with Ctrl-D", file=sys.stderr)
    data = sys.stdin.buffer.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise UserError(
            f"standard input is not UTF-8 in line {line}, byte {problem.start}"
        ) from None
    text = text.replace("\r\n", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def write_lines(lines: list[str]) -> None:
    """Lines to stdout; a newline inside a sentence would break one sentence a line."""
    sys.stdout.write(
        "".join(line.replace(os.linesep, " ").replace("\n", " ") + "\n" for line in lines)
    )
    sys.stdout.flush()
