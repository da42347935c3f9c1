"""seqgen score: the log-probability of each line under a trained model."""

from __future__ import annotations

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
    from seqgen.experiment.model import TextModel

EXAMPLES = """examples:
  seqgen score runs/x < sentences.txt
  paste <(seqgen score runs/x < sentences.txt) sentences.txt | sort -n"""


def main(arguments: list[str]) -> int:
    """Write one log-probability (nats, END included) a line of standard input; a blank line stays
    blank."""
    parser = Parser("score", "Log-probability in nats of each line of standard input.", EXAMPLES)
    run_options(parser)
    parser.add_argument("--label", help="score under this label, for a model trained with labels")
    machine_options(parser)
    options = parser.parse_args(arguments)

    show_warnings()
    device = use_machine(options)
    from seqgen.experiment.reopen import load

    model = load(options.run, options.checkpoint, device)
    before = 0
    for window in windows(lines_of_standard_input()):
        write_lines(_scored(model, window, options.label, before))
        before += len(window)
    return 0


def _scored(model: TextModel, lines: list[str], label: str | None, before: int) -> list[str]:
    """The figure of each line as text, blank for a blank one; `before` lines came earlier."""
    from seqgen.experiment.scoring import TooLong

    spoken = [number for number, line in enumerate(lines) if line.strip()]
    try:
        scores = model.score([lines[number] for number in spoken], label)
    except TooLong as problem:
        numbers = [before + spoken[number] for number in problem.numbers]
        raise TooLong(numbers, problem.limit, "standard input, lines") from None
    shown = {number: f"{score:.4f}" for number, score in zip(spoken, scores, strict=True)}
    return [shown.get(number, "") for number in range(len(lines))]
