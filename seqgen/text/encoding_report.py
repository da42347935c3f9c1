"""What was met while a corpus was encoded: counts for the journal, warnings for the user."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Report:
    """What encoding met, for the journal.

    Attributes:
        sentences: rows of the corpus.
        tokens: ids in all, every END included.
        words: ids without END.
        unknown: words that the vocabulary does not know.
        cut: sentences longer than the limit of tokens.
        blank: blank lines dropped.
        shortened: lines cut while reading, far beyond any limit of tokens.
    """

    sentences: int
    tokens: int
    words: int
    unknown: int
    cut: int
    blank: int
    shortened: int

    @property
    def unknown_share(self) -> float:
        """Unknown words among all words, 0 to 1."""
        return self.unknown / self.words if self.words else 0.0

    def facts(self) -> dict[str, int | float]:
        """Name -> number, the unknown share included."""
        return {**asdict(self), "unknown_share": self.unknown_share}

    def warnings(self, name: str, limit: int | None) -> list[str]:
        """What a user should know about this corpus, one sentence each; empty where all is well."""
        found = []
        if self.blank:
            found.append(f"{name}: {self.blank} blank lines were dropped")
        if self.cut:
            found.append(
                f"{name}: {self.cut} of {self.sentences} sentences were cut to {limit} tokens,"
                " and have no end"
            )
        if self.shortened:
            found.append(
                f"{name}: {self.shortened} lines were so long that their ends were not read"
            )
        if self.words and self.unknown == self.words:
            found.append(f"{name}: no word is in the vocabulary; is this text of the same kind?")
        elif self.unknown_share > 0.2:
            found.append(
                f"{name}: {self.unknown_share:.0%} of the words are unknown to the vocabulary;"
                " is the text of the same kind, with the same case and punctuation?"
            )
        return found
