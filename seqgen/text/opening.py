"""Opening a tokenizer.json: is it sound, and which ids begin, end and pad a sentence?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from seqgen.text.errors import CorpusError, missing_file
from seqgen.text.pipelines import content

# Names that usual tokenizers give, tried in order where no tokenizer_config.json says more.
_BEGIN = ("<begin>", "<s>", "<bos>", "<|begin_of_text|>", "[CLS]", "<|endoftext|>")
_END = ("<end>", "</s>", "<eos>", "<|end_of_text|>", "[SEP]", "<|endoftext|>")
_PAD = ("<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>")


class SpecialIds(NamedTuple):
    """Ids of a vocabulary that mean something; `end` and `unknown` may be missing."""

    pad: int
    begin: int
    end: int | None
    unknown: int | None


def open_tokenizer(path: Path) -> tuple[Tokenizer, SpecialIds]:
    """Open a tokenizer.json, or the one in a folder, and tell its special ids.

    Raises:
        CorpusError: no such file, a damaged one (with line and column), or no token that could
            begin a sentence.
    """
    if path.is_dir():
        path = path / "tokenizer.json"
        if not path.is_file():
            raise CorpusError(
                f"{path.parent} holds no tokenizer.json; for a Hugging Face model write one with"
                " AutoTokenizer.from_pretrained(folder).save_pretrained(folder)"
            )
    if not path.is_file():
        raise missing_file(path)
    tokenizer = _parse(path)
    return tokenizer, find_special_ids(tokenizer, path.parent)


def find_special_ids(tokenizer: Tokenizer, folder: Path) -> SpecialIds:
    """Tell the special tokens by tokenizer_config.json beside the file, or by their usual names.

    Without BEGIN, END begins a sentence too; without PAD, END fills the tail (GPT-2 has one token
    for all three).

    Raises:
        CorpusError: a named token is not in the vocabulary, or nothing can begin a sentence.
    """
    named = _configured(folder)
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}

    def find(roles: Iterable[str], usual: Iterable[str]) -> int | None:
        for role in roles:
            if role in named:
                return _id(tokenizer, named[role], role, folder)
        return next((tokenizer.token_to_id(name) for name in usual if name in added), None)

    end = find(["eos_token", "sep_token"], _END)
    begin = find(["bos_token", "cls_token"], _BEGIN)
    begin = begin if begin is not None else _template_begin(tokenizer)
    begin = begin if begin is not None else end
    if begin is None:
        raise CorpusError(
            f"the tokenizer in {folder} names no token that begins or ends a sentence; name them in"
            f" {folder / 'tokenizer_config.json'} as bos_token and eos_token"
        )
    pad = find(["pad_token"], _PAD)
    if pad is None:
        pad = 0 if end is None else end
    return SpecialIds(pad, begin, end, _unknown(tokenizer))


def _parse(path: Path) -> Tokenizer:
    """A Tokenizer from a file; the errors of the library itself name neither file nor place."""
    advice = "restore the file, or make it again by training or save_pretrained"
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        return Tokenizer.from_str(text)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise CorpusError(f"{place}: the vocabulary is damaged: {error.msg}; {advice}") from error
    except Exception as error:
        raise CorpusError(f"{path}: this is no tokenizer: {error}; {advice}") from error


def _configured(folder: Path) -> dict[str, str]:
    """Role -> token from the two files that Hugging Face libraries have written."""
    found: dict[str, str] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CorpusError(f"{path} cannot be read: {error}; restore or remove it") from error
        for role, token in entries.items() if isinstance(entries, dict) else ():
            token = token.get("content") if isinstance(token, dict) else token
            if role.endswith("_token") and isinstance(token, str):
                found[role] = token
    return found


def _id(tokenizer: Tokenizer, token: str, role: str, folder: Path) -> int:
    number: int | None = tokenizer.token_to_id(token)
    if number is None:
        raise CorpusError(f"the {role} {token!r} named in {folder} is not in its tokenizer.json")
    return number


def _template_begin(tokenizer: Tokenizer) -> int | None:
    """The token that the post-processor puts before a sentence."""
    processor: dict[str, Any] = content(tokenizer)["post_processor"] or {}
    first = (
        (processor.get("single") or [{}])[0]
        if processor.get("type") == "TemplateProcessing"
        else {}
    )
    name = first.get("SpecialToken", {}).get("id")
    return None if name is None else tokenizer.token_to_id(name)


def _unknown(tokenizer: Tokenizer) -> int | None:
    """What the model makes of unknown text; a byte-level model knows all text and has none."""
    model: dict[str, Any] = content(tokenizer)["model"]
    if model.get("type") == "Unigram":
        number: int | None = model.get("unk_id")
        return number
    token = model.get("unk_token")
    return None if token is None else tokenizer.token_to_id(token)
