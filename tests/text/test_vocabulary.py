import json
import subprocess
import sys
from pathlib import Path

import pytest
import real_data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from seqgen.text.errors import CorpusError
from seqgen.text.pipelines import Kind, Punctuation
from seqgen.text.vocabulary import Vocabulary

TEXTS = ["b a c a", "c c b", "a man"]
SUBWORDS = Vocabulary.train(["a man rides"], "subword", size=300)
CAPTIONS = real_data.DATA / "coco_texygen" / "train.txt"


def words(vocabulary: Vocabulary) -> list[str]:
    return [vocabulary.tokenizer.id_to_token(number) for number in range(len(vocabulary))]


# Words


def test_word_ids_are_the_special_ones_then_by_count_then_by_alphabet() -> None:
    vocabulary = Vocabulary.train(TEXTS, "word")
    assert words(vocabulary) == ["<pad>", "<begin>", "<end>", "<unk>", "a", "c", "b", "man"]
    assert (vocabulary.pad, vocabulary.begin, vocabulary.end, vocabulary.unknown) == (0, 1, 2, 3)
    assert vocabulary.kind == "word"


def test_size_counts_all_ids_and_minimum_counts_occurrences() -> None:
    assert words(Vocabulary.train(TEXTS, "word", size=6))[4:] == ["a", "c"]
    assert words(Vocabulary.train(TEXTS, "word", minimum=2))[4:] == ["a", "c", "b"]


def test_encoding_appends_end_then_padding_and_keeps_unknown_words_visible() -> None:
    vocabulary = Vocabulary.train(TEXTS, "word")
    sentences = vocabulary.encode(["a zebra b", "man", ""], labels=[1, 0, 1])
    assert sentences.ids.tolist() == [[4, 3, 6, 2], [7, 2, 0, 0], [2, 0, 0, 0]]
    assert sentences.lengths.tolist() == [4, 2, 1]
    assert sentences.labels is not None and sentences.labels.tolist() == [1, 0, 1]
    assert vocabulary.texts(sentences.ids, sentences.lengths) == ["a <unk> b", "man", ""]
    flat = vocabulary.encode_flat(["a zebra b", "", "man"])
    assert (flat.ids.tolist(), flat.lengths.tolist()) == ([4, 3, 6, 2, 2, 7, 2], [4, 1, 2])


def test_limit_counts_the_end_and_the_cut_is_told(caplog: pytest.LogCaptureFixture) -> None:
    vocabulary = Vocabulary.train(TEXTS, "word")
    sentences = vocabulary.encode(["a b c a", "a b", "a"], limit=3)
    assert sentences.ids.tolist() == [[4, 6, 5], [4, 6, 2], [4, 2, 0]]
    assert sentences.lengths.tolist() == [3, 3, 2]
    assert vocabulary.texts(sentences.ids, sentences.lengths) == ["a b c", "a b", "a"]
    assert "1 of 3 sentences were cut to 3 tokens" in caplog.text
    assert vocabulary.encode_flat(["a b c a", "a b", "a"], limit=3).cut == 1
    with pytest.raises(CorpusError, match="at least 2"):
        vocabulary.encode(["a"], limit=1)


def test_a_special_token_spelled_in_the_text_is_unknown_and_never_special() -> None:
    vocabulary = Vocabulary.train(["a <unk> <unk> b <pad>", "<end> a"], "word")
    assert words(vocabulary)[4:] == ["a", "b"]
    flat = vocabulary.encode_flat(["a <unk> <pad> <end> <begin> b"])
    assert flat.ids.tolist() == [4, 3, 3, 3, 3, 5, 2]
    assert flat.unknown == 4


def test_texts_stop_at_the_first_end_and_drop_begin_and_padding() -> None:
    vocabulary = Vocabulary.train(TEXTS, "word")
    ids = torch.tensor([[1, 4, 2, 5, 6], [4, 0, 5, 0, 0], [4, 5, 6, 4, 5]])
    assert vocabulary.texts(ids) == ["a", "a c", "a c b a c"]
    assert vocabulary.texts(ids, torch.tensor([5, 5, 2])) == ["a", "a c", "a c"]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), max_size=5), st.integers(2, 7))
