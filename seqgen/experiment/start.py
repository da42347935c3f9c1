"""Train a recipe: a new run, a resumed one, or one that starts from another run's weights."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqgen.errors import UserError
from seqgen.experiment.corpora import Corpora, open_corpora, standard_input
from seqgen.experiment.entries import open_entry
from seqgen.experiment.experiment import Experiment, Machine, Report
from seqgen.experiment.initial_weights import take_weights, without_pretraining
from seqgen.experiment.reopen import (
    keep_configuration,
    open_vocabulary,
    read_run,
    step_of,
    with_own_source,
)
from seqgen.recipe.data import GrammarCorpus
from seqgen.recipe.files import differences, write
from seqgen.recipe.networks import PretrainedGenerator
from seqgen.recipe.recipe import Phase, Recipe
from seqgen.text.grammar_names import grammar_names
from seqgen.text.vocabulary import Vocabulary
from seqgen.training import distributed, randomness
from seqgen.training.run import Run

_log = logging.getLogger("seqgen")


def start(recipe: Recipe, folder: Path, machine: Machine, init: Path | None = None) -> Report:
    """Train a recipe in a new run folder.

    Args:
        recipe: what to do.
        folder: the run folder, which must not hold a run.
        machine: device and verbosity.
        init: a run whose vocabulary and weights to start from, or RUN@CHECKPOINT of it (else the
            best, if any); leading likelihood phases are then left out.

    Raises:
        UserError: the folder is taken, or the corpus or the other run cannot be used.
    """
    vocabulary = None
    if init is not None:
        vocabulary = open_vocabulary(open_entry(init).run)
        recipe = without_pretraining(recipe)
    # What checkpoints hold of Python's, numpy's and torch's own generators is then the seed's too.
    randomness.seed_process(recipe.seed)
    with Run.create(folder) as run:
        if distributed.is_main():  # what a run that ended before its first checkpoint has left
            shutil.rmtree(run.folder / "corpus", ignore_errors=True)
        with _removed_if_refused(run):
            experiment = _prepared(recipe, run, machine, vocabulary, init)
        return experiment.train()


@contextmanager
def _removed_if_refused(run: Run) -> Iterator[None]:
    """A run that cannot start, for whatever reason, leaves no folder where there was none; but for
    one with what came through standard input, which may be nowhere else."""
    try:
        yield
    except Exception:
        kept = standard_input(run.folder)
        if kept.is_file() and kept.stat().st_size:
            _log.warning("what came through standard input is kept: %s", kept)
        elif run.new:  # only the main process makes folders
            shutil.rmtree(run.folder, ignore_errors=True)
        raise


def _prepared(
    recipe: Recipe, run: Run, machine: Machine, vocabulary: Vocabulary | None, init: Path | None
) -> Experiment:
    """A new run with all its files but the first checkpoint."""
    corpora = _in_turn(recipe, run, vocabulary)
    experiment = Experiment(recipe, run, corpora, machine, evaluate_first=init is not None)
    if init is not None:
        take_weights(open_entry(init), recipe, experiment.modules, corpora.labels)
    run.write_text("recipe.yaml", write(with_absolute_paths(recipe)))
    if "generator" in experiment.modules:
        keep_configuration(run, experiment.modules["generator"])
    counts = {name: s.report.facts() for name, s in corpora.splits.items() if s.report is not None}
    facts = {"size": len(corpora.vocabulary), **corpora.identity(), "counts": counts}
    if init is not None:
        begun = open_entry(init)
        step = step_of(begun.run, begun.checkpoint)
        facts["init"] = {"run": str(begun.run.folder.resolve()), "step": step}
    run.write_text("corpus.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    return experiment


def _in_turn(
    recipe: Recipe, run: Run, vocabulary: Vocabulary | None, reuse: bool = False
) -> Corpora:
    """The main process opens the corpus first: it alone reads standard input, which is kept for the
    others, and writes what is large; the others open that. Nobody goes on before all are done: a
    folder whose run is refused later goes away."""
    if not distributed.is_main():
        distributed.wait()
        corpora = open_corpora(recipe, run.folder, Vocabulary.open(run.folder), reuse=True)
    else:
        corpora = open_corpora(recipe, run.folder, vocabulary, reuse)
        corpora.vocabulary.save(run.folder)
        distributed.wait()
    distributed.wait()
    return corpora


def resume(folder: Path, machine: Machine, recipe: Recipe | None = None) -> Report:
    """Go on with a run from its latest sound checkpoint.

    Args:
        folder: the run folder.
        machine: device and verbosity.
        recipe: the run's recipe with changes; only the last phase's steps, `evaluate`, `save` and
            `name` may differ.

    Raises:
        UserError: no run there, another difference, or the corpus has changed.
    """
    with Run.open(folder, write=True) as run:
        before, facts = read_run(run)
        recipe = before if recipe is None else recipe
        require_resumable(before, recipe)
        if not run.checkpoints():
            raise UserError(
                f"{run.folder} ended before its first checkpoint; train anew into the same folder"
            )
        corpora = _in_turn(recipe, run, Vocabulary.open(run.folder), reuse=True)
        _require_same_corpus(corpora, facts)
        own = with_own_source(recipe, run.folder)
        experiment = Experiment(own, run, corpora, machine, weights=False)
        if recipe != before:  # only now that all has been found to fit
            run.write_text("recipe.yaml", write(recipe))
        return experiment.train(resume=True)


def require_resumable(before: Recipe, after: Recipe) -> None:
    """Refuse differences that would make it another training."""
    last = f"phases.{len(before.phases) - 1}.steps"
    allowed = ("evaluate", "save", "name", "about", "needs", "expect")
    wrong = [
        name
        for name in differences(before, after)
        if name != last and name.split(".")[0] not in allowed
    ]
    if wrong:
        raise UserError(
            f"a resumed run may change only {last}, evaluate, save and name; these differ too: "
            f"{', '.join(wrong)}. Start a new run, with --init to take over the weights"
        )
    one, other = before.phases[-1], after.phases[-1]
    if isinstance(one, Phase) and isinstance(other, Phase) and other.steps < one.steps:
        raise UserError(
            f"{last} was {one.steps} and may only grow, {other.steps} is fewer; some may be "
            "done. A checkpoint of an earlier step can be used as it is (--checkpoint STEP)"
        )
    old, new = before.evaluate.select, after.evaluate.select
    if old is not None and new not in (old, None):
        raise UserError(
            f"evaluate.select: the best checkpoint so far was chosen by {old}, which cannot be "
            f"compared with {new}; set it to none, or start a new run"
        )


def schedule_note(before: Recipe, after: Recipe) -> str | None:
    """What extending a run does to learning rates, in words; None where nothing changes."""
    if before.phases == after.phases:
        return None
    last = after.phases[-1]
    players = (
        {name: after.player(name, last) for name in after.players}
        if isinstance(last, Phase)
        else after.players
    )
    kinds = {name: player.schedule.kind for name, player in players.items()}
    moving = [f"{kind} ({name})" for name, kind in kinds.items() if kind in ("cosine", "linear")]
    if not moving:
        return None
    return (
        f"the learning-rate schedule {', '.join(moving)} now spans the new number of steps: "
        "the rate goes on where the longer schedule is at this step, "
        "above where the shorter one ended"
    )


def with_absolute_paths(recipe: Recipe) -> Recipe:
    """The recipe with its corpus files, its judges and the folder of a pretrained source named from
    the root, so that it resumes from any folder."""

    embedded = grammar_names() if isinstance(recipe.corpus, GrammarCorpus) else ()

    def absolute(given: object) -> object:
        if isinstance(given, dict):
            return {name: absolute(value) for name, value in given.items()}
        if isinstance(given, tuple):
            return tuple(map(absolute, given))
        is_file = isinstance(given, str) and given != "-" and Path(given).expanduser().exists()
        is_file &= given not in embedded  # a grammar's name, also where a folder is called so
        return str(Path(str(given)).expanduser().absolute()) if is_file else given

    names = ("train", "valid", "test", "styles", "parameters", "grammar")
    found = {n: absolute(getattr(recipe.corpus, n)) for n in names if hasattr(recipe.corpus, n)}
    parts: dict[str, Any] = {"corpus": recipe.corpus.model_copy(update=found)}
    if isinstance(recipe.generator, PretrainedGenerator):
        source = {"source": absolute(recipe.generator.source)}
        parts["generator"] = recipe.generator.model_copy(update=source)
    judges = {n: absolute(getattr(recipe.evaluate, n)) for n in ("style_judge", "language_judge")}
    parts["evaluate"] = recipe.evaluate.model_copy(update=judges)
    return recipe.model_copy(update=parts)


def _require_same_corpus(corpora: Corpora, facts: Mapping[str, object]) -> None:
    now = corpora.identity()
    changed = [name for name in now if facts.get(name) != now[name]]
    if changed:
        raise UserError(
            f"the corpus is not the one this run began with ({', '.join(changed)} changed); "
            "put the old files back, or start a new run"
        )
