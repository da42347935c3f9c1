"""seqgen evaluate: which of its four forms a call is, and whether its options go together.

The forms live in modules of their own, with `run(options) -> int`, imported only when called:
measuring files needs no torch.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from seqgen.commands.evaluate_options import FORMS, parser
from seqgen.commands.options import Parser, show_warnings
from seqgen.errors import UserError

ROW_BY_ROW = ("sources", "to", "aligned_references", "pairs", "style_judge", "compare_with")
OF_REWRITING = ("copy_unknown", "rerank", "real")
"""With a run, these too tell that it rewrites; so does the run itself, where none is given."""


def main(arguments: list[str]) -> int:
    """Measure and print a table, or JSON; returns the exit status of the form."""
    made = parser()
    options, rest = made.parse_known_args(arguments)
    if rest:
        _refuse_rest(made, options, rest)
    form = choose(options)
    refuse_others(made, options, form)
    show_warnings()
    run: Callable[[Namespace], int] = import_module(f"seqgen.commands.evaluate_{form}").run
    return run(options)


def choose(options: Namespace) -> str:
    """Return files, run, transfer or rewriting, after checking what each cannot do without.

    Raises:
        UserError: two forms are mixed up, or a partner of an option is missing.
    """
    row_by_row = [name for name in ROW_BY_ROW if getattr(options, name)]
    if row_by_row and options.references:
        raise UserError(_mixed(flag(row_by_row[0])))
    if options.run and (row_by_row or any(getattr(options, name) for name in OF_REWRITING)):
        _check_rewriting(options, row_by_row)
        return "rewriting"
    if options.run and options.hypotheses:
        raise UserError(
            f"RUN ({options.run}) and --hypotheses {options.hypotheses[0]}: measure either what the"
            " run writes or what stands in the file; leave one of them out"
        )
    if row_by_row:
        _check_transfer(options)
        return "transfer"
    if options.run:
        _check_run(options)
        return "run"
    _check_files(options)
    return "files"


def flag(name: str) -> str:
    """The option as it is typed."""
    return "RUN" if name == "run" else f"--{name.replace('_', '-')}"


def _mixed(other: str) -> str:
    return (
        f"--references together with {other}: these belong to two different measurements.\n"
        "  --references is one shared set, and every hypothesis is compared with all of it; that\n"
        "  is how freely generated sentences are measured.\n"
        "  --aligned-references go row by row: line i of each file says how line i of --sources\n"
        "  should read when rewritten; that is how style transfer is measured.\n"
        "Give --references alone, or --sources, --to and --aligned-references"
    )


def _stray(word: str) -> str:
    """What is wrong with a word that belongs to no option of the transfer form."""
    return (
        f"{word} belongs to no option: --hypotheses, --sources and --to take one value each, so"
        " repeat the group, once a direction:\n"
        "  --hypotheses out.0 --sources in.0 --to A --hypotheses out.1 --sources in.1 --to B\n"
        "(If it is a run that is to rewrite the sources, leave --hypotheses out; other systems are"
        " given by --compare-with F.)"
    )


def _refuse_rest(made: Parser, options: Namespace, rest: Sequence[str]) -> NoReturn:
    stray = next((word for word in rest if not word.startswith("-")), None)
    if stray == rest[0] and any(getattr(options, name) for name in ROW_BY_ROW):
        raise UserError(_stray(stray))
    made.error(f"unrecognized arguments: {' '.join(rest)}")


def _check_rewriting(options: Namespace, row_by_row: Sequence[str]) -> None:
    if options.hypotheses:
        raise UserError(_stray(options.run))
    _check_folder(options.run)
    bare = [name for name in row_by_row if name != "style_judge"]
    if not (options.sources or options.pairs) and bare:
        raise UserError(
            f"{flag(bare[0])} without --sources: it goes line by line with them; give --sources F"
            " and --to LABEL for each direction, or leave it out, and the run rewrites sentences"
            " that its corpus holds out"
        )
    if options.count and (options.sources or options.pairs):
        raise UserError(
            "--count together with sources: all lines are rewritten; it is the number of held-out"
            " sentences where there are no --sources"
        )
    if options.pairs:
        _check_pairs(options)
    else:
        _check_directions(options, ("to",))


def _check_run(options: Namespace) -> None:
    if options.temperatures and options.no_sweep:
        raise UserError(
            "--temperatures with --no-sweep: they are those of the sweep; leave one of them out"
        )
    _check_folder(options.run)


def _check_folder(run: str) -> None:
    if Path(run).is_file():
        raise UserError(
            f"{run} is a file, and RUN is a run folder; sentences in a file are given by"
            f" --hypotheses {run}, with --references for the real ones"
        )


def _check_files(options: Namespace) -> None:
    if not options.hypotheses and not options.references:
        raise UserError(
            "nothing to measure: give a run folder, or --hypotheses and --references, or for style"
            " transfer --hypotheses, --sources and --to. seqgen evaluate --help has examples"
        )
    if not options.hypotheses:
        raise UserError(
            "--references without --hypotheses: give the generated sentences as --hypotheses F"
        )
    if not options.references:
        raise UserError(
            "--hypotheses without --references: give real sentences as --references F (one shared"
            " set), or for style transfer --sources F and --to LABEL"
        )
    if len(options.hypotheses) > 1:
        raise UserError(
            f"--hypotheses given {len(options.hypotheses)} times: against one shared set of"
            " references only one file is measured at a time (style transfer takes one a direction,"
            " each with its --sources)"
        )


def _check_transfer(options: Namespace) -> None:
    if not (options.hypotheses or options.pairs):
        given = next(flag(name) for name in ROW_BY_ROW if getattr(options, name))
        raise UserError(
            f"{given} without sentences to measure: give --hypotheses F for each direction"
        )
    if options.pairs:
        _check_pairs(options)
        return
    if not options.sources:
        given = next(flag(name) for name in ROW_BY_ROW if getattr(options, name))
        raise UserError(
            f"{given} without --sources: style transfer is measured against what was rewritten;"
            " give --sources F and --to LABEL for each direction, or --pairs F.jsonl"
        )
    _check_directions(options, ("to", "hypotheses"))


def _check_directions(options: Namespace, needed: Sequence[str]) -> None:
    directions = len(options.sources or ())
    given = [*needed, *(["aligned_references"] if options.aligned_references else [])]
    for name in given:
        count = len(getattr(options, name) or ())
        if count != directions:
            raise UserError(
                f"--sources given {directions} times, {flag(name)} {count} times: give both once a"
                " direction, in the same order"
            )


def _check_pairs(options: Namespace) -> None:
    double = [name for name in ("sources", "to", "aligned_references") if getattr(options, name)]
    if double:
        raise UserError(
            f"--pairs together with {flag(double[0])}: the rows of {options.pairs} hold source, to"
            " and references already; leave one of them out"
        )
    if options.hypotheses and len(options.hypotheses) > 1:
        raise UserError(
            f"--pairs with {len(options.hypotheses)} files of --hypotheses: give one, with one line"
            f" for each row of {options.pairs}"
        )


def refuse_others(made: Parser, options: Namespace, form: str) -> None:
    """Raise UserError for an option that the form would silently ignore."""
    for name, value in vars(options).items():
        if name in FORMS[form] or value == made.get_default(name):
            continue
        forms = " or ".join(other for other, names in FORMS.items() if name in names)
        raise UserError(
            f"{flag(name)} has no meaning here: this call measures {MEASURES[form]}, the option"
            f" belongs to the form {forms}. seqgen evaluate --help lists the forms"
        )


MEASURES = {
    "files": "the sentences of a file against shared references",
    "run": "the sentences of a run",
    "transfer": "style transfer",
    "rewriting": "what a run that rewrites makes of sentences",
}
