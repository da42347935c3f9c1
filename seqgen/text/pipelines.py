"""The three ways to cut text into tokens, as pipelines of the `tokenizers` library.

Everything that changes a text on its way to ids stands in the pipeline, hence in tokenizer.json, so
raw text is treated the same in training, scoring and in other programs that open the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from seqgen.text.errors import CorpusError

Kind = Literal["word", "subword", "character"]
Punctuation = Literal["keep", "final", "split", "treebank"]

PAD, BEGIN, END, UNKNOWN = "<pad>", "<begin>", "<end>", "<unk>"
SUBWORDS = 8000  # ids of a subword vocabulary where no size is asked for
_FINAL_PERIOD = r"(?<=[^\s.])\.\s*\z"  # glued to a word, and not the end of an ellipsis
_EVERYTHING = 1 << 40
_CLITIC = r"(?:n't|'(?:s|m|d|re|ve|ll))"
# What is a token of its own inside a piece between spaces; the first that fits. A text that was cut
# like this before keeps its tokens.
_TREEBANK = "|".join(
    [
        rf"\A{_CLITIC}\z|(?<=\w){_CLITIC}(?!\w)",
        r"\A(?:[A-HJ-Za-hj-z]|[Mm]rs?|[Mm]s|[DdSsJj]r|[Ss]t|vs|etc)\.\z",
        r"(?<!\w)(?:\w\.){2,}",  # p.m.
        r"\d+(?:[.,:/]\d+)+",  # 1,000.50
        r"''|``|\.{2,}|-{2,}|\*{2,}",
        r"[!?,;:()\[\]{}…$%&#@`]",
        r"(?<=\w)'(?!\w)|\.(?!\w)",
    ]
)


def check_settings(kind: str, size: int | None, minimum: int, punctuation: str) -> None:
    """Raise CorpusError for settings of a vocabulary that do not exist or do not go together."""
    if kind not in ("word", "subword", "character"):
        raise CorpusError(f'kind is {kind!r}; give "word", "subword" or "character"')
    if punctuation not in ("keep", "final", "split", "treebank"):
        raise CorpusError(
            f'punctuation is {punctuation!r}; give "keep", "final", "split" or "treebank"'
        )
    if punctuation in ("split", "treebank") and kind != "word":
        raise CorpusError(
            f'punctuation "{punctuation}" is for words; a {kind} vocabulary already splits it'
        )
    if minimum < 1:
        raise CorpusError(f"minimum is {minimum}; a word is counted from 1 on")
    if size is not None and size < 5:
        raise CorpusError(f"size is {size}; the special tokens alone are 4, so give at least 5")


def train_words(
    texts: Iterable[str],
    kind: Literal["word", "character"],
    size: int | None,
    minimum: int,
    lowercase: bool,
    punctuation: Punctuation,
) -> Tokenizer:
    """A vocabulary of whole words, or of characters, the most frequent first and then by alphabet.

    Raises:
        CorpusError: no word of the texts is left.
    """
    counting = _words({}, kind, lowercase, punctuation)
    # The trainer sorts by count, then by alphabet, but gives a special token that also stands in
    # the text two ids; so it only ranks the words, and the ids are given here.
    ranking = trainers.WordLevelTrainer(
        vocab_size=_EVERYTHING, min_frequency=minimum, show_progress=False
    )
    counting.train_from_iterator(_checked(texts), ranking)
    ranks = counting.get_vocab()
    special = [PAD, BEGIN, END, UNKNOWN]
    words = [word for word in sorted(ranks, key=ranks.__getitem__) if word not in special]
    if not words:
        raise CorpusError(
            f"no {kind} of the text occurs {minimum} times; ask for a smaller minimum"
        )
    kept = (special + words)[:size]
    tokenizer = _words(
        {word: number for number, word in enumerate(kept)}, kind, lowercase, punctuation
    )
    _name_specials(tokenizer, special)
    return tokenizer


def train_subwords(
    texts: Iterable[str], size: int | None, minimum: int, lowercase: bool, punctuation: Punctuation
) -> Tokenizer:
    """Byte-pair encoding of the bytes: every text has a spelling, so nothing is ever unknown.

    Neural Machine Translation of Rare Words with Subword Units (2016, arXiv 1508.07909), over bytes
    as GPT-2 has it.
    """
    tokenizer = Tokenizer(models.BPE())
    _normalize(tokenizer, lowercase, punctuation)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [PAD, BEGIN, END]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    size = SUBWORDS if size is None else size
    if size < len(special) + len(alphabet):
        raise CorpusError(
            f"a subword vocabulary of {size} ids is too small: the bytes and special tokens alone"
            " are"
            f" {len(special) + len(alphabet)}"
        )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=max(minimum, 2),  # a pair met once would only learn the text by heart
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_checked(texts), trainer)
    _name_specials(tokenizer, special)
    return tokenizer


def number_words(size: int, begin: int) -> Tokenizer:
    """The words "0" to "size - 1", each its own id; the template says which begins a sentence."""
    tokenizer = Tokenizer(
        models.WordLevel({str(number): number for number in range(size)}, unk_token="")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(str(begin), begin)]
    )
    return tokenizer


def content(tokenizer: Tokenizer) -> dict[str, Any]:
    """What tokenizer.json holds."""
    found: dict[str, Any] = json.loads(tokenizer.to_str())
    return found


def kind_of(tokenizer: Tokenizer) -> Kind:
    """Tell the kind from the pipeline: words, single characters, or else subwords."""
    parts = content(tokenizer)
    if parts["model"]["type"] != "WordLevel":
        return "subword"
    return "character" if (parts["pre_tokenizer"] or {}).get("type") == "Split" else "word"


def _words(
    ids: dict[str, int],
    kind: Literal["word", "character"],
    lowercase: bool,
    punctuation: Punctuation,
) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    _normalize(tokenizer, lowercase, punctuation)
    if kind == "character":
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
    elif punctuation == "split":
        steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    elif punctuation == "treebank":
        cutting = pre_tokenizers.Split(Regex(_TREEBANK), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), cutting]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def _normalize(tokenizer: Tokenizer, lowercase: bool, punctuation: Punctuation) -> None:
    steps: list[normalizers.Normalizer] = []
    if lowercase:
        steps.append(normalizers.Lowercase())
    if punctuation == "final":
        steps.append(normalizers.Replace(Regex(_FINAL_PERIOD), " ."))
    if punctuation == "treebank":
        steps.append(normalizers.Replace("’", "'"))
        steps.append(normalizers.Replace(Regex(r'(?<![^\s(\[{])["“](?=\S)'), "``"))
        steps.append(normalizers.Replace(Regex('["“”]'), "''"))
    if steps:
        tokenizer.normalizer = normalizers.Sequence(steps)


def _name_specials(tokenizer: Tokenizer, special: list[str]) -> None:
    tokenizer.add_special_tokens(special)
    # As causal models of the Hugging Face library expect it: what is encoded there starts with
    # BEGIN and has no END, ready to be gone on with. Encoding here adds neither.
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]
    )


def _checked(texts: Iterable[str]) -> Iterator[str]:
    """The texts themselves; an error where there is none: an empty vocabulary fails only later."""
    if isinstance(texts, str):
        raise CorpusError("one string was given to train a vocabulary on; give a list of sentences")
    empty = True
    for text in texts:
        empty = False
        yield text
    if empty:
        raise CorpusError("0 sentences to train a vocabulary on")
