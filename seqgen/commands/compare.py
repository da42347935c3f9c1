"""seqgen compare: several runs in one table and one picture, and what they say in words."""

from __future__ import annotations

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from seqgen.commands.evaluate_options import numbers, positive, whole_numbers
from seqgen.commands.options import (
    Parser,
    checkpoint,
    machine_options,
    seed_option,
    show_warnings,
    silenced,
    use_machine,
)
from seqgen.commands.show import WIDTH, as_json, show
from seqgen.errors import UserError
from seqgen.metrics.table import Row, Table

if TYPE_CHECKING:  # networks take a moment to import
    from seqgen.experiment.comparison import Comparison

ABOUT = """Compare runs by their sentences: a table of figures at temperature 1, and a curve of
quality against diversity over decoding settings, with real data as a star. Runs that differ only in
their seed are one model, with mean and deviation. A difference is said only where chance does not
explain it: give several runs of each, and five settings or more. RUN@best, RUN@latest or RUN@500
takes that checkpoint of a run. Runs on a synthetic oracle are drawn in its own plane: NLL of their
samples under the oracle and held-out NLL, over temperatures."""

EXAMPLES = """examples:
  seqgen compare runs/mle-1 runs/mle-2 runs/gan-1 runs/gan-2
  seqgen compare runs/a runs/b --reject-likelihood 0.1,0.25,0.5 --top-p 0.7,0.9 --out pictures
  seqgen compare runs/mle-oracle@best runs/mle-oracle@latest runs/seqgan-oracle
  seqgen compare runs/a runs/b --count 500 --temperatures 0.5,0.7,0.9,1,1.2 --json"""

PAGE = "comparison.html"
KEPT = (
    *("nll", "perplexity", "oracle-nll", "grammatical", "grammar-coverage", "forward-kl"),
    *("forward-kl-unread", "reverse-kl", "bleu-2", "bleu-3", "bleu-4", "bleu-5"),
    *("self-bleu-2", "self-bleu-3", "self-bleu-4", "self-bleu-5", "backward-bleu-5"),
    *("distinct-2", "entropy-4", "unique", "novel", "length-mean"),
    *("lm-score", "reverse-lm-score", "frechet"),
)


def main(arguments: list[str]) -> int:
    """Print the table and the sentences, write the page and the pictures."""
    options = _parser().parse_args(arguments)
    if len(options.runs) < 2:
        raise UserError(
            f"1 run given ({options.runs[0]}): give two or more to compare, or measure one by "
            f"seqgen evaluate {options.runs[0]}"
        )
    if options.count < 2:
        raise UserError(f"--count {options.count}: self-BLEU needs at least 2 sentences")
    check_place(Path(options.out))
    show_warnings()
    device = use_machine(options)
    from seqgen.commands.sentence_files import sentences
    from seqgen.evaluation.decoding_settings import TEMPERATURES, decodings
    from seqgen.experiment.compare import compare
    from seqgen.experiment.oracle_plane import MULTIPLIERS

    others = (
        options.top_k, options.top_p, options.sampled_beam, options.reject_likelihood,
    )  # fmt: skip
    asked = options.temperatures is not None or any(others)
    sweep = decodings(options.temperatures or TEMPERATURES, *others) if asked else None
    multipliers = MULTIPLIERS if options.multipliers is None else options.multipliers
    if not all(0 < value < float("inf") for value in multipliers):
        raise UserError(f"--multipliers {options.multipliers}: all must be above 0")
    with silenced(options.quiet):
        found = compare(
            options.runs, count=options.count, sweep=sweep,
            references=sentences(options.references) if options.references else None,
            judge=options.language_judge, checkpoint=options.checkpoint, seed=options.seed,
            multipliers=multipliers, device=device, quiet=options.quiet,
        )  # fmt: skip
    return _show(found, options)


