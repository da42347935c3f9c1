"""Rewritten sentences on the page: changed words marked, verdicts, attention, nothing as markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_runs import HOSTILE, full_run, make_run, rewritings, row
from test_report_page import Page

from seqgen.errors import RunFailure
from seqgen.metrics.table import Table
from seqgen.report import write_report
from seqgen.report.attention_picture import attention_picture
from seqgen.report.record import FILE, Record, read_record, write_record
from seqgen.report.rewriting_section import LONGEST, rewriting_section
from seqgen.report.rewritings import Attention, Rewriting

ABOUT = {"sentences": 1000, "seed": 7, "style judge": "judge@1"}


def shown(*given: Rewriting, **about: Any) -> str:
    """The section of these sentences."""
    record = Record({**ABOUT, **about}, Table([row("mine", joint=20.0)]), rewritings=given)
    return rewriting_section(record)


def lines(html: str) -> list[str]:
    return re.findall(r"<dd[^>]*>(.*?)</dd>", html)


def test_changed_words_are_marked_in_both_sentences() -> None:
    html = shown(Rewriting("It was bad , never again", "up", "it was so good , again", "good !"))
    assert lines(html) == [
        "It was <del>bad</del> , <del>never</del> again",
        "it was <ins>so good</ins> , again",
        "good !",
    ]


def test_a_copy_has_no_mark_and_nothing_is_said_of_what_nobody_judged() -> None:
    html = shown(Rewriting("a b", "up", "a b"))
    assert lines(html) == ["a b", "a b"]
    assert "<del>" not in html and "accepted" not in html and "finds" not in html
    assert "Attention" not in html


def test_it_says_which_sentences_these_are_and_who_accepts_them() -> None:
    given = [Rewriting("a", "up", "b", None, True), Rewriting("a", "up", "a", None, False)]
    html = shown(*given)
    assert "2 of 1000 sentences, drawn by the seed 7 and not by how good they are" in html
    assert "judge@1 finds 1 of 2 in the style asked for" in html
    assert "✓ accepted" in html and "✗ not accepted" in html and "to up" in html
    assert "drawn by" not in shown(*given, sentences=2)


def test_blank_and_very_long_sentences() -> None:
    long = " ".join(f"w{number}" for number in range(LONGEST + 30))
    html = shown(Rewriting("", "up", " "), Rewriting(long, "up", f"x {long}", long))
    assert lines(html)[:2] == ['<span class="quiet">(empty)</span>'] * 2
    assert f"w{LONGEST - 1} …" in lines(html)[2] and f"w{LONGEST}" not in html
    assert lines(html)[3].startswith("<ins>x</ins> w0 ")


def test_attention_is_a_table_of_the_words_with_every_share() -> None:
    given = Attention(["a", "<b>", "(end)"], ["x", "&"], [[0.9, 0.06, 0.04], [0.0, 0.6, 0.4]])
    html = attention_picture(given)
    page = Page(html)
    assert page.tags.count("tr") == 3 and page.tags.count("th") == 5
    titles = page.values("title")
    assert titles[:2] == ["x looked at a: 90.0%", "x looked at <b>: 6.0%"] and len(titles) == 6
    cells = re.findall(r"<td style[^>]*>(\d*)</td>", html)
    assert cells == ["90", "", "", "", "60", "40"]


def test_the_page_of_a_run_has_the_section_and_takes_nothing_for_markup(tmp_path: Path) -> None:
    path = write_report(full_run(tmp_path / "run"))
    page = Page(path.read_text("utf-8"))
    assert (2, "Side by side") in page.headings and "rewritings" in page.values("id")
    assert HOSTILE[0] in page.text() and "to <i>" in page.text()
    assert not {"b", "i", "script", "img"} & set(page.tags)
    assert {"del", "ins", "dl"} <= set(page.tags)


def test_a_page_without_rewritings_has_no_section_and_one_with_asks_for_no_curves(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path / "run")
    record = Record(dict(ABOUT), Table([row("mine", joint=20.0)]))
    write_record(run, record)
    html = write_report(run).read_text("utf-8")
    assert 'id="rewritings"' not in html and "drawn in one way only" in html
    write_record(run, replace(record, rewritings=rewritings()))
    html = write_report(run).read_text("utf-8")
    assert 'id="rewritings"' in html and "drawn in one way only" not in html


def test_the_human_row_stands_in_the_cards_by_its_name(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    table = Table([row("mine", joint=20.0), row("human (reference 0)", "real", joint=40.0)])
    write_record(run, Record(dict(ABOUT), table, rewritings=rewritings()))
    html = write_report(run).read_text("utf-8")
    assert "<span>human (reference 0) 40</span>" in html


@pytest.mark.parametrize("damage", ["source", "attention", "rows"])
def test_damage_is_told_with_the_file(tmp_path: Path, damage: str) -> None:
    write_record(tmp_path, Record(dict(ABOUT), Table([]), rewritings=rewritings()))
    assert read_record(tmp_path) is not None
    found = json.loads((tmp_path / FILE).read_text("utf-8"))
    if damage == "source":
        found["rewritings"][0]["source"] = 3
    elif damage == "attention":
        del found["rewritings"][0]["attention"]
    else:
        found["rewritings"][0]["attention"]["weights"][1].pop()
    (tmp_path / FILE).write_text(json.dumps(found), "utf-8")
    with pytest.raises(RunFailure, match=r"evaluation\.json is damaged"):
        read_record(tmp_path)
