"""How a table looks on the terminal and as JSON: every number can be traced to its signature."""

from __future__ import annotations

import json
import math

import pytest

from seqgen.commands.show import as_json, as_text, number, show
from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.score import Interval, Score
from seqgen.metrics.table import Row, Table

SHARED = "tokenizer:nltk|version:1"
ROWS = [
    Row(
        "ours",
        [
            Score("bleu-2", 0.51234, f"order:2|references:9|{SHARED}", Interval(0.5, 0.53, "b 10")),
            Score("bleu-3", 0.4, f"order:3|references:9|{SHARED}"),
            Score("unique", 1.0, SHARED),
            Score("perplexity", math.nan, SHARED),
        ],
    ),
    Row(
        "real data",
        [
            Score("bleu-2", 0.6, f"order:2|references:8|{SHARED}"),
            Score("perplexity", 1234.567, SHARED, Interval(1000, 1300, "h 4", 0.9)),
        ],
        "real",
    ),
]
TABLE = Table(ROWS, ["a first remark", "a second one"])


def strict(text: str) -> dict:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_one_line_a_score_and_one_column_a_row() -> None:
    lines = as_text(TABLE).splitlines()
    assert lines[0].split() == ["ours", "real", "data"]
    assert lines[1].split() == ["bleu-2", "0.5123", "±0.0177", "a", "0.6000", "b"]
    assert lines[2].split() == ["bleu-3", "0.4000", "a", "-"]
    assert lines[3].split() == ["unique", "1.0000", "c", "-"]
    assert lines[4].split() == ["perplexity", "n/a", "c", "1234.6", "±234.6", "c"]
    # Columns stand below each other, letters too.
    assert len({line.index(mark, 12) for line, mark in zip(lines[1:4], "aac", strict=True)}) == 1
    assert "note: a first remark\nnote: a second one" in as_text(TABLE)
    assert "90% interval" in as_text(TABLE) and "b 10, h 4" in as_text(TABLE)


def test_every_signature_can_be_put_together_again() -> None:
    text = as_text(TABLE)
    heading = next(line for line in text.splitlines() if line.startswith("signatures"))
    found: dict[str, set[str]] = {}
    for line in text.splitlines()[text.splitlines().index(heading) + 1 :]:
        if not line.startswith("  "):
            break
        letter, rest = line.split(maxsplit=1)
        pairs = set(rest.split("|")) if ":" in rest else set()
        found[letter] = pairs | found.get("all", set())
    assert found["a"] | {"order:2"} == set(ROWS[0].scores[0].signature.split("|"))
    assert found["a"] | {"order:3"} == set(ROWS[0].scores[1].signature.split("|"))
    assert found["b"] | {"order:2"} == set(ROWS[1].scores[0].signature.split("|"))
    assert found["c"] == set(SHARED.split("|"))


def test_columns_that_do_not_fit_go_below() -> None:
    rows = [Row(f"system {number}", [Score("bleu-2", 0.5, SHARED)]) for number in range(40)]
    text = as_text(Table(rows), width=60)
    table = text.partition("signatures")[0].splitlines()
    assert all(len(line) <= 60 for line in table) and max(map(len, table)) > 45
    assert all(f"system {number}" in text for number in range(40))
    assert text.count("bleu-2") > 5
    assert as_text(Table(rows[:1]), width=3).count("bleu-2") == 1


def test_many_signatures_have_letters_of_their_own() -> None:
    scores = [Score(f"s{place}", 0.5, f"n:{place}|version:1") for place in range(60)]
    marks = [line.split()[2] for line in as_text(Table([Row("x", scores)])).splitlines()[1:61]]
    assert len(set(marks)) == 60
    assert marks[:2] == ["a", "b"] and marks[25:28] == ["z", "aa", "ab"]


def test_a_long_name_keeps_its_end() -> None:
    text = as_text(Table([Row("x" * 50 + "/step-7.txt", [Score("unique", 0.5, SHARED)])]))
    assert "...xxx" in text and "xx/step-7.txt" in text


def test_an_empty_table_is_no_error() -> None:
    assert as_text(Table([])) == ""
    assert as_text(Table([Row("nothing", [])])).strip() == "nothing"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"), (-0.25, "-0.2500"), (0.0001, "1.0e-04"), (99.99999, "100.0000"),
        (123.456, "123.5"), (math.nan, "n/a"), (math.inf, "inf"),
    ],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "side", "text"),
    [
        (0.5, 0.0123, "±0.0123"), (2.2e-05, 1.3e-05, "±1.3e-05"), (0.5, 2.5e-06, "±2.5e-06"),
        (1234.5, 2.25, "±2.2"), (1234.5, 0.01, "±1.0e-02"), (0.0, 0.03, "±0.0300"),
    ],
)  # fmt: skip
def test_an_interval_has_the_digits_of_its_value(value: float, side: float, text: str) -> None:
    score = Score("coverage-3", value, SHARED, Interval(value - side, value + side, "b 10"))
    assert as_text(Table([Row("x", [score])])).splitlines()[1].split()[2] == text


def test_json_is_strict_and_names_what_is_no_number() -> None:
    found = strict(as_json(TABLE))
    assert found["rows"][0]["scores"][3]["value"] is None
    assert found["not_finite"] == [{"row": "ours", "score": "perplexity"}]
    assert found["rows"][0]["scores"][0]["signature"] == ROWS[0].scores[0].signature
    assert found["rows"][0]["scores"][0]["interval"]["high"] == 0.53
    assert found["notes"] == list(TABLE.notes)
    again = Table.from_json(found)
    assert again.rows[1] == ROWS[1]
    whole = strict(as_json(Table([ROWS[1]])))
    assert "not_finite" not in whole and "curves" not in whole


def test_curves_go_with_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    points = [Point("temperature", 0.5, {"bleu-5": 0.4, "lm-score": math.nan})]
    curve = Curve("run ä", points, {"bleu-5": SHARED})
    show(TABLE, json=True, curves=[curve])
    out = capsys.readouterr().out
    assert out.endswith("}\n") and "run ä" in out
    figures = strict(out)["curves"][0]["points"][0]["figures"]
    assert figures == {"bleu-5": 0.4, "lm-score": None}


def test_text_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    show(TABLE)
    assert capsys.readouterr().out.splitlines()[1].startswith("bleu-2")
