"""Recipe -> objects: the only place that matches on `kind`. Networks and methods never see
settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.discriminators.recurrent import BehaviorDiscriminator
from seqgen.errors import UserError
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import add_lora, new_model, open_model
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relational import Relational
from seqgen.generators.transformer import Transformer
from seqgen.methods.autoregressive.data_as_demonstrator import DataAsDemonstrator, Rows
from seqgen.methods.autoregressive.professor_forcing import ProfessorForcing
from seqgen.methods.autoregressive.scheduled_sampling import ScheduledSampling
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.protocol import Method
from seqgen.randomness import Stream
from seqgen.recipe import methods, networks
from seqgen.recipe.recipe import Group, Phase, Player, Recipe
from seqgen.text.vocabulary import Vocabulary
from seqgen.training import phases as plan
from seqgen.training import player as training
from seqgen.training import schedules


def build_generator(
    settings: Any, vocabulary: Vocabulary, styles: int, seed: int, weights: bool = True
) -> Generator:
    """The generator of a recipe, initialised from the seed alone; `weights` False leaves out those
    of a pretrained source, for a run that has its own."""
    with torch.random.fork_rng():
        torch.manual_seed(Stream.of(seed, "generator").key)
        return _generator(settings, vocabulary, styles, weights)


def _generator(settings: Any, vocabulary: Vocabulary, styles: int, weights: bool) -> Generator:
    size, specials = len(vocabulary), Specials(vocabulary.begin, vocabulary.end, vocabulary.pad)
    match settings:
        case networks.RecurrentGenerator():
            return Recurrent(size, specials, cell=settings.kind, styles=styles, **_fields(settings))
        case networks.TransformerGenerator():
            return Transformer(size, specials, styles=styles, **_fields(settings))
        case networks.RelationalGenerator():
            return Relational(size, specials, styles=styles, **_fields(settings))
        case networks.PretrainedGenerator():
            model = _pretrained(settings, size, specials, weights)
            return Pretrained(model, specials, styles=styles)
    raise UserError(f"generator kind {settings.kind!r} is not built yet")


def _pretrained(
    settings: networks.PretrainedGenerator, size: int, specials: Specials, weights: bool
) -> Any:
    if settings.source is None:
        model = new_model(settings.configuration or {}, size, specials)
    else:
        model = open_model(settings.source, weights=weights, dtype=getattr(torch, settings.dtype))
        known = model.get_input_embeddings().weight.shape[0]
        if known < size:
            raise UserError(
                f"the vocabulary has {size} ids, {settings.source} knows {known}: "
                "take the vocabulary that belongs to it"
            )
    return model if settings.lora is None else add_lora(model, **_fields(settings.lora))


def _fields(settings: Any) -> dict[str, Any]:
    """A network's settings bear the names of its arguments."""
    return {name: getattr(settings, name) for name in type(settings).model_fields if name != "kind"}


