"""Recipe -> networks: with build_methods, the only place that matches on `kind`. Networks and
methods never see settings."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from seqgen.base_weights import BaseWeights, checksum, untrained
from seqgen.discriminators.convolution import Convolution
from seqgen.discriminators.hashed_ngrams import HashedNgrams
from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.discriminators.projection import Projection
from seqgen.discriminators.recurrent import BehaviorDiscriminator
from seqgen.discriminators.sentence_recurrent import SentenceRecurrent
from seqgen.discriminators.sentence_transformer import SentenceTransformer
from seqgen.discriminators.style import StyleDiscriminator
from seqgen.discriminators.token_reward import TokenReward
from seqgen.errors import UserError
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import add_lora, new_model, open_model
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relational import Relational
from seqgen.generators.style_transformer import StyleTransformer
from seqgen.generators.transformer import Transformer
from seqgen.methods.language_gan.baselines import baseline_network
from seqgen.methods.regularizers import add_spectral_norm
from seqgen.randomness import Stream
from seqgen.recipe import discriminators, networks
from seqgen.recipe.recipe import Recipe
from seqgen.text.vocabulary import Vocabulary


def build_generator(
    settings: Any, vocabulary: Vocabulary, styles: int, seed: int, weights: bool = True
) -> Generator:
    """The generator of a recipe, initialised from the seed alone; `weights` False for one that a
    run's will be loaded into: those of a pretrained source are left out, but for an adapter's."""
    with torch.random.fork_rng():
        torch.manual_seed(Stream.of(seed, "generator").key)
        return _generator(settings, vocabulary, styles, weights)


def _generator(settings: Any, vocabulary: Vocabulary, styles: int, weights: bool) -> Generator:
    size, specials = len(vocabulary), Specials(vocabulary.begin, vocabulary.end, vocabulary.pad)
    match settings:
        case networks.RecurrentGenerator():
            return Recurrent(size, specials, cell=settings.kind, styles=styles, **_fields(settings))
        case networks.TransformerGenerator():
            return Transformer(size, specials, styles=styles, **_fields(settings))
        case networks.RelationalGenerator():
            return Relational(size, specials, styles=styles, **_fields(settings))
        case networks.PretrainedGenerator():
            return _pretrained(settings, size, specials, styles, weights)
        case networks.StyleTransformerGenerator():
            _require_styles(styles)
            return StyleTransformer(size, specials, styles=styles, **_fields(settings))
    raise UserError(f"generator kind {settings.kind!r} is not built yet")


def _pretrained(
    settings: networks.PretrainedGenerator,
    size: int,
    specials: Specials,
    styles: int,
    weights: bool,
) -> Pretrained:
    if settings.source is None:
        model = new_model(settings.configuration or {}, size, specials)
    else:
        model = _opened(settings, settings.source, size, weights)
    if settings.lora is None:
        return Pretrained(model, specials, styles=styles)
    found = checksum(model)  # before the adapters: peft gives the weights other names
    generator = Pretrained(add_lora(model, **_fields(settings.lora)), specials, styles=styles)
    if settings.source is not None:
        generator.base = BaseWeights(settings.source, found, untrained(generator))
    return generator


def _opened(settings: networks.PretrainedGenerator, source: str, size: int, weights: bool) -> Any:
    """The model of a source; below an adapter it has its weights always, checkpoints have none."""
    below, dtype = settings.lora is not None, getattr(torch, settings.dtype)
    try:
        model = open_model(source, weights=weights or below, dtype=dtype)
    except UserError as problem:
        if weights or not below:
            raise
        raise UserError(
            f"the adapter of this run stands on {source}, which cannot be opened: put it back, or "
            f"name its new place as generator.source in the run's recipe.yaml ({problem})"
        ) from problem
    known = model.get_input_embeddings().weight.shape[0]
    if known < size:
        raise UserError(
            f"the vocabulary has {size} ids, {source} knows {known}: "
            "take the vocabulary that belongs to it"
        )
    return model


def _fields(settings: Any) -> dict[str, Any]:
    """A network's settings bear the names of its arguments."""
    return {name: getattr(settings, name) for name in type(settings).model_fields if name != "kind"}


