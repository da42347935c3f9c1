"""Every kind of mistake in a recipe is told with its place, what was given and what is allowed."""

from __future__ import annotations

import pytest

from seqgen.recipe.files import parse
from seqgen.recipe.problems import RecipeError

SOUND = """\
about: a recipe
corpus: {train: my.txt}
vocabulary: {kind: word}
generator: {kind: lstm, width: 8, hidden: 8}
phases:
  - {method: {kind: teacher-forcing}, steps: 10}
players:
  generator: {rate: 1e-3}
"""

# what stands in SOUND, what is put in its place, the line, and the words of the message
FAULTS = {
    "typo": ("hidden: 8", "hiden: 8", 4, ["generator.hiden", "unknown setting", "mean hidden?"]),
    "typo at the top": ("about:", "abuot:", 1, ["abuot", "did you mean about?"]),
    "typo in a player": ("rate:", "rat:", 8, ["players.generator.rat", "did you mean rate?"]),
    "typo in a kind": ("kind: lstm", "kind: lsmt", 4, ["generator.kind", "'lsmt'", "mean lstm?"]),
    "typo in a method": (
        "teacher-forcing",
        "teacher_forcing",
        6,
        ["phases.0.method.kind", "did you mean teacher-forcing", "scheduled-sampling"],
    ),
    "other kind's setting": (
        "width: 8",
        "heads: 2",
        4,
        ["generator.heads", "unknown setting for this kind", "transformer, relational"],
    ),
    "no kind": ("kind: lstm, ", "", 4, ["generator.kind", "missing", "lstm, gru, transformer"]),
    "no generator": (
        "generator: {kind: lstm, width: 8, hidden: 8}",
        "seed: 1",
        1,
        ["generator: missing", "lstm, gru, transformer"],
    ),
    "no steps": (", steps: 10", "", 6, ["phases.0.steps: missing", "updates of the method"]),
    "word for a number": ("width: 8", "width: wide", 4, ["'wide' given", "a whole number"]),
    "fraction for a whole": ("steps: 10", "steps: 1.5", 6, ["1.5 given", "a whole number"]),
    "switch for a number": ("width: 8", "width: true", 4, ["generator.width", "not true or false"]),
    "number for a switch": (
        "kind: word",
        "kind: word, lowercase: 3",
        3,
        ["vocabulary.lowercase", "3 given", "true or false"],
    ),
    "zero": ("steps: 10", "steps: 0", 6, ["phases.0.steps", "greater than 0"]),
    "out of range": ("width: 8", "dropout: 1.0", 4, ["generator.dropout", "less than 1"]),
    "not finite": ("rate: 1e-3", "rate: .inf", 8, ["players.generator.rate", "finite"]),
    "wrong word": (
        "{train: my.txt}",
        "{train: my.txt, encoding_errors: replac}",
        2,
        ["corpus.encoding_errors", "'replac' given", "did you mean replace?", "ignore"],
    ),
    "mapping for text": ("my.txt", "{a: b}", 2, ["corpus.train", "a mapping given", "text"]),
    "entry of a list": ("my.txt", "[a.txt, {a: b}]", 2, ["corpus.train.1", "a mapping given"]),
    "share too large": ("my.txt", "my.txt, valid: 1.5", 2, ["corpus.valid", "1.5 given"]),
    "all of it held out": ("my.txt", "my.txt, valid: 1.0", 2, ["a share must lie between"]),
    "none of it held out": ("my.txt", "my.txt, valid: 0", 2, ["corpus.valid", "is 1 or more"]),
    "fewer than none": ("my.txt", "my.txt, valid: -3", 2, ["corpus.valid", "-3 given"]),
    "last of it": ("my.txt", "my.txt, valid: 'last:x'", 2, ["corpus.valid", "last:500"]),
    "no phases": (
        "  - {method: {kind: teacher-forcing}, steps: 10}",
        "  []",
        5,
        ["phases", "at least 1 item"],
    ),
    "duplicate": ("about: a recipe", "seed: 1\nseed: 2", 2, ["seed", "given twice", "line 1"]),
    "duplicate inside": (
        "rate: 1e-3",
        "rate: 1, rate: 2",
        8,
        ["players.generator.rate", "given twice"],
    ),
    "alias": ("about: a recipe", "about: &a x\nname: *a", 1, ["name: anchors", "write it out"]),
    "bad indentation": ("vocabulary:", " vocabulary:", 3, ["not YAML", "column"]),
    "tab": ("  - {", "\t- {", 6, ["not YAML", "spaces, not tabs"]),
    "open bracket": ("steps: 10}", "steps: 10", 7, ["not YAML"]),
    "unknown tag": ("a recipe", "!!python/name:os.system x", 1, ["about", "tag"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_its_place(fault: str) -> None:
    before, after, line, words = FAULTS[fault]
    assert before in SOUND
    with pytest.raises(RecipeError) as caught:
        parse(SOUND.replace(before, after), "my.yaml")
    found = [one for one in caught.value.problems if all(word in one for word in words)]
    assert found, caught.value
    assert any(one.startswith(f"my.yaml:{line}: ") for one in found), found


def test_the_sound_recipe_is_sound() -> None:
    assert parse(SOUND, "my.yaml").players["generator"].rate == 1e-3


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = SOUND.replace("hidden", "hiden").replace("steps: 10", "steps: -1").replace("rate", "rat")
    with pytest.raises(RecipeError) as caught:
        parse(text + "seed: 1\nseed: 2\n", "my.yaml")
    assert [one.split(": ")[0] for one in caught.value.problems] == [
        f"my.yaml:{line}" for line in (4, 6, 8, 10)
    ]
    assert "4 problems" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("- a\n- b\n", "a mapping of settings"),
        ("just words", "a mapping of settings"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("? [a, b]\n: 1\n", "must be a word"),
        ("about: \x00", "not YAML"),
    ],
)
def test_what_is_no_recipe_at_all(text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        parse(text, "my.yaml")


def test_words_of_old_yaml_stay_words() -> None:
    text = SOUND.replace("a recipe", "on").replace("my.txt", "2024-01-01, text: no, label: 12:30")
    recipe = parse(text, "my.yaml")
    assert recipe.about == "on"
    assert (recipe.corpus.train, recipe.corpus.text, recipe.corpus.label) == (
        "2024-01-01",
        "no",
        "12:30",
    )