def build_discriminator(settings: Any, generator: Generator, seed: int) -> nn.Module:
    """The discriminator of a recipe, initialised from the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(Stream.of(seed, "discriminator").key)
        match settings:
            case networks.RecurrentDiscriminator():
                # The head's size, not the vocabulary's: a pretrained model may have spare ids.
                vocabulary, width = generator.head.weight.shape
                return BehaviorDiscriminator(width, vocabulary, **_fields(settings))
    raise UserError(f"discriminator kind {settings.kind!r} is not built yet")


def build_method(
    settings: Any, modules: Mapping[str, nn.Module], corpus: Rows, limit: int
) -> Method:
    """The method of a phase; `limit` is the most tokens of a sentence it draws."""
    generator: Any = modules["generator"]
    discriminator: Any = modules.get("discriminator")
    match settings:
        case methods.TeacherForcing():
            return TeacherForcing(generator, settings.smoothing)
        case methods.ScheduledSampling():
            share = gold_share(settings.decay)
            return ScheduledSampling(
                generator, share, settings.per, settings.temperature, settings.smoothing
            )
        case methods.DataAsDemonstrator():
            return DataAsDemonstrator(
                generator,
                corpus,
                every=settings.every,
                rounds=settings.rounds,
                size=settings.size,
                gold_share=settings.gold_share,
                temperature=settings.temperature,
                smoothing=settings.smoothing,
            )
        case methods.ProfessorForcing():
            return ProfessorForcing(
                generator,
                discriminator,
                limit=limit,
                factor=settings.factor,
                teacher_factor=settings.teacher_factor,
                gate_low=settings.gate_low,
                gate_high=settings.gate_high,
                decay=settings.average,
                temperature=settings.temperature,
            )
    raise UserError(f"method kind {settings.kind!r} is not built yet")


def gold_share(decay: Any) -> Callable[[int], float]:
    """Update number -> probability of the gold token."""
    match decay:
        case methods.LinearDecay():
            return schedules.linear_decay(decay.start, decay.slope, decay.minimum)
        case methods.ExponentialDecay():
            return schedules.exponential_decay(decay.k)
        case methods.InverseSigmoidDecay():
            return schedules.inverse_sigmoid_decay(decay.k)
    raise UserError(f"decay kind {decay.kind!r} is not built yet")


def build_player(settings: Player, parameters: Sequence[Tensor], steps: int) -> training.Player:
    """An optimizer with its schedule over `steps` updates."""
    parameters = [p for p in parameters if p.requires_grad]
    return training.Player(
        _optimizer(settings, parameters), _schedule(settings, steps), settings.clip
    )


def _optimizer(settings: Player, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    common: dict[str, Any] = {"lr": settings.rate, "weight_decay": settings.weight_decay}
    match settings.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, betas=settings.betas, fused=True, **common)
        case "adamw":
            return torch.optim.AdamW(parameters, betas=settings.betas, fused=True, **common)
        case "sgd":
            return torch.optim.SGD(parameters, momentum=settings.momentum, **common)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, momentum=settings.momentum, **common)


def _schedule(settings: Player, steps: int) -> Callable[[int], float] | None:
    schedule = settings.schedule
    warmup = min(schedule.warmup, steps - 1)  # a run cut short for a try warms up to its end
    match schedule.kind:
        case "constant":
            return schedules.constant(schedule.warmup) if schedule.warmup else None
        case "cosine":
            return schedules.cosine(steps, warmup, schedule.final)
        case "linear":
            return schedules.linear(steps, warmup, schedule.final)
        case "inverse-root":
            return schedules.inverse_square_root(max(schedule.warmup, 1))


def build_modules(
    recipe: Recipe, vocabulary: Vocabulary, styles: int, weights: bool = True
) -> dict[str, nn.Module]:
    """The networks of a recipe by the names of their weight files; `weights` as in build_generator.

    Raises:
        UserError: the generator cannot read sentences as long as the corpus has.
    """
    generator = build_generator(recipe.generator, vocabulary, styles, recipe.seed, weights)
    longest = recipe.corpus.limit
    if generator.limit is not None and generator.limit < longest:
        raise UserError(
            f"the generator reads at most {generator.limit} tokens, "
            f"sentences of the corpus may have {longest}: "
            f"lower corpus.limit to {generator.limit}"
        )
    modules: dict[str, nn.Module] = {"generator": generator}
    if recipe.discriminator is not None:
        modules["discriminator"] = build_discriminator(recipe.discriminator, generator, recipe.seed)
    return modules


def build_phases(
    recipe: Recipe, modules: Mapping[str, nn.Module], corpus: Rows
) -> list[plan.Phase | plan.Repeat]:
    """The plan of a recipe; groups in groups are written out."""
    numbers = iter(range(10_000))
    return [_step(step, recipe, modules, corpus, numbers) for step in recipe.phases]


def _step(
    step: Phase | Group,
    recipe: Recipe,
    modules: Mapping[str, nn.Module],
    corpus: Rows,
    numbers: Any,
) -> plan.Phase | plan.Repeat:
    number = next(numbers) if isinstance(step, Group) else 0
    if isinstance(step, Phase):
        return _phase(step, recipe, modules, corpus, 0)
    inner = [_inner(s, recipe, modules, corpus, number + 1) for s in step.phases]
    return plan.Repeat(step.repeat, [phase for part in inner for phase in part])


def _inner(
    step: Phase | Group, recipe: Recipe, modules: Mapping[str, nn.Module], corpus: Rows, group: int
) -> list[plan.Phase]:
    if isinstance(step, Phase):
        return [_phase(step, recipe, modules, corpus, group)]
    once = [phase for s in step.phases for phase in _inner(s, recipe, modules, corpus, group)]
    return once * step.repeat


def _phase(
    phase: Phase, recipe: Recipe, modules: Mapping[str, nn.Module], corpus: Rows, group: int
) -> plan.Phase:
    method = build_method(phase.method, modules, corpus, recipe.corpus.limit)
    changed = {
        name: build_player(
            recipe.player(name, phase), _parameters(method, name), updates(phase, name)
        )
        for name in phase.players
    }
    every = recipe.evaluate.every if phase.evaluate is None else phase.evaluate.every
    return plan.Phase(
        method,
        phase.steps,
        kind=phase.method.kind,
        group=group,
        only=phase.only,
        players=changed or None,
        evaluate_every=min(every or phase.steps, phase.steps),
        name=phase.name or phase.method.kind,
    )


def build_players(
    recipe: Recipe, phases: Sequence[plan.Phase | plan.Repeat]
) -> dict[str, training.Player]:
    """The players of a recipe; schedules run over all their updates outside of phases that change
    them."""
    found: dict[str, training.Player] = {}
    for visit in plan.visits(phases):
        for name in visit.phase.method.players:
            if name in recipe.players and name not in found:
                parameters = _parameters(visit.phase.method, name)
                found[name] = build_player(
                    recipe.players[name], parameters, total_updates(recipe, name)
                )
    return found


def total_updates(recipe: Recipe, player: str) -> int:
    """How many updates a player makes with its own settings, repeats included."""

    def count(step: Phase | Group) -> int:
        if isinstance(step, Group):
            return step.repeat * sum(map(count, step.phases))
        return 0 if player in step.players else updates(step, player)

    return max(1, sum(map(count, recipe.phases)))


def updates(phase: Phase, player: str) -> int:
    """How many updates a player makes in a phase: steps count those of the last one to play."""
    turns = phase.turns
    if player not in turns:
        return 0
    return math.ceil(phase.steps * turns.count(player) / turns.count(turns[-1]))


def _parameters(method: Method, player: str) -> list[Tensor]:
    names = method.players[player]
    return [p for name in names for p in method.modules[name].parameters()]
