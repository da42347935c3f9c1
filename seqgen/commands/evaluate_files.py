"""seqgen evaluate, files: generated sentences against one shared set of real ones; no torch."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import cast, get_args

from seqgen.commands.sentence_files import reading, require_one_stream
from seqgen.commands.show import show
from seqgen.errors import UserError
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.preset_table import evaluate_preset
from seqgen.metrics.bleu_family.presets import PRESETS
from seqgen.metrics.suite import evaluate
from seqgen.metrics.table import Table
from seqgen.metrics.tokens import Tokenizer
from seqgen.text.errors import near

FIXED = ("tokenizer", "lowercase", "smoothing", "first", "self_first")


def run(options: Namespace) -> int:
    """Print the table of the hypotheses and of real sentences; returns 0."""
    _check(options)
    given = options.hypotheses[0]
    read = reading(options)
    hypotheses, references = read(given), read(options.references)
    training = read(options.train) if options.train else None
    name = "standard input" if given == "-" else Path(given).name
    if options.preset is not None:
        table = _by_preset(options, hypotheses, references, training, name)
    else:
        table = evaluate(
            hypotheses, references, training,
            smoothing=cast(Smoothing, options.smoothing or "method1"),
            tokenizer=cast(Tokenizer, options.tokenizer or "whitespace"),
            lowercase=options.lowercase, first=options.first, self_first=options.self_first,
            intervals=not options.no_intervals, seed=options.seed, name=name,
        )  # fmt: skip
    show(table, json=options.json)
    return 0


def _by_preset(
    options: Namespace,
    hypotheses: list[str],
    references: list[str],
    training: list[str] | None,
    name: str,
) -> Table:
    try:
        return evaluate_preset(
            options.preset, hypotheses, references, training,
            old_bugs=options.old_bugs, seed=options.seed, row=name,
        )  # fmt: skip
    except ValueError as problem:
        raise UserError(f"--preset {options.preset}: {problem}") from problem


def _check(options: Namespace) -> None:
    """Raise UserError for names that do not exist and options that do not go together."""
    if options.tokenizer is not None:
        _check_name("--tokenizer", options.tokenizer, get_args(Tokenizer))
    if options.preset is None and options.old_bugs:
        raise UserError("--old-bugs without --preset: they are faults of a preset; name one")
    if options.preset is not None:
        _check_preset(options)
    require_one_stream([options.hypotheses[0], options.references, options.train])


def _check_preset(options: Namespace) -> None:
    _check_name("--preset", options.preset, PRESETS)
    if PRESETS[options.preset].protocol.aligned:
        raise UserError(
            f"--preset {options.preset} with --references: it goes row by row, and --references are"
            " one set that all hypotheses share; give --sources, --to and --aligned-references"
        )
    for name in FIXED:
        if getattr(options, name):
            raise UserError(
                f"--{name.replace('_', '-')} with --preset {options.preset}: a preset settles this"
                " itself; leave one of them out"
            )


def _check_name(option: str, name: str, allowed: Iterable[str]) -> None:
    if name not in allowed:
        hint = near(name, allowed) or "."
        raise UserError(f"{option} {name!r} is unknown{hint} There are {', '.join(allowed)}")
