"""seqgen report: a run folder -> report.html, written anew."""

from __future__ import annotations

from pathlib import Path

from seqgen.commands.options import Parser

EXAMPLES = """examples:
  seqgen report runs/x                    writes runs/x/report.html and runs/x/pictures/
  seqgen report runs/x --out page.html    writes that page alone"""


def main(arguments: list[str]) -> int:
    """Write the report and print where it is."""
    parser = Parser("report", "Write the report of a run, from the files in its folder.", EXAMPLES)
    parser.add_argument("run", help="run folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page alone, there")
    options = parser.parse_args(arguments)

    from seqgen.report import write_report

    print(write_report(options.run, options.out))
    return 0