def test_only_what_fits_has_an_end(texts: list[list[str]], limit: int) -> None:
    vocabulary = Vocabulary.train(["a b c"], "word")
    flat = vocabulary.encode_flat([" ".join(text) for text in texts], limit)
    ends = flat.lengths.cumsum().tolist()
    rows = [flat.ids[begin:end].tolist() for begin, end in zip([0, *ends], ends, strict=False)]
    for text, row in zip(texts, rows, strict=True):
        ids = [vocabulary.tokenizer.token_to_id(word) for word in text]
        assert row == ([*ids, vocabulary.end] if len(ids) < limit else ids[:limit])
    assert flat.cut == sum(len(text) >= limit for text in texts)


@pytest.mark.parametrize(
    ("punctuation", "text", "expected"),
    [
        ("keep", "A man, riding.", "A man, riding."),
        ("final", "a man, riding.", "a man, riding ."),
        ("final", "a man, riding.  ", "a man, riding ."),
        ("final", "a man .", "a man ."),
        ("final", "no. 5 waits...", "no. 5 waits..."),
        ("split", "a man, riding.", "a man , riding ."),
        ("split", "don't", "don ' t"),
    ],
)
def test_punctuation(punctuation: Punctuation, text: str, expected: str) -> None:
    vocabulary = Vocabulary.train([text], "word", punctuation=punctuation)
    assert vocabulary.texts(vocabulary.encode([text]).ids) == [expected]


def test_normalisation_is_part_of_the_saved_file(tmp_path: Path) -> None:
    Vocabulary.train(["a man."], "word", lowercase=True, punctuation="final").save(tmp_path)
    opened = Vocabulary.open(tmp_path)
    assert opened.texts(opened.encode(["A MAN."]).ids) == ["a man ."]


# Characters and subwords


def test_characters_hold_spaces_and_text_without_spaces() -> None:
    vocabulary = Vocabulary.train(["床前明月光", "a b  c"], "character")
    texts = ["明月 前", " a  b ", "光é光"]
    assert vocabulary.texts(vocabulary.encode(texts).ids) == ["明月 前", " a  b ", "光<unk>光"]
    assert vocabulary.encode(["明月"]).lengths.tolist() == [3]
    assert vocabulary.kind == "character"


def test_a_special_token_spelled_in_characters_is_just_characters() -> None:
    vocabulary = Vocabulary.train(["<end> is a word"], "character")
    assert vocabulary.texts(vocabulary.encode(["a <end> is"]).ids) == ["a <end> is"]


def test_subwords_are_lossless_for_text_never_seen() -> None:
    vocabulary = Vocabulary.train(["a man rides a horse"] * 5, "subword", size=280)
    assert len(vocabulary) <= 280 and vocabulary.unknown is None and vocabulary.kind == "subword"
    texts = ["  a horse\t<end> 明月\0é ", "\u2028x\x85", "ok"]
    assert vocabulary.texts(vocabulary.encode(texts).ids) == texts


@settings(max_examples=50)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=4))
def test_subwords_and_characters_give_back_any_text(texts: list[str]) -> None:
    assert SUBWORDS.texts(SUBWORDS.encode(texts).ids) == texts
    if any(texts):
        characters = Vocabulary.train(texts, "character")
        assert characters.texts(characters.encode(texts).ids) == texts


def test_training_is_the_same_in_every_process_and_in_any_order() -> None:
    texts = [f"the cat {n % 7} sat on mat number {n * n % 101}" for n in range(300)]
    code = (
        "import sys, json; from seqgen.text.vocabulary import Vocabulary as V;"
        "texts = json.loads(sys.stdin.read());"
        "sizes = {'word': None, 'character': None, 'subword': 300};"
        "print([V.train(texts, kind, size).checksum for kind, size in sizes.items()])"
    )
    sums = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for order in (texts, texts[::-1])
    }
    assert len(sums) == 1


@pytest.mark.skipif(not CAPTIONS.exists(), reason="needs the captions")
def test_captions_have_the_known_number_of_words() -> None:
    lines = CAPTIONS.read_text().split("\n")[:-1]
    assert len(Vocabulary.train(lines, "word")) == 6094 + 4  # as the data's own description counts
    split = [
        f"{line[:-1]} ." if line[-2:] not in ("..", " .") else line
        for line in lines
        if line[-1] == "."
    ]
    split += [line for line in lines if line[-1] != "."]
    expected = {word for line in split for word in line.split()}
    assert len(Vocabulary.train(lines, "word", punctuation="final")) == len(expected) + 4


# The synthetic oracle


