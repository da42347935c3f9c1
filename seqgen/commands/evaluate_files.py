"""seqgen evaluate, files: generated sentences against one shared set of real ones; no torch."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import cast, get_args

from seqgen.commands.show import show
from seqgen.errors import UserError
from seqgen.metrics.precision import Smoothing
from seqgen.metrics.suite import REAL, evaluate
from seqgen.metrics.table import Row, Table
from seqgen.metrics.tokens import Tokenizer
from seqgen.text.errors import near
from seqgen.text.reading import describe, read

FIXED = ("tokenizer", "lowercase", "smoothing", "first", "self_first")


def run(options: Namespace) -> int:
    """Print the table of the hypotheses and of real sentences; returns 0."""
    _check(options)
    given = options.hypotheses[0]
    hypotheses, references = sentences(given), sentences(options.references)
    training = sentences(options.train) if options.train else None
    name = "standard input" if given == "-" else Path(given).name
    if options.preset is not None:
        table = by_preset(options.preset, hypotheses, references, training, options.old_bugs, name)
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


def sentences(source: str) -> list[str]:
    """One sentence a line of the file, blank ones too.

    Raises:
        UserError: there is no line, or all are blank; what is wrong in the file.
    """
    found = [example.text for example in read(source, blanks="keep")]
    if not any(text.strip() for text in found):
        lines = f"its {len(found)} lines are blank" if found else "it is empty"
        raise UserError(f"0 sentences in {describe(source)}: {lines}")
    return found


def by_preset(
    preset: str,
    hypotheses: list[str],
    references: list[str],
    training: list[str] | None,
    old_bugs: bool,
    name: str,
) -> Table:
    """The table of a preset, with a row of real sentences: as many of the training text; without
    one, the last references against the first."""
    from seqgen.metrics.presets import evaluate_preset

    table = evaluate_preset(preset, hypotheses, references, old_bugs)
    if training is not None:
        real, known = training[: len(hypotheses)], references
        about = f"real data: the first {len(real)} sentences of the training text"
    else:
        count = min(len(hypotheses), len(references) // 2)
        real, known = references[len(references) - count :], references[: len(references) - count]
        about = (
            f"real data: the last {count} references against the {len(known)} before them"
            " (--train F gives training sentences against all references)"
        )
    if len(real) < 2:
        return Table([Row(name, table.rows[0].scores), *table.rows[1:]], table.notes)
    beside = evaluate_preset(preset, real, known, old_bugs)
    rows = [Row(name, table.rows[0].scores), Row(REAL, beside.rows[0].scores, "real")]
    notes = [*table.notes, about, *(note for note in beside.notes if note not in table.notes)]
    return Table([*rows, *table.rows[1:]], notes)


def _check(options: Namespace) -> None:
    """Raise UserError for names that do not exist and options that do not go together."""
    if options.tokenizer is not None:
        _check_name("--tokenizer", options.tokenizer, get_args(Tokenizer))
    if options.preset is None and options.old_bugs:
        raise UserError("--old-bugs without --preset: they are faults of a preset; name one")
    if options.preset is not None:
        _check_preset(options)
    files = [options.hypotheses[0], options.references, options.train]
    if files.count("-") > 1:
        raise UserError("- given twice: standard input can only be read once")


def _check_preset(options: Namespace) -> None:
    from seqgen.metrics.presets import PRESETS

    _check_name("--preset", options.preset, PRESETS)
    for name in FIXED:
        if getattr(options, name):
            raise UserError(
                f"--{name.replace('_', '-')} with --preset {options.preset}: a preset settles this"
                " itself; leave one of them out"
            )


def _check_name(option: str, name: str, allowed: Iterable[str]) -> None:
    if name not in allowed:
        raise UserError(f"{option} {name!r}{near(name, allowed)}; there are {', '.join(allowed)}")
