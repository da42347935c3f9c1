"""seqgen train: a recipe, with changes from the command line, or a run to go on with."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seqgen.commands.options import Parser, machine_options, show_warnings, use_machine
from seqgen.errors import RunFailure, UserError

if TYPE_CHECKING:
    from seqgen.experiment.experiment import Machine, Report
    from seqgen.recipe.recipe import Recipe

EXAMPLES = """examples:
  seqgen train quickstart
  seqgen train text/mle-lstm --corpus.train my.txt --corpus.valid my-valid.txt
  seqgen train text/mle-lstm --corpus.train my.txt --generator.hidden 256 --phases.0.steps 2000
  seqgen train --resume runs/mle-lstm --phases.0.steps 20000
  torchrun --nproc-per-node 2 -m seqgen train text/mle-lstm --corpus.train my.txt

Every setting of the recipe is an option, by its path: seqgen recipes show RECIPE prints them."""

# Which recipe trains a method on files, where it is not the likelihood baseline's.
FOR_FILES = {
    "scheduled-sampling": "text/scheduled-sampling",
    "data-as-demonstrator": "text/data-as-demonstrator",
    "professor-forcing": "text/professor-forcing",
    "seqgan": "text/seqgan",
    "gumbel-softmax": "text/gumbel",
    "inverse-reinforcement": "text/irl",
}


def main(arguments: list[str]) -> int:
    """Train, then print samples, figures and what to do next."""
    parser = _parser()
    own, changes = _split(parser, arguments)
    options = parser.parse_args(own)
    if (options.recipe is None) == (options.resume is None):
        hint = " (seqgen recipes list)" if options.recipe is None else ""
        order = "; the recipe comes before its settings" if changes and hint else ""
        parser.error(f"name one recipe{hint}, or --resume RUN{order}")
    if options.resume is not None and (options.init or options.seeds):
        parser.error("--resume goes with neither --init nor --seeds")
    show_warnings()
    recipe = _recipe(options, changes)  # all mistakes of the recipe are told before torch is loaded
    return _train(options, recipe)


def _parser() -> Parser:
    parser = Parser("train", "Train a model from a recipe, or go on with a run.", EXAMPLES)
    parser.add_argument("recipe", nargs="?", help="name (seqgen recipes list) or file of a recipe")
    parser.add_argument("--resume", metavar="RUN", type=Path, help="go on with this run folder")
    parser.add_argument(
        "--init",
        metavar="RUN",
        type=Path,
        help="start from the weights of this run, or RUN@latest, RUN@500",
    )
    parser.add_argument("--seeds", help="one run for each of these seeds: 1,2,3")
    parser.add_argument("--name", help="name of the run folder (default: the recipe's)")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where run folders are made"
    )
    parser.add_argument(
        "--deterministic", action="store_true", help="refuse operations that are not"
    )
    parser.add_argument(
        "--no-report", action="store_true", help="no evaluation and no report at the end (seconds)"
    )
    machine_options(parser)
    return parser


def _split(parser: Parser, arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own options and the recipe's name; everything else changes the recipe."""
    takes = {o: a.nargs != 0 for a in parser._actions for o in a.option_strings}
    own: list[str] = []
    changes: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word.partition("=")[0] in takes:
            own.append(word)
            if takes[word.partition("=")[0]] and "=" not in word and rest:
                own.append(rest.pop(0))
        elif not changes and not word.startswith("-"):
            own.append(word)
        else:
            changes.append(word)
    return own, changes


def _recipe(options: argparse.Namespace, changes: list[str]) -> Recipe:
    from seqgen.recipe.files import missing_corpus, read
    from seqgen.recipe.overrides import override

    if options.name is not None:
        changes = [*changes, "--name", options.name]
    if options.resume is not None:
        path = options.resume.expanduser() / "recipe.yaml"
        if not path.is_file():
            raise UserError(f"--resume {options.resume}: there is no run (no recipe.yaml in it)")
        _require_run(path.parent)
        return override(read(str(path)), changes)
    recipe = override(read(options.recipe), changes)
    if missing := missing_corpus(recipe, options.recipe):
        raise UserError(missing)
    return recipe


def _require_run(folder: Path) -> None:
    """Refuse an exported model before anything is written into its folder."""
    if (folder / "generator.safetensors").is_file() and not (folder / "checkpoints").exists():
        raise UserError(
            f"--resume {folder}: this is an exported model, which holds no optimizer to go on "
            "with; resume the run it was exported from"
        )


def _train(options: argparse.Namespace, recipe: Recipe) -> int:
    from seqgen.experiment.experiment import Machine
    from seqgen.experiment.start import start
    from seqgen.training import distributed, randomness

    device = distributed.start(use_machine(options))
    if options.deterministic:
        randomness.be_deterministic()
    machine = Machine(device, options.quiet or not distributed.is_main(), not options.no_report)
    world = distributed.world()
    try:
        if options.resume is not None:
            _tell(_resumed(options.resume, recipe, machine))
            return 0
        for one, folder in _runs(options, recipe):
            _tell(start(one, folder, machine, options.init))
        return 0
    except RuntimeError as problem:
        if said := _known_failure(problem, world):
            raise RunFailure(said) from problem
        raise
    finally:
        distributed.stop()


def _known_failure(problem: RuntimeError, world: int) -> str | None:
    """In words what torch tells by classes and in the language of its makers; None: something
    else."""
    import torch

    said = str(problem)
    first = said.strip().partition("\n")[0]
    if isinstance(problem, torch.OutOfMemoryError) or "DefaultCPUAllocator" in said:
        return (
            f"the memory of the device is used up ({first}); give a smaller --batch, or more "
            "--accumulation (the parts a batch is split into), then resume or train anew"
        )
    if "device-side assert" in said:
        return (
            f"the GPU refused an operation ({first}); most often a number was not finite: try a "
            "lower rate, or players.generator.clip, and --device cpu to see where it happens"
        )
    if world > 1 and "by peer" in said:  # gloo: closed or reset, wherever we waited
        return "another process of this training ended; it says why"
    return None


