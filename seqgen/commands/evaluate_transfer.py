"""seqgen evaluate, style transfer: rewritten sentences, row by row, as judges see them."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

from seqgen.commands.options import use_machine
from seqgen.commands.sentence_files import reading
from seqgen.commands.show import show
from seqgen.commands.transfer_files import given
from seqgen.errors import UserError
from seqgen.evaluation.judge_protocols import LanguageJudge
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.evaluation.transfer import How, evaluate_transfer
from seqgen.experiment.language_judge import open_language_judge
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.preset_table import preset_notes, preset_settings, sizes_differ
from seqgen.metrics.bleu_family.presets import PRESETS
from seqgen.metrics.bleu_family.protocol import Measured
from seqgen.metrics.style_transfer.factors import Task
from seqgen.metrics.table import Table
from seqgen.metrics.tokens import Tokenizer
from seqgen.text.errors import near

PRESET = "style-transformer"
"""The one preset for aligned references; without --old-bugs it is the default but for its
tokenizer."""
OLD_NLTK: Smoothing = "nltk-before-3.3"


def run(options: Namespace) -> int:
    """Measure and print the table; returns 0.

    Raises:
        UserError: files that do not belong together, or a judge that does not know a style.
    """
    _check_machine(options)
    how = settings(options)
    data = given(options)
    judging = Judging.of(options, data.task)
    found = evaluate_transfer(
        data.systems, data.task, judging.style, judging.language, judging.real, how
    )
    table: Table = replace(found.table, notes=[*judging.notes, *found.table.notes])
    show(table, json=options.json)
    return 0


def settings(options: Namespace) -> How:
    """How the options say that the table is made."""
    return How(
        _tokenizer(options),
        OLD_NLTK if options.old_bugs else "none",
        options.lowercase,
        not options.no_intervals,
        options.seed,
        preset_settings(PRESETS[PRESET], options.old_bugs) if options.preset else {},
    )


@dataclass(frozen=True)
class Judging:
    """The judges that the options name, real text for them, and what is known of all of it."""

    style: StyleJudging | None
    language: LanguageJudge | None
    real: list[str] | None
    notes: list[str]

    @classmethod
    def of(cls, options: Namespace, task: Task) -> Judging:
        """Open them.

        Raises:
            UserError: no such judge or file, or a judge that does not know a style of the task.
        """
        real = reading(options)(options.real) if options.real else None
        style, about = _style(options, task)
        return cls(style, _language(options), real, [*_preset(options, task), *about])


def _tokenizer(options: Namespace) -> Tokenizer:
    if options.preset not in (None, PRESET):
        raise UserError(
            f"--preset {options.preset}: against --sources the only preset is {PRESET}; the others "
            "measure against one shared set, --hypotheses F --references F"
        )
    if options.preset and options.tokenizer:
        raise UserError(f"--preset {PRESET} has a tokenizer of its own; leave --tokenizer out")
    if options.old_bugs and not options.preset:
        raise UserError("--old-bugs without --preset: they are faults of a preset; name one")
    name = "nltk" if options.preset else options.tokenizer or "whitespace"
    if name not in get_args(Tokenizer):
        raise UserError(f"--tokenizer {name}: there are {', '.join(get_args(Tokenizer))}")
    return cast(Tokenizer, name)


def _preset(options: Namespace, task: Task) -> list[str]:
    """What the preset is, and which of its numbers this task has not."""
    if not options.preset:
        return []
    preset = PRESETS[PRESET]
    own = Measured("aligned-bleu", (), len(task.sources), len(task.references))
    return [*preset_notes(preset, options.old_bugs), *sizes_differ(preset, [own])]


def _style(options: Namespace, task: Task) -> tuple[StyleJudging | None, list[str]]:
    """The style judge and what is known of its accuracy; torch is imported only for it."""
    if not options.style_judge:
        return None, []
    from seqgen.experiment.style_judge import open_judge

    judge = open_judge(options.style_judge, device=use_machine(options))
    unknown = [target for target in dict.fromkeys(task.targets) if target not in judge.labels]
    if unknown:
        raise UserError(
            f"{'--to' if options.to else 'style'} {unknown[0]}: {options.style_judge} tells apart "
            f"{', '.join(judge.labels)}{near(unknown[0], judge.labels)}"
        )
    return judge.judging(), [f"style judge {judge.about()}"]


def _language(options: Namespace) -> LanguageJudge | None:
    if not options.language_judge:
        return None
    device = use_machine(options) if _judged_by_network(options) else "cpu"
    return open_language_judge(options.language_judge, device)


def _check_machine(options: Namespace) -> None:
    """Raise UserError for options of torch where nothing needs it."""
    if options.style_judge or _judged_by_network(options):
        return
    for name, default in (("device", "cpu"), ("threads", None)):
        if getattr(options, name) != default:
            raise UserError(
                f"--{name} without a judge that is a network: nothing here would use it; leave it"
                " out, or give --style-judge RUN or --language-judge RUN"
            )


def _judged_by_network(options: Namespace) -> bool:
    """Whether the language judge is none of the ARPA files."""
    judge = options.language_judge
    return judge is not None and not Path(judge).expanduser().is_file()
