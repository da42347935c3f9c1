"""Settings of generators and classifiers: one class a network."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from seqgen.recipe.settings import Dropout, Positive, PositiveNumber, Settings


class RecurrentGenerator(Settings):
    """LSTM or GRU language model."""

    kind: Literal["lstm", "gru"] = "lstm"
    """The cell."""
    width: Positive = 256
    """Size of the token vectors."""
    hidden: Positive = 512
    """Size of the recurrent layers."""
    layers: Positive = 1
    """Number of recurrent layers."""
    dropout: Dropout = 0.0
    """Dropout on the token vectors, between layers and before the head."""
    tie: bool = False
    """Whether token vectors and output layer share their weights."""
    initial: PositiveNumber | None = None
    """Standard deviation of N(0, initial) for all parameters at the start; none: the usual
    initialisation."""


class TransformerGenerator(Settings):
    """Transformer decoder with pre-normalisation and a key/value cache."""

    kind: Literal["transformer"] = "transformer"
    """The network."""
    width: Positive = 256
    """Size of the hidden vectors; a multiple of heads."""
    layers: Positive = 4
    """Number of layers."""
    heads: Positive = 4
    """Attention heads a layer."""
    dropout: Dropout = 0.1
    """Dropout on token vectors, attention and residual branches."""
    positions: Literal["rotary", "learned"] = "rotary"
    """How positions enter: rotated queries and keys, or learned vectors."""
    tie: bool = True
    """Whether token vectors and output layer share their weights."""
    limit: Positive = 512
    """Longest sentence in tokens; at least the limit of the corpus."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        check_heads(self.width, self.heads)
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise ValueError(
                f"width {self.width} and heads {self.heads} give heads of odd size "
                f"{self.width // self.heads}; rotary positions need an even one: "
                f"width {self.width + self.heads} would give it, or take positions learned"
            )
        return self


class RelationalGenerator(Settings):
    """Relational memory: a recurrent network whose memory slots attend to each other (RelGAN's
    generator)."""

    kind: Literal["relational"] = "relational"
    """The network."""
    width: Positive = 32
    """Size of the token vectors."""
    slots: Positive = 1
    """Memory slots."""
    heads: Positive = 2
    """Attention heads."""
    head_size: Positive = 256
    """Size of a head; the memory of a slot is heads x head_size wide."""
    blocks: Positive = 1
    """Attention blocks a step."""
    layers: Positive = 2
    """Layers of the network behind the attention."""
    tie: bool = False
    """Whether token vectors and output layer share their weights."""


class LowRank(Settings):
    """Low-rank adapters: only small matrices beside the frozen weights are trained (LoRA, needs
    peft)."""

    rank: Positive = 8
    """Rank of the added matrices."""
    alpha: PositiveNumber = 16.0
    """Scale of the added matrices; they act with alpha / rank."""
    dropout: Dropout = 0.0
    """Dropout before the added matrices."""


class PretrainedGenerator(Settings):
    """A causal language model of Hugging Face transformers."""

    kind: Literal["pretrained"] = "pretrained"
    """The network."""
    source: str | None = None
    """Name on the hub, or a local folder; its tokenizer becomes the vocabulary."""
    configuration: dict[str, Any] | None = None
    """In place of a source, a model configuration to start from scratch: {model_type: gpt2,
    n_layer: 2, ...}."""
    lora: LowRank | None = None
    """Train low-rank adapters only; none: train all weights."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Number format of the weights."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.source is None) == (self.configuration is None):
            raise ValueError(
                "give either source (weights to start from) or configuration (from scratch)"
            )
        if self.configuration is not None and "model_type" not in self.configuration:
            raise ValueError("configuration needs a model_type, for instance gpt2")
        return self


class StyleTransformerGenerator(Settings):
    """Transformer encoder and decoder that write a sentence again in a wanted style (Dai et al.
    2019, arXiv 1905.05621)."""

    kind: Literal["style-transformer"] = "style-transformer"
    """The network."""
    width: Positive = 256
    """Size of the hidden vectors; a multiple of heads."""
    layers: Positive = 4
    """Number of layers, of encoder and decoder each."""
    heads: Positive = 4
    """Attention heads a layer."""
    dropout: Dropout = 0.0
    """Dropout on token vectors, attention and residual branches."""
    tie: bool = False
    """Whether token vectors and output layer share their weights."""
    limit: Positive = 32
    """Longest sentence in tokens; at least the limit of the corpus."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        check_heads(self.width, self.heads)
        return self


Generator = Annotated[
    RecurrentGenerator
    | TransformerGenerator
    | RelationalGenerator
    | PretrainedGenerator
    | StyleTransformerGenerator,
    Field(discriminator="kind"),
]


class HashedNgramsClassifier(Settings):
    """Linear model over the words and hashed word n-grams of a sentence, in the manner of fastText
    (Joulin et al. 2016, arXiv 1607.01759)."""

    kind: Literal["hashed-ngrams"] = "hashed-ngrams"
    """The network."""
    width: Positive = 16
    """Size of the vectors of words and n-grams."""
    orders: Positive = 2
    """Longest n-gram; 1: words alone."""
    buckets: Positive = 100_000
    """Vectors that the n-grams of two and more words share by their hash."""
    dropout: Dropout = 0.0
    """Share of a sentence's words and n-grams that is left out in training."""


class ConvolutionClassifier(Settings):
    """Convolutions over the words of a sentence and their largest values (Kim 2014, arXiv
    1408.5882)."""

    kind: Literal["convolution"] = "convolution"
    """The network."""
    width: Positive = 128
    """Size of the token vectors."""
    widths: Annotated[tuple[Positive, ...], Field(min_length=1)] = (3, 4, 5)
    """How many tokens each convolution sees."""
    channels: Positive = 100
    """Features of each convolution."""
    dropout: Dropout = 0.5
    """Dropout on the token vectors and on the features."""


Classifier = Annotated[HashedNgramsClassifier | ConvolutionClassifier, Field(discriminator="kind")]


def check_heads(width: int, heads: int) -> None:
    """Refuse a width that the heads cannot share evenly, with the nearest that they can."""
    if width % heads:
        below = width - width % heads
        near = f"{below} or {below + heads}" if below else str(heads)
        raise ValueError(f"width {width} is no multiple of heads {heads}; {near} would be")
