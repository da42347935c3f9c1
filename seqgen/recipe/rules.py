"""The rules that tie parts of a recipe to each other; all breaches are found at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqgen.recipe import discriminator_rules
from seqgen.recipe.data import FilesCorpus, OpenVocabulary, OracleCorpus
from seqgen.recipe.discriminators import StyleDiscriminator, TransformerDiscriminator
from seqgen.recipe.networks import (
    PretrainedGenerator,
    StyleTransformerGenerator,
    TransformerGenerator,
)
from seqgen.recipe.outline import Place
from seqgen.recipe.style_transfer import StyleTransformer
from seqgen.recipe.syntax import Dotted, dotted

if TYPE_CHECKING:
    from seqgen.recipe.recipe import Evaluation, Recipe

Problem = tuple[Dotted, str]


class Contradictions(ValueError):
    """Parts of a recipe that do not go together: where, and what to do."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(text for _, text in problems))


def contradictions(recipe: Recipe) -> list[Problem]:
    """Every breach of the rules, in the order of the recipe."""
    rules = (
        _networks, discriminator_rules.fitting, _rewriting, _labels, _vocabulary, _lengths,
        _missing, _phases, discriminator_rules.one_contest, _players, _batch,
        discriminator_rules.buffers, _evaluation,
    )  # fmt: skip
    return [problem for rule in rules for problem in rule(recipe)]


def _networks(recipe: Recipe) -> Iterator[Problem]:
    needed = {name for _, phase in recipe.walk() for name in phase.method.needs}
    for network in ("generator", "discriminator", "classifier"):
        if getattr(recipe, network) is None or network in needed:
            continue
        if network == "discriminator" and recipe.generator is None:
            yield (network,), "tells a generator's sentences, and there is none; leave it out"
        else:
            yield (network,), "no phase trains or asks it; leave it out (none)"


def _rewriting(recipe: Recipe) -> Iterator[Problem]:
    """A generator that rewrites sentences and the methods of style transfer need each other."""
    generator = recipe.generator
    for path, phase in recipe.walk():
        rewrites = isinstance(generator, StyleTransformerGenerator)
        if generator is not None and rewrites != isinstance(phase.method, StyleTransformer):
            other = "it writes from nothing" if not rewrites else "it rewrites a source sentence"
            way = "style-transformer" if not rewrites else "another"
            yield (
                ("generator", "kind"),
                f"{generator.kind} does not suit {phase.method.kind} (at {dotted(path)}): {other}; "
                f"take {way} kind of generator, or another method",
            )
            return


def _labels(recipe: Recipe) -> Iterator[Problem]:
    corpus = recipe.corpus
    if isinstance(corpus, FilesCorpus):
        yield from _labelled_part(corpus, "valid", "hold out a part of the training sentences "
                                  "(0.05, 500 or last:500), or none")  # fmt: skip
        yield from _labelled_part(corpus, "test", "leave it out (none)")
    for path, phase in recipe.walk():
        wants = isinstance(phase.method, StyleTransformer) or "classifier" in phase.method.needs
        if wants and not corpus.labelled:
            way = {"files": "corpus.styles (a file a label) or corpus.label (a column)"}
            yield (
                ("corpus",),
                f"its sentences have no labels, and {phase.method.kind} (at {dotted(path)}) needs "
                f"them; give {way.get(corpus.kind, 'a corpus with labels')}",
            )
            return


def _labelled_part(corpus: FilesCorpus, name: str, other: str) -> Iterator[Problem]:
    given = getattr(corpus, name)
    if isinstance(given, dict):
        if not corpus.labelled:
            yield ("corpus", name), "has labels, but the training sentences have none; give a file"
        elif corpus.styles is not None and set(given) != set(corpus.styles):
            yield (
                ("corpus", name),
                f"has the labels {', '.join(given)}; give those of styles: "
                f"{', '.join(corpus.styles)}",
            )
    elif isinstance(given, str) and corpus.styles is not None and not given.startswith("last:"):
        files = " ".join(f"{label} FILE" for label in corpus.styles)
        yield (
            ("corpus", name),
            f"{given!r} has no labels, as styles has; give a file a label ({files}), or {other}",
        )


def _vocabulary(recipe: Recipe) -> Iterator[Problem]:
    generator, vocabulary = recipe.generator, recipe.vocabulary
    brings = isinstance(generator, PretrainedGenerator) and generator.source is not None
    if isinstance(recipe.corpus, OracleCorpus):
        if brings:
            yield (
                ("generator", "source"),
                "an oracle corpus has no words for pretrained weights; give a configuration",
            )
    elif brings:
        if vocabulary is not None and not isinstance(vocabulary, OpenVocabulary):
            yield (
                ("vocabulary",),
                "a pretrained source brings its own; leave it out (none), or take kind open",
            )
    elif vocabulary is None:
        yield ("vocabulary",), "missing; for instance {kind: word, size: 5000}"


def _lengths(recipe: Recipe) -> Iterator[Problem]:
    generator, longest = recipe.generator, recipe.corpus.limit
    limits = {}
    if isinstance(generator, TransformerGenerator | StyleTransformerGenerator):
        limits["generator"] = generator.limit
    if isinstance(recipe.discriminator, TransformerDiscriminator | StyleDiscriminator):
        limits["discriminator"] = recipe.discriminator.limit
    for name, limit in limits.items():
        if limit < longest:
            yield (
                (name, "limit"),
                f"{limit} is below the longest sentence of the corpus, {longest}; "
                "raise it, or lower corpus.limit",
            )