def test_numbers_have_no_end_and_begin_is_a_word() -> None:
    vocabulary = Vocabulary.numbers(5000, begin=3)
    assert (vocabulary.begin, vocabulary.end, vocabulary.unknown, vocabulary.pad) == (
        3,
        None,
        None,
        0,
    )
    sentences = vocabulary.encode(["0 3 4999 0"])
    assert sentences.ids.tolist() == [[0, 3, 4999, 0]] and sentences.lengths.tolist() == [4]
    assert vocabulary.texts(sentences.ids) == ["0 3 4999 0"]
    assert len(vocabulary) == 5000


def test_numbers_refuse_a_word_they_do_not_have() -> None:
    with pytest.raises(CorpusError, match="'5' is not among the 5 words"):
        Vocabulary.numbers(5).encode(["0 1", "4 5"])
    with pytest.raises(CorpusError, match="begin is 9"):
        Vocabulary.numbers(5, begin=9)


# Saving and opening


@pytest.mark.parametrize("kind", ["word", "character", "subword", "numbers"])
def test_saved_vocabularies_open_equal_from_folder_and_from_the_file_alone(
    kind: str, tmp_path: Path
) -> None:
    vocabulary = make(kind)
    vocabulary.save(tmp_path / "run")
    alone = tmp_path / "alone.json"
    alone.write_text((tmp_path / "run" / "tokenizer.json").read_text())
    for source in (tmp_path / "run", str(tmp_path / "run" / "tokenizer.json"), alone):
        opened = Vocabulary.open(source)
        assert opened.checksum == vocabulary.checksum
        assert opened.kind == vocabulary.kind
        assert (opened.pad, opened.begin, opened.end, opened.unknown) == (
            vocabulary.pad,
            vocabulary.begin,
            vocabulary.end,
            vocabulary.unknown,
        )
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def make(kind: str) -> Vocabulary:
    if kind == "numbers":
        return Vocabulary.numbers(20, begin=7)
    texts = ["A man rides a horse.", "床前 明月光", "a horse rides"]
    return Vocabulary.train(texts, kind, 300 if kind == "subword" else None, lowercase=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["word", "character", "subword"])
