"""The file format of a grammar: rules with weighted alternatives, styles as paired fragments.

    styles: admiring complaining      # a number after a name is its weight: admiring 3
    scenes: kitchen street            # each stands in turn for the * of names and references
    caption                           # the first rule is where a sentence starts
      3: <caption kitchen>; 2: <caption street>      # weight: alternative; weight: alternative
    caption *
      1: a {lovely | rather dull} <thing *>          # a pair has one side per style
    thing kitchen
      2: pot / pan; 1: spoon          # pot and pan weigh 2 each, so their probability is 2/5
    thing street
      1: bus {at last | } / -          # a side may be empty; - is the empty alternative

A rule must not lead back to itself, so every sentence is finite and every number exact.
"""

import difflib
import re
from dataclasses import dataclass

_PART = re.compile(r"<([^<>{}]*)>|\{([^{}]*)\}|([^<>{}]+)|(.)")
_WORD = re.compile(r"[^\s<>{}|/*:;#]+")
_NAME = re.compile(r"[a-z][a-z0-9-]*( ([a-z0-9-]+|\*))*")


@dataclass(frozen=True)
class Fragment:
    """Words standing next to each other, one version (side) per style, all equal if neutral."""

    sides: tuple[tuple[str, ...], ...]

    @property
    def styled(self) -> bool:
        """Whether these words show the style."""
        return len(set(self.sides)) > 1


Part = Fragment | str  # a string is the name of the rule to continue with


@dataclass(frozen=True)
class Production:
    """One alternative of a rule, with its probability among the alternatives of that rule."""

    number: int
    line: int
    rule: str
    probability: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Rules:
    """A whole grammar: the styles with their probabilities, and the alternatives of each rule."""

    styles: tuple[str, ...]
    priors: tuple[float, ...]
    start: str
    rules: dict[str, tuple[Production, ...]]

    @property
    def productions(self) -> list[Production]:
        """Every production, in the order of its number."""
        return [production for rule in self.rules.values() for production in rule]


@dataclass(frozen=True)
class _Line:
    number: int
    weight: float
    text: str


def read_rules(text: str) -> Rules:
    """Read a grammar; ValueError lists every problem of the text with its line number."""
    return _File(text).rules()