def build_discriminator(settings: Any, generator: Generator, seed: int) -> nn.Module:
    """The discriminator of a recipe, initialised from the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(Stream.of(seed, "discriminator").key)
        network = _discriminator(settings, generator)
        if getattr(settings, "spectral_norm", False):
            add_spectral_norm(network)
        return network


def _discriminator(settings: Any, generator: Generator) -> nn.Module:
    # The head's size, not the vocabulary's: a pretrained model may have spare ids.
    size, width = generator.head.weight.shape
    given = {name: value for name, value in _fields(settings).items() if name != "spectral_norm"}
    match settings:
        case discriminators.BehaviorDiscriminator():
            return BehaviorDiscriminator(width, size, **given)
        case discriminators.ConvolutionDiscriminator():
            return HighwayConvolution(size, **given)
        case discriminators.RecurrentDiscriminator():
            return SentenceRecurrent(size, **given)
        case discriminators.TransformerDiscriminator():
            return SentenceTransformer(size, **given)
        case discriminators.TokenRewardDiscriminator():
            return TokenReward(size, **given)
        case discriminators.ProjectionDiscriminator():
            return Projection(size, **given)
        case discriminators.StyleDiscriminator():
            return StyleDiscriminator(size, generator.styles, **given)
    raise UserError(f"discriminator kind {settings.kind!r} is not built yet")


def _require_styles(styles: int) -> None:
    if styles < 2:
        raise UserError(
            f"style transfer needs sentences of two styles or more; the corpus has {styles}: "
            "give a file a style (--corpus.styles negative neg.txt positive pos.txt)"
        )


def _baseline(generator: Generator, seed: int) -> nn.Module:
    """The network of a learned baseline, initialised from the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(Stream.of(seed, "baseline").key)
        return baseline_network(generator.head.weight.shape[1])


def _learns_baseline(recipe: Recipe) -> bool:
    methods = [phase.method for _, phase in recipe.walk()]
    return any(getattr(method, "baseline", None) == "learned" for method in methods)


def build_classifier(settings: Any, vocabulary: Vocabulary, labels: int, seed: int) -> nn.Module:
    """The classifier of a recipe, initialised from the seed alone.

    Raises:
        UserError: there are fewer than two labels to tell apart.
    """
    if labels < 2:
        raise UserError(f"a classifier needs two labels or more; the corpus has {labels}")
    with torch.random.fork_rng():
        torch.manual_seed(Stream.of(seed, "classifier").key)
        match settings:
            case networks.HashedNgramsClassifier():
                return HashedNgrams(len(vocabulary), labels, **_fields(settings))
            case networks.ConvolutionClassifier():
                return Convolution(len(vocabulary), labels, **_fields(settings))
    raise UserError(f"classifier kind {settings.kind!r} is not built yet")


def build_modules(
    recipe: Recipe, vocabulary: Vocabulary, styles: int, weights: bool = True
) -> dict[str, nn.Module]:
    """The networks of a recipe by the names of their weight files; `weights` as in build_generator.

    Raises:
        UserError: the generator cannot read sentences as long as the corpus has, or a classifier
            has fewer than two labels to tell apart.
    """
    modules: dict[str, nn.Module] = {}
    if recipe.generator is not None:
        generator = build_generator(recipe.generator, vocabulary, styles, recipe.seed, weights)
        _require_room(generator, recipe.corpus.limit)
        modules["generator"] = generator
        if recipe.discriminator is not None:
            modules["discriminator"] = build_discriminator(
                recipe.discriminator, generator, recipe.seed
            )
        if _learns_baseline(recipe):
            modules["baseline"] = _baseline(generator, recipe.seed)
    if recipe.classifier is not None:
        modules["classifier"] = build_classifier(recipe.classifier, vocabulary, styles, recipe.seed)
    return modules


def _require_room(generator: Generator, longest: int) -> None:
    if generator.limit is not None and generator.limit < longest:
        raise UserError(
            f"the generator reads at most {generator.limit} tokens, "
            f"sentences of the corpus may have {longest}: "
            f"lower corpus.limit to {generator.limit}"
        )
