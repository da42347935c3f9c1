"""The one training loop: phases, rounds, turns.

It knows nothing of text, pictures, recipes or metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from seqgen.errors import RunFailure
from seqgen.randomness import Stream
from seqgen.training import distributed, state
from seqgen.training.averaging import Average
from seqgen.training.batches import Batches
from seqgen.training.course import Course
from seqgen.training.errors import Interrupted
from seqgen.training.journal import Journal
from seqgen.training.means import Means, Parts
from seqgen.training.measuring import Evaluate, EvaluationMoment, measure
from seqgen.training.phases import Phase, Repeat, all_modules, check, visits
from seqgen.training.player import Player
from seqgen.training.position import Position
from seqgen.training.run import Run
from seqgen.training.selection import Selection, Selector
from seqgen.training.signals import Signals
from seqgen.training.turns import Precision, check_batches, collect, share_buffers

__all__ = ["EvaluationMoment", "Outcome", "Phase", "Player", "Repeat", "Selection", "Trainer"]

# So many rounds in a row without any update are a mistake in a method's turns or gates.
_MOST_IDLE_ROUNDS = 1000


@dataclass(frozen=True)
class Outcome:
    """How a training ended: counts, the last evaluation, the best figure and its step."""

    steps: int
    rounds: int
    metrics: Mapping[str, float]
    best: float | None = None
    best_step: int | None = None
    stopped_early: bool = False


class Trainer:
    """Walks phases -> rounds -> turns and updates one player at a time.

    `save_every` counts rounds (None saves with every evaluation), `log_every` updates of any
    player, `average` is the decay of the weights' moving average, `modules` are what is saved and
    averaged (by default all modules of all methods), `keep` is how many checkpoints remain besides
    the best. `evaluate_first` evaluates before the first round too, as step 0: for weights that
    have learned something already; the selection of the best does not count it.

    Raises:
        ValueError: unknown player names, parameters owned by two players, or batches meant for
            another number of processes.

    Examples:
        >>> player = Player(torch.optim.Adam(model.parameters(), 1e-3))  # doctest: +SKIP
        >>> Trainer([Phase(method, 200)], {"generator": player}, batches).train()  # doctest: +SKIP
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
        evaluate: Evaluate | None = None,
        select: Selection | None = None,
        save_every: int | None = None,
        log_every: int = 50,
        precision: Precision = "float32",
        average: float | None = None,
        modules: Mapping[str, nn.Module] | None = None,
        keep: int = 2,
        evaluate_first: bool = False,
    ) -> None:
        self.course = Course(visits(phases))
        check(self.course.plan, players)
        check_batches(batches, precision)
        if keep < 1 or (save_every is not None and save_every < 1):
            raise ValueError(f"keep {keep} and save_every {save_every} must be at least 1")
        self.players, self.batches, self.seed = players, batches, seed
        self.run, self.evaluate, self.keep = run, evaluate, keep
        self.evaluate_first = evaluate_first and evaluate is not None
        self.journal = journal if distributed.is_main() else None
        self.save_every, self.log_every, self.precision = save_every, log_every, precision
        self.modules = dict(all_modules(self.course.plan) if modules is None else modules)
        self.average = None if average is None else Average(self.modules, average)
        self.selector = None if select is None else Selector(select)
        self.means = Means()
        self.metrics: dict[str, float] = {}
        self.method_states: dict[str, dict[str, Any]] = {}
        self._signals = Signals()
        self._saved_round: int | None = None
        self._idle_rounds = 0

    @property
    def position(self) -> Position:
        """Where the training stands."""
        return self.course.position

    def train(self, resume: bool = False) -> Outcome:
        """Go through all phases; with `resume` from the newest sound checkpoint of the run on.

        Raises:
            NonFiniteError: a loss or gradient is not finite; the parameters are as before it.
            Interrupted: SIGINT or SIGTERM came; the round was finished and saved.
            CheckpointError: a checkpoint cannot be written, or none can be read.
        """
        try:
            with self._signals:
                self._start(resume)
                self._walk()
        finally:
            if self.journal is not None:
                self.journal.finish()
        return self._outcome()

    def resume(self) -> Outcome:
        """`train(resume=True)`."""
        return self.train(resume=True)

    def _walk(self) -> None:
        for number in range(self.position.visit, len(self.course.plan)):
            self._enter(number)
            while not self._finished():
                self._round()
            self._leave()
        self._save()

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
        if self.journal is not None:
            self.journal.start(self.course.plan, self.position)
        if not resume:
            if self.evaluate_first:
                self._evaluate(select=False)
            self._save()

    def _enter(self, number: int) -> None:
        course = self.course
        if course.enter(number) and self.selector is not None:
            self.selector.enter_phase()
        if course.state_key in self.method_states:
            kept = self.method_states[course.state_key]
            course.phase.method.load_state_dict(state.copied(kept))

    def _leave(self) -> None:
        key, method = self.course.state_key, self.course.phase.method
        self.method_states[key] = state.copied(method.state_dict())

    def _finished(self) -> bool:
        exhausted = self.selector is not None and self.selector.exhausted
        return exhausted or self.course.steps_done

    def _round(self) -> None:
        steps, updates = self.position.steps, self.position.total_updates
        for turn, name in enumerate(self.course.phase.turns(self.course.round)):
            self._turn(name, turn)
        self.course.close_round()
        self._watch_idleness(moved=self.position.total_updates > updates)
        self._close_round(steps)

    def _turn(self, name: str, turn: int) -> None:
        """One player's turn, which ends without an update where it skipped its batch."""
        phase, player = self.course.phase, self._player(name)
        moment = self.course.moment(self.seed, name, turn)
        collect(phase.method, name, player, self.batches, moment, self.precision)
        step = self.position.total_steps + 1
        parts = player.step(f"step {step}, phase {phase.name!r}, player {name!r}")
        if parts is None:
            return
        self.course.count_update(name, moment)
        phase.method.stepped(name, moment, Parts(parts))
        share_buffers(phase.method, name)
        if self.average is not None:
            self.average.update(name, player.parameters)
        if self.journal is not None:
            self.means.add(name, parts)

    def _players(self) -> dict[str, Player]:
        return {**self.players, **(self.course.phase.players or {})}

    def _player(self, name: str) -> Player:
        players = self._players()
        if name not in players:
            raise ValueError(
                f"phase {self.course.phase.name!r}: its method gives a turn to {name!r}, which "
                f"has no Player; given are {sorted(players)}"
            )
        return players[name]

    def _watch_idleness(self, moved: bool) -> None:
        self._idle_rounds = 0 if moved else self._idle_rounds + 1
        if self._idle_rounds >= _MOST_IDLE_ROUNDS:
            raise RunFailure(
                f"phase {self.course.phase.name!r}: nobody was updated in {self._idle_rounds} "
                "rounds in a row; its method's turns are empty or it skips every batch"
            )

    def _close_round(self, steps_before: int) -> None:
        """What follows a round: log, evaluate, save, stop."""
        due = self._evaluation_due(steps_before)
        if self.journal is not None:
            self.journal.advance(self.position)
            if self.means.updates >= self.log_every or due or self._finished():
                self._log(self.journal)
        best = due and self._evaluate()
        every = self.save_every
        saving = due if every is None else self.position.total_rounds % every == 0
        if best or saving:
            self._save(best)
        if distributed.any_process(self._signals.received is not None):
            self._stop()

    def _log(self, journal: Journal) -> None:
        names, players = self.course.phase.method.players, self._players()
        rates = {f"{name}/rate": players[name].rate for name in names if name in players}
        journal.write("training", self.position, {**self.means.take(), **rates})

    def _evaluation_due(self, steps_before: int) -> bool:
        every, steps = self.course.phase.evaluate_every, self.position.steps
        if self.evaluate is None or every is None or steps == steps_before:
            return False
        return steps // every > steps_before // every or steps >= self.course.phase.steps

    def _evaluate(self, select: bool = True) -> bool:
        """Evaluate in the main process; True where the result is the best so far."""
        found = self._measure() if distributed.is_main() else None
        self.metrics = distributed.from_main(found)
        if self.journal is not None:
            self.journal.write("evaluation", self.position, self.metrics)
        if self.selector is None or not select:
            return False
        return self.selector.judge(self.metrics, self.position.total_steps)

    def _measure(self) -> dict[str, float]:
        assert self.evaluate is not None
        position, phase = self.position, self.course.phase
        moment = EvaluationMoment(
            step=position.total_steps,
            round=position.round,
            phase=phase.name,
            kind=phase.kind,
            final=self.course.in_last_phase and self._finished(),
            stream=Stream.of(self.seed, "evaluation", position.total_rounds),
        )
        modules = [*self.modules.values(), *phase.method.modules.values()]
        return measure(self.evaluate, moment, modules, self.average)

    def _save(self, best: bool = False) -> None:
        if self.run is None:
            return
        if self._saved_round != self.position.total_rounds:
            state.save(self)
            self._saved_round = self.position.total_rounds
        if distributed.is_main():
            if best:
                self.run.mark("best", self.position.total_steps)
            self.run.remove_old(self.keep)

    def _stop(self) -> None:
        number = max(distributed.gather(self._signals.received or 0))
        self._save()
        saved = "" if self.run is None else f" and saved in {self.run.folder}; resume continues it"
        step = self.position.total_steps
        raise Interrupted(f"stopped by signal {number} after step {step}{saved}", 128 + number)

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