def test_auto_tokenizer_opens_it_and_gives_the_same_ids(kind: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    vocabulary = make(kind)
    vocabulary.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    texts = ["a horse rides 明月光", "The man", "A  horse."]
    batch = vocabulary.encode(texts)
    mine = [ids[mask].tolist() for ids, mask in zip(batch.ids, batch.mask, strict=True)]
    begin, end = vocabulary.begin, vocabulary.end
    assert theirs(texts)["input_ids"] == [[begin, *row[:-1]] for row in mine]
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (begin, end, 0)
    assert theirs.unk_token_id == vocabulary.unknown
    assert len(theirs) == len(vocabulary)
    padded = theirs(texts, padding=True, return_tensors="pt")
    assert padded["input_ids"].shape[0] == 3
    decoded = theirs.decode(mine[0], skip_special_tokens=True)
    assert decoded == vocabulary.texts(torch.tensor([mine[0]]))[0].replace("<unk> ", "").replace(
        "<unk>", ""
    )


def test_auto_tokenizer_opens_the_oracle_words(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    Vocabulary.numbers(20, begin=7).save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    assert theirs("0 19 7")["input_ids"] == [7, 0, 19, 7]
    assert theirs.decode([0, 19, 7], skip_special_tokens=True) == "0 19 7"


def gpt2_folder(folder: Path, **config: object) -> None:
    """A folder laid out as GPT-2's: byte-level BPE, one special token for everything."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=270, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["a man rides a horse"] * 3, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    folder.mkdir(exist_ok=True)
    tokenizer.enable_truncation(max_length=4)
    tokenizer.enable_padding(length=6)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def test_gpt2_has_one_token_to_begin_end_and_pad(tmp_path: Path) -> None:
    end = {"content": "<|endoftext|>", "__type": "AddedToken"}
    gpt2_folder(tmp_path, bos_token=end, eos_token="<|endoftext|>", unk_token="<|endoftext|>")
    vocabulary = Vocabulary.open(tmp_path)
    special = vocabulary.tokenizer.token_to_id("<|endoftext|>")
    assert vocabulary.begin == vocabulary.end == vocabulary.pad == special == len(vocabulary) - 1
    assert vocabulary.unknown is None and vocabulary.kind == "subword"
    texts = ["a horse rides a man", "", "say <|endoftext|> twice"]
    sentences = vocabulary.encode(texts)
    # The file's own truncation to 4 and padding to 6 are not obeyed; only lengths tell the tail.
    assert int(sentences.lengths[0]) > 5
    assert sentences.ids[1].tolist() == [special] * sentences.ids.shape[1]
    assert sentences.lengths[1] == 1
    assert vocabulary.texts(sentences.ids) == texts
    vocabulary.save(tmp_path / "again")
    again = Vocabulary.open(tmp_path / "again")
    assert again.pad == again.end == special and again.checksum == vocabulary.checksum


def test_gpt2_is_told_by_the_usual_name_where_no_configuration_is(tmp_path: Path) -> None:
    gpt2_folder(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    vocabulary = Vocabulary.open(tmp_path)
    assert vocabulary.begin == vocabulary.end == vocabulary.pad


def test_a_named_special_token_must_exist(tmp_path: Path) -> None:
    gpt2_folder(tmp_path, eos_token="</s>")
    with pytest.raises(CorpusError, match="eos_token '</s>'"):
        Vocabulary.open(tmp_path)


def test_a_tokenizer_that_can_begin_nothing_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str())
    with pytest.raises(CorpusError, match="bos_token"):
        Vocabulary.open(tmp_path)


def test_a_cut_file_is_refused_with_its_place_and_a_way_out(tmp_path: Path) -> None:
    make("word").save(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text()[:-40])
    with pytest.raises(
        CorpusError, match=r"tokenizer\.json:\d+:\d+: the vocabulary is damaged.*restore"
    ):
        Vocabulary.open(tmp_path)
    path.write_text('{"model": 3}')
    with pytest.raises(CorpusError, match=r"tokenizer\.json: this is no tokenizer.*restore"):
        Vocabulary.open(tmp_path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CorpusError, match="this is no tokenizer"):
        Vocabulary.open(tmp_path)


def test_missing_files_are_told_with_near_names(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"holds no tokenizer.json"):
        Vocabulary.open(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CorpusError, match=r"did you mean 'tokenizer.json'"):
        Vocabulary.open(tmp_path / "tokeniser.json")


def test_another_vocabulary_than_the_models_is_refused_with_both_checksums() -> None:
    mine, other = Vocabulary.train(["a b"], "word"), Vocabulary.train(["a c"], "word")
    mine.require(len(mine), mine.checksum)
    with pytest.raises(CorpusError) as caught:
        mine.require(len(other), other.checksum)
    assert mine.checksum in str(caught.value) and other.checksum in str(caught.value)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = make("word")
    old.save(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        Vocabulary.numbers(9).save(tmp_path)
    monkeypatch.undo()
    assert Vocabulary.open(tmp_path).checksum == old.checksum
    assert len(list(tmp_path.iterdir())) == 2


# Errors of training


@pytest.mark.parametrize("kind", ["word", "character", "subword"])
def test_no_text_is_an_error(kind: Kind) -> None:
    with pytest.raises(ValueError, match="0 sentences"):
        Vocabulary.train([], kind)


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(CorpusError, match="no word of the text occurs 3 times"):
        Vocabulary.train(["a b"], "word", minimum=3)
    with pytest.raises(CorpusError, match="100 ids is too small"):
        Vocabulary.train(["a b"], "subword", size=100)
    with pytest.raises(CorpusError, match="size is 4"):
        Vocabulary.train(["a b"], "word", size=4)
    with pytest.raises(CorpusError, match='"split" is for words'):
        Vocabulary.train(["a b"], "character", punctuation="split")
    with pytest.raises(CorpusError, match="kind is 'letters'"):
        Vocabulary.train(["a b"], "letters")  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="one string"):
        Vocabulary.train("a b", "word")
    with pytest.raises(CorpusError, match="one string"):
        Vocabulary.train(["a b"], "word").encode("a b")


def test_an_error_of_the_corpus_comes_through_training() -> None:
    def texts():  # type: ignore[no-untyped-def]
        yield "a"
        raise CorpusError("corpus.txt:2: damaged")

    with pytest.raises(CorpusError, match=r"corpus.txt:2"):
        Vocabulary.train(texts(), "word")


def test_what_is_no_unicode_string_is_refused() -> None:
    vocabulary = Vocabulary.train(["a"], "word")
    for bad in ("\ud800", 3):
        with pytest.raises(CorpusError, match="no string or no valid Unicode"):
            vocabulary.encode([bad])  # type: ignore[list-item]
