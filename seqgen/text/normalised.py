"""Sentences as a model that knew every word would write them."""

from __future__ import annotations

from collections.abc import Iterable

from seqgen.text.vocabulary import Vocabulary

_BLOCK = 4096


def normalised(vocabulary: Vocabulary, texts: Iterable[str]) -> list[str]:
    """Each text put into the vocabulary's form: its case, its spaces, its split punctuation.

    A word that the vocabulary does not know stays a word: references with <unk> in them would
    match a model's <unk>, and BLEU would grow with the words left out.
    """
    if vocabulary.kind == "subword":
        return _spelled(vocabulary, list(texts))
    normalizer, splitter = vocabulary.tokenizer.normalizer, vocabulary.tokenizer.pre_tokenizer
    found = texts if normalizer is None else map(normalizer.normalize_str, texts)
    if vocabulary.kind == "character" or splitter is None:
        return list(found)
    return [" ".join(word for word, _ in splitter.pre_tokenize_str(text)) for text in found]


def _spelled(vocabulary: Vocabulary, texts: list[str]) -> list[str]:
    """There and back again: what a tokenizer of pieces changes is then changed as in its own
    writing. A text that it cannot spell is left as it stands."""
    tokenizer, written = vocabulary.tokenizer, []
    for first in range(0, len(texts), _BLOCK):
        block = texts[first : first + _BLOCK]
        rows = [e.ids for e in tokenizer.encode_batch_fast(block, add_special_tokens=False)]
        decoded = tokenizer.decode_batch(rows, skip_special_tokens=False)
        for text, row, spelled in zip(block, rows, decoded, strict=True):
            known = vocabulary.unknown is None or vocabulary.unknown not in row
            written.append(spelled if known else text)
    return written


def text_form(vocabulary: Vocabulary) -> str:
    """What `normalised` changes, for signatures: "lowercase+final", "lowercase", "split",
    "treebank"; "" where text stays as it is. Figures of one form say nothing beside those of
    another."""
    probe, contraction = normalised(vocabulary, ["A (B) c.", "don't"])
    found = ["lowercase"] if probe == probe.lower() else []
    if contraction == "do n't":
        found.append("treebank")
    elif "( " in probe:
        found.append("split")
    elif probe.endswith(" ."):
        found.append("final")
    return "+".join(found)