def _missing(recipe: Recipe) -> Iterator[Problem]:
    for network in ("generator", "discriminator", "classifier"):
        phases = [(path, phase) for path, phase in recipe.walk() if network in phase.method.needs]
        if getattr(recipe, network) is not None or not phases:
            continue
        path, first = phases[0]
        kinds = list(Place(type(recipe).model_fields[network].annotation, None).kinds)
        if network == "discriminator":
            kinds = discriminator_rules.taken([phase.method for _, phase in phases], kinds)
        yield (
            (network,),
            f"missing; {first.method.kind} (at {dotted(path)}) needs one; give it with a kind: "
            f"{', '.join(kinds)}",
        )


def _phases(recipe: Recipe) -> Iterator[Problem]:
    for path, phase in recipe.walk():
        kind, players = phase.method.kind, phase.method.players
        known = f"the players of {kind} are {', '.join(players)}"
        for name in phase.only or ():
            if name not in players:
                yield (*path, "only"), f"no player {name!r}; {known}"
        for name in phase.players:
            if name not in phase.turns:
                said = "does not play here" if name in players else f"is unknown; {known}"
                yield (*path, "players", name), f"player {name!r} {said}"


def _players(recipe: Recipe) -> Iterator[Problem]:
    wanted = {
        name: phase.method.kind for _, phase in recipe.walk() for name in phase.method.players
    }
    for name, kind in wanted.items():
        if name not in recipe.players:
            yield (
                ("players", name),
                f"missing; {kind} trains it: for instance {{optimizer: adam, rate: 1.0e-4}}",
            )
    for name in recipe.players:
        if name not in wanted:
            names = ", ".join(wanted)
            yield ("players", name), f"no phase has a player {name!r}; the players are {names}"


def _batch(recipe: Recipe) -> Iterator[Problem]:
    if recipe.batch % recipe.accumulation:
        yield (
            ("accumulation",),
            f"{recipe.accumulation} does not divide the batch of {recipe.batch}",
        )
    if recipe.batch_of == "label" and not recipe.by_label:
        yield ("batch_of",), "label: without by_label no update holds so many of each; set by_label"
    corpus = recipe.corpus
    if recipe.by_label and not corpus.labelled:
        way = "; name corpus.label or corpus.styles" if isinstance(corpus, FilesCorpus) else ""
        yield ("by_label",), f"the corpus has no labels{way}"
    elif recipe.batch_of == "label":
        return  # any number of labels goes
    elif recipe.by_label and isinstance(corpus, FilesCorpus) and corpus.styles:
        unit = len(corpus.styles) * recipe.accumulation
        if recipe.batch % unit:
            parts = f" x accumulation {recipe.accumulation}" if recipe.accumulation > 1 else ""
            yield (
                ("batch",),
                f"{recipe.batch} cannot hold equally many sentences of each label (by_label); "
                f"give a multiple of {unit} ({len(corpus.styles)} labels{parts})",
            )


def _judges(settings: Evaluation) -> Iterator[Problem]:
    """Judges have something to judge."""
    given = [n for n in ("style_judge", "language_judge") if getattr(settings, n) is not None]
    for name in given if "transfer" not in settings.metrics else ():
        yield ("evaluate", name), "it judges rewritten sentences; add transfer to evaluate.metrics"
    if given == ["language_judge"]:
        yield (
            ("evaluate", "language_judge"),
            "a language judge alone says nothing of styles; give evaluate.style_judge too",
        )


def _evaluation(recipe: Recipe) -> Iterator[Problem]:
    settings = recipe.evaluate
    if recipe.generator is None and recipe.classifier is not None:
        drawn = [name for name in settings.metrics if name != "accuracy"]
        if drawn:
            yield (
                ("evaluate", "metrics"),
                f"{', '.join(drawn)}: needs a generator, and there is a classifier alone; "
                "take [accuracy]",
            )
    elif isinstance(recipe.generator, StyleTransformerGenerator):
        fresh = [name for name in settings.metrics if name not in ("likelihood", "transfer")]
        if fresh:
            yield (
                ("evaluate", "metrics"),
                f"{', '.join(fresh)}: is of sentences written from nothing, and the generator "
                "rewrites; take likelihood, transfer",
            )
        judged = settings.style_judge is not None
        if settings.select == "transfer" and recipe.corpus.kind != "grammar" and not judged:
            yield (
                ("evaluate", "select"),
                "transfer: only a grammar or a judge knows how good a rewritten sentence is; give "
                "evaluate.style_judge the run folder of one, or take likelihood, or none",
            )
    elif "transfer" in settings.metrics:
        yield ("evaluate", "metrics"), "transfer: only a generator of kind style-transformer does"
    elif "accuracy" in settings.metrics:
        yield ("evaluate", "metrics"), "accuracy is that of a classifier; a generator has none"
    yield from _judges(settings)
    if settings.select is not None and settings.select not in settings.metrics:
        yield ("evaluate", "select"), f"{settings.select!r} is not among evaluate.metrics"
    if settings.samples < 2 and "self-bleu" in settings.metrics:
        yield (
            ("evaluate", "samples"),
            f"{settings.samples} given; self-bleu compares each sentence with the others and "
            "needs 2 or more",
        )
    if settings.patience is not None and settings.select is None:
        yield ("evaluate", "patience"), "says nothing without evaluate.select"
