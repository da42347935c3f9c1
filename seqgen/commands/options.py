"""What the verbs share: a parser that reports in our words, and the options of the machine."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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


def run_options(parser: argparse.ArgumentParser) -> None:
    """Add the run folder and --checkpoint."""
    parser.add_argument("run", help="run folder")
    parser.add_argument(
        "--checkpoint", type=checkpoint, help="best, latest or a step (default: best, if any)"
    )


def checkpoint(text: str) -> str | int:
    """Which checkpoint: a name or a step."""
    if text in ("best", "latest"):
        return text
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither best, latest nor a step")


def seed_option(parser: argparse.ArgumentParser, of: str) -> None:
    """Add --seed, `of` what it is."""
    parser.add_argument("--seed", type=whole, default=0, help=f"of {of} (default 0)")


def copy_unknown_option(parser: argparse._ActionsContainer) -> None:
    """The option that keeps unknown words of a source, of every command that rewrites."""
    parser.add_argument(
        "--copy-unknown", action="store_true",
        help="in place of a word the model does not know, the one of the source that attention "
        "points at",
    )  # fmt: skip


def whole(text: str) -> int:
    """A whole number of at least 0."""
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: a whole number of at least 0")


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
    return _checked_device(str(options.device))


def _checked_device(name: str) -> str:
    import torch

    unknown = f"--device {name}: there is no such device; cpu, cuda and cuda:N exist"
    try:
        device = torch.device(name)
    except RuntimeError as problem:
        raise UserError(unknown) from problem
    if device.type not in ("cpu", "cuda"):
        raise UserError(unknown)
    count = torch.cuda.device_count()
    if device.type == "cuda" and count == 0:
        raise UserError(f"--device {name}: torch sees no CUDA device here; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= count:
        raise UserError(f"--device {name}: there are {count}, cuda:0 to cuda:{count - 1}")
    return name


def show_warnings() -> None:
    """Have warnings appear on stderr."""
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr
    )


@contextmanager
def silenced(quiet: bool) -> Iterator[None]:
    """Inside, our warnings are not shown where `quiet`."""
    log = logging.getLogger("seqgen")
    level = log.level
    if quiet:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def lines_of_standard_input(lines: Iterable[bytes] | None = None) -> Iterator[str]:
    """Line after line, by their newlines only, so that one line in is one line out; `lines` are
    those of standard input with their newlines, where somebody else reads it."""
    if sys.stdin.isatty():
        print("reading sentences from the terminal, one a line; end with Ctrl-D", file=sys.stderr)
    for number, data in enumerate(sys.stdin.buffer if lines is None else lines, 1):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as problem:
            raise UserError(
                f"standard input:{number}:{problem.start}: byte {data[problem.start]:#04x} is "
                "not UTF-8; convert the text to UTF-8"
            ) from None
        text = text.removeprefix("\ufeff") if number == 1 else text
        if text:  # a byte order mark alone is no line
            yield text.removesuffix("\r\n").removesuffix("\n")


def write_lines(lines: list[str]) -> None:
    """A block of lines to stdout; a newline inside a sentence would break one sentence a line."""
    flat = (line.replace("\r\n", " ").replace("\n", " ").replace("\r", " ") for line in lines)
    sys.stdout.write("".join(f"{line}\n" for line in flat))
    sys.stdout.flush()
