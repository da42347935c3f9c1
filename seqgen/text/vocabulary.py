"""Strings <-> ids."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from seqgen.files import replacing
from seqgen.text.errors import CorpusError
from seqgen.text.opening import SpecialIds, open_tokenizer
from seqgen.text.pipelines import (
    Kind,
    Punctuation,
    check_settings,
    content,
    kind_of,
    number_words,
    train_subwords,
    train_words,
)
from seqgen.text.sentences import Sentences, padded

_log = logging.getLogger("seqgen")


class Flat(NamedTuple):
    """Encoded sentences one after another, each with its END unless the limit cut it off: ids
    (tokens,), lengths (rows,)."""

    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]
    cut: int  # sentences longer than the limit
    unknown: int  # tokens


class Vocabulary:
    """Words, subwords or characters and their ids: a `tokenizers.Tokenizer` and its special ids.

    Special tokens never come out of text: where a sentence spells one, as PTB does with <unk>, a
    vocabulary of words reads it as unknown, the others spell it out.

    Attributes:
        pad: id that fills the tail of a batch (END where the tokenizer has no PAD).
        begin: id that is fed first and never stored (END where the tokenizer has no BEGIN).
        end: id that ends a sentence; None where all sentences have one length (the synthetic
            oracle).
        unknown: id of everything not known; None where nothing is ever unknown.
        kind: "word", "subword" or "character".
    """

    def __init__(self, tokenizer: Tokenizer, special: SpecialIds) -> None:
        # A file from elsewhere may cut and pad by itself, and read a spelled-out "</s>" as END.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self.tokenizer = tokenizer
        self.pad, self.begin, self.end, self.unknown = special
        self.kind: Kind = kind_of(tokenizer)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        kind: Kind,
        size: int | None = None,
        minimum: int = 1,
        lowercase: bool = False,
        punctuation: Punctuation = "keep",
    ) -> Vocabulary:
        """Learn a vocabulary from sentences.

        Ids 0 to 3 are PAD, BEGIN, END and unknown (subwords have no unknown); then come the words,
        the most frequent first and equally frequent ones by alphabet.

        Args:
            texts: sentences, streamed.
            kind: "word" (white space separates), "subword" (byte-level BPE, lossless) or
                "character" (spaces too).
            size: ids in all, special ones included; None is all words or characters, or 8,000
                subwords.
            minimum: least count of a word or character (of a merged pair: at least 2).
            lowercase: lower-case the text first.
            punctuation: "keep" as it is; "final" splits off a last period glued to a word; "split"
                (words only) makes every punctuation character a word; "treebank" (words only) cuts
                as corpora in the manner of the Penn Treebank are cut ("do n't", "it 's", "great
                !", `` and '' for quotes), which leaves their own text as it is.

        Raises:
            CorpusError: no text, no word frequent enough, a size too small, or a setting that does
                not exist.
        """
        check_settings(kind, size, minimum, punctuation)
        if kind == "subword":
            tokenizer = train_subwords(texts, size, minimum, lowercase, punctuation)
            return cls(tokenizer, SpecialIds(pad=0, begin=1, end=2, unknown=None))
        tokenizer = train_words(texts, kind, size, minimum, lowercase, punctuation)
        return cls(tokenizer, SpecialIds(pad=0, begin=1, end=2, unknown=3))

    @classmethod
    def numbers(cls, size: int, begin: int = 0) -> Vocabulary:
        """The synthetic oracle's vocabulary: the words "0" to "size - 1", no END, no unknown.

        `begin` is a word like any other; PAD is 0 and not used: all sentences have one length.
        """
        if not 0 <= begin < size:
            raise CorpusError(
                f"begin is {begin}; it must be one of the {size} words, 0 to {size - 1}"
            )
        return cls(
            number_words(size, begin), SpecialIds(pad=0, begin=begin, end=None, unknown=None)
        )

    @classmethod
    def open(cls, source: str | Path) -> Vocabulary:
        """Open a tokenizer.json, or a folder with one (a run, a Hugging Face model).

        Raises:
            CorpusError: no such file, a damaged file, or no token that could begin a sentence.
        """
        return cls(*open_tokenizer(Path(source).expanduser()))

    def save(self, folder: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json, which AutoTokenizer reads too."""
        config: dict[str, Any] = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
        }
        if (
            self.end is not None
        ):  # the oracle's begin is a word like any other and must not be dropped when decoding
            roles = {"bos": self.begin, "eos": self.end, "unk": self.unknown}
            roles["pad"] = None if self.pad == self.end else self.pad
            named = {role: number for role, number in roles.items() if number is not None}
            config |= {f"{role}_token": self.tokenizer.id_to_token(n) for role, n in named.items()}
        with replacing(Path(folder) / "tokenizer.json") as file:
            file.write(self.tokenizer.to_str(pretty=True).encode())
        with replacing(Path(folder) / "tokenizer_config.json") as file:
            file.write((json.dumps(config, indent=2, sort_keys=True) + "\n").encode())

    def __len__(self) -> int:
        return self._size

    @cached_property
    def _size(self) -> int:
        # Not the count: ids of a vocabulary from elsewhere may have gaps.
        return 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values())

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the pipeline, the words and the special ids, whatever the file's layout."""
        parts = content(self.tokenizer)
        parts["special ids"] = [self.pad, self.begin, self.end, self.unknown]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def require(self, size: int, checksum: str) -> None:
        """Raise CorpusError where a model was trained with another vocabulary than this one."""
        if (size, checksum) != (len(self), self.checksum):
            raise CorpusError(
                f"this vocabulary ({len(self)} ids, checksum {self.checksum}) is not the one the"
                " model was trained"
                f" with ({size} ids, checksum {checksum}); put the model's own tokenizer.json back"
            )

    def encode_flat(self, texts: Sequence[str], limit: int | None = None) -> Flat:
        """Encode without padding; a sentence has at most `limit` tokens, its END among them.

        Of a longer one the first `limit` tokens are left, without END: it does not end there, and
        nobody should learn that it does.

        Raises:
            CorpusError: a limit too small; a word not known where the vocabulary has no unknown.
        """
        reserved = 0 if self.end is None else 1
        if limit is not None and limit <= reserved:
            raise CorpusError(f"limit is {limit} tokens; it must be at least {reserved + 1}")
        rows = self._raw(texts)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        whole = np.ones(len(rows), bool)
        if limit is not None:
            whole = lengths + reserved <= limit
            rows = [row[:limit] for row in rows]
            lengths = lengths.clip(max=limit)
        ids = np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum()))
        unknown = 0
        if self.unknown is not None:
            special = [id for id in (self.pad, self.begin, self.end) if id is not None]
            ids[np.isin(ids, special)] = self.unknown
            unknown = int((ids == self.unknown).sum())
        if self.end is not None:
            ids = np.insert(ids, np.cumsum(lengths)[whole], self.end)
        return Flat(ids, lengths + reserved * whole, int((~whole).sum()), unknown)

    def encode(
        self,
        texts: Sequence[str],
        limit: int | None = None,
        labels: Sequence[int] | Tensor | None = None,
    ) -> Sentences:
        """Encode to one padded batch, (rows, time); a warning says how many the limit cut."""
        flat = self.encode_flat(texts, limit)
        if flat.cut:
            _log.warning("%d of %d sentences were cut to %s tokens", flat.cut, len(texts), limit)
        lengths = torch.from_numpy(flat.lengths)
        ids = padded(torch.from_numpy(flat.ids), lengths.cumsum(0) - lengths, lengths, self.pad)
        numbers = None if labels is None else torch.as_tensor(labels, dtype=torch.int64)
        return Sentences(ids, lengths, numbers)

    def unknown_words(self, text: str) -> list[str]:
        """The words (or characters) of a text that encoding reads as unknown, each once, as they
        stand there."""
        if self.unknown is None:
            return []
        special = (self.pad, self.begin, self.end, self.unknown)
        found = self.tokenizer.encode(text, add_special_tokens=False)
        pieces = zip(found.ids, found.offsets, strict=True)
        words = [text[begin:end] for number, (begin, end) in pieces if number in special]
        return list(dict.fromkeys(words))

    def texts(self, ids: Tensor, lengths: Tensor | None = None) -> list[str]:
        """Decode ids (rows, time) up to the first END, or to `lengths` (rows,) if that comes first.

        BEGIN, END and PAD are left out; an unknown word stays visible.
        """
        counts = [ids.shape[1]] * len(ids) if lengths is None else lengths.tolist()
        rows = [self._words(row[:n]) for row, n in zip(ids.tolist(), counts, strict=True)]
        decoded: list[str] = self.tokenizer.decode_batch(rows, skip_special_tokens=False)
        return decoded

    def _words(self, row: list[int]) -> list[int]:
        if self.end is None:
            return row
        if self.end in row:
            row = row[: row.index(self.end)]
        return [number for number in row if number not in (self.begin, self.pad)]

    def _raw(self, texts: Sequence[str]) -> list[list[int]]:
        if isinstance(texts, str):
            raise CorpusError("one string was given to encode; give a list of sentences")
        try:
            found = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        except TypeError as error:
            raise CorpusError(
                f"a sentence to encode is no string or no valid Unicode: {error}"
            ) from error
        except Exception as error:  # the library raises the bare class where a word is missing
            raise CorpusError(self._missing(texts)) from error
        return [encoding.ids for encoding in found]

    def _missing(self, texts: Iterable[str]) -> str:
        words = (word for text in texts for word in text.split())
        word = next((word for word in words if self.tokenizer.token_to_id(word) is None), "?")
        return (
            f"the word {word!r} is not among the {len(self)} words of this vocabulary, and it has"
            " no unknown;"
            " train a vocabulary on this text, or correct the text"
        )
