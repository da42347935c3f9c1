"""Tokenised sentences as people write them: "i 'd go , really !" -> "I'd go, really!"."""

from __future__ import annotations

import re

_OPENING, _CLOSING = r"[(\[{]", r"[)\]}]"
_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), new)
    for pattern, new in [
        # Treebank's quotes, and plain ones in pairs: what is between them stands close to them.
        (r"``\s*(.*?)\s*''", r'"\1"'),
        (r"(?<!\S)\"\s+([^\"]*?)\s+\"(?!\S)", r'"\1"'),
        (r"(?<!\S)``\s*", '"'),
        (r"\s*''(?!\S)", '"'),
        # Split contractions: 's, n't, and a lone apostrophe before what it belongs to.
        (r"(\w)\s+n\s*['’]\s*t\b", r"\1n't"),
        (r"(\w)\s+(['’](?:s|m|d|re|ve|ll)\b)", r"\1\2"),
        (r"(\w)\s+(['’])\s+(s|m|d|re|ve|ll|t)\b", r"\1\2\3"),
        (
            r"\b(can(?= not)|gon(?= na)|wan(?= na)|got(?= ta)|gim(?= me)|lem(?= me)) (\w+)\b",
            r"\1\2",
        ),
        (rf"({_OPENING})\s+", r"\1"),
        (rf"\s+({_CLOSING})", r"\1"),
        (r"([$#£€])\s+(?=\d)", r"\1"),
        (r"(?<=\d)\s+%", "%"),
        (r"\s+([,;:!?.…]+)(?=\s|[\"')\]}]|\Z)", r"\1"),
        (r"([!?.,])\s+(?=[!?.]+(?:\s|\Z))", r"\1"),
        (r"(\w)\s+-\s+(?=\w)", r"\1-"),
        (r"\s{2,}", " "),
    ]
]
# Not after an ellipsis or the last period of "p.m.".
_SENTENCE_START = re.compile(r"(?:\A|(?<=[!?])\s|(?<=\w\w\.)\s)[\"'(\[]*[^\W\d_]")
_LONE_I = re.compile(r"(?<![\w'’.])i(?=['’](?:m|d|ll|ve)\b|[\s,;:!?)\"]|\.(?!\w)|\Z)")


def detokenize(text: str, capitals: bool = False) -> str:
    """Put the spaces of a tokenised sentence back where people have them.

    Punctuation joins the word before it, brackets and quotes what they hold, split contractions
    become one word (`ca n't`, `it 's`, `gon na`). What was lost in tokenising, such as which
    hyphens had spaces, is guessed; text that was never tokenised stays as it is, but for the
    spaces before punctuation.

    Args:
        text: one sentence, its tokens apart by spaces.
        capitals: write the first letter of a sentence and a lone "i" as capitals, for text that
            was put into lower case.

    Examples:
        >>> detokenize("i do n't like it ( at all ) !", capitals=True)
        "I don't like it (at all)!"
    """
    text = text.strip()
    for pattern, new in _RULES:
        text = pattern.sub(new, text)
    if not capitals:
        return text
    text = _LONE_I.sub("I", text)
    return _SENTENCE_START.sub(lambda found: found.group().upper(), text)
