import json
from math import log

import pytest

from seqgen.metrics.style_transfer.markers import Markers, words

TEXT = {
    "good": ["Great great food", "great place", "the food is fine"],
    "bad": ["the food is awful", "awful , awful place", "rude people in the place"],
}


def test_log_odds_follow_the_formula() -> None:
    markers = Markers.train(TEXT)
    kinds = len({word for texts in TEXT.values() for text in texts for word in words(text)})
    expected = log((3 + 1) / (9 + kinds)) - log((0 + 1) / (13 + kinds))
    assert markers.weights["good"]["great"].log_odds == pytest.approx(expected, abs=1e-12)
    assert markers.weights["good"]["great"].occurrences == 3


def test_only_words_above_the_threshold_are_markers() -> None:
    markers = Markers.train(TEXT)
    assert markers.of("good") == {"great"}
    assert markers.of("bad") == {"awful"}  # log(4) passes, log(2) of words seen once does not


def test_with_three_labels_a_word_is_weighed_against_the_others_together() -> None:
    text = {label: [f"{label} word"] * 20 + ["shared"] * 5 for label in ("a", "b", "c")}
    text["c"] = text["b"][:20] + ["c word"] * 20
    markers = Markers.train(text)
    assert markers.of("a") == {"a"}
    assert "b" not in markers.of("b"), "as frequent among the others"
    assert markers.labels == ["a", "b", "c"]


def test_the_phrase_holds_the_weightiest_markers_made_of_letters() -> None:
    text = {"good": ["wow ! great"] * 9 + ["great !"] * 20 + ["lovely"] * 5, "bad": ["dull ."] * 40}
    markers = Markers.train(text)
    assert markers.phrase("good") == "great wow lovely"
    assert markers.phrase("good", 1) == "great"
    assert markers.phrase("bad") == "dull"


def test_the_order_of_the_sentences_decides_nothing() -> None:
    turned = {label: list(reversed(texts)) for label, texts in TEXT.items()}
    assert json.dumps(Markers.train(TEXT).to_json()) == json.dumps(Markers.train(turned).to_json())


def test_json_keeps_labels_markers_and_phrase() -> None:
    markers = Markers.train(TEXT)
    again = Markers.from_json(json.loads(json.dumps(markers.to_json())))
    assert [again.of(label) for label in again.labels] == [{"great"}, {"awful"}]
    assert again.phrase("bad") == markers.phrase("bad")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"good": ["great"]}, ValueError, "two or more labels"),
        ({"good": ["great"], "bad": ["  "]}, ValueError, "no word given for label 'bad'"),
        ({"good": "great", "bad": ["dull"]}, TypeError, "list of sentences"),
    ],
)
def test_bad_texts_are_refused(given: dict[str, list[str]], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        Markers.train(given)


def test_an_unknown_label_and_a_newer_format_are_refused() -> None:
    markers = Markers.train(TEXT)
    with pytest.raises(ValueError, match=r"'ugly' given: the markers are of \['good', 'bad'\]"):
        markers.of("ugly")
    with pytest.raises(ValueError, match="format 99"):
        Markers.from_json({**markers.to_json(), "format": 99})
