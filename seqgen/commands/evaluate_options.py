"""The options of seqgen evaluate, by form: sentences in files, a run, style transfer in files or by
a run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from seqgen.commands.options import (
    Parser,
    checkpoint,
    copy_unknown_option,
    machine_options,
    seed_option,
)
from seqgen.commands.sentence_files import reading_options

Number = TypeVar("Number", int, float)

ABOUT = """Measure sentences. There are four forms:

  files      generated sentences against one shared set of real ones
  run        the same for sentences drawn from a trained run, and what only a model can tell
  transfer   rewritten sentences row by row, one line a source
  rewriting  the same for a run that rewrites: it rewrites the sources, or held-out sentences"""

USAGE = """
  seqgen evaluate --hypotheses F --references F [options]
  seqgen evaluate RUN [options]
  seqgen evaluate --hypotheses F --sources F --to LABEL [options]
  seqgen evaluate RUN [--sources F --to LABEL] [options]"""

EXAMPLES = """examples:
  seqgen evaluate --hypotheses generated.txt --references test.txt --train train.txt
  seqgen evaluate --hypotheses generated.txt --references test.txt --preset texygen-readme
  seqgen generate runs/x --count 10000 | seqgen evaluate --hypotheses - --references test.txt
  seqgen evaluate runs/x --count 1000 --json
  seqgen evaluate --hypotheses out.0 --sources negative.txt --to positive \\
      --aligned-references reference.0 --style-judge runs/judge --language-judge yelp.arpa
  seqgen evaluate runs/style --style-judge runs/judge
  seqgen evaluate runs/style --sources test.0 --to positive --aligned-references reference.0 \\
      --sources test.1 --to negative --aligned-references reference.1 --style-judge runs/judge \\
      --language-judge yelp.arpa --compare-with published.0 published.1

