"""seqgen judge classify: the label of each line under a trained classifier."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqgen.commands.options import (
    Parser,
    lines_of_standard_input,
    machine_options,
    run_options,
    show_warnings,
    use_machine,
    write_lines,
)
from seqgen.windows import windows

if TYPE_CHECKING:
    from seqgen.experiment.style_judge import Judge

EXAMPLES = """examples:
  seqgen train judge/linear --corpus.styles negative a.txt positive b.txt --name sentiment
  seqgen judge classify runs/sentiment < sentences.txt
  seqgen judge classify runs/sentiment --json < sentences.txt"""


def main(arguments: list[str]) -> int:
    """Write the label and its probability for each line of standard input; a blank line stays
    blank."""
    about = "The label of each line of standard input, a tab and its probability."
    parser = Parser("judge classify", about, EXAMPLES)
    run_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="one object a line, with the probability of each label"
    )
    machine_options(parser)
    options = parser.parse_args(arguments)

    show_warnings()
    device = use_machine(options)
    from seqgen.experiment.style_judge import open_judge

    judge = open_judge(options.run, options.checkpoint, device)
    if not options.quiet:
        print(f"seqgen: {judge.about()}", file=sys.stderr)
    show = _objects if options.json else _lines
    for window in windows(lines_of_standard_input()):
        write_lines(list(show(judge, window)))
    return 0


def _lines(judge: Judge, texts: Sequence[str]) -> Iterator[str]:
    for text, row in zip(texts, judge.probabilities(texts), strict=True):
        yield f"{judge.labels[row.argmax()]}\t{row.max():.4f}" if text.strip() else ""


def _objects(judge: Judge, texts: Sequence[str]) -> Iterator[str]:
    """A blank line has no label: null."""
    for text, row in zip(texts, judge.probabilities(texts), strict=True):
        label = judge.labels[row.argmax()] if text.strip() else None
        each = {name: round(float(p), 6) for name, p in zip(judge.labels, row, strict=True)}
        yield json.dumps({"label": label, "probabilities": each}, ensure_ascii=False)
