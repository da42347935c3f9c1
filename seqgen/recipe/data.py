"""Settings of corpora and vocabularies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from seqgen.recipe.settings import Positive, Settings, Share, Text, Whole

Labelled = Annotated[dict[str, str], Field(min_length=1)]  # a file a label


def kind_or_files(given: Any) -> str | None:
    """The kind of a corpus; `files` where none is given."""
    if isinstance(given, Mapping):
        return str(given.get("kind", "files"))
    return getattr(given, "kind", None)


class FilesCorpus(Settings):
    """Sentences of your own: text, JSON lines, tables, a Hugging Face dataset or standard input."""

    kind: Literal["files"] = "files"
    """Where the sentences come from; `files` where nothing is said."""
    train: str | tuple[str, ...] | None = None
    """Training sentences: .txt, .jsonl, .csv or .tsv (each also .gz), a Hugging Face dataset as
    hf:owner/name, or - for standard input."""
    valid: Share | Positive | Text | Labelled | None = 0.05
    """Validation sentences: a file, one file a label as `styles` has them, or training sentences
    held out: a share of them (0.05), a number (500), or last:500 for the last 500."""
    seed: Whole = 0
    """Which rows a held-out share or number takes."""
    test: str | Labelled | None = None
    """Test sentences, scored once at the end: a file, or one file a label."""
    styles: Labelled | None = None
    """Training sentences as one file a label, in place of `train`: {negative: a.txt, positive:
    b.txt}."""
    text: str = "text"
    """Column that holds the sentence, in files with columns."""
    label: str | None = None
    """Column that holds the label, in files with columns."""
    limit: Positive = 32
    """Longest sentence in tokens, its end among them: 40 leaves room for 39 others. Longer ones are
    cut to their first 40 tokens, without an end, and counted."""
    encoding_errors: Literal["strict", "replace", "ignore"] = "strict"
    """What to do with bytes that are not UTF-8."""

    @classmethod
    def fits(cls, given: Mapping[str, Any]) -> bool:
        """A corpus without a kind is one of files."""
        return str(given.get("kind", "files")) == "files"

    @field_validator("valid")
    @classmethod
    def _check_valid(
        cls, valid: float | int | str | dict[str, str] | None
    ) -> float | int | str | dict[str, str] | None:
        if isinstance(valid, float) and not 0 < valid < 1:
            raise ValueError(
                "a share must lie between 0 and 1, a number of rows is 1 or more; none switches "
                "validation off"
            )
        if isinstance(valid, str) and re.fullmatch(r"last:(?![1-9]\d*$).*", valid):
            raise ValueError("write last:500 for the last 500 training sentences")
        return valid

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.train is not None and self.styles is not None:
            raise ValueError("give either train or styles (one file a label), not both")
        if self.styles is not None and self.label is not None:
            raise ValueError("styles names the labels already: leave label out")
        return self

    @property
    def labelled(self) -> bool:
        """Whether the sentences have labels."""
        return self.styles is not None or self.label is not None

    @property
    def given(self) -> bool:
        """Whether there is anything to train on."""
        return self.train is not None or self.styles is not None


class GrammarCorpus(Settings):
    """Sentences drawn from a probabilistic grammar whose entropy is known: the embedded captions
    where nothing is said."""

    kind: Literal["grammar"] = "grammar"
    """Where the sentences come from."""
    grammar: Text = "captions"
    """Which grammar: captions (two styles), moods (three, smaller), or a file of your own."""
    count: Positive = 10_000
    """Training sentences."""
    valid: Positive = 1_000
    """Validation sentences."""
    test: Positive = 1_000
    """Test sentences."""
    style: str | None = None
    """Only sentences of this style; all styles where none is given."""
    labels: bool = True
    """Whether sentences of all styles bear them as labels; without, one model of all can be
    exported to Hugging Face."""
    limit: Positive = 32
    """Longest sentence in tokens, its end among them: 40 leaves room for 39 others. Longer ones are
    cut to their first 40 tokens, without an end, and counted."""
    seed: Whole = 0
    """Which sentences are drawn."""

    @property
    def labelled(self) -> bool:
        """Sentences are labelled by style unless only one style is drawn, or no label wanted."""
        return self.style is None and self.labels


class OracleCorpus(Settings):
    """Synthetic sentences drawn from a fixed random LSTM, whose likelihood is known.

    The experiment of SeqGAN (Yu et al. 2017, arXiv 1609.05473). Its ids are words already: it has
    no vocabulary to train and no end of sentence.
    """

    kind: Literal["oracle"] = "oracle"
    """Where the sentences come from."""
    parameters: Whole | Text = 0
    """The oracle itself: a seed its parameters are drawn from, or an .npz file that holds them."""
    vocabulary: Positive = 5_000
    """Number of words."""
    length: Positive = 20
    """Length of every sentence."""
    count: Positive = 10_000
    """Training sentences."""
    valid: Positive = 10_000
    """Validation sentences, on which likelihood is reported."""
    seed: Whole = 0
    """Which sentences are drawn."""

    labelled: ClassVar[bool] = False

    @property
    def limit(self) -> int:
        """Longest sentence in tokens."""
        return self.length


Corpus = Annotated[
    Annotated[FilesCorpus, Tag("files")]
    | Annotated[GrammarCorpus, Tag("grammar")]
    | Annotated[OracleCorpus, Tag("oracle")],
    Discriminator(kind_or_files),
]


class TrainedVocabulary(Settings):
    """A vocabulary learned from the training sentences."""

    kind: Literal["word", "subword", "character"] = "word"
    """What an entry is: a word between spaces, a piece of a word (BPE), or a character."""
    size: Positive | None = None
    """Most entries; the most frequent are kept. A subword vocabulary needs it."""
    minimum: Positive = 1
    """Entries seen fewer times than this become unknown."""
    lowercase: bool = False
    """Whether everything is put into lower case."""
    punctuation: Literal["keep", "final", "split", "treebank"] = "keep"
    """Words only: leave punctuation as it stands, split off a period that ends the sentence, split
    all of it, or as the Penn Treebank has it (do n't, it 's, great !)."""

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind == "subword" and self.size is None:
            raise ValueError("a subword vocabulary needs a size, for instance 8000")
        if self.kind != "word" and self.punctuation != "keep":
            raise ValueError(
                f"punctuation: {self.punctuation} is for kind word, not {self.kind}; set it to keep"
            )
        return self


class OpenVocabulary(Settings):
    """A vocabulary that exists already."""

    kind: Literal["open"] = "open"
    """An existing vocabulary."""
    source: str
    """A tokenizer.json, or a folder that holds one."""


Vocabulary = Annotated[TrainedVocabulary | OpenVocabulary, Field(discriminator="kind")]
