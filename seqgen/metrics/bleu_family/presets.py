"""What each body of literature computed under the name of BLEU, so that its figures can be met.

The same real captions score BLEU-5 from .09 to .60 depending on the protocol: numbers may only be
compared under one protocol, and should stand beside those of real sentences under the same one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from seqgen.metrics.bleu_family.protocol import Backward, Protocol, SelfBleu

Sizes = Mapping[str, tuple[int | None, int | None]]
"""Metric -> how many hypotheses against how many references, None where it is not told."""


@dataclass(frozen=True)
class Preset:
    """The protocol of one body of literature.

    ``sizes`` says in words how many sentences the original measured, ``published`` in numbers those
    of its figures; ``bugs`` what is wrong with its code; ``with_bugs`` is the protocol that repeats
    those bugs that change a figure, None where there is none to repeat.
    """

    name: str
    source: str
    sizes: str
    protocol: Protocol
    bugs: Sequence[str] = ()
    with_bugs: Protocol | None = None
    published: Sizes = field(default_factory=dict)


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
        published={"bleu": (9984, 10_000), "self-bleu": (9984, 9983)},
        bugs=("The code that comes with the README measures something else: texygen-code.",),
    ),
    Preset(
        "texygen-code",
        "Texygen's code as it runs by default (Zhu et al. 2018, arXiv 1802.01886)",
        "all generated sentences against the first 500 test sentences; self-BLEU of the first 500",
        _TEXYGEN_CODE,
        published={"bleu": (None, 500), "self-bleu": (500, 499)},
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
        published={"bleu": (2000, 5000)},
        bugs=(f"It ran with {OLD_NLTK}.",),
        with_bugs=replace(_LEAKGAN, smoothing="nltk-before-3.3"),
    ),
    Preset(
        "irl",
        "forward, backward and harmonic BLEU of Toward Diverse Text Generation with Inverse "
        "Reinforcement Learning (Shi et al. 2018, arXiv 1804.11258)",
        "1,000 generated sentences against 5,000 real ones, 1,000 real against 5,000 generated",
        _IRL,
        published={"bleu": (1000, 5000), "backward-bleu": (5000, 1000)},
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
        published={"bleu": (1000, 5000), "self-bleu": (1000, 999)},
    ),
    Preset(
        "relgan",
        "RelGAN: Relational Generative Adversarial Networks for Text Generation (Nie et al. 2019)",
        "100 generated sentences, the whole test set; self-BLEU of 200 against all generated",
        _RELGAN,
        published={"bleu": (100, 10_000), "self-bleu": (200, 10_000)},
        bugs=("The sentence stays in its own references: self-BLEU is 1, and was not reported.",),
        with_bugs=replace(_RELGAN, self_bleu=SelfBleu("itself included", 200)),
    ),
    Preset(
        "textgan-pytorch",
        "the library TextGAN-PyTorch",
        "200 generated sentences, the whole test set; self-BLEU of 200 against 10,000 others",
        _TEXTGAN,
        published={"bleu": (200, 10_000), "self-bleu": (200, 10_000)},
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
        published={"bleu": (10_000, 10_000), "self-bleu": (10_000, 9999)},
        bugs=("The code's own default is 500 references; the paper used 10,000.",),
    ),
    Preset(
        "style-transformer",
        "the evaluator of Style Transformer: Unpaired Text Style Transfer without Disentangled "
        "Latent Representation (Dai et al. 2019, arXiv 1905.05621)",
        "1,000 transferred sentences, row by row against one human reference each, times 100",
        _STYLE,
        published={"aligned-bleu": (1000, 1)},
        bugs=(f"Tables of the time may stem from {OLD_NLTK}.",),
        with_bugs=replace(_STYLE, smoothing="nltk-before-3.3"),
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
"""All presets by name."""


def find_preset(name: str) -> Preset:
    """Return the preset of that name; ValueError with what there is where there is none."""
    if name in PRESETS:
        return PRESETS[name]
    near = [known for known in PRESETS if name and name in known]
    near = near or get_close_matches(name, PRESETS, n=2, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"no preset {name!r}: {meant}There are {', '.join(PRESETS)}")