class _File:
    def __init__(self, text: str) -> None:
        self.problems: list[tuple[int, str]] = []
        self.styles: dict[str, float] = {}
        self.scenes: tuple[str, ...] = ()
        self.headings: dict[str, int] = {}
        self.lines: dict[str, list[_Line]] = {}
        current: list[_Line] = []
        for number, raw in enumerate(text.splitlines(), start=1):
            line = raw.partition("#")[0].rstrip()
            if not line:
                continue
            if line[0].isspace():
                self._alternatives(number, line.strip(), current)
            elif ":" in line:
                self._setting(number, line)
            else:
                current = self._heading(number, line)

    def rules(self) -> Rules:
        if not self.styles:
            self._problem(1, "no styles; begin with a line like 'styles: admiring complaining'")
        written = self._productions()
        if not written:
            self._problem(1, "no rules; write a name at the margin, its alternatives indented")
        self._check_references(written)
        if self.problems:
            ordered = sorted(set(self.problems))
            raise ValueError("\n".join(f"grammar line {line}: {what}" for line, what in ordered))
        total = sum(self.styles.values())
        priors = tuple(weight / total for weight in self.styles.values())
        return Rules(tuple(self.styles), priors, next(iter(written)), written)

    def _problem(self, line: int, what: str) -> None:
        self.problems.append((line, what))

    def _setting(self, number: int, line: str) -> None:
        name, _, value = (piece.strip() for piece in line.partition(":"))
        if name == "styles":
            self._styles(number, value.split())
        elif name == "scenes":
            self.scenes = tuple(value.split())
        else:
            self._problem(number, f"'{name}:' is no setting; there are styles: and scenes:")

    def _styles(self, number: int, words: list[str]) -> None:
        name = None
        for word in words:
            weight = _number(word)
            if weight is None:
                if word in self.styles:
                    self._problem(number, f"the style {word!r} stands there twice")
                name, self.styles[word] = word, 1.0
            elif name is None or weight <= 0:
                self._problem(number, f"{word!r}: a positive weight may follow a style's name")
            else:
                self.styles[name] = weight

    def _heading(self, number: int, name: str) -> list[_Line]:
        if not _NAME.fullmatch(name):
            self._problem(number, f"{name!r} is no rule name; use lower-case words")
        if name in self.headings:
            self._problem(number, f"the rule {name!r} is already on line {self.headings[name]}")
        self.headings[name] = number
        return self.lines.setdefault(name, [])

    def _alternatives(self, number: int, line: str, lines: list[_Line]) -> None:
        if not self.headings:
            self._problem(number, "an alternative before the first rule; put a rule name above")
        for group in line.split(";"):
            before, colon, after = group.partition(":")
            weight = _number(before.strip())
            if not colon or weight is None or weight <= 0:
                self._problem(number, f"{group!r}: begin with a positive weight, like '3: words'")
            else:
                lines.extend(_Line(number, weight, piece.strip()) for piece in after.split("/"))

    def _productions(self) -> dict[str, tuple[Production, ...]]:
        written: dict[str, tuple[Production, ...]] = {}
        count = 0
        for heading, lines in self.lines.items():
            if not lines:
                self._problem(self.headings[heading], f"the rule {heading!r} has no alternatives")
            total = sum(line.weight for line in lines)
            for scene in self.scenes if "*" in heading else ("*",):
                name = heading.replace("*", scene)
                if name in written:
                    self._problem(self.headings[heading], f"the rule {name!r} is written twice")
                productions = []
                for line in lines:
                    parts = self._parts(line, scene)
                    probability = line.weight / total
                    productions.append(Production(count, line.number, name, probability, parts))
                    count += 1
                written[name] = tuple(productions)
        return written

    def _parts(self, line: _Line, scene: str) -> tuple[Part, ...]:
        if line.text == "-":
            return ()
        if not line.text:
            self._problem(line.number, "an alternative is missing; write - for the empty one")
        parts: list[Part] = []
        for reference, pair, words, stray in _PART.findall(line.text):
            if reference:
                parts.append(reference.strip().replace("*", scene))
            elif pair:
                parts.append(self._pair(line.number, pair))
            elif words.strip():
                parts.append(Fragment((self._words(line.number, words),) * len(self.styles)))
            elif stray or not words:
                self._problem(line.number, f"{stray or line.text!r}: an unclosed or empty bracket")
        return tuple(parts)

    def _pair(self, number: int, text: str) -> Fragment:
        sides = tuple(self._words(number, side) for side in text.split("|"))
        if len(sides) != len(self.styles):
            wanted = len(self.styles)
            self._problem(number, f"{{{text}}} has {len(sides)} sides; there are {wanted} styles")
        elif len(set(sides)) == 1:
            self._problem(number, f"{{{text}}}: all sides are the same; write it without brackets")
        return Fragment(sides)

    def _words(self, number: int, text: str) -> tuple[str, ...]:
        for word in text.split():
            if not _WORD.fullmatch(word) or word == "-":
                self._problem(number, f"{word!r} is no word; | belongs inside {{}}")
        return tuple(text.split())

    def _check_references(self, written: dict[str, tuple[Production, ...]]) -> None:
        done: set[str] = set()

        def visit(name: str, above: tuple[str, ...], line: int) -> None:
            if name in above:
                self._problem(line, f"the rule {name!r} leads back to itself")
            elif name not in written:
                close = difflib.get_close_matches(name, written, 1)
                hint = f"; did you mean <{close[0]}>?" if close else ""
                self._problem(line, f"there is no rule {name!r}{hint}")
            elif name not in done:
                for production in written[name]:
                    for part in production.parts:
                        if isinstance(part, str):
                            visit(part, (*above, name), production.line)
                done.add(name)

        for name in list(written)[:1]:
            visit(name, (), 1)
        for name, productions in written.items():
            if name not in done and productions:
                line = productions[0].line
                self._problem(line, f"these alternatives of the rule {name!r} are never used")


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if value < float("inf") else None
