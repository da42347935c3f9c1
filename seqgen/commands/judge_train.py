"""seqgen judge train: an n-gram language model of lines of text, as an ARPA file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from seqgen.commands.judge_text import Cleaning, cleaning, cleaning_options, read_sentences
from seqgen.commands.options import Parser
from seqgen.commands.sentence_files import encoding_option, hint
from seqgen.errors import UserError
from seqgen.ngram_model.discounts import FALLBACK
from seqgen.ngram_model.model import NgramModel
from seqgen.ngram_model.scored import Scored
from seqgen.text.errors import CorpusError
from seqgen.text.lines import EncodingErrors

EXAMPLES = """examples:
  seqgen judge train captions.txt --out captions.arpa
  seqgen judge train train.txt --valid-last 500 --test test.txt --lowercase --split-final-period \\
      --unknown-below 2 --out lm.arpa"""


def main(arguments: list[str]) -> int:
    """Train, print what was counted and how well it predicts, and write the file."""
    options = _parser().parse_args(arguments)
    out: Path | None = options.out
    if out is not None:
        _check_free(out, options.overwrite)
    tell = _say if not options.quiet else _stay_silent
    clean = cleaning(options)
    tell("reading ...")
    lines = list(_read(options.texts, clean, options.encoding_errors))
    train, valid = _held_out(lines, options.valid_last)
    test = _test(options.test, clean, options.encoding_errors) if options.test else []
    tell(f"counting n-grams of {len(train)} lines ...")
    model = NgramModel.train(train, options.order, options.discount, options.unknown_below)
    for line in _facts(model, options.order):
        print(line)
    for name, sentences in (("valid", valid), ("test", test)):
        if sentences:
            print(described(name, model.score_tokens(sentences)))
    if out is None:
        tell("no file was written; --out lm.arpa keeps the model")
    else:
        tell(f"writing {out} ...")
        model.save(out)
        print(f"{out}: {model.name}, {out.stat().st_size / 2**20:.1f} MiB{_reading(clean)}")
    return 0


def described(name: str, scored: Scored) -> str:
    """One line: perplexity, tokens with END, share of the words that are unknown."""
    return (
        f"{name}: perplexity {scored.perplexity:.3f}, {len(scored.values)} tokens, "
        f"{scored.unknown_share:.2%} of words unknown"
    )


def _parser() -> Parser:
    parser = Parser(
        "judge train",
        "Train an interpolated modified Kneser-Ney n-gram language model, one sentence a line.",
        EXAMPLES,
    )
    add = parser.add_argument
    add("texts", nargs="+", metavar="text.txt", help="files, one sentence a line; - is stdin")
    add("--out", type=Path, metavar="lm.arpa", help="the ARPA file to write")
    add("--overwrite", action="store_true", help="replace the file if it exists")
    add("--order", type=int, default=5, help="words of the longest n-grams (default 5)")
    add("--discount", type=float, help="one for all counts and orders (default: computed)")
    add("--unknown-below", type=int, default=1, metavar="N", help="rarer words become <unk>")
    add("--valid-last", type=int, default=0, metavar="N", help="hold out so many last lines")
    add("--test", metavar="FILE", help="print the perplexity of these lines")
    add("--quiet", action="store_true", help="no progress on stderr")
    cleaning_options(parser)
    encoding_option(parser)
    return parser


def _check_free(out: Path, overwrite: bool) -> None:
    if out.is_dir():
        raise UserError(f"--out {out}: that is a folder; name a file, such as {out / 'lm.arpa'}")
    if out.exists() and not overwrite:
        raise UserError(f"{out} exists; add --overwrite to replace it, or name another file")


def _read(names: list[str], clean: Cleaning, encoding_errors: EncodingErrors) -> Iterator[str]:
    try:
        yield from read_sentences(names, clean, encoding_errors)
    except CorpusError as problem:
        raise UserError(f"{problem}{hint(str(problem))}") from problem


def _test(name: str, clean: Cleaning, encoding_errors: EncodingErrors) -> list[str]:
    """The lines of a file that are not blank."""
    lines = [line for line in _read([name], clean, encoding_errors) if line]
    if not lines:
        raise UserError(f"--test {name}: all its lines are blank; perplexity needs a sentence")
    return lines


def _held_out(lines: list[str], last: int) -> tuple[list[str], list[str]]:
    """Split off the last lines that are not blank; blank ones stay with the training lines, which
    count them."""
    spoken = [number for number, line in enumerate(lines) if line]
    if not 0 <= last < max(1, len(spoken)):
        raise UserError(
            f"--valid-last {last}: the text has {len(spoken)} lines that are not blank; hold out "
            "fewer"
        )
    if not last:
        return lines, []
    return lines[: spoken[-last]], [line for line in lines[spoken[-last] :] if line]


def _facts(model: NgramModel, wanted: int) -> Iterator[str]:
    """What training met: counts, what was left out, n-grams and discounts of each order."""
    text, discounts = model.text, model.discounts
    assert text is not None and discounts is not None  # it was trained just now
    yield f"train: {text.sentences} sentences, {text.words} words, order {model.order}"
    # BEGIN is never predicted.
    yield f"vocabulary: {len(model.words) - 1} with <unk> and </s>"
    if text.blank:
        yield f"blank lines left out: {text.blank}"
    if text.rare:
        yield f"rare words read as <unk>: {text.rare}"
    if text.markers:
        yield f"words <s> or </s> read as <unk>: {text.markers}"
    if model.order < wanted:
        yield f"order {wanted} was asked for, but no sentence is that long"
    for order, (table, values) in enumerate(zip(model.orders, discounts, strict=True), start=1):
        shown = " ".join(f"{value:.4f}" for value in values)
        fallback = ", the fallback: too little text" if values == FALLBACK else ""
        yield f"{order}-grams: {len(table.keys)}, discounts {shown}{fallback}"


def _reading(clean: Cleaning) -> str:
    """A reminder where sentences must be cleaned again before they are scored."""
    flags = ["--lowercase"] * clean.lowercase + ["--split-final-period"] * clean.split_final_period
    return f"; score with {' '.join(flags)} too" if flags else ""


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _stay_silent(text: str) -> None:
    pass
