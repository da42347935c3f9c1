from pathlib import Path

import pytest
from experiment_runs import sentences, trained

from seqgen.errors import UserError
from seqgen.experiment.real_sentences import held_out, real_sentences
from seqgen.text.normalised import normalised
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.run import Run

TEXTS = ["A man Rides a horse.", "two  dogs run ...", "the man sees a zebra, once.", "a dog runs"]


def test_words_are_written_as_the_model_writes_them_and_none_is_unknown() -> None:
    words = Vocabulary.train(TEXTS, "word", minimum=2, lowercase=True, punctuation="final")
    assert normalised(words, TEXTS) == [
        "a man rides a horse .",
        "two dogs run ...",
        "the man sees a zebra, once .",
        "a dog runs",
    ]
    split = Vocabulary.train(TEXTS, "word", punctuation="split")
    assert normalised(split, TEXTS[2:3]) == ["the man sees a zebra , once ."]


@pytest.mark.parametrize("kind", ["word", "subword", "character"])
def test_text_a_vocabulary_spells_is_what_it_decodes_to(kind: str) -> None:
    size = 400 if kind == "subword" else None
    vocabulary = Vocabulary.train(TEXTS * 3, kind, size, lowercase=True)  # type: ignore[arg-type]
    ids = vocabulary.encode(TEXTS)
    assert normalised(vocabulary, TEXTS) == vocabulary.texts(ids.ids, ids.lengths)


def test_the_splits_of_files_are_disjoint_whole_and_drawn_by_seed(tmp_path: Path) -> None:
    texts = [f"a man sees {n} dogs" for n in range(60)]
    test = sentences(tmp_path, ["A Man Runs ."], "test.txt")
    given = sentences(tmp_path, texts)
    run = Run.open(trained(tmp_path, "--corpus.test", str(test), train=given).folder)
    train, valid = real_sentences(run, "train"), real_sentences(run, "valid")
    assert sorted(train + valid) == sorted(texts) and len(valid) == 15
    assert real_sentences(run, "test") == ["A Man Runs ."] and held_out(run) == "test"
    some = real_sentences(run, "train", 10, seed=1)
    assert some == [text for text in train if text in some] and len(some) == 10
    assert some == real_sentences(run, "train", 10, seed=1)
    assert some != real_sentences(run, "train", 10, seed=2)
    assert real_sentences(run, "train", 1000) == train


def test_files_that_are_gone_are_told_with_the_way_out(tmp_path: Path) -> None:
    run = Run.open(trained(tmp_path).folder)
    (tmp_path / "train.txt").unlink()
    with pytest.raises(UserError, match=r"train\.txt.*--references FILE and --train FILE"):
        real_sentences(run, "valid")
    with pytest.raises(UserError, match="no test sentences, only train, valid"):
        real_sentences(run, "test")


def test_every_sentence_is_as_likely_to_be_chosen(tmp_path: Path) -> None:
    texts = [f"word{n}" for n in range(20)]
    recipe = trained(tmp_path, "--corpus.valid", "none", "--evaluate.select", "none",
                     "--batch", "4", train=sentences(tmp_path, texts))  # fmt: skip
    run = Run.open(recipe.folder)
    assert held_out(run) is None
    counts = dict.fromkeys(texts, 0)
    for seed in range(200):
        for text in real_sentences(run, "train", 5, seed):
            counts[text] += 1
    assert all(20 < count < 85 for count in counts.values())  # 50 expected, deviation 6


def test_synthetic_corpora_are_drawn_again(tmp_path: Path) -> None:
    oracle = ["--corpus", "{kind: oracle, vocabulary: 30, length: 6, count: 40, valid: 12}",
              "--vocabulary", "none"]  # fmt: skip
    run = Run.open(trained(tmp_path, *oracle, name="oracle").folder)
    valid = real_sentences(run, "valid")
    assert held_out(run) == "valid" and len(valid) == 12
    assert all(len(text.split()) == 6 and max(map(int, text.split())) < 30 for text in valid)
    grammar = ["--corpus", "{kind: grammar, count: 50, valid: 10, test: 10}"]
    run = Run.open(trained(tmp_path, *grammar, name="grammar").folder)
    assert [len(real_sentences(run, name)) for name in ("train", "valid", "test")] == [50, 10, 10]
