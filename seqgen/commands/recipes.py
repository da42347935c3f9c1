"""seqgen recipes list, show and check: what can be trained, and whether a recipe is sound."""

from __future__ import annotations

import sys
from collections.abc import Callable
from difflib import get_close_matches

from seqgen.commands.options import Parser
from seqgen.errors import UserError
from seqgen.recipe import files

USAGE = """usage: seqgen recipes list                  names, and what they are about
       seqgen recipes show NAME             the file as it is written
       seqgen recipes show NAME --settings  every setting with its value and meaning
       seqgen recipes check FILE ...        all that is wrong with recipes of your own

NAME is a name of the list, or a file. Every setting can be given to train as well:
  seqgen train NAME --batch 32 --generator.width 64 --corpus.train my.txt"""


def main(arguments: list[str]) -> int:
    """Run one of the three; their output goes to stdout.

    Raises:
        UserError: an unknown action or recipe, or recipes with problems.
    """
    actions: dict[str, Callable[[list[str]], int]] = {
        "list": list_recipes,
        "show": show,
        "check": check,
    }
    if not arguments:
        print(USAGE, file=sys.stderr)
        return 2
    action, *rest = arguments
    if action in ("-h", "--help"):
        print(USAGE)
        return 0
    if action not in actions:
        near = get_close_matches(action, actions, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UserError(f"seqgen recipes has no {action!r}{hint} It has: {', '.join(actions)}")
    return actions[action](rest)


def list_recipes(arguments: list[str]) -> int:
    """Names and what they are about."""
    Parser("recipes list", "The recipes that come with seqgen.").parse_args(arguments)
    names = files.names()
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {files.about(name)}")
    return 0


def show(arguments: list[str]) -> int:
    """The file of a recipe, or all its settings."""
    parser = Parser("recipes show", "A recipe as it is written.")
    parser.add_argument("name", help="name (seqgen recipes list) or file of a recipe")
    parser.add_argument(
        "--settings", action="store_true", help="every setting with its value and meaning instead"
    )
    options = parser.parse_args(arguments)
    if options.settings:
        from seqgen.recipe.listing import described

        print(described(files.read(options.name)))
    else:
        sys.stdout.write(files.find(options.name).text())
    return 0


def check(arguments: list[str]) -> int:
    """Read every recipe given; all problems of all of them are told."""
    parser = Parser("recipes check", "All that is wrong with recipes.")
    parser.add_argument("recipes", nargs="+", help="files, or names of the list")
    problems = []
    for name in parser.parse_args(arguments).recipes:
        try:
            recipe = files.read(name)
        except UserError as problem:
            problems.append(str(problem))
            continue
        needed = files.missing_corpus(recipe, name) is not None
        print(f"{name}: fine" + ("; give it a corpus: --corpus.train my.txt" if needed else ""))
    if problems:
        raise UserError("\n".join(problems))
    return 0
