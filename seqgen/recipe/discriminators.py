"""Settings of discriminators: one class a network."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from seqgen.recipe.networks import check_heads
from seqgen.recipe.settings import Dropout, Positive, Settings

# SeqGAN's, for sequences of 20 tokens (Yu et al. 2017, arXiv 1609.05473).
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
CHANNELS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


def _one(value: Any) -> Any:
    # The command line knows no difference between a number and a list of one.
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


class BehaviorDiscriminator(Settings):
    """Bidirectional recurrent network over hidden states and outputs (professor forcing)."""

    kind: Literal["behavior"]
    """The network."""
    hidden: Positive = 512
    """Size of each direction; the paper has 2048."""
    layers: Positive = 1
    """Number of recurrent layers."""
    dropout: Dropout = 0.0
    """Dropout before the score."""


class ConvolutionDiscriminator(Settings):
    """SeqGAN's: convolutions of many widths, their largest values, a highway layer."""

    kind: Literal["convolution"]
    """The network."""
    width: Positive = 64
    """Size of the token vectors."""
    widths: Annotated[tuple[Positive, ...], Field(min_length=1)] = WIDTHS
    """How many tokens each convolution sees."""
    channels: Annotated[Positive | tuple[Positive, ...], BeforeValidator(_one)] = CHANNELS
    """Features of each convolution: one number for all, or one for each of widths."""
    dropout: Dropout = 0.25
    """Dropout on the features."""
    shared_gate: bool = False
    """Whether the highway layer has one gate for all features in place of one each."""
    spectral_norm: bool = False
    """Whether the weights of linear layers and convolutions are divided by their largest singular
    value (Miyato et al. 2018, arXiv 1802.05957); embeddings and recurrent layers are not."""

    @model_validator(mode="after")
    def _each_has_channels(self) -> Self:
        if isinstance(self.channels, tuple) and len(self.channels) != len(self.widths):
            raise ValueError(
                f"{len(self.channels)} channels for {len(self.widths)} widths; "
                "give as many, or one number for all"
            )
        return self


class RecurrentDiscriminator(Settings):
    """LSTM or GRU over the tokens, and the mean of its states."""

    kind: Literal["recurrent"]
    """The network."""
    cell: Literal["gru", "lstm"] = "gru"
    """The cell."""
    width: Positive = 64
    """Size of the token vectors."""
    hidden: Positive = 128
    """Size of the recurrent layers, each direction."""
    layers: Positive = 1
    """Number of recurrent layers."""
    dropout: Dropout = 0.0
    """Dropout on the token vectors, between layers and before the score."""
    bidirectional: bool = True
    """Whether a second network reads from the end."""
    per_token: bool = False
    """Whether every prefix gets a score, in place of the whole sentence; not with bidirectional."""
    spectral_norm: bool = False
    """Whether the weights of linear layers and convolutions are divided by their largest singular
    value (Miyato et al. 2018, arXiv 1802.05957); embeddings and recurrent layers are not."""

    @model_validator(mode="after")
    def _one_direction(self) -> Self:
        if self.per_token and self.bidirectional:
            raise ValueError(
                "per_token scores prefixes and must not see what comes behind them; "
                "set bidirectional to false"
            )
        return self


class TransformerDiscriminator(Settings):
    """Transformer over the tokens, and the mean of its vectors."""

    kind: Literal["transformer"]
    """The network."""
    width: Positive = 64
    """Size of the hidden vectors; a multiple of heads."""
    layers: Positive = 2
    """Number of layers."""
    heads: Positive = 4
    """Attention heads a layer."""
    dropout: Dropout = 0.1
    """Dropout on token vectors, attention and residual branches."""
    per_token: bool = False
    """Whether every prefix gets a score, in place of the whole sentence."""
    limit: Positive = 512
    """Longest sentence in tokens; at least the limit of the corpus."""
    spectral_norm: bool = False
    """Whether the weights of linear layers and convolutions are divided by their largest singular
    value (Miyato et al. 2018, arXiv 1802.05957); embeddings and recurrent layers are not."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        check_heads(self.width, self.heads)
        return self


class TokenRewardDiscriminator(Settings):
    """LSTM that gives each token a reward in (0, 1) after the tokens before it (Shi et al. 2018,
    arXiv 1804.11258)."""

    kind: Literal["token-reward"]
    """The network."""
    width: Positive = 128
    """Size of the token vectors; 256 for captions in the paper."""
    hidden: Positive = 128
    """Size of the LSTM; 256 for captions in the paper."""
    perceptron: Positive = 512
    """Size of the layers behind the LSTM."""
    highways: Positive = 2
    """Number of highway layers."""
    dropout: Dropout = 0.3
    """Dropout on the token vectors; 0.55 for captions in the paper."""


class ProjectionDiscriminator(Settings):
    """LSTM or GRU over the prefix that scores any word after it (Miyato and Koyama 2018, arXiv
    1802.05637)."""

    per_token: ClassVar[bool] = True

    kind: Literal["projection"]
    """The network."""
    cell: Literal["gru", "lstm"] = "gru"
    """The cell."""
    width: Positive = 64
    """Size of the token vectors."""
    hidden: Positive = 128
    """Size of the recurrent layers."""
    layers: Positive = 1
    """Number of recurrent layers."""
    dropout: Dropout = 0.0
    """Dropout on the token vectors, between layers and on the states."""
    spectral_norm: bool = False
    """Whether the matrix of the words' vectors is divided by its largest singular value (Miyato et
    al. 2018, arXiv 1802.05957)."""


class StyleDiscriminator(Settings):
    """Transformer that tells real sentences of a style from others (Dai et al. 2019, arXiv
    1905.05621)."""

    kind: Literal["style"]
    """The network."""
    conditional: bool = True
    """Whether it is asked about a sentence and a style; if not, it sorts sentences into all styles
    and a class of generated ones (multi-class)."""
    width: Positive = 256
    """Size of the hidden vectors; a multiple of heads."""
    layers: Positive = 4
    """Number of layers."""
    heads: Positive = 4
    """Attention heads a layer."""
    dropout: Dropout = 0.0
    """Dropout on token vectors, attention and residual branches."""
    limit: Positive = 32
    """Longest sentence in tokens; at least the limit of the corpus."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        check_heads(self.width, self.heads)
        return self


# No kind has a default: a file that leaves it out could mean any of them.
Discriminator = Annotated[
    BehaviorDiscriminator
    | ConvolutionDiscriminator
    | RecurrentDiscriminator
    | TransformerDiscriminator
    | TokenRewardDiscriminator
    | ProjectionDiscriminator
    | StyleDiscriminator,
    Field(discriminator="kind"),
]