def _parser() -> Parser:
    parser = Parser("compare", ABOUT, EXAMPLES)
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="run folders, two or more; RUN@best, RUN@latest, RUN@500",
    )
    parser.add_argument(
        "--checkpoint", type=checkpoint, help="best, latest or a step (default: best, if any)"
    )
    parser.add_argument(
        "--count", type=positive, default=2000,
        help="sentences of each run and setting (default 2000)",
    )  # fmt: skip
    parser.add_argument("--references", metavar="FILE", help="real sentences (default: the runs')")
    parser.add_argument(
        "--language-judge", metavar="JUDGE",
        help="of lm-score: ARPA file, run folder or Hugging Face folder (default: a 5-gram model)",
    )  # fmt: skip
    seed_option(parser, "all draws")
    parser.add_argument(
        "--out", default="comparison", metavar="FOLDER",
        help="where comparison.html and the pictures go (default: comparison)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    _sweep_options(parser)
    machine_options(parser)
    return parser


def _sweep_options(parser: Parser) -> None:
    group = parser.add_argument_group("the curves: values separated by commas")
    group.add_argument(
        "--temperatures", type=numbers,
        help="default: nine from 0.5 to 1.5; on a synthetic oracle none",
    )  # fmt: skip
    group.add_argument(
        "--multipliers", type=numbers,
        help="of the logits, on a synthetic oracle (default: eleven from 0.7 to 2.5)",
    )  # fmt: skip
    group.add_argument(
        "--reject-likelihood", type=numbers, default=(), metavar="SHARES",
        help="shares kept of the draws, the likeliest under the model itself, such as 0.25,0.5",
    )  # fmt: skip
    group.add_argument("--top-k", type=whole_numbers, default=(), help="such as 5,20,100")
    group.add_argument("--top-p", type=numbers, default=(), help="such as 0.5,0.8,0.95")
    group.add_argument(
        "--sampled-beam", type=whole_numbers, default=(), metavar="WIDTHS",
        help="widths of beams whose continuations are drawn, one beam a sentence, such as 2,5",
    )  # fmt: skip


def check_place(folder: Path) -> None:
    """Raise UserError where a page cannot be written, or would lie among files of something
    else."""
    place = folder.expanduser()
    above = next(one for one in (place, *place.absolute().parents) if one.exists())
    if not above.is_dir():
        raise UserError(f"--out {folder}: {above} is a file; name a folder")
    if not os.access(above, os.W_OK):
        raise UserError(f"--out {folder}: {above} cannot be written; name another folder")
    known = not place.exists() or (place / PAGE).is_file() or not any(place.iterdir())
    if not known:
        raise UserError(
            f"--out {folder}: it holds other files and no {PAGE}; name a new or empty folder, or "
            "that of an earlier comparison, which is replaced"
        )


def _show(found: Comparison, options: Namespace) -> int:
    from seqgen.report import write_comparison

    table = _shortened(found.table)
    if options.json:
        said = {at: list(sentences) for at, sentences in found.sentences.items()}
        record = json.loads(as_json(table, found.curves)) | {"sentences": said}
        if found.plane is not None:
            record["oracle-plane"] = found.plane.to_json()
        print(json.dumps(record, ensure_ascii=False, indent=1), flush=True)
    else:
        show(table)
        print("\n" + _in_words(found.sentences), flush=True)
    models = [row.name for row in table.rows if row.kind == "system"]
    title = f"{len(models)} models compared" if len(models) > 1 else models[0]
    page = write_comparison(
        options.out, title, table, found.curves, found.sentences, found.plane,
        found.trained,
    )  # fmt: skip
    if not options.quiet:
        print(f"written: {page}, and the pictures as .png and .svg", file=sys.stderr)
    return 0


def _in_words(sentences: Mapping[str, Sequence[str]]) -> str:
    """A heading for each pair of axes, and the sentences under it, in lines that fit."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    blocks = [
        "\n".join([
            at,
            *(
                fill(one, width, initial_indent="  ", subsequent_indent="    ",
                     break_on_hyphens=False)
                for one in said
            ),
        ])
        for at, said in sentences.items()
    ]  # fmt: skip
    return "\n\n".join(blocks)


def _shortened(table: Table) -> Table:
    """The figures that are compared most; seqgen evaluate has all."""
    names = [*KEPT, *(name for name in table.names() if name.startswith("nll@"))]
    rows = [
        Row(row.name, [s for name in names if (s := row.score(name)) is not None], row.kind)
        for row in table.rows
    ]
    return Table(rows, table.notes)
