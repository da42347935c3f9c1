"""seqgen generate: sentences of a trained model, one a line."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from typing import TYPE_CHECKING

from seqgen.commands.options import (
    Parser,
    machine_options,
    run_options,
    seed_option,
    show_warnings,
    silenced,
    use_machine,
    write_lines,
)

if TYPE_CHECKING:
    from seqgen.evaluation.decoding_settings import Decoding

EXAMPLES = """examples:
  seqgen generate runs/x --count 100 --temperature 0.8
  seqgen generate runs/x --count 5 --beam 5
  seqgen generate runs/x --count 100 --reject-likelihood 0.5
  seqgen generate runs/x --count 10 --prefix "a man" --label admiring --seed 3"""


def main(arguments: list[str]) -> int:
    """Write `count` sentences to stdout."""
    options = _parser().parse_args(arguments)

    show_warnings()
    device = use_machine(options)
    from seqgen.experiment.drawing import BLOCK
    from seqgen.experiment.reopen import load

    model = load(options.run, options.checkpoint, device)
    few = min(10, options.beam) if options.beam > 1 else 10
    count = few if options.count is None else options.count
    decoding = _decoding(options)
    stream = model.stream(
        count, decoding, seed=options.seed, prefix=options.prefix, label=options.label,
        limit=options.limit,
    )  # fmt: skip
    ended: list[bool] = []
    with silenced(options.quiet):
        while block := list(islice(stream, BLOCK)):
            write_lines([drawn.text for drawn in block])
            ended += (drawn.ended for drawn in block)
    if not all(ended) and not options.quiet:
        limit = model.limit if options.limit is None else options.limit
        print(
            f"seqgen: {ended.count(False)} of {len(ended)} sentences reached the limit of {limit} "
            "tokens without ending (--limit sets it)",
            file=sys.stderr,
        )
    return 0


def _parser() -> Parser:
    parser = Parser("generate", "Write sentences of a trained model, one a line.", EXAMPLES)
    run_options(parser)
    parser.add_argument(
        "--count", type=int, help="how many sentences (default 10, at most the width of --beam)"
    )
    _decoding_options(parser)
    parser.add_argument("--prefix", default="", help="what every sentence begins with")
    parser.add_argument("--label", help="label to generate, for a model trained with labels")
    parser.add_argument("--limit", type=int, help="most tokens (default: what it was trained with)")
    seed_option(parser, "the draws")
    machine_options(parser)
    return parser


def _decoding_options(parser: Parser) -> None:
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="below 1 sharpens; 0 is greedy (default 1)"
    )
    parser.add_argument(
        "--top-k", type=int, default=0, help="draw from the k likeliest tokens; 0: all (default)"
    )
    parser.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        help="draw from the likeliest tokens of this mass (default 1: all)",
    )
    parser.add_argument(
        "--beam", type=int, default=1, help="above 1: the best of a beam search; nothing is drawn"
    )
    parser.add_argument(
        "--length-penalty", type=float, default=1.0, help="of the beam search (default 1)"
    )
    parser.add_argument(
        "--sampled-beam",
        type=int,
        default=1,
        metavar="WIDTH",
        help="above 1: each sentence is the best of a beam of its own whose continuations are "
        "drawn; any --count",
    )
    parser.add_argument(
        "--reject-likelihood",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="draw more and keep this share, the likeliest under the model itself: 0.5 draws twice "
        "as many as it writes (default 1: all)",
    )


def _decoding(options: argparse.Namespace) -> Decoding:
    from seqgen.evaluation.decoding_settings import Decoding

    return Decoding(
        temperature=options.temperature, top_k=options.top_k, top_p=options.top_p,
        beam=options.beam, length_penalty=options.length_penalty,
        reject_likelihood=options.reject_likelihood, sampled_beam=options.sampled_beam,
    )  # fmt: skip
