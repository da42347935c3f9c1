"""Recipe -> objects: the only place that matches on `kind`. Networks and methods never see
settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from seqgen.discriminators.convolution import Convolution
from seqgen.discriminators.hashed_ngrams import HashedNgrams
from seqgen.discriminators.recurrent import BehaviorDiscriminator
from seqgen.errors import UserError
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import add_lora, new_model, open_model
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relational import Relational
from seqgen.generators.transformer import Transformer
from seqgen.methods.autoregressive.data_as_demonstrator import DataAsDemonstrator
from seqgen.methods.autoregressive.professor_forcing import ProfessorForcing
from seqgen.methods.autoregressive.scheduled_sampling import ScheduledSampling
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.classification import Classification
from seqgen.methods.protocol import Method
from seqgen.randomness import Stream
from seqgen.recipe import discriminators, methods, networks
from seqgen.recipe.recipe import Recipe
from seqgen.text.sentences import Rows
from seqgen.text.vocabulary import Vocabulary
from seqgen.training import schedules


def build_generator(
    settings: Any, vocabulary: Vocabulary, styles: int, seed: int, weights: bool = True
) -> Generator:
    """The generator of a recipe, initialised from the seed alone; `weights` False leaves out those
    of a pretrained source, for a run that has its own."""
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
            model = _pretrained(settings, size, specials, weights)
            return Pretrained(model, specials, styles=styles)
    raise UserError(f"generator kind {settings.kind!r} is not built yet")


def _pretrained(
    settings: networks.PretrainedGenerator, size: int, specials: Specials, weights: bool
) -> Any:
    if settings.source is None:
        model = new_model(settings.configuration or {}, size, specials)
    else:
        model = open_model(settings.source, weights=weights, dtype=getattr(torch, settings.dtype))
        known = model.get_input_embeddings().weight.shape[0]
        if known < size:
            raise UserError(
                f"the vocabulary has {size} ids, {settings.source} knows {known}: "
                "take the vocabulary that belongs to it"
            )
    return model if settings.lora is None else add_lora(model, **_fields(settings.lora))


def _fields(settings: Any) -> dict[str, Any]:
    """A network's settings bear the names of its arguments."""
    return {name: getattr(settings, name) for name in type(settings).model_fields if name != "kind"}


def build_discriminator(settings: Any, generator: Generator, seed: int) -> nn.Module:
    """The discriminator of a recipe, initialised from the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(Stream.of(seed, "discriminator").key)
        match settings:
            case discriminators.BehaviorDiscriminator():
                # The head's size, not the vocabulary's: a pretrained model may have spare ids.
                vocabulary, width = generator.head.weight.shape
                return BehaviorDiscriminator(width, vocabulary, **_fields(settings))
    raise UserError(f"discriminator kind {settings.kind!r} is not built yet")


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


def build_method(
    settings: Any, modules: Mapping[str, nn.Module], corpus: Rows, limit: int
) -> Method:
    """The method of a phase; `limit` is the most tokens of a sentence it draws."""
    generator: Any = modules.get("generator")
    discriminator: Any = modules.get("discriminator")
    match settings:
        case methods.TeacherForcing():
            return TeacherForcing(generator, settings.smoothing)
        case methods.ScheduledSampling():
            share = gold_share(settings.decay)
            return ScheduledSampling(
                generator, share, settings.per, settings.temperature, settings.smoothing
            )
        case methods.DataAsDemonstrator():
            return DataAsDemonstrator(
                generator,
                corpus,
                every=settings.every,
                rounds=settings.rounds,
                size=settings.size,
                gold_share=settings.gold_share,
                temperature=settings.temperature,
                smoothing=settings.smoothing,
            )
        case methods.ProfessorForcing():
            return ProfessorForcing(
                generator,
                discriminator,
                limit=limit,
                factor=settings.factor,
                teacher_factor=settings.teacher_factor,
                gate_low=settings.gate_low,
                gate_high=settings.gate_high,
                decay=settings.average,
                temperature=settings.temperature,
            )
        case methods.Classification():
            return Classification(modules["classifier"], settings.smoothing)
    raise UserError(f"method kind {settings.kind!r} is not built yet")


def gold_share(decay: Any) -> Callable[[int], float]:
    """Update number -> probability of the gold token."""
    match decay:
        case methods.LinearDecay():
            return schedules.linear_decay(decay.start, decay.slope, decay.minimum)
        case methods.ExponentialDecay():
            return schedules.exponential_decay(decay.k)
        case methods.InverseSigmoidDecay():
            return schedules.inverse_sigmoid_decay(decay.k)
    raise UserError(f"decay kind {decay.kind!r} is not built yet")


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
