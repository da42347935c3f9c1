"""A recipe's phases and players -> what the Trainer walks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.experiment.build_methods import build_method
from seqgen.methods.protocol import Method
from seqgen.recipe.recipe import Group, Phase, Player, Recipe
from seqgen.text.sentences import Rows
from seqgen.training import phases as plan
from seqgen.training import player as training
from seqgen.training import schedules


def build_phases(
    recipe: Recipe, modules: Mapping[str, nn.Module], corpus: Rows
) -> list[plan.Phase | plan.Repeat]:
    """The plan of a recipe; groups in groups are written out."""
    builder = _Builder(recipe, modules, corpus)
    groups = 0
    entries: list[plan.Phase | plan.Repeat] = []
    for step in recipe.phases:
        if isinstance(step, Group):
            groups += 1
            entries.append(plan.Repeat(step.repeat, builder.phases(step, groups, step.repeat)))
        else:
            entries.append(builder.phase(step, 0, 1))
    return entries


@dataclass(frozen=True)
class _Builder:
    """Builds phases; `group` numbers the outermost group, `times` is how often a phase comes by."""

    recipe: Recipe
    modules: Mapping[str, nn.Module]
    corpus: Rows

    def phases(self, group: Group, number: int, times: int) -> list[plan.Phase]:
        """The phases of one round of a group, inner groups written out."""
        found: list[plan.Phase] = []
        for step in group.phases:
            if isinstance(step, Group):
                found += self.phases(step, number, times * step.repeat) * step.repeat
            else:
                found.append(self.phase(step, number, times))
        return found

    def phase(self, phase: Phase, group: int, times: int) -> plan.Phase:
        """One phase, with the players it changes: those carry on when a repeat comes back."""
        recipe = self.recipe
        method = build_method(
            phase.method, self.modules, self.corpus, recipe.corpus.limit, recipe.batch
        )
        changed = {
            name: build_player(
                recipe.player(name, phase),
                _parameters(method, name),
                times * updates(phase, name, recipe.batch),
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
        return 0 if player in step.players else updates(step, player, recipe.batch)

    return max(1, sum(map(count, recipe.phases)))


def updates(phase: Phase, player: str, batch: int) -> int:
    """How many updates a player makes in a phase: steps count those of the last one to play."""
    turns = [name for name in phase.method.turns(batch) if name in phase.turns]
    if player not in turns:
        return 0
    return math.ceil(phase.steps * turns.count(player) / turns.count(turns[-1]))


def _parameters(method: Method, player: str) -> list[Tensor]:
    names = method.players[player]
    return [p for name in names for p in method.modules[name].parameters()]


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
