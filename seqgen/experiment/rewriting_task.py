"""What a run that rewrites is measured on: sentences of a user, or those its corpus holds out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.errors import UserError
from seqgen.evaluation.rewriting import Rewritten, grammar_figures
from seqgen.evaluation.transfer_notes import HUMAN
from seqgen.experiment.real_sentences import examples, held_out
from seqgen.experiment.reopen import open_vocabulary, read_run
from seqgen.experiment.synthetic import grammar_of
from seqgen.metrics.score import Score, sign
from seqgen.metrics.style_transfer.factors import Task
from seqgen.recipe.data import GrammarCorpus
from seqgen.text.errors import CorpusError
from seqgen.text.grammar import Grammar
from seqgen.text.normalised import normalised
from seqgen.text.reading import Example
from seqgen.training.run import Run

COUNT = 1000  # held-out sentences that are rewritten where nothing is said, at most
RIGHT = "the grammar's answer"


@dataclass(frozen=True)
class Posed:
    """A task and what is known of it.

    Attributes:
        task: sources, target styles and references.
        origin: in words, where the sources are from.
        human: who wrote reference 0, as the name of its row.
        grammar: the truth, where the sentences are of one.
    """

    task: Task
    origin: str
    human: str = HUMAN
    grammar: Grammar | None = None

    @property
    def exact(self) -> Callable[[Sequence[str]], list[Score]] | None:
        """What the grammar says of predictions, one for each source; None without one."""
        return None if self.grammar is None else self._of_grammar

    def _of_grammar(self, predictions: Sequence[str]) -> list[Score]:
        assert self.grammar is not None
        wanted = [self.grammar.styles.index(target) for target in self.task.targets]
        found = grammar_figures(self.grammar, Rewritten(self.task.sources, predictions, wanted))
        signature = sign({"hypotheses": len(predictions), "truth": "grammar"})
        return [Score(name, value, signature) for name, value in found.items()]


def held_out_task(run: Run, count: int | None = None, seed: int = 0) -> Posed:
    """Sentences that a run's corpus holds out, those of each style to be had in all other styles
    in turn, in the form that its model writes. Where they are of a grammar, it gives the one right
    answer, as reference 0.

    Args:
        run: the run of a model that rewrites.
        count: at most so many, drawn without replacement and in the order of the corpus; None:
            1000.
        seed: of that draw.

    Raises:
        UserError: the corpus holds no sentences out, or its files are gone.
    """
    recipe, facts = read_run(run)
    split = held_out(run)
    if split is None:
        raise UserError(
            f"{run.folder}: its corpus holds no sentences out that could be rewritten; give some: "
            "--sources FILE --to STYLE"
        )
    try:
        found = list(examples(recipe, run.folder, split))
    except CorpusError as problem:
        raise UserError(
            f"the {split} sentences of {run.folder} cannot be read again: {problem}. Put them "
            "back, or give others: --sources FILE --to STYLE"
        ) from problem
    chosen = _some(found, COUNT if count is None else count, seed)
    sources = normalised(open_vocabulary(run), [example.text for example in chosen])
    styles = sorted(facts["labels"], key=facts["labels"].__getitem__)
    own = [str(example.label) for example in chosen]
    targets = _in_turn(own, styles)
    origin = f"{len(sources)} of {len(found)} {split} sentences"
    if not isinstance(recipe.corpus, GrammarCorpus):
        return Posed(Task(sources, targets, styles=own), origin)
    grammar = grammar_of(recipe.corpus)
    rows = zip(sources, targets, strict=True)
    answers = [grammar.restyle(source, target) or source for source, target in rows]
    return Posed(Task(sources, targets, [answers], own), origin, RIGHT, grammar)


def _in_turn(own: Sequence[str], styles: Sequence[str]) -> list[str]:
    """Another style for each sentence: of the sentences of one style the first gets the style
    behind it, the second the one behind that, and so on, round and round."""
    seen: Counter[str] = Counter()
    found = []
    for style in own:
        step = 1 + seen[style] % (len(styles) - 1)
        found.append(styles[(styles.index(style) + step) % len(styles)])
        seen[style] += 1
    return found


def _some(given: Sequence[Example], count: int, seed: int) -> list[Example]:
    """`count` of the sentences, each as likely as any, in their order."""
    rows = np.random.default_rng(seed).choice(len(given), min(count, len(given)), replace=False)
    return [given[row] for row in sorted(rows.tolist())]