The forms transfer and rewriting repeat --hypotheses, --sources, --to and --aligned-references once
a direction; the first of each belong together, the second of each, and so on. What a run makes of
sources is what seqgen transfer writes; without --sources it rewrites sentences that its corpus
holds out."""

COMMON = {"no_intervals", "seed", "json", "quiet"}
FILES = {"text", "encoding_errors"}
CUT = {"tokenizer", "lowercase"}
ROW_BY_ROW = {"sources", "to", "aligned_references", "pairs"} | {
    "style_judge", "language_judge", "real", "compare_with", "preset", "old_bugs",
}  # fmt: skip
FORMS = {
    "files": COMMON
    | FILES
    | CUT
    | {"hypotheses", "references", "train", "smoothing", "first", "self_first"}
    | {"preset", "old_bugs"},
    "run": COMMON
    | FILES
    | {"run", "checkpoint", "count", "temperature", "top_k", "top_p", "beam", "reject_likelihood"}
    | {
        "references",
        "train",
        "language_judge",
        "reverse_judge",
        "encoder",
        "temperatures",
        "no_sweep",
    }
    | {"device", "threads"},
    "transfer": COMMON | FILES | CUT | ROW_BY_ROW | {"hypotheses", "device", "threads"},
    "rewriting": COMMON
    | FILES
    | CUT
    | ROW_BY_ROW
    | {"run", "checkpoint", "count", "temperature", "beam", "copy_unknown", "rerank"}
    | {"device", "threads"},
}
"""Which options each form takes."""


def parser() -> Parser:
    """The parser of all forms; `seqgen.commands.evaluate` decides between them."""
    made = Parser("evaluate", ABOUT, EXAMPLES)
    made.usage = USAGE
    made.add_argument("run", nargs="?", help="run folder")
    _common(made)
    _files(made)
    _run(made)
    _transfer(made)
    _rewriting(made)
    machine_options(made)
    return made


def _common(made: Parser) -> None:
    made.add_argument("--json", action="store_true", help="one JSON object on stdout, no table")
    seed_option(made, "all that is drawn")
    made.add_argument("--no-intervals", action="store_true", help="faster: no 95 %% intervals")
    reading_options(made)


def _files(made: Parser) -> None:
    group = made.add_argument_group("sentences in files")
    group.add_argument(
        "--hypotheses", action="append", metavar="F",
        help="generated sentences, one a line (also .jsonl, .csv, .tsv, .gz; - is stdin)",
    )  # fmt: skip
    group.add_argument(
        "--references", metavar="F", help="real sentences, shared by all hypotheses (also for RUN)"
    )
    group.add_argument(
        "--train", metavar="F", help="training text, for the share of new sentences (also for RUN)"
    )
    group.add_argument("--first", type=positive, metavar="N", help="measure the first N only")
    group.add_argument(
        "--self-first", type=positive, metavar="N",
        help="self-BLEU among the first N (default: as --first)",
    )  # fmt: skip
    group.add_argument("--smoothing", choices=("method1", "none"), help="of BLEU: method1 or none")
    group.add_argument("--tokenizer", help="whitespace (default), nltk or character")
    group.add_argument("--lowercase", action="store_true", help="fold case before measuring")
    group.add_argument("--preset", metavar="NAME", help="measure as one body of literature did")
    group.add_argument(
        "--old-bugs", action="store_true", help="with --preset: repeat its known faults too"
    )


def _run(made: Parser) -> None:
    group = made.add_argument_group("a run (RUN alone)")
    group.add_argument(
        "--checkpoint", type=checkpoint, help="best, latest or a step (default: best, if any)"
    )
    group.add_argument(
        "--count", type=positive,
        help="how many sentences to draw (default: as many as trained on, at most 10,000); of a run"
        " that rewrites, how many held-out ones (default 1,000)",
    )  # fmt: skip
    group.add_argument(
        "--temperature", type=float,
        help="below 1 sharpens (default 1; of a run that rewrites 0, which is greedy)",
    )  # fmt: skip
    group.add_argument("--top-k", type=int, default=0, help="draw from the k likeliest; 0: all")
    group.add_argument("--top-p", type=float, default=1.0, help="draw from this mass; 1: all")
    group.add_argument("--beam", type=int, default=1, help="above 1: beam search, nothing drawn")
    group.add_argument(
        "--reject-likelihood", type=float, default=1.0, metavar="SHARE",
        help="keep this share of the drawn sentences, the likeliest; 1: all",
    )  # fmt: skip
    group.add_argument(
        "--language-judge", metavar="JUDGE",
        help="ARPA file, run folder or Hugging Face folder (also for transfer)",
    )  # fmt: skip
    group.add_argument(
        "--reverse-judge", metavar="JUDGE",
        help="for reverse-lm-score: a language model trained on sentences of RUN (default: a 5-gram"
        " model of those drawn)",
    )  # fmt: skip
    group.add_argument("--encoder", help="ngrams, run folder or Hugging Face folder")
    group.add_argument(
        "--temperatures", type=numbers, metavar="T,T,...", help="of the quality-diversity curve"
    )
    group.add_argument("--no-sweep", action="store_true", help="no quality-diversity curve")


def _transfer(made: Parser) -> None:
    group = made.add_argument_group("style transfer (row by row)")
    group.add_argument("--sources", action="append", metavar="F", help="what was rewritten")
    group.add_argument("--to", action="append", metavar="LABEL", help="the style asked for")
    group.add_argument(
        "--aligned-references", action="append", nargs="+", metavar="F",
        help="human rewritings, in each file one line a source",
    )  # fmt: skip
    group.add_argument(
        "--pairs", metavar="F.jsonl",
        help="in place of files: rows with source, to, references and perhaps hypothesis",
    )  # fmt: skip
    group.add_argument("--style-judge", metavar="RUN", help="run folder of a classifier")
    group.add_argument(
        "--real", metavar="F",
        help="real text that sets the perplexity a fluent sentence may have (default: the sources);"
        " hold it out of what the language judge was trained on, or the bound is far too low",
    )  # fmt: skip
    group.add_argument(
        "--compare-with", action="append", nargs="+", metavar="F",
        help="another system's files, one a direction; once a system",
    )  # fmt: skip


def _rewriting(made: Parser) -> None:
    group = made.add_argument_group("a run that rewrites (RUN, perhaps with --sources and --to)")
    copy_unknown_option(group)
    group.add_argument(
        "--rerank", metavar="JUDGE",
        help="run of a classifier that chooses among the candidates of a beam, at least 5, or with"
        " --temperature of 5 draws; not the one of --style-judge",
    )  # fmt: skip


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: a whole number of at least 1")


def numbers(text: str) -> tuple[float, ...]:
    """Numbers separated by commas."""
    return _separated(text, float, "numbers separated by commas, such as 0.5,0.7,1")


def whole_numbers(text: str) -> tuple[int, ...]:
    """Whole numbers separated by commas."""
    return _separated(text, int, "whole numbers separated by commas, such as 5,20,100")


def _separated(text: str, kind: Callable[[str], Number], wanted: str) -> tuple[Number, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: {wanted}") from None
