"""Reading a sentence back into the one derivation it has, and the proof that it has only one.

What may still come is a stack of words and rules. All stacks that agree with the words read so
far form a set, and the sets with their steps are a deterministic automaton, built as far as the
sentences need it. In an unambiguous grammar a stack in a set is reached in one way only, so each
step remembers where each stack came from, and the derivation is read off backwards.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from seqgen.text.grammar_file import Rules

_END = ""  # stands behind the last word; no word is empty
_FINAL = 0  # the stack with nothing left, behind the end


class Reading(NamedTuple):
    """A sentence understood: its style and the productions used, leftmost first."""

    style: int
    productions: tuple[int, ...]
    log_probability: float  # nats, of the derivation within its style


class _Arc(NamedTuple):
    word: str
    stack: int
    productions: tuple[int, ...]
    log_probability: float


class _Step(NamedTuple):
    goal: int  # the set behind the word
    origins: list[int]  # for each stack of the goal: the place in the earlier set it comes from
    arcs: list[_Arc]  # for each stack of the goal: how it came about


class Reader:
    """Reads sentences of an unambiguous grammar."""

    def __init__(self, rules: Rules) -> None:
        """Prepare the rules; the automaton grows with the sentences read."""
        self._styles = len(rules.styles)
        self._numbers = {name: number for number, name in enumerate(rules.rules)}
        self._starts: list[int] = []
        self._alternatives: list[list[tuple[int, float, list[str | int]]]] = []
        self._stacks: list[tuple[str | int, int]] = [(_END, _FINAL)]
        self._stack_of: dict[tuple[str | int, int], int] = {}
        self._arcs_of: dict[int, list[_Arc]] = {}
        self._sets: list[tuple[int, ...]] = []
        self._set_of: dict[tuple[int, ...], int] = {}
        self._steps_of: dict[int, dict[str, _Step]] = {}
        for style in range(self._styles):
            self._add_style(rules, style)
        self._start = self._set(tuple(self._starts))

    def read(self, words: Sequence[str]) -> Reading | None:
        """Return the derivation of a sentence, None if it has none."""
        trail: list[_Step] = []
        here = self._start
        for word in (*words, _END):
            step = self._steps(here).get(word)
            if step is None:
                return None
            trail.append(step)
            here = step.goal
        place = 0
        log_probability = 0.0
        pieces: list[tuple[int, ...]] = []
        for step in reversed(trail):
            arc = step.arcs[place]
            pieces.append(arc.productions)
            log_probability += arc.log_probability
            place = step.origins[place]
        productions = tuple(number for piece in reversed(pieces) for number in piece)
        return Reading(place, productions, log_probability)

    def ambiguous_sentence(self) -> str | None:
        """Return a sentence with two derivations, None if there is none: an exact proof.

        Two derivations of a sentence are two ways through the automaton that both end in the
        empty stack, so somewhere they come together in one stack. All sets are walked through.
        """
        texts: dict[int, str] = {self._start: ""}
        waiting = [self._start]
        while waiting:
            here = waiting.pop()
            for word, step in self._steps(here).items():
                text = f"{texts[here]} {word}"
                stacks = [arc.stack for arc in step.arcs]
                if len(set(stacks)) < len(stacks):
                    double = next(stack for stack in stacks if stacks.count(stack) > 1)
                    return (text + self._ending(double)).strip()
                if step.goal not in texts:
                    texts[step.goal] = text
                    waiting.append(step.goal)
        return None

    def _add_style(self, rules: Rules, style: int) -> None:
        # Rules get numbers of their own in each style, so stacks of two styles never mix.
        offset = style * len(self._numbers)
        for alternatives in rules.rules.values():
            compiled = []
            for production in alternatives:
                symbols: list[str | int] = []
                for part in production.parts:
                    if isinstance(part, str):
                        symbols.append(offset + self._numbers[part])
                    else:
                        symbols.extend(part.sides[style])
                compiled.append((production.number, math.log(production.probability), symbols))
            self._alternatives.append(compiled)
        end = self._push([_END], _FINAL)
        self._starts.append(self._push([offset + self._numbers[rules.start]], end))

    def _push(self, symbols: list[str | int], stack: int) -> int:
        for symbol in reversed(symbols):
            key = (symbol, stack)
            if key not in self._stack_of:
                self._stack_of[key] = len(self._stacks)
                self._stacks.append(key)
            stack = self._stack_of[key]
        return stack

    def _arcs(self, stack: int) -> list[_Arc]:
        """Return every word that may come next, with the productions that lead to it."""
        if stack in self._arcs_of:
            return self._arcs_of[stack]
        arcs: list[_Arc] = []
        waiting: list[_Arc] = [_Arc(_END, stack, (), 0.0)] if stack != _FINAL else []
        while waiting:
            _, top, used, log_probability = waiting.pop()
            symbol, rest = self._stacks[top]
            if isinstance(symbol, str):
                arcs.append(_Arc(symbol, rest, used, log_probability))
                continue
            for number, more, symbols in self._alternatives[symbol]:
                onward = self._push(symbols, rest)
                waiting.append(_Arc(_END, onward, (*used, number), log_probability + more))
        self._arcs_of[stack] = arcs
        return arcs

    def _set(self, stacks: tuple[int, ...]) -> int:
        if stacks not in self._set_of:
            self._set_of[stacks] = len(self._sets)
            self._sets.append(stacks)
        return self._set_of[stacks]

    def _steps(self, here: int) -> dict[str, _Step]:
        steps = self._steps_of.get(here)
        if steps is not None:
            return steps
        found: dict[str, list[tuple[_Arc, int]]] = {}
        for place, stack in enumerate(self._sets[here]):
            for arc in self._arcs(stack):
                found.setdefault(arc.word, []).append((arc, place))
        steps = {}
        for word, ways in found.items():
            ways.sort(key=lambda way: way[0].stack)
            goal = self._set(tuple(arc.stack for arc, _ in ways))
            steps[word] = _Step(goal, [place for _, place in ways], [arc for arc, _ in ways])
        self._steps_of[here] = steps
        return steps

    def _ending(self, stack: int) -> str:
        text = ""
        while stack != _FINAL:
            arc = self._arcs(stack)[0]
            text, stack = f"{text} {arc.word}", arc.stack
        return text
