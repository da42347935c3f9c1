"""seqgen judge score: the log-probability of each line under an n-gram language model."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from seqgen.commands.judge_text import cleaning, cleaning_options
from seqgen.commands.judge_train import described
from seqgen.commands.options import Parser, lines_of_standard_input, show_warnings, write_lines
from seqgen.errors import UserError
from seqgen.ngram_model.model import NgramModel
from seqgen.ngram_model.scored import Scored
from seqgen.windows import windows

EXAMPLES = """examples:
  seqgen judge score lm.arpa < sentences.txt
  seqgen judge score lm.arpa --perplexity < sentences.txt
  seqgen judge score lm.arpa --positions 10 < generated.txt"""


def main(arguments: list[str]) -> int:
    """Write one log-probability (nats, END included) a line of standard input, a blank one for a
    blank line; or a summary of all lines."""
    parser = Parser(
        "judge score", "Log-probability in nats of each line of standard input.", EXAMPLES
    )
    parser.add_argument("model", metavar="lm.arpa", help="ARPA file")
    parser.add_argument(
        "--perplexity", action="store_true", help="one line: perplexity, tokens, unknown words"
    )
    parser.add_argument(
        "--positions", type=int, metavar="N", help="mean cost of tokens at positions 1-N, ..."
    )
    cleaning_options(parser)
    options = parser.parse_args(arguments)
    if options.positions is not None and options.positions < 1:
        raise UserError(f"--positions {options.positions}: 1 or more positions a group")

    show_warnings()
    model = _open(options.model)
    clean = cleaning(options)
    parts = windows(clean(line).strip() for line in lines_of_standard_input())
    if not options.perplexity and options.positions is None:
        for window in parts:
            write_lines(_scored(model, window))
        return 0
    scored = _all(model, parts)
    if options.perplexity:
        print(described("standard input", scored))
    for group in scored.by_position(options.positions) if options.positions else []:
        print(
            f"positions {group.first}-{group.last}: {group.tokens} tokens, "
            f"{group.cost:.4f} nats a token"
        )
    return 0


def _open(path: str) -> NgramModel:
    """The model of an ARPA file.

    Raises:
        UserError: a run folder, or no sound ARPA file.
    """
    if (Path(path).expanduser() / "recipe.yaml").is_file():
        raise UserError(
            f"{path} is a run folder; judge score reads an ARPA file. For the run's own model: "
            f"seqgen score {path} < sentences.txt; if it is a classifier: seqgen judge classify "
            f"{path} < sentences.txt"
        )
    return NgramModel.load(Path(path).expanduser())


def _scored(model: NgramModel, lines: list[str]) -> list[str]:
    """The figure of each line as text, blank for a blank one."""
    sums, _ = model.score([line for line in lines if line])
    figures = iter(sums.tolist())
    return [f"{next(figures):.4f}" if line else "" for line in lines]


def _all(model: NgramModel, parts: Iterable[list[str]]) -> Scored:
    """All lines that are not blank, scored; says how many were."""
    found, blank = [], 0
    for window in parts:
        spoken = [line for line in window if line]
        blank += len(window) - len(spoken)
        found.append(model.score_tokens(spoken))
    if blank:
        print(f"blank lines left out: {blank}", file=sys.stderr)
    return Scored.join(found)
