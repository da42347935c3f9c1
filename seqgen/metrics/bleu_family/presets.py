"""What each body of literature computed under the name of BLEU, so that its figures can be met.

The same real captions score BLEU-5 from .09 to .60 depending on the protocol: numbers may only be
compared under one protocol, and should stand beside those of real sentences under the same one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from seqgen.metrics.bleu_family.protocol import Backward, Protocol, SelfBleu, measure
from seqgen.metrics.table import Row, Table
from seqgen.metrics.tokens import Sentence, Tokenized, tokenize


@dataclass(frozen=True)
class Preset:
    """The protocol of one body of literature.

    ``sizes`` says in words how many sentences the original measured, ``bugs`` what is wrong with
    its code; ``with_bugs`` is the protocol that repeats those bugs that change a figure, None where
    there is none to repeat.
    """

    name: str
    source: str
    sizes: str
    protocol: Protocol
    bugs: Sequence[str] = ()
    with_bugs: Protocol | None = None


OLD_NLTK = (
    "nltk before 3.3 without smoothing: orders without a match silently drop out of the product, "
    "which inflates every score (BLEU-5 may exceed BLEU-4)"
)

_TEXYGEN = Protocol("nltk", lowercase=True, self_bleu=SelfBleu("leave-one-out"))
_TEXYGEN_CODE = Protocol("nltk", references=500, self_bleu=SelfBleu("leave-one-out", 500))
_LEAKGAN = Protocol("whitespace", smoothing="none", predictions=2000)
_IRL = Protocol("whitespace", smoothing="none", predictions=1000, backward=Backward(1000, 5000))
_IRL_TEXYGEN = Protocol("whitespace", predictions=1000, self_bleu=SelfBleu("leave-one-out", 1000))
_RELGAN = Protocol("nltk", predictions=100, self_bleu=SelfBleu("all others", 200))
_TEXTGAN = Protocol("nltk", predictions=200, self_bleu=SelfBleu("disjoint", 200))
_FALLING_SHORT = Protocol(
    "nltk", predictions=10_000, references=10_000, self_bleu=SelfBleu("leave-one-out", 10_000)
)
_STYLE = Protocol("nltk", lowercase=True, smoothing="none", orders=(4,), aligned=True)

_ALL = (
    Preset(
        "texygen-readme",
        "the tables of Texygen's README (Texygen: A Benchmarking Platform for Text Generation "
        "Models, Zhu et al. 2018, arXiv 1802.01886)",
        "all 9,984 generated sentences, all 10,000 test sentences of Image COCO",
        _TEXYGEN,
        bugs=("The code that comes with the README measures something else: texygen-code.",),
    ),
    Preset(
        "texygen-code",
        "Texygen's code as it runs by default (Zhu et al. 2018, arXiv 1802.01886)",
        "all generated sentences against the first 500 test sentences; self-BLEU of the first 500",
        _TEXYGEN_CODE,
        bugs=(
            "Without is_fast the sentence stays in its own references: self-BLEU is 1.",
            "The references of self-BLEU are those of the first call, so that later epochs are "
            "measured against old sentences; that cannot be repeated on one set of sentences.",
        ),
        with_bugs=replace(_TEXYGEN_CODE, self_bleu=SelfBleu("itself included", 500)),
    ),
    Preset(
        "leakgan",
        "LeakGAN's evaluation of image captions (Long Text Generation via Adversarial Training "
        "with Leaked Information, Guo et al. 2018, arXiv 1709.08624)",
        "2,000 generated sentences, all 5,000 test sentences",
        _LEAKGAN,
        bugs=(f"It ran with {OLD_NLTK}.",),
        with_bugs=replace(_LEAKGAN, smoothing="nltk-before-3.3"),
    ),
    Preset(
        "irl",
        "forward, backward and harmonic BLEU of Toward Diverse Text Generation with Inverse "
        "Reinforcement Learning (Shi et al. 2018, arXiv 1804.11258)",
        "1,000 generated sentences against 5,000 real ones, 1,000 real against 5,000 generated",
        _IRL,
        bugs=(
            f"It ran with {OLD_NLTK}.",
            "The 1,000 real sentences of backward BLEU are part of the test file.",
        ),
        with_bugs=replace(_IRL, smoothing="nltk-before-3.3"),
    ),
    Preset(
        "irl-texygen",
        "the second script of the same (Shi et al. 2018, arXiv 1804.11258): Texygen's smoothing",
        "1,000 generated sentences, 5,000 real ones; self-BLEU of 1,000",
        _IRL_TEXYGEN,
    ),
    Preset(
        "relgan",
        "RelGAN: Relational Generative Adversarial Networks for Text Generation (Nie et al. 2019)",
        "100 generated sentences, the whole test set; self-BLEU of 200 against all generated",
        _RELGAN,
        bugs=("The sentence stays in its own references: self-BLEU is 1, and was not reported.",),
        with_bugs=replace(_RELGAN, self_bleu=SelfBleu("itself included", 200)),
    ),
    Preset(
        "textgan-pytorch",
        "the library TextGAN-PyTorch",
        "200 generated sentences, the whole test set; self-BLEU of 200 against 10,000 others",
        _TEXTGAN,
        bugs=(
            "Values are rounded to three digits; with 200 sentences one standard error of BLEU-4 "
            "is .016.",
        ),
        with_bugs=replace(_TEXTGAN, decimals=3),
    ),
    Preset(
        "falling-short",
        "Language GANs Falling Short (Caccia et al. 2020, arXiv 1811.02549)",
        "10,000 generated sentences, 10,000 real ones",
        _FALLING_SHORT,
        bugs=("The code's own default is 500 references; the paper used 10,000.",),
    ),
    Preset(
        "style-transformer",
        "the evaluator of Style Transformer: Unpaired Text Style Transfer without Disentangled "
        "Latent Representation (Dai et al. 2019, arXiv 1905.05621)",
        "1,000 transferred sentences, row by row against one human reference each, times 100",
        _STYLE,
        bugs=(f"Tables of the time may stem from {OLD_NLTK}.",),
        with_bugs=replace(_STYLE, smoothing="nltk-before-3.3"),
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
"""All presets by name."""


def evaluate_preset(
    name: str,
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    old_bugs: bool = False,
    row: str = "hypotheses",
) -> Table:
    """Return what the literature of that name would have measured, and notes on how.

    Blank lines are dropped, but not from rows that belong together. Lists of tokens are taken as
    they are, whatever tokenizer the preset names.

    Args:
        name: one of PRESETS.
        predictions: generated sentences.
        references: real sentences, shared by all predictions; for ``style-transformer`` one a row.
        old_bugs: repeat the known bugs of the original that change a figure.
        row: the name of the table's one row.

    Raises:
        ValueError: an unknown name, too few sentences, or rows that do not pair up.
    """
    preset = find_preset(name)
    repeated = preset.with_bugs if old_bugs else None
    protocol = repeated or preset.protocol
    asked, known = (
        tokenize(given, protocol.tokenizer, protocol.lowercase, at_least=1)
        for given in (predictions, references)
    )
    notes = _notes(preset, repeated is not None)
    if old_bugs and repeated is None:
        notes.append("No bug of this protocol changes a figure: nothing was repeated.")
    if not protocol.aligned:
        given = len(predictions) + len(references)
        asked, known = _spoken(asked), _spoken(known)
        notes += _sizes(protocol, asked, known)
        notes += _blank(given - len(asked.sentences) - len(known.sentences))
    settings: dict[str, str | int] = {"preset": name, "old-bugs": "yes" if repeated else "no"}
    return Table([Row(row, measure(protocol, asked, known, settings))], notes)


def find_preset(name: str) -> Preset:
    """Return the preset of that name; ValueError with what there is where there is none."""
    if name in PRESETS:
        return PRESETS[name]
    near = [known for known in PRESETS if name and name in known]
    near = near or get_close_matches(name, PRESETS, n=2, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"no preset {name!r}: {meant}There are {', '.join(PRESETS)}")


def _spoken(given: Tokenized) -> Tokenized:
    return given._replace(sentences=[sentence for sentence in given.sentences if sentence])


def _notes(preset: Preset, repeated: bool) -> list[str]:
    notes = [f"Measured as {preset.source}: {preset.sizes}."]
    if preset.bugs:
        how = "repeated here" if repeated else "not repeated here"
        notes.append(f"Known of the original ({how}): {' '.join(preset.bugs)}")
    return notes


def _sizes(protocol: Protocol, asked: Tokenized, known: Tokenized) -> list[str]:
    wanted = (
        ("predictions", asked, protocol.predictions),
        ("references", known, protocol.references),
    )
    return [
        f"{len(given.sentences)} {what} were given where the protocol takes {count}: "
        "not comparable with its published figures."
        for what, given, count in wanted
        if count is not None and len(given.sentences) < count
    ]


def _blank(count: int) -> list[str]:
    return [f"{count} blank lines were dropped."] if count else []
