"""seqgen score: the log-probability of each line under a trained model."""

from __future__ import annotations

from seqgen.commands.generate import checkpoint
from seqgen.commands.options import (
    Parser,
    lines_of_standard_input,
    machine_options,
    use_machine,
    write_lines,
)

EXAMPLES = """examples:
  seqgen score runs/x < sentences.txt
  paste <(seqgen score runs/x < sentences.txt) sentences.txt | sort -n"""


def main(arguments: list[str]) -> int:
    """Write one log-probability (nats, END included) a line of standard input; a blank line stays
    blank."""
    parser = Parser("score", "Log-probability in nats of each line of standard input.", EXAMPLES)
    parser.add_argument("run", help="run folder")
    parser.add_argument("--label", help="score under this label, for a model trained with labels")
    parser.add_argument(
        "--checkpoint", type=checkpoint, help="best, latest or a step (default: best, if any)"
    )
    machine_options(parser)
    options = parser.parse_args(arguments)

    device = use_machine(options)
    from seqgen.experiment.reopen import load

    model = load(options.run, options.checkpoint, device)
    lines = lines_of_standard_input()
    spoken = [number for number, line in enumerate(lines) if line.strip()]
    scores = model.score([lines[number] for number in spoken], options.label)
    shown = {number: f"{score:.4f}" for number, score in zip(spoken, scores, strict=True)}
    write_lines([shown.get(number, "") for number in range(len(lines))])
    return 0
