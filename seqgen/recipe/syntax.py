"""The YAML of recipes, read with the line of every setting, and written.

PyYAML follows YAML 1.1, where `1e-3` is a string, `on` is true, `12:30` is a number and
`2024-01-01` a date. Here, as in YAML 1.2, only null, true, false and numbers are not strings.
A setting that is given twice is refused.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

Dotted = tuple[str | int, ...]  # the path of a setting: ("phases", 1, "method")
Marks = dict[Dotted, int]

_WORDS = {
    "null": ("~nN", r"~|null|Null|NULL|"),
    "bool": ("tTfF", r"true|True|TRUE|false|False|FALSE"),
}
_NUMBERS = {
    "int": r"[-+]?(?:0|[1-9][0-9_]*)",
    "float": r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9]+|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 the base class declares it; here it starts empty


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers = {}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out: recipes have no anchors."""
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # PyYAML would fold these line separators into spaces when it writes them as they are.
    style = '"' if re.search("[\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _teach(target: Any) -> None:
    for name, (first, pattern) in _WORDS.items():
        starts = [*first, ""] if name == "null" else list(first)
        target.add_implicit_resolver(
            f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), starts
        )
    for name, pattern in _NUMBERS.items():
        found = re.compile(f"^(?:{pattern})$")
        target.add_implicit_resolver(f"tag:yaml.org,2002:{name}", found, list("-+.0123456789"))


_teach(_Loader)
_teach(_Dumper)


def parse(text: str) -> tuple[Any, Marks, list[tuple[int, str]]]:
    """Read YAML: the data, the line (from 1) of every path, and problems as (line, message).

    Data is None where the text is no YAML at all.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as problem:
        return None, {}, [_syntax_problem(problem)]
    if node is None:
        return None, {}, [(1, "the file is empty")]
    reading = _Reading(loader)
    return reading.value(node, ()), reading.marks, reading.problems


def scalar(text: str) -> Any:
    """One value as it would be read in a recipe: "1e-3" is a number, "none" a word."""
    data, _, problems = parse(text)
    return text if problems else data


def write(data: Any) -> str:
    """YAML text that `parse` reads back to equal data."""
    return yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=None,
    )


class _Reading:
    """Turns nodes into data and notes lines and problems on the way."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.marks: Marks = {}
        self.problems: list[tuple[int, str]] = []
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: Dotted) -> Any:
        """The data of a node."""
        self.marks.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            self._note(
                node, path, "anchors and aliases (&, *) are not used in recipes: write it out"
            )
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Dotted) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(key_node, path, "the name of a setting must be a word")
            elif key in data:
                self._note(key_node, here, f"given twice, first on line {self.marks[here]}")
            else:
                self.marks[here] = key_node.start_mark.line + 1
                data[key] = self.value(value_node, here)
        return data

    def _scalar(self, node: yaml.Node, path: Dotted) -> Any:
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._note(node, path, f"cannot read {node.value!r} with the tag {node.tag}")
            return node.value

    def _note(self, node: yaml.Node, path: Dotted, text: str) -> None:
        name = ".".join(map(str, path))
        self.problems.append((node.start_mark.line + 1, f"{name}: {text}" if name else text))


def _syntax_problem(problem: yaml.YAMLError) -> tuple[int, str]:
    mark = getattr(problem, "problem_mark", None)
    said = getattr(problem, "problem", None) or str(problem)
    context = getattr(problem, "context", None)
    hint = "; indent with spaces, not tabs" if "'\\t'" in said else ""
    where = f" (column {mark.column + 1})" if mark is not None else ""
    said = f"{said}, {context}" if context else said
    return (mark.line + 1 if mark else 1), f"not YAML{where}: {said}{hint}"


def dotted(path: Dotted) -> str:
    """A path as it is written on the command line: phases.1.method."""
    return ".".join(str(part) for part in path)
