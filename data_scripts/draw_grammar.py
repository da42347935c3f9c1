"""Draw a corpus from an embedded grammar, or from a grammar file of your own.

    python data_scripts/draw_grammar.py --count 10000 --seed 1 --out captions
    python data_scripts/draw_grammar.py --grammar moods --kind styles --out moods

writes train, valid and test files of independent draws (a frequent sentence may stand in two of
them, as it would in a true sample) and prints the exact figures of the grammar.
"""

import argparse
import json
import sys
from pathlib import Path

from seqgen.text.grammar import Grammar
from seqgen.text.grammar_names import open_grammar

Drawn = list[tuple[str, str]]


def main() -> None:
    """Read the command line, draw, write."""
    given = arguments()
    try:
        grammar = open_grammar(given.grammar)
        files = corpus(grammar, given)
        refuse_existing(list(files))
    except (OSError, ValueError) as problem:
        print(f"draw_grammar: {problem}", file=sys.stderr)
        sys.exit(2)
    given.out.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {path}: {text.count(chr(10))} sentences", file=sys.stderr)
    print(grammar.summary())


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=natural, default=10_000, help="training sentences")
    parser.add_argument("--valid", type=natural, help="default: a tenth of the count")
    parser.add_argument("--test", type=natural, help="default: a tenth of the count")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument(
        "--kind",
        choices=["text", "jsonl", "styles"],
        default="text",
        help="text: a sentence a line; jsonl: text and label; styles: one text file per style",
    )
    parser.add_argument("--grammar", default="captions", help="captions, moods, or a grammar file")
    return parser.parse_args()


def natural(word: str) -> int:
    """Return a number that is not negative, for argparse."""
    if int(word) < 0:
        raise argparse.ArgumentTypeError(f"{word} is negative; give 0 or more")
    return int(word)


def corpus(grammar: Grammar, given: argparse.Namespace) -> dict[Path, str]:
    """Return the text of each file to write."""
    tenth = given.count // 10
    counts = {
        "train": given.count,
        "valid": tenth if given.valid is None else given.valid,
        "test": tenth if given.test is None else given.test,
    }
    files: dict[Path, str] = {}
    for number, (split, count) in enumerate(counts.items()):
        # Seeds of their own, so that another --count leaves the validation and test files alone.
        drawn = grammar.sample(count, seed=3 * given.seed + number)
        for name, text in written(split, drawn, given.kind, grammar.styles).items():
            files[given.out / name] = text
    return files


def written(split: str, drawn: Drawn, kind: str, styles: tuple[str, ...]) -> dict[str, str]:
    """Return the file names and texts of one split."""
    if kind == "jsonl":
        rows = [json.dumps({"text": sentence, "label": style}) for sentence, style in drawn]
        return {f"{split}.jsonl": lines(rows)}
    if kind == "styles":
        return {
            f"{split}.{style}.txt": lines([text for text, label in drawn if label == style])
            for style in styles
        }
    return {f"{split}.txt": lines([sentence for sentence, _ in drawn])}


def lines(rows: list[str]) -> str:
    """Return rows as the text of a file."""
    return "".join(f"{row}\n" for row in rows)


def refuse_existing(paths: list[Path]) -> None:
    """Raise FileExistsError if one of the files is there already."""
    existing = [str(path) for path in paths if path.exists()]
    if existing:
        raise FileExistsError(f"{', '.join(existing)} exists; delete it or give another --out")


if __name__ == "__main__":
    main()
