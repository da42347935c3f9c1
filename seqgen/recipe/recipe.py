"""A whole recipe: phases, players, and what surrounds training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)
from pydantic import Discriminator as TellApart

from seqgen.recipe.data import Corpus, FilesCorpus, Vocabulary
from seqgen.recipe.discriminators import Discriminator
from seqgen.recipe.methods import Method
from seqgen.recipe.networks import Classifier, Generator
from seqgen.recipe.rules import Contradictions, contradictions
from seqgen.recipe.settings import (
    Decay,
    Factor,
    Names,
    Positive,
    PositiveNumber,
    Settings,
    Share,
    Text,
    Whole,
)

Momentum = Annotated[float, Field(ge=0, lt=1)]
Comparable = Literal[
    "likelihood", "bleu", "self-bleu", "distinct", "entropy", "novelty", "accuracy", "transfer"
]
Metric = Comparable | Literal["truth"]


class Schedule(Settings):
    """How the learning rate moves over the updates of a player in a phase."""

    kind: Literal["constant", "cosine", "linear", "inverse-root"] = "constant"
    """The shape after the warm-up."""
    warmup: Whole = 0
    """Updates over which the rate rises from 0 to its full value."""
    final: Share = 0.0
    """Where cosine and linear end, as a share of the full rate."""


class ScheduleChange(Schedule):
    """What a phase changes of a schedule: only what is given."""

    @model_serializer(mode="wrap")
    def _only_given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _given(self, write)

    def applied(self, schedule: Schedule) -> Schedule:
        """The schedule of a player after this change."""
        return schedule.model_copy(
            update={name: getattr(self, name) for name in self.model_fields_set}
        )


def _given(change: Settings, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
    # Writing the others down would turn "unchanged" into "set to the default" when read again.
    written: dict[str, Any] = write(change)
    return {name: value for name, value in written.items() if name in change.model_fields_set}


class Player(Settings):
    """How one player's parameters are updated."""

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    """The optimizer."""
    rate: PositiveNumber = 1.0e-3
    """Learning rate."""
    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    """Decays of Adam's running averages."""
    momentum: Momentum = 0.0
    """Momentum of sgd and rmsprop."""
    weight_decay: Factor = 0.0
    """Weight decay (decoupled in adamw)."""
    clip: PositiveNumber | None = None
    """Largest norm of the gradient; larger ones are scaled down to it. None: no clipping."""
    schedule: Schedule = Schedule()
    """How the learning rate moves."""


class PlayerChange(Player):
    """What a phase changes of a player: only what is given. Optimizer and schedule then start
    afresh."""

    schedule: ScheduleChange = ScheduleChange()
    """How the learning rate moves; what is not given of it stays as the player has it."""

    @model_serializer(mode="wrap")
    def _only_given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _given(self, write)

    def applied(self, player: Player) -> Player:
        """The settings of a player after this change."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        schedule = self.schedule.applied(player.schedule)
        return player.model_copy(update={**given, "schedule": schedule})


class PhaseEvaluation(Settings):
    """What a phase changes of the evaluation."""

    every: Positive
    """Steps between two evaluations in this phase."""


class Phase(Settings):
    """One method, trained for a number of updates."""

    method: Method
    """The training method."""
    steps: Positive
    """Updates of the method's last player (of the last in `only`); an epoch is sentences / batch
    steps."""
    only: Names | None = None
    """Players whose turn it is in this phase; the others stand still. None: all of the method."""
    players: dict[str, PlayerChange] = Field(default_factory=dict)
    """Changes to players in this phase."""
    evaluate: PhaseEvaluation | None = None
    """Changes to the evaluation in this phase."""
    name: str | None = None
    """A name for the log; none: the method's."""

    @classmethod
    def fits(cls, given: Mapping[str, Any]) -> bool:
        """Everything that is no group."""
        return not Group.fits(given)

    @property
    def turns(self) -> tuple[str, ...]:
        """The players that take part, in the order of the method's turns."""
        return tuple(name for name in self.method.players if self.only is None or name in self.only)


class Group(Settings):
    """Phases that are repeated in turn."""

    repeat: Positive
    """How many times."""
    phases: Annotated[tuple[Step, ...], Field(min_length=1)]
    """What is repeated; groups may stand in groups."""

    @classmethod
    def fits(cls, given: Mapping[str, Any]) -> bool:
        """What repeats, or holds phases, is a group."""
        return "repeat" in given or "phases" in given


def _phase_or_group(given: Any) -> str:
    if isinstance(given, Mapping):
        return "group" if Group.fits(given) else "phase"
    return "group" if isinstance(given, Group) else "phase"


