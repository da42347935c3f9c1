"""Grammars are opened by name or file, and what is wrong with a name is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqgen.errors import UserError
from seqgen.text.grammar import Grammar
from seqgen.text.grammar_names import grammar_names, open_grammar


def test_those_that_come_with_seqgen() -> None:
    assert grammar_names() == ["captions", "moods"]
    assert open_grammar("captions").styles == Grammar.default().styles
    assert open_grammar("moods").styles == ("joyful", "gloomy", "angry")


def test_a_name_goes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("moods").write_text("styles: x y\ns\n  1: {a | b}\n", "utf-8")
    assert len(open_grammar("moods").styles) == 3
    assert open_grammar("./moods").styles == ("x", "y")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("captoins", "no grammar and no file 'captoins'; did you mean 'captions'?"),
        ("zzz", "no grammar and no file 'zzz'; seqgen comes with captions, moods"),
        (".", "no grammar and no file '.'"),
        ("faulty", "faulty cannot be read as a grammar: grammar line 1: no styles"),
        ("ambiguous", "ambiguous cannot be read as a grammar: the grammar is ambiguous: 'a'"),
    ],
)
def test_what_is_no_grammar(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("faulty").write_text("s\n  1: a\n", "utf-8")
    Path("ambiguous").write_text("styles: x\ns\n  1: a / a\n", "utf-8")
    with pytest.raises(UserError) as caught:
        open_grammar(name)
    assert message in str(caught.value)
