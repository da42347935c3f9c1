"""Tiny generators, methods and sentences the tests of methods share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.discriminators.projection import Projection
from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.recurrent import BehaviorDiscriminator
from seqgen.discriminators.sentence_recurrent import SentenceRecurrent
from seqgen.discriminators.sentence_transformer import SentenceTransformer
from seqgen.discriminators.style import StyleDiscriminator
from seqgen.discriminators.token_reward import TokenReward
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import new_model
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relational import Relational
from seqgen.generators.style_transformer import StyleTransformer
from seqgen.generators.transformer import Transformer
from seqgen.methods.autoregressive.data_as_demonstrator import DataAsDemonstrator
from seqgen.methods.autoregressive.professor_forcing import ProfessorForcing
from seqgen.methods.autoregressive.scheduled_sampling import ScheduledSampling
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.language_gan.control_reward import ControlReward
from seqgen.methods.language_gan.gumbel_softmax import GumbelSoftmaxGAN
from seqgen.methods.language_gan.inverse_reinforcement import InverseReinforcement
from seqgen.methods.language_gan.seqgan import SeqGAN
from seqgen.methods.protocol import Loss, Method, Moment
from seqgen.methods.style_transfer.style_transformer import StyleTransformerMethod
from seqgen.randomness import Stream
from seqgen.text.encoded import Encoded
from seqgen.text.sentences import Sentences
from seqgen.training.batches import Batches
from seqgen.training.player import Player

SPECIALS = Specials(begin=1, end=2, pad=0)
VOCABULARY, LIMIT = 17, 9
GPT2 = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16}

# The kinds of the support matrix; dropout where a network has it, so that its randomness is tested.
GENERATORS: Mapping[str, Callable[[], Generator]] = {
    "lstm": lambda: Recurrent(VOCABULARY, SPECIALS, width=6, hidden=8, dropout=0.2),
    "gru": lambda: Recurrent(VOCABULARY, SPECIALS, cell="gru", width=6, hidden=8),
    "transformer": lambda: Transformer(
        VOCABULARY, SPECIALS, width=8, heads=2, layers=1, dropout=0.2
    ),
    "relational": lambda: Relational(VOCABULARY, SPECIALS, width=6, heads=2, head_size=4),
    "pretrained": lambda: Pretrained(new_model(GPT2, VOCABULARY, SPECIALS), SPECIALS),
}
# Those that rewrite a source as well, which other methods do not give them.
ALL_GENERATORS: Mapping[str, Callable[[], Generator]] = {
    **GENERATORS,
    "style-transformer": lambda: StyleTransformer(
        VOCABULARY, SPECIALS, styles=3, width=8, heads=2, layers=1, limit=LIMIT, dropout=0.2
    ),
}


def generator(kind: str = "lstm", seed: int = 0) -> Generator:
    """A generator in evaluation mode whose distributions are far from flat."""
    torch.manual_seed(seed)
    made = ALL_GENERATORS[kind]()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.5)
    return made.eval()


def discriminator(model: Generator, outputs: bool = True, seed: int = 0) -> BehaviorDiscriminator:
    torch.manual_seed(seed)
    vocabulary, width = model.head.weight.shape
    return BehaviorDiscriminator(width, vocabulary if outputs else 0, hidden=8, dropout=0.2).eval()


# The kinds of recipes that score sentences or tokens, and those of them that score every token.
DISCRIMINATORS: Mapping[str, Callable[[], Discriminator]] = {
    "convolution": lambda: HighwayConvolution(
        VOCABULARY, width=6, widths=(1, 2, 3), channels=4, dropout=0.2
    ),
    "recurrent": lambda: SentenceRecurrent(VOCABULARY, width=6, hidden=8, dropout=0.2),
    "recurrent per token": lambda: SentenceRecurrent(
        VOCABULARY, width=6, hidden=8, bidirectional=False, per_token=True
    ),
    "transformer": lambda: SentenceTransformer(VOCABULARY, width=8, heads=2, layers=1, dropout=0.2),
    "transformer per token": lambda: SentenceTransformer(
        VOCABULARY, width=8, heads=2, layers=1, dropout=0.2, per_token=True
    ),
    "token-reward": lambda: TokenReward(VOCABULARY, width=6, hidden=8, perceptron=8, highways=1),
    "projection": lambda: Projection(VOCABULARY, width=6, hidden=8),
}


def sentence_discriminator(kind: str = "convolution", seed: int = 0) -> Discriminator:
    """A discriminator in evaluation mode whose scores differ."""
    torch.manual_seed(seed)
    made = DISCRIMINATORS[kind]()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.5)
    return made.eval()


def style_discriminator(conditional: bool = True, seed: int = 0) -> StyleDiscriminator:
    """A discriminator of three styles."""
    torch.manual_seed(seed)
    return StyleDiscriminator(
        VOCABULARY, 3, conditional=conditional, width=8, heads=2, layers=1, dropout=0.2, limit=LIMIT
    ).eval()


def method(kind: str, model: Generator, data: Encoded) -> Method:
    """A method of the support matrix in a form that shows all it does within two rounds."""
    match kind:
        case "teacher-forcing":
            return TeacherForcing(model)
        case "scheduled-sampling":
            return ScheduledSampling(model, lambda update: 0.5)
        case "data-as-demonstrator":
            return DataAsDemonstrator(model, data, every=1, rounds=2, size=5)
        case "professor-forcing":
            return ProfessorForcing(
                model, discriminator(model), limit=LIMIT, gate_low=0.0, teacher_factor=0.5
            )
        case "gumbel-softmax":
            return GumbelSoftmaxGAN(
                model, sentence_discriminator("recurrent"), limit=LIMIT, discriminator_steps=2,
                temperature=lambda update: 0.5 + 0.1 * update, penalty="two-sided",
            )  # fmt: skip
        case "seqgan":
            return SeqGAN(
                model, sentence_discriminator(), limit=LIMIT, rollouts=2, discriminator_steps=2,
                baseline="learned", entropy=0.1, anchor=0.1, rollout_decay=0.5,
            )  # fmt: skip
        case "inverse-reinforcement":
            return InverseReinforcement(
                model, sentence_discriminator("token-reward"), limit=LIMIT, batch=6, entropy=0.3,
                buffer=12, rollouts=2,
            )  # fmt: skip
        case "control-reward":
            return ControlReward(model, limit=LIMIT, control="random", baseline="moving")
        case "style-transformer":
            return StyleTransformerMethod(
                model, style_discriminator(), limit=LIMIT, discriminator_steps=2, generator_steps=1,
                temperature=lambda update: 0.5 + 0.1 * update, word_drop=lambda update: 0.2,
            )  # fmt: skip
    raise ValueError(kind)


def corpus(count: int = 13, seed: int = 3, labelled: bool = False) -> Encoded:
    """Sentences of 1 to LIMIT tokens, END included."""
    drawn = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, LIMIT + 1, (count,), generator=drawn)
    lengths[0], lengths[1] = LIMIT, 1
    ids = torch.randint(3, VOCABULARY, (int(lengths.sum()),), generator=drawn, dtype=torch.int32)
    starts = lengths.cumsum(0) - lengths
    ids[starts + lengths - 1] = SPECIALS.end
    labels = torch.arange(count) % 3 if labelled else None
    return Encoded(ids, starts, lengths, SPECIALS.pad, labels)


def batch(count: int = 7, first: int = 0) -> Sentences:
    """The first sentences of the corpus, with global row numbers that are not 0, 1, 2, ..."""
    return corpus().select(torch.arange(first, first + count), torch.arange(count) * 3 + 2)


def batches(size: int = 6, data: Encoded | None = None, **settings: int) -> Batches:
    return Batches(corpus() if data is None else data, size, 5, **settings)


def players(method: Method, rate: float = 1e-2, **settings: float) -> dict[str, Player]:
    """One Adam for each player."""
    return {
        name: Player(torch.optim.Adam(owned(method, name), rate), **settings)
        for name in method.players
    }


def owned(method: Method, player: str) -> list[Tensor]:
    return [p for module in method.players[player] for p in method.modules[module].parameters()]


def moment(updates: int = 0, round: int = 0, name: str = "test") -> Moment:
    return Moment(round, updates, Stream.of(7, name))


def value(loss: Loss | None, term: str = "nll") -> Tensor:
    """A term as the Trainer averages it."""
    assert loss is not None
    total, weight, _ = loss.terms[term]
    return total / weight


def gradients(total: Tensor, module: nn.Module) -> dict[str, Tensor]:
    """The gradient of every parameter; zeros where it has none."""
    names, parameters = zip(*module.named_parameters(), strict=True)
    found = torch.autograd.grad(total, parameters, allow_unused=True, retain_graph=True)
    return {
        name: torch.zeros_like(parameter) if gradient is None else gradient
        for name, parameter, gradient in zip(names, parameters, found, strict=True)
    }


def assert_close(left: Mapping[str, Tensor], right: Mapping[str, Tensor], atol: float) -> None:
    assert left.keys() == right.keys()
    for name in left:
        torch.testing.assert_close(left[name], right[name], atol=atol, rtol=1e-4, msg=name)


def weights(method: Method) -> dict[str, Tensor]:
    """All parameters and buffers, copied."""
    return {
        f"{name}.{key}": value.detach().clone()
        for name, module in method.modules.items()
        for key, value in module.state_dict(keep_vars=False).items()
    }
