"""KenLM reads our files and gives the same perplexity."""

from __future__ import annotations

from pathlib import Path

import pytest
import real_data
from ngram_texts import zipf_corpus

from seqgen.ngram_model.model import NgramModel
from seqgen.text.grammar import Grammar

pytestmark = pytest.mark.slow
CAPTIONS = real_data.DATA / "coco_texygen"


def grammar_text() -> list[str]:
    return [sentence for sentence, _ in Grammar.default().sample(2000, seed=1)]


def random_text() -> list[str]:
    return [" ".join(sentence) for sentence in zipf_corpus(seed=1, sentences=1000)]


def caption_text() -> list[str]:
    if not CAPTIONS.exists():
        pytest.skip("no caption data beside the repository")
    return (CAPTIONS / "train.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("text", [grammar_text, random_text, caption_text])
@pytest.mark.parametrize("order", [2, 5])
def test_kenlm_gives_the_same_perplexity(tmp_path: Path, text, order: int) -> None:
    kenlm = pytest.importorskip("kenlm")
    sentences = text()
    train, held_out = sentences[:-200], [*sentences[-200:], "words never seen before", "a never"]
    model = NgramModel.train(train, order, unknown_below=2)
    assert model.score_tokens(held_out).unknown >= 5
    path = tmp_path / "lm.arpa"
    model.save(path)
    theirs = kenlm.Model(str(path))
    assert theirs.order == order
    log10 = [theirs.score(sentence, bos=True, eos=True) for sentence in held_out]
    tokens = sum(len(sentence.split()) + 1 for sentence in held_out)
    assert model.perplexity(held_out) == pytest.approx(10 ** (-sum(log10) / tokens), rel=1e-4)
    nats, _ = model.score(held_out)
    ours = (nats / 2.302585092994046).tolist()
    assert ours == pytest.approx(log10, abs=1e-3)
