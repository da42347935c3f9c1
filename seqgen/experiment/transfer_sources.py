"""Source sentences as a model reads them, its answers as strings, and unknown words in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgen.experiment.transfer_decoding import Rewritten
from seqgen.text.normalised import normalised
from seqgen.text.sentences import Sentences, padded
from seqgen.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Sources:
    """Sentences ready to be read.

    Attributes:
        sentences: ids (rows, time), all padded to the same time whatever their lengths, so that a
            row meets the same shapes in any company; one that was cut has its END nevertheless.
        unknown: of each row, the places of the words that are not known, and how they are written
            there in the vocabulary's form.
        cut: of each row, whether words were left out.
    """

    sentences: Sentences
    unknown: Sequence[Mapping[int, str]]
    cut: Sequence[bool]


def read_sources(vocabulary: Vocabulary, texts: Sequence[str], time: int) -> Sources:
    """Encode sentences to `time` tokens.

    A longer sentence loses its last words and keeps an END: a network that has only read whole
    sentences would answer a broken-off one with anything.

    Raises:
        UserError: a word that the vocabulary cannot spell.
    """
    flat = vocabulary.encode_flat(texts)
    ids, lengths = torch.from_numpy(flat.ids), torch.from_numpy(flat.lengths)
    cut, shortened = lengths > time, lengths.clamp(max=time)
    rows = padded(ids, lengths.cumsum(0) - lengths, shortened, vocabulary.pad)
    rows = nn.functional.pad(rows, (0, time - rows.shape[1]), value=vocabulary.pad)
    if vocabulary.end is not None:
        rows[cut, -1] = vocabulary.end
    sentences = Sentences(rows, shortened)
    return Sources(sentences, _unknown(vocabulary, texts, sentences), cut.tolist())


def _unknown(
    vocabulary: Vocabulary, texts: Sequence[str], sentences: Sentences
) -> list[dict[int, str]]:
    """The unknown words of each row by their places; one id is one word, or one character. Pieces
    of words (subwords) are passed over: what they are pieces of cannot be told by their places."""
    found: list[dict[int, str]] = [{} for _ in texts]
    if vocabulary.unknown is None or vocabulary.kind == "subword":
        return found
    wanted = (sentences.ids == vocabulary.unknown) & sentences.mask
    for row in wanted.any(1).nonzero().flatten().tolist():
        [form] = normalised(vocabulary, [texts[row]])
        words = list(form) if vocabulary.kind == "character" else form.split(" ")
        found[row] = {place: words[place] for place in wanted[row].nonzero().flatten().tolist()}
    return found


def spelled(
    vocabulary: Vocabulary, sources: Sources, found: Rewritten
) -> tuple[list[list[str]], list[list[bool]]]:
    """The candidates of each source as strings, (rows, count), and whether unknown words are left
    in them; with attention, they are those of the source where it points."""
    rows, count = found.lengths.shape
    ids, lengths = found.tokens.flatten(0, 1).cpu(), found.lengths.flatten().cpu()
    texts = vocabulary.texts(ids, lengths)
    if vocabulary.unknown is None:
        return _nested(texts, count), [[False] * count for _ in range(rows)]
    steps = torch.arange(ids.shape[1])
    missing = (ids == vocabulary.unknown) & (steps < lengths[:, None])
    left = missing.any(1)
    if found.attention is not None:
        for row in left.nonzero().flatten().tolist():
            unknown = sources.unknown[row // count]
            if unknown:
                attention = found.attention[row // count, row % count].cpu()
                spoken = ids[row, : int(lengths[row])]
                texts[row] = _copied(vocabulary, spoken, unknown, attention)
                left[row] = _name(vocabulary) in unknown.values()
    return _nested(texts, count), left.view(rows, count).tolist()


def _copied(
    vocabulary: Vocabulary, ids: Tensor, unknown: Mapping[int, str], attention: Tensor
) -> str:
    """One candidate, ids (time,), with words of its source in place of unknown ones.

    Only the source's unknown words are looked at: a word it knows, the network could have written
    itself. attention (at least time, source time).
    """
    places = torch.tensor(list(unknown))
    nearest = places[attention[:, places].argmax(1)].tolist()
    special = (vocabulary.begin, vocabulary.end, vocabulary.pad)
    known = vocabulary.texts(ids[:, None])  # each token by itself
    words = [
        unknown[nearest[step]] if token == vocabulary.unknown else known[step]
        for step, token in enumerate(ids.tolist())
        if token not in special
    ]
    return ("" if vocabulary.kind == "character" else " ").join(words)


def _name(vocabulary: Vocabulary) -> str:
    """How an unknown word is written."""
    return vocabulary.texts(torch.tensor([[vocabulary.unknown]]))[0]


def _nested(texts: Sequence[str], count: int) -> list[list[str]]:
    return [list(texts[first : first + count]) for first in range(0, len(texts), count)]