Step = Annotated[
    Annotated[Phase, Tag("phase")] | Annotated[Group, Tag("group")], TellApart(_phase_or_group)
]


class Evaluation(Settings):
    """What is measured during training."""

    every: Positive | None = 1_000
    """Steps between two evaluations; none: only at the end of each phase."""
    samples: Positive = 1_000
    """Sentences drawn for the metrics."""
    metrics: tuple[Metric, ...] = ("likelihood", "bleu", "self-bleu", "distinct")
    """What is measured; `truth` is what a synthetic corpus knows of its own sentences, `accuracy`
    is that of a classifier, which has no other, `transfer` tells of rewritten validation sentences,
    for a generator that rewrites, which has `likelihood` besides."""
    temperature: PositiveNumber = 1.0
    """Temperature of the drawn sentences."""
    select: Comparable | None = None
    """The metric that decides which checkpoint is the best; none: the last is kept."""
    patience: Positive | None = None
    """Evaluations without a better figure of `select` before a phase ends; none: never."""
    style_judge: Text | None = None
    """Run folder of a classifier that judges rewritten validation sentences (metric `transfer`);
    none: only a grammar knows how good they are."""
    language_judge: Text | None = None
    """ARPA file, run folder or Hugging Face folder of a language model that judges them too."""


class Saving(Settings):
    """When checkpoints are written."""

    every: Positive | None = None
    """Rounds between two checkpoints; none: whenever an evaluation is due."""
    keep: Positive = 2
    """How many of the latest checkpoints are kept; the best is kept besides."""


def _folder_name(name: str) -> str:
    if not name or name.startswith(".") or set(name) & set("/\\\0"):
        raise ValueError(f"{name!r} given; it names a folder: no / or \\, no dot in front")
    return name


class Recipe(Settings):
    """Everything that decides a training run."""

    about: Annotated[str, Field(min_length=1)]
    """One line that says what this is; `seqgen recipes list` shows it."""
    needs: str | None = None
    """What must be at hand: a corpus, a package, a device."""
    expect: str | None = None
    """The figures to expect, and the time."""
    name: Annotated[str, AfterValidator(_folder_name)] | None = None
    """Name of the run and of its folder under runs/; none: the recipe's own, the part behind the
    last slash. With --seeds, the seed is added."""
    corpus: Corpus = FilesCorpus()
    """The sentences."""
    vocabulary: Vocabulary | None = None
    """The vocabulary; an oracle corpus and a pretrained source bring their own."""
    generator: Generator | None = None
    """The generator; none: a classifier alone is trained."""
    discriminator: Discriminator | None = None
    """The discriminator, for methods that have one."""
    classifier: Classifier | None = None
    """The classifier of sentences, for methods that have one."""
    phases: Annotated[tuple[Step, ...], Field(min_length=1)]
    """What is done, in order."""
    players: dict[str, Player] = Field(default_factory=lambda: {"generator": Player()})
    """How each player's parameters are updated."""
    batch: Positive = 64
    """Sentences an update, over all devices; see `batch_of`."""
    batch_of: Literal["all", "label"] = "all"
    """What `batch` counts: all sentences of an update, or with by_label those of each label."""
    accumulation: Positive = 1
    """Parts a batch is split into, one after the other, to save memory."""
    by_label: bool = False
    """Whether each batch holds equally many sentences of every label."""
    evaluate: Evaluation = Evaluation()
    """What is measured during training."""
    save: Saving = Saving()
    """When checkpoints are written."""
    average: Decay | None = None
    """Decay of a running average of the weights of all networks, which is then evaluated and kept
    besides; none: no average."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Number format of the computation; weights stay float32."""
    seed: Whole = 0
    """The seed of everything random."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = contradictions(self)
        if problems:
            raise Contradictions(problems)
        return self

    def walk(self) -> Iterator[tuple[tuple[str | int, ...], Phase]]:
        """Every phase once (groups are not repeated), with its path ("phases", 1, "phases", 0)."""
        yield from _walk(self.phases, ("phases",))

    def player(self, name: str, phase: Phase) -> Player:
        """The settings of a player in a phase."""
        change = phase.players.get(name)
        return self.players[name] if change is None else change.applied(self.players[name])


def _walk(
    steps: tuple[Phase | Group, ...], path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Phase]]:
    for number, step in enumerate(steps):
        if isinstance(step, Group):
            yield from _walk(step.phases, (*path, number, "phases"))
        else:
            yield (*path, number), step


Group.model_rebuild()
Recipe.model_rebuild()
