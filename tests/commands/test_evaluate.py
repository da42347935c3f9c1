"""Which form a call of seqgen evaluate is, and that no two are mixed up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_runs import ROOT, Call

from seqgen.commands.evaluate import choose
from seqgen.commands.evaluate_options import FORMS, parser
from seqgen.errors import UserError


@pytest.mark.parametrize(
    ("words", "form"),
    [
        ("--hypotheses a --references b", "files"),
        ("--references b --train t --hypotheses a --first 9 --json", "files"),
        ("--hypotheses a --references b --preset leakgan --old-bugs", "files"),
        ("runs/x", "run"),
        ("--json --count 5 runs/x --references b --train t", "run"),
        ("runs/x --temperatures 0.5,1 --language-judge j --encoder ngrams", "run"),
        ("--hypotheses a --sources s --to up", "transfer"),
        ("--hypotheses a --sources s --to up --hypotheses b --sources t --to down", "transfer"),
        ("--hypotheses a --sources s --to up --aligned-references r0 r1", "transfer"),
        ("--pairs p.jsonl --hypotheses a --style-judge j --language-judge l", "transfer"),
        ("--pairs p.jsonl", "transfer"),
        ("runs/x --sources s --to up", "rewriting"),
        ("runs/x --sources s --to up --aligned-references r0 r1 --compare-with f", "rewriting"),
        ("runs/x --sources s --to up --sources t --to down --temperature 0.5", "rewriting"),
        ("runs/x --pairs p.jsonl --beam 5", "rewriting"),
        ("runs/x --style-judge j --count 50", "rewriting"),
        ("runs/x --language-judge j --real r", "rewriting"),
        ("runs/x --copy-unknown", "rewriting"),
        ("runs/x --rerank j", "rewriting"),
    ],
)
def test_the_form_is_found(words: str, form: str) -> None:
    assert choose(parser().parse_args(words.split())) == form


def test_groups_are_kept_by_position() -> None:
    words = "--hypotheses a --sources s --to up --aligned-references r0 r1 --hypotheses b"
    words += " --sources t --to down --aligned-references q0 q1 --compare-with x y"
    options = parser().parse_args(words.split())
    assert options.hypotheses == ["a", "b"] and options.sources == ["s", "t"]
    assert options.to == ["up", "down"]
    assert options.aligned_references == [["r0", "r1"], ["q0", "q1"]]
    assert options.compare_with == [["x", "y"]]


def test_temperatures_are_numbers() -> None:
    assert parser().parse_args(["r", "--temperatures", "0.5,1,2"]).temperatures == (0.5, 1.0, 2.0)


@pytest.mark.parametrize(
    "words",
    [
        "--hypotheses a --references b --sources s --to up",
        "--hypotheses a --references b --aligned-references r",
        "--hypotheses a --references b --pairs p",
        "--hypotheses a --references b --style-judge j",
    ],
)
def test_the_two_kinds_of_references_are_not_mixed(words: str) -> None:
    with pytest.raises(UserError, match="two different measurements") as found:
        choose(parser().parse_args(words.split()))
    message = str(found.value)
    assert "one shared set" in message and "row by row" in message


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "nothing to measure"),
        ("--json", "nothing to measure"),
        ("--hypotheses a", "--hypotheses without --references"),
        ("--references a", "--references without --hypotheses"),
        ("--train a", "nothing to measure"),
        ("--hypotheses a --hypotheses b --references c", "--hypotheses given 2 times"),
        ("runs/x --hypotheses a", "leave one of them out"),
        ("runs/x --hypotheses a --references b", "leave one of them out"),
        ("--aligned-references r --hypotheses a", "--aligned-references without --sources"),
        ("--sources s --to up", "--sources without sentences to measure"),
        ("--to up --hypotheses a", "--to without --sources"),
        ("--hypotheses a --sources s", "--sources given 1 times, --to 0 times"),
        ("--hypotheses a --sources s --sources t --to u --to d", "2 times, --hypotheses 1 times"),
        (
            "--hypotheses a --hypotheses b --sources s --sources t --to u --to d"
            " --aligned-references r",
            "2 times, --aligned-references 1 times",
        ),
        ("--pairs p --hypotheses a --sources s", "--pairs together with --sources"),
        ("--pairs p --hypotheses a --hypotheses b", "--pairs with 2 files"),
        ("--hypotheses a --references b --count 5", "--count has no meaning here"),
        ("--hypotheses a --references b --device cuda", "--device has no meaning here"),
        ("runs/x --preset leakgan", "--preset has no meaning here"),
        ("runs/x --lowercase", "the form files or transfer"),
        ("--hypotheses a --sources s --to u --train t", "--train has no meaning here"),
        ("--hypotheses a --references b --first 0", "'0': a whole number of at least 1"),
        ("--hypotheses a --references b --seed -1", "at least 0"),
        ("runs/x --temperatures 1;2", "numbers separated by commas"),
        ("runs/x --smoothing method7", "invalid choice"),
        ("runs/x --temperatures 1 --no-sweep", "--temperatures with --no-sweep"),
        ("--hypotheses a --references b --threads 1", "--threads has no meaning here"),
        ("--hypotheses a --sources s --to u --checkpoint 5", "--checkpoint has no meaning here"),
        ("--hypotheses a --sources s t --to u", "t belongs to no option: --hypotheses, --sources"),
        ("--hypotheses a b --sources s t --to u", "repeat the group, once a direction"),
        ("--hypotheses a --sources s t u --to u", "repeat the group, once a direction"),
        ("runs/x --sources s", "--sources given 1 times, --to 0 times"),
        ("runs/x --sources s --to u --sources t", "--sources given 2 times, --to 1 times"),
        (
            "runs/x --sources s --to u --sources t --to d --aligned-references r",
            "2 times, --aligned-references 1 times",
        ),
        ("runs/x --to up", "--to without --sources: it goes line by line with them"),
        ("runs/x --compare-with f", "--compare-with without --sources"),
        ("runs/x --sources s --to u --count 5", "--count together with sources"),
        ("runs/x --pairs p --to up", "--pairs together with --to"),
        ("runs/x --pairs p --top-k 5", "--top-k has no meaning here"),
        ("runs/x --sources s --to u --train t", "what a run that rewrites makes of sentences"),
        ("--hypotheses a --sources s --to u --rerank j", "belongs to the form rewriting"),
        ("--hypotheses a --references b --refs c", "unrecognized arguments: --refs"),
    ],
)
def test_what_does_not_go_together_is_refused(seqgen: Call, words: str, told: str) -> None:
    done = seqgen("evaluate", *words.split())
    assert (done.status, done.out) == (2, "")
    assert told in done.err and done.err.startswith("seqgen: ")
    assert "Traceback" not in done.err


def test_a_file_in_the_place_of_a_run_is_explained(seqgen: Call, tmp_path: Path) -> None:
    file = tmp_path / "generated.txt"
    file.write_text("a b\n")
    done = seqgen("evaluate", file)
    assert done.status == 2 and f"--hypotheses {file}" in done.err


def test_every_option_belongs_to_a_form() -> None:
    known = set.union(*FORMS.values())
    assert set(vars(parser().parse_args([]))) == known


def test_help_names_the_forms(seqgen: Call) -> None:
    done = seqgen("evaluate", "--help")
    assert done.status == 0
    assert all(f"\n  {form}  " in done.out for form in FORMS)


def test_deciding_loads_no_torch() -> None:
    code = """
import sys
from seqgen.commands.main import main
assert main(["evaluate", "--help"]) == 0 and main(["evaluate"]) == 2
assert not {"torch", "numpy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
