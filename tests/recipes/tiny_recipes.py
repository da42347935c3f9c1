"""Every recipe in a tiny form: the same plan, with small networks, few sentences and few steps.

The rules go by the kinds and names of settings and know no recipe: a new one needs no edit here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from seqgen.commands.main import main
from seqgen.generators.pretrained_models import new_model
from seqgen.generators.protocol import Specials
from seqgen.recipe.files import write
from seqgen.recipe.recipe import Recipe
from seqgen.text.grammar import Grammar
from seqgen.text.vocabulary import Vocabulary

STEPS = 3  # of every phase
MORE = 2  # by which the last phase is extended
GOLDEN = Path(__file__).parents[1] / "golden" / "losses.json"
_FEW = re.compile(r"(layers?|heads?|blocks|slots|_steps|rollouts)$")
_KEPT = re.compile("limit|position|seed")
_SENTENCES = Grammar.default().sample(60, seed=2)


def tiny(recipe: Recipe, folder: Path) -> Recipe:
    """The tiny form; where it reads files, they are written to the folder."""
    data = recipe.model_dump(mode="json")
    data["corpus"] = _corpus(data["corpus"], folder)
    _vocabulary(data, folder)
    for network in ("generator", "discriminator", "classifier"):
        data[network] = _shrunk(network, data[network])
    data["phases"] = [_step(step) for step in data["phases"]]
    data["batch"], data["accumulation"] = 8, min(data["accumulation"], 2)
    data["evaluate"] |= {"every": 1, "samples": 8, "patience": None}
    data["save"]["every"] = 2
    return Recipe.model_validate(data)


def _shrunk(name: str, value: Any, most: int = 8) -> Any:
    """Whole numbers of at most 2 (layers, heads, turns) or `most`; lengths and the rest as they
    are."""
    if isinstance(value, dict):
        return {key: _shrunk(key, inner, most) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shrunk(name, inner, most) for inner in value]
    if not isinstance(value, int) or isinstance(value, bool) or _KEPT.search(name):
        return value
    return min(value, 2 if _FEW.search(name) else most)


def _step(step: dict[str, Any]) -> dict[str, Any]:
    if "repeat" in step:
        inner = [_step(phase) for phase in step["phases"]]
        return {"repeat": min(step["repeat"], 2), "phases": inner}
    method = _shrunk("method", step["method"])
    if "every" in method:
        method["every"] = 2
    if "generator_steps" in method:
        method["generator_steps"] = 1  # the steps of a phase are whole rounds
    every = {"evaluate": {"every": 1}} if step["evaluate"] else {}
    return {**step, "method": method, "steps": STEPS, **every}


def _corpus(corpus: dict[str, Any], folder: Path) -> dict[str, Any]:
    small = {"count": 60, "vocabulary": 12, "length": 6, "limit": 24}
    if corpus["kind"] != "files":
        small |= {"valid": 16, "test": 16}
    if "parameters" in corpus:
        corpus["parameters"] = 0  # an oracle that needs no file
    for name, most in small.items():
        if isinstance(corpus.get(name), int):
            corpus[name] = min(corpus[name], most)
    if corpus["kind"] == "files":
        corpus |= _files(corpus, folder)
    return corpus


def _files(corpus: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What there is to read, as the recipe wants it: by label, in columns, or plain lines."""
    held: dict[str, Any] = {"valid": "last:8"} if isinstance(corpus["valid"], str) else {}
    held |= {"test": _lines(folder / "test.txt", "")} if corpus["test"] else {}
    for split in ("valid", "test"):
        if isinstance(corpus[split], dict):
            held[split] = {n: _lines(folder / f"{split}-{n}.txt", n) for n in corpus[split]}
    if corpus["styles"]:
        styles = {label: _lines(folder / f"{label}.txt", label) for label in corpus["styles"]}
        return {"styles": styles, **held}
    if corpus["label"] is None:
        return {"train": _lines(folder / "train.txt", ""), **held}
    rows = [{corpus["text"]: text, corpus["label"]: style} for text, style in _SENTENCES]
    file = folder / "train.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return {"train": str(file), **held}


def _lines(file: Path, label: str) -> str:
    """A file of sentences, other ones for other labels."""
    shift = sum(map(ord, label)) % len(_SENTENCES)
    texts = [text for text, _ in [*_SENTENCES[shift:], *_SENTENCES[:shift]]]
    file.write_text("".join(f"{text}\n" for text in texts[: 30 if label else None]), "utf-8")
    return str(file)


def _source(folder: Path) -> str:
    """A small model with a vocabulary, in the files that `seqgen export` writes."""
    target = folder / "source"
    vocabulary = Vocabulary.train((text for text, _ in _SENTENCES), "word")
    shape = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 32}
    specials = Specials(vocabulary.begin, vocabulary.end, vocabulary.pad)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        new_model(shape, len(vocabulary), specials).save_pretrained(target)
    vocabulary.save(target)
    return str(target)


def _vocabulary(data: dict[str, Any], folder: Path) -> None:
    """A small one; a model to be had elsewhere gives way to a small one, which has its own."""
    generator, vocabulary = data["generator"] or {}, data["vocabulary"]
    if generator.get("source") is not None:
        generator["source"], vocabulary = _source(folder), None
    if vocabulary is not None:
        vocabulary = {"kind": "word"} if vocabulary["kind"] == "open" else vocabulary
        vocabulary["minimum"] = 1
        if vocabulary.get("size") is not None:
            vocabulary["size"] = min(vocabulary["size"], 300)
    data["vocabulary"] = vocabulary


def write_tiny(recipe: Recipe, folder: Path) -> Path:
    """The tiny form as a recipe file of one's own."""
    file = folder / "tiny.yaml"
    file.write_text(write(tiny(recipe, folder)), "utf-8")
    return file


def train(*arguments: str | Path) -> int:
    """`seqgen train` in this process; returns the exit status."""
    return main(["train", *map(str, arguments), "--threads", "1", "--quiet", "--no-report"])


def extension(recipe: Recipe) -> list[str]:
    """The flags that make the last phase longer; none where the plan ends with a group."""
    last = len(recipe.phases) - 1
    if not hasattr(recipe.phases[last], "steps"):
        return []
    return [f"--phases.{last}.steps", str(STEPS + MORE)]


def journal(run: Path, event: str) -> list[dict[str, Any]]:
    """The journal's lines of one kind, without their times."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text("utf-8").splitlines())
    return [{**line, "seconds": None} for line in lines if line["event"] == event]


def losses(run: Path) -> list[dict[str, float]]:
    """The first five training losses, each as player -> loss."""
    return [
        {name: value for name, value in line.items() if name.endswith("/loss")}
        for line in journal(run, "training")[:5]
    ]


def last_checkpoint(run: Path) -> Path:
    """The folder of the latest checkpoint."""
    return run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()


def contents(checkpoint: Path) -> Mapping[str, Any]:
    """Weights and states as nested values: for comparing bit by bit."""
    # Not the files' bytes: safetensors writes the names of tied weights in any order.
    found: dict[str, Any] = {
        file.name: _plain(load_file(file)) for file in checkpoint.glob("*.safetensors")
    }
    for file in checkpoint.glob("*.pt"):
        state = torch.load(file, weights_only=True)
        state.pop("journal", None)  # the length of a file with times in it
        found[file.name] = _plain(state)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return repr(value)  # nan is nan
