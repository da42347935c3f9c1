"""seqgen transfer: each line in another style."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqgen.commands.options import (
    Parser,
    copy_unknown_option,
    machine_options,
    run_options,
    seed_option,
    show_warnings,
    use_machine,
    write_lines,
)
from seqgen.commands.waiting_lines import waiting_lines
from seqgen.errors import UserError

if TYPE_CHECKING:
    from seqgen.experiment.transfer_settings import Transfer
    from seqgen.experiment.transferring import Transferred

EXAMPLES = """examples:
  seqgen transfer runs/x --to positive < sentences.txt > out.txt
  tail -f reviews.log | seqgen transfer runs/x --to positive --detokenize
  seqgen transfer runs/x --to positive --json --count 3 < sentences.txt
  seqgen transfer runs/x --to positive --rerank runs/judge --keep-right < sentences.txt"""


def main(arguments: list[str]) -> int:
    """Write one line for each line of standard input; a blank line stays blank."""
    options = _parser().parse_args(arguments)
    if (options.count or 1) > 1 and not options.json and options.rerank is None:
        raise UserError(
            f"--count {options.count} without --json: one line in is one line out; give --json for "
            "all candidates, or --rerank JUDGE for the best of them"
        )

    show_warnings()
    device = use_machine(options)
    from seqgen.experiment.reopen import load
    from seqgen.experiment.style_judge import open_judge

    model = load(options.run, options.checkpoint, device)
    judge = None if options.rerank is None else open_judge(options.rerank, device=device)
    how = _how(options)
    transfer = model.transferring(how, judge, scored=options.json)
    if judge is not None and not options.quiet:
        print(f"seqgen: {judge.about()}", file=sys.stderr)
    notes = Notes(options.quiet, options.json, how.copy_unknown, transfer.longest)
    for lines in waiting_lines(how.batch):
        found = transfer(lines)
        notes.before(found)
        write_lines([_object(one, how) if options.json else one.text for one in found])
    notes.at_the_end()
    return 0


@dataclass
class Notes:
    """What stderr says about lines: the first of a kind at once, how many there were at the end.

    Attributes:
        quiet: say nothing but that there are unknown words.
        all_shown: whether all candidates are written, not the best alone.
        copied: whether unknown words of the source are copied already.
        longest: the most tokens of a line.
    """

    quiet: bool
    all_shown: bool
    copied: bool
    longest: int
    lines: int = 0
    unknown: int = 0
    cut: int = 0
    unended: int = 0

    def before(self, found: Sequence[Transferred]) -> None:
        """Of lines that are about to be written."""
        for one in found:
            self.lines += 1
            shown = one.candidates if self.all_shown else one.candidates[:1]
            if any(candidate.unknown for candidate in shown):
                self.unknown += 1
                if self.unknown == 1:
                    self._say(f"line {self.lines} of the output has a word the model does not know")
            if one.cut:
                self.cut += 1
                if self.cut == 1 and not self.quiet:
                    self._say(f"line {self.lines} is {self._longer} and was cut")
            self.unended += any(not candidate.ended for candidate in shown)

    def at_the_end(self) -> None:
        """The sums."""
        if self.quiet:
            return
        of = f"of {self.lines} lines"
        if self.unknown:
            hint = "" if self.copied else " (--copy-unknown writes those of the source)"
            self._say(f"{self.unknown} {of} have unknown words{hint}")
        if self.cut:
            self._say(f"{self.cut} {of} were {self._longer} and were cut")
        if self.unended:
            self._say(f"{self.unended} {of} reached the limit of tokens without ending")

    @property
    def _longer(self) -> str:
        return f"longer than the {self.longest} tokens the model reads"

    def _say(self, text: str) -> None:
        print(f"seqgen: {text}", file=sys.stderr)


def _how(options: argparse.Namespace) -> Transfer:
    from seqgen.experiment.transfer_settings import Transfer

    return Transfer(
        to=options.to, source=options.source, count=options.count,
        temperature=options.temperature, beam=options.beam, seed=options.seed,
        batch=options.batch, copy_unknown=options.copy_unknown, keep_right=options.keep_right,
        detokenize=options.detokenize, precision=options.precision, compile=options.compile,
    )  # fmt: skip


def _object(found: Transferred, how: Transfer) -> str:
    """A line of --json, which `evaluate --pairs` reads too."""
    candidates = [
        {
            "text": candidate.text,
            "log_probability": _rounded(candidate.log_probability),
            "style_probability": _rounded(candidate.style_probability),
        }
        for candidate in found.candidates
    ]
    shown = {
        "source": found.source, "from": how.source, "to": how.to, "hypothesis": found.text,
        "candidates": candidates, "unknown": found.unknown, "cut": found.cut, "kept": found.kept,
    }  # fmt: skip
    return json.dumps(shown, ensure_ascii=False)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _parser() -> Parser:
    parser = Parser("transfer", "Each line of standard input in another style.", EXAMPLES)
    run_options(parser)
    parser.add_argument("--to", required=True, metavar="STYLE", help="the wanted style")
    parser.add_argument(
        "--from", dest="source", metavar="STYLE", help="the style of the lines, where it is known"
    )
    _candidate_options(parser)
    _text_options(parser)
    machine_options(parser)
    _arithmetic_options(parser)
    return parser


def _candidate_options(parser: Parser) -> None:
    parser.add_argument(
        "--temperature", type=float, default=0.0, help="of draws; 0, the default, is greedy"
    )
    parser.add_argument("--beam", type=int, default=1, help="above 1: the width of a beam search")
    parser.add_argument(
        "--count", type=int, metavar="N",
        help="candidates of each line, with --json or --rerank; of a beam, unless --temperature "
        "draws them (default 1; with --rerank 5, or the width of --beam)",
    )  # fmt: skip
    parser.add_argument(
        "--rerank", metavar="JUDGE",
        help="run of a classifier that chooses among the candidates: by its log-probability of "
        "the wanted style plus their own log-probability a token",
    )  # fmt: skip
    seed_option(parser, "the draws")
    parser.add_argument(
        "--batch", type=int, default=64, help="lines decoded at once, if so many wait (default 64)"
    )


def _text_options(parser: Parser) -> None:
    parser.add_argument(
        "--json", action="store_true",
        help="one object a line: source, styles, the best sentence as hypothesis, all candidates "
        "with their log-probability a token and the judge's probability",
    )  # fmt: skip
    parser.add_argument(
        "--keep-right", action="store_true",
        help="leave a line as it stands that is in the wanted style already, by --from or, without "
        "that, by the judge of --rerank",
    )  # fmt: skip
    copy_unknown_option(parser)
    parser.add_argument(
        "--detokenize", action="store_true",
        help="punctuation joined to words, and capitals where the model knows none",
    )  # fmt: skip


def _arithmetic_options(parser: Parser) -> None:
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), default="float32",
        help="of matrix products; bfloat16 is faster where the machine has it, and changes a "
        "sentence here and there (default float32)",
    )  # fmt: skip
    parser.add_argument(
        "--compile",
        action="store_true",
        help="have torch compile the decoding step first, which takes a minute; worth it on a CPU "
        "for tens of thousands of lines with --precision bfloat16",
    )
