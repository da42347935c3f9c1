"""The one training loop: phases, rounds, turns. It knows nothing of text, pictures, recipes or metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from seqgen.errors import RunFailure
from seqgen.methods.protocol import Moment
from seqgen.randomness import Stream
from seqgen.training import distributed, randomness, state
from seqgen.training.averaging import Average
from seqgen.training.batches import Batches
from seqgen.training.errors import Interrupted
from seqgen.training.journal import Journal
from seqgen.training.means import Means, Parts
from seqgen.training.phases import Phase, Repeat, Visit, all_modules, check, visits
from seqgen.training.player import Player
from seqgen.training.position import Position, updates_key
from seqgen.training.run import Run
from seqgen.training.selection import Selection, Selector
from seqgen.training.signals import Signals

# So many rounds in a row without any update are a mistake in a method's turns or gates, not training.
_MOST_IDLE_ROUNDS = 1000


@dataclass(frozen=True)
class EvaluationMoment:
    """When an evaluation happens: `step` counts the whole training, `round` the present visit of the phase.

    `stream` gives the evaluation's own random numbers; `final` says that the last phase has ended.
    """

    step: int
    round: int
    phase: str
    kind: str
    final: bool
    stream: Stream


@dataclass(frozen=True)
class Outcome:
    """How a training ended: counts, the last evaluation, the best figure and its step where one was selected."""

    steps: int
    rounds: int
    metrics: Mapping[str, float]
    best: float | None = None
    best_step: int | None = None
    stopped_early: bool = False


class Trainer:
    """Walks phases -> rounds -> turns and updates one player at a time.

    `save_every` counts rounds, `log_every` updates of any player, `average` is the decay of the weights' moving
    average, `modules` are what is saved (by default all modules of all methods), `keep` how many checkpoints remain
    besides the best.

    Raises:
        ValueError: unknown player names, parameters owned by two players, or processes that do not fit the batches.

    Examples:
        >>> player = Player(torch.optim.Adam(model.parameters(), 1e-3))         # doctest: +SKIP
        >>> Trainer([Phase(method, 200)], {"generator": player}, batches).train()     # doctest: +SKIP
    """

    def __init__(
        self,
        phases: Sequence[Phase | Repeat],
        players: Mapping[str, Player],
        batches: Batches,
        *,
        seed: int = 0,
        run: Run | None = None,
        journal: Journal | None = None,
        evaluate: Callable[[EvaluationMoment], Mapping[str, float]] | None = None,
        select: Selection | None = None,
        save_every: int | None = None,
        log_every: int = 50,
        precision: Literal["float32", "bfloat16"] = "float32",
        average: float | None = None,
        modules: Mapping[str, nn.Module] | None = None,
        keep: int = 2,
    ) -> None:
        self.plan = visits(phases)
        check(self.plan, players)
        if batches.world != distributed.world() or batches.rank != distributed.rank():
            raise ValueError(
                f"the batches are for process {batches.rank} of {batches.world}, but this is process "
                f"{distributed.rank()} of {distributed.world()}; give Batches the same rank and world"
            )
        if precision not in ("float32", "bfloat16"):
            raise ValueError(
                f"precision {precision!r} is unknown; allowed are 'float32', 'bfloat16'"
            )
        self.players, self.batches, self.seed = players, batches, seed
        self.run, self.evaluate = run, evaluate
        self.journal = journal if distributed.is_main() else None
        self.save_every, self.log_every, self.precision, self.keep = (
            save_every, log_every, precision, keep,
        )  # fmt: skip
        self.modules = dict(all_modules(self.plan) if modules is None else modules)
        self.average = None if average is None else Average(self.modules, average)
        self.selector = None if select is None else Selector(select)
        self.position = Position()
        self.means = Means()
        self.metrics: dict[str, float] = {}
        self.method_states: dict[str, dict[str, Any]] = {}
        self._signals = Signals()
        self._saved_round: int | None = None
        self._idle_rounds = 0

    @property
    def visit(self) -> Visit:
        """The phase being gone through."""
        return self.plan[self.position.visit]

    @property
    def state_key(self) -> str:
        """Whose state the present method holds: its kind and group."""
        return f"{self.visit.phase.kind}/{self.visit.phase.group}"

    def train(self, resume: bool = False) -> Outcome:
        """Go through all phases, from the latest sound checkpoint of the run on where `resume` is given.

        Raises:
            NonFiniteError: a loss or gradient is not finite; the parameters are those before that update.
            Interrupted: SIGINT or SIGTERM came; the round was finished and saved.
            CheckpointError: a checkpoint cannot be written, or none can be read.
        """
        with self._signals:
            self._start(resume)
            for number in range(self.position.visit, len(self.plan)):
                self._enter(number)
                while not self._finished():
                    self._round()
                self._leave()
            self._save()
        return self._outcome()

    def resume(self) -> Outcome:
        """`train(resume=True)`."""
        return self.train(resume=True)

    def _start(self, resume: bool) -> None:
        if resume:
            state.restore(self)
            self._saved_round = self.position.total_rounds
        else:
            if self.run is not None:
                self.run.require_unused()
            distributed.share_modules(self.modules.values())
            if self.average is not None and self.position.total_updates == 0:
                self.average.reset()
            self._save()
        if self.journal is not None:
            self.journal.start(self.plan, self.position)

    def _enter(self, number: int) -> None:
        position = self.position
        if number != position.visit:
            position.visit, position.round, position.steps = number, 0, 0
            if self.selector is not None:
                self.selector.enter_phase()
        if self.state_key in self.method_states:
            self.visit.phase.method.load_state_dict(
                state.copied(self.method_states[self.state_key])
            )

    def _leave(self) -> None:
        self.method_states[self.state_key] = state.copied(self.visit.phase.method.state_dict())

    def _finished(self) -> bool:
        exhausted = self.selector is not None and self.selector.exhausted
        return exhausted or self.position.steps >= self.visit.phase.steps

    def _round(self) -> None:
        position, phase = self.position, self.visit.phase
        number = position.phase_rounds.get(self.visit.number, 0)
        steps, updates = position.steps, position.total_updates
        counted = phase.counted
        for turn, name in enumerate(phase.turns(number)):
            if self._turn(name, turn, number) and name == counted:
                position.steps += 1
                position.total_steps += 1
        position.round += 1
        position.total_rounds += 1
        position.phase_rounds[self.visit.number] = number + 1
        self._watch_idleness(position.total_updates > updates)
        self._close_round(steps)

    def _turn(self, name: str, turn: int, round: int) -> bool:
        position, phase = self.position, self.visit.phase
        player = self._player(name)
        key = updates_key(phase.kind, phase.group, name)
        stream = Stream.of(
            self.seed, "update", self.visit.number, self.visit.iteration, position.round, turn
        )
        moment = Moment(round, position.updates.get(key, 0), stream)
        self._collect(name, player, moment)
        step = position.total_steps + 1
        parts = player.step(f"step {step}, phase {phase.name!r}, player {name!r}")
        if parts is None:
            return False
        position.updates[key] = moment.updates + 1
        position.total_updates += 1
        phase.method.stepped(name, moment, Parts(parts))
        self._share_buffers(name)
        if self.average is not None:
            self.average.update(name, player.parameters)
        if self.journal is not None:
            self.means.add(name, parts)
        return True

    def _collect(self, name: str, player: Player, moment: Moment) -> None:
        """Have the player's gradients gathered from all micro-batches of a turn."""
        method, rank = self.visit.phase.method, self.batches.rank
        self._set_modes(name)
        # Dropout and the networks' own draws come from torch's global generators: they are seeded from the position
        # too, so nothing that was drawn before, an evaluation say, can change them.
        randomness.seed_torch(moment.stream.child("begin", rank))
        with self._autocast(player):
            method.begin(name, moment)
        whole = self.batches.accumulation == 1 and self.batches.world == 1
        for number, batch in enumerate(self.batches.take()):
            randomness.seed_torch(moment.stream.child("batch", rank, number))
            with self._autocast(player):
                loss = method.loss(name, batch, moment)
            if loss is not None:
                player.add(loss, whole)

    def _player(self, name: str) -> Player:
        players = {**self.players, **(self.visit.phase.players or {})}
        if name not in players:
            raise ValueError(
                f"phase {self.visit.phase.name!r}: its method gives a turn to {name!r}, which has no "
                f"Player; given are {sorted(players)}"
            )
        return players[name]

    def _set_modes(self, name: str) -> None:
        method = self.visit.phase.method
        own = method.players[name]
        for module_name, module in method.modules.items():
            if module_name not in own:
                module.eval()
        for module_name in own:
            method.modules[module_name].train()

    def _share_buffers(self, name: str) -> None:
        """Running statistics follow each process's own rows; all go on with those of the main process."""
        if self.batches.world > 1:
            method = self.visit.phase.method
            for module_name in method.players[name]:
                distributed.share_tensors(method.modules[module_name].buffers())

    def _autocast(self, player: Player) -> Any:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(player.parameters[0].device.type, dtype=torch.bfloat16)

    def _watch_idleness(self, moved: bool) -> None:
        self._idle_rounds = 0 if moved else self._idle_rounds + 1
        if self._idle_rounds >= _MOST_IDLE_ROUNDS:
            raise RunFailure(
                f"phase {self.visit.phase.name!r}: nobody was updated in {self._idle_rounds} rounds in a row; "
                "its method's turns are empty or it skips every batch"
            )

    def _close_round(self, steps_before: int) -> None:
        """What follows a round: log, evaluate, save, stop."""
        due = self._evaluation_due(steps_before)
        if self.journal is not None:
            self.journal.advance(self.position)
            if self.means.updates >= self.log_every or due or self._finished():
                self._log()
        if due and self._evaluate():
            self._save(best=True)
        if self.save_every is not None and self.position.total_rounds % self.save_every == 0:
            self._save()
        if distributed.any_process(self._signals.received is not None):
            self._stop()

    def _log(self) -> None:
        assert self.journal is not None
        rates = {
            f"{name}/rate": self._player(name).rate for name in self.visit.phase.method.players
        }
        self.journal.write("training", self.position, {**self.means.take(), **rates})

    def _evaluation_due(self, steps_before: int) -> bool:
        every, steps = self.visit.phase.evaluate_every, self.position.steps
        if self.evaluate is None or every is None or steps == steps_before:
            return False
        return steps // every > steps_before // every or steps >= self.visit.phase.steps

    def _evaluate(self) -> bool:
        """Evaluate in the main process; True where the result is the best so far."""
        found = self._measure() if distributed.is_main() else None
        self.metrics = distributed.from_main(found)
        if self.journal is not None:
            self.journal.write("evaluation", self.position, self.metrics)
        if self.selector is None:
            return False
        return self.selector.judge(self.metrics, self.position.total_steps)

    def _measure(self) -> dict[str, float]:
        assert self.evaluate is not None
        position, phase = self.position, self.visit.phase
        last = position.visit == len(self.plan) - 1
        moment = EvaluationMoment(
            step=position.total_steps,
            round=position.round,
            phase=phase.name,
            kind=phase.kind,
            final=last and self._finished(),
            stream=Stream.of(self.seed, "evaluation", position.total_rounds),
        )
        for module in [*self.modules.values(), *phase.method.modules.values()]:
            module.eval()
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(randomness.preserved())
            if self.average is not None:
                stack.enter_context(self.average.applied())
            randomness.seed_torch(moment.stream)
            return dict(self.evaluate(moment))

    def _save(self, best: bool = False) -> None:
        if self.run is None:
            return
        if self._saved_round != self.position.total_rounds:
            state.save(self)
            self._saved_round = self.position.total_rounds
        if best and distributed.is_main():
            self.run.mark("best", self.position.total_steps)
        if distributed.is_main():
            self.run.remove_old(self.keep)

    def _stop(self) -> None:
        number = max(distributed.gather(self._signals.received or 0))
        self._save()
        where = "" if self.run is None else f" and saved in {self.run.folder}; resume continues it"
        raise Interrupted(
            f"stopped by signal {number} after step {self.position.total_steps}{where}",
            128 + number,
        )

    def _outcome(self) -> Outcome:
        selector = self.selector
        return Outcome(
            steps=self.position.total_steps,
            rounds=self.position.total_rounds,
            metrics=self.metrics,
            best=None if selector is None else selector.best,
            best_step=None if selector is None else selector.best_step,
            stopped_early=selector is not None and selector.exhausted,
        )
