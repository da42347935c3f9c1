"""seqgen export: a trained model as a folder that other programs open."""

from __future__ import annotations

from seqgen.commands.options import Parser, run_options

EXAMPLES = """examples:
  seqgen export runs/x folder"""


def main(arguments: list[str]) -> int:
    """Write the folder and say where it is."""
    parser = Parser(
        "export", "Write a trained model as a folder that other programs open.", EXAMPLES
    )
    run_options(parser)
    parser.add_argument("folder", help="new folder")
    options = parser.parse_args(arguments)
    from seqgen.experiment.export import export

    print(export(options.run, options.folder, options.checkpoint))
    return 0
