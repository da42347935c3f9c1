"""Windows of texts: so many lines, or so much text."""

from __future__ import annotations

from collections.abc import Iterator

from seqgen.windows import windows


def test_a_window_ends_with_its_lines_or_its_characters() -> None:
    assert [len(window) for window in windows("abcdefgh", lines=3)] == [3, 3, 2]
    texts = ["abc", "d", "efghi", "j"]
    assert [*windows(texts, characters=4)] == [["abc", "d"], ["efghi"], ["j"]]
    assert [*windows([["two", "words"], ["one"]], characters=2)] == [[["two", "words"]], [["one"]]]
    assert [*windows([])] == []


def test_a_window_comes_before_the_text_after_it_is_read() -> None:
    read: list[str] = []

    def lines() -> Iterator[str]:
        for text in "abc":
            read.append(text)
            yield text

    assert next(windows(lines(), lines=2)) == ["a", "b"] == read