def _resumed(folder: Path, recipe: Recipe, machine: Machine) -> Report:
    from seqgen.experiment.reopen import read_run
    from seqgen.experiment.start import require_resumable, resume, schedule_note
    from seqgen.training.run import Run

    before = read_run(Run.open(folder))[0]
    require_resumable(before, recipe)
    note = schedule_note(before, recipe)
    if note and not machine.quiet:
        print(f"seqgen: {note}", file=sys.stderr)
    return resume(folder, machine, recipe)


def _runs(options: argparse.Namespace, recipe: Recipe) -> list[tuple[Recipe, Path]]:
    """The runs to make: one, or one for each seed."""
    from seqgen.training import distributed
    from seqgen.training.run import Run

    base = recipe.name or Path(options.recipe).stem
    if options.seeds is None:
        return [(recipe, options.runs / base)]
    runs = [
        (recipe.model_copy(update={"seed": seed}), options.runs / f"{base}-seed{seed}")
        for seed in _seeds(options.seeds)
    ]
    for _, folder in runs if distributed.is_main() else ():
        # Now, and not when the runs before it have been trained.
        if folder.expanduser().is_dir() and Run.open(folder).checkpoints():
            raise UserError(f"{folder} exists already; leave that seed out, or choose another name")
    if len(runs) > 1 and getattr(recipe.corpus, "train", None) == "-":
        raise UserError("standard input can be read once only: with --seeds, give a file")
    return runs


def _seeds(given: str) -> list[int]:
    try:
        seeds = [int(seed) for seed in given.split(",")]
    except ValueError:
        raise UserError(f"--seeds {given}: give whole numbers, such as 1,2,3") from None
    if len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise UserError(f"--seeds {given}: give different numbers, 0 or above")
    return seeds


def _tell(report: Report) -> None:
    from seqgen.training import distributed

    if not distributed.is_main():
        return
    outcome = report.outcome
    used = outcome.steps if outcome.best_step is None else outcome.best_step  # what load takes
    if report.samples:
        print(f"sentences of step {report.samples_step}:")
        print("".join(f"  {text}\n" for text in report.samples))
    columns = {"last": outcome.metrics}
    if report.best and outcome.best_step != outcome.steps:
        columns[f"step {outcome.best_step}"] = report.best
    if report.real:
        columns["real data"] = report.real
    if report.test:
        columns[f"test (step {used})"] = report.test
    print(table(columns))
    if outcome.best_step is not None:
        print(f"\nbest checkpoint: step {outcome.best_step}")
    if outcome.stopped_early:
        print("stopped early; to go on, resume with a larger --evaluate.patience (or none)")
    folder = report.folder
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    quoted = shlex.quote(str(folder))
    page = "" if report.page is None else f"report: {folder / report.page.name}\n"
    if not report.samples:
        print(f"\n{judged(report)}\n\nrun folder: {folder}\n{page}next:")
        print(f"  seqgen judge classify {quoted} < sentences.txt")
        return
    print(f"\nrun folder: {folder}\n{page}next:")
    print("".join(f"  {line}\n" for line in _next(report.folder, quoted)), end="")


def _next(folder: Path, quoted: str) -> list[str]:
    """What can be done with a trained run, and the recipe that trains its method on files."""
    from seqgen.recipe.files import read

    kind = [phase.method.kind for _, phase in read(str(folder / "recipe.yaml")).walk()][-1]
    if kind == "style-transformer":
        return [
            f"seqgen transfer {quoted} --to STYLE < sentences.txt",
            f"seqgen evaluate {quoted} --style-judge JUDGE     (held-out sentences, rewritten)",
            "seqgen train style/style-transformer --corpus.styles A a.txt B b.txt     "
            "(files of your own)",
        ]
    recipe = FOR_FILES.get(kind, "text/mle-lstm")
    return [
        f"seqgen generate {quoted} --count 10",
        f"seqgen score {quoted} < sentences.txt",
        f"seqgen evaluate {quoted}     (more sentences, and at other temperatures)",
        f"seqgen compare {quoted} runs/other",
        f"seqgen train {recipe} --corpus.train my.txt     (a file of your own)",
    ]


def judged(report: Report) -> str:
    """How far a judge is to be trusted, in a line; always told."""
    found = report.accuracy
    if found is None:
        return "this judge's accuracy is unknown: there are neither test nor validation sentences"
    from seqgen.evaluation.classification import accuracy_told

    return accuracy_told(found.overall, found.sentences, found.per_label, report.judged_on)


def table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """Figures by name, one column each for the model's checkpoints and as many real training
    sentences."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    widths = [max(14, len(title) + 2) for title in columns]
    first = max([14, *(len(name) + 1 for name in names)])
    titles = (title.rjust(width) for title, width in zip(columns, widths, strict=True))
    lines = ["figure".ljust(first) + "".join(titles)]
    for name in names:
        values = (column.get(name) for column in columns.values())
        cells = [_cell(value).rjust(width) for value, width in zip(values, widths, strict=True)]
        lines.append(name.ljust(first) + "".join(cells).rstrip())
    if any(math.isnan(column.get("grammar-nll", 0.0)) for column in columns.values()):
        lines.append("n/a: grammar-nll has no value where no sentence was grammatical")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None:
        return " " * 14
    if math.isnan(value):
        return f"{'n/a':>14}"
    # An untrained model's perplexity can be far too long for its column.
    return f"{value:14.4f}" if abs(value) < 1e7 else f"{value:14.4g}"
