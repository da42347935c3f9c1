"""seqgen export: a trained model as a folder that other programs open."""

from __future__ import annotations

from seqgen.commands.generate import checkpoint
from seqgen.commands.options import Parser

EXAMPLES = """examples:
  seqgen export runs/x folder"""


def main(arguments: list[str]) -> int:
    """Write the folder and say where it is."""
    parser = Parser(
        "export", "Write a trained model as a folder that other programs open.", EXAMPLES
    )
    parser.add_argument("run", help="run folder")
    parser.add_argument("folder", help="new folder")
    parser.add_argument(
        "--checkpoint", type=checkpoint, help="best, latest or a step (default: best, if any)"
    )
    options = parser.parse_args(arguments)
    from seqgen.experiment.export import export

    print(export(options.run, options.folder, options.checkpoint))
    return 0
