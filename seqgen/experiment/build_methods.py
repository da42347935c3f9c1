"""Settings of methods -> methods: with build, the only place that matches on `kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.experiment.owners import WithBaseline
from seqgen.generators.adapters import has_adapters, without_adapters
from seqgen.methods.autoregressive.data_as_demonstrator import DataAsDemonstrator
from seqgen.methods.autoregressive.professor_forcing import ProfessorForcing
from seqgen.methods.autoregressive.scheduled_sampling import ScheduledSampling
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.classification import Classification
from seqgen.methods.language_gan.baselines import LearnedBaseline
from seqgen.methods.language_gan.control_reward import ControlReward
from seqgen.methods.language_gan.gumbel_softmax import GumbelSoftmaxGAN
from seqgen.methods.language_gan.inverse_reinforcement import InverseReinforcement
from seqgen.methods.language_gan.seqgan import SeqGAN
from seqgen.methods.protocol import Method
from seqgen.methods.style_transfer.style_transformer import StyleTransformerMethod
from seqgen.recipe import adversarial, methods, style_transfer
from seqgen.text.sentences import Rows
from seqgen.training import schedules


def build_method(
    settings: Any, modules: Mapping[str, nn.Module], corpus: Rows, limit: int, batch: int
) -> Method:
    """The method of a phase.

    Args:
        settings: of the method.
        modules: the networks of the recipe by name.
        corpus: the training sentences.
        limit: the most tokens of a sentence it draws.
        batch: sentences an update.
    """
    built = (
        _likelihood(settings, modules, corpus, limit)
        or _adversarial(settings, modules, limit, batch)
        or _style_transfer(settings, modules, limit)
    )
    if built is None:
        raise UserError(f"method kind {settings.kind!r} is not built yet")
    if "baseline" in modules and "baseline" not in built.modules:
        return WithBaseline(built, modules["baseline"])
    return built


def _likelihood(
    settings: Any, modules: Mapping[str, nn.Module], corpus: Rows, limit: int
) -> Method | None:
    """Methods on true sentences and their labels; None for others."""
    generator: Any = modules.get("generator")
    match settings:
        case methods.TeacherForcing():
            return TeacherForcing(generator, settings.smoothing)
        case methods.ScheduledSampling():
            share = gold_share(settings.decay)
            return ScheduledSampling(
                generator, share, settings.per, settings.temperature, settings.smoothing
            )
        case methods.DataAsDemonstrator():
            return DataAsDemonstrator(generator, corpus, **_given(settings))
        case methods.ProfessorForcing():
            given = _given(settings)
            discriminator: Any = modules["discriminator"]
            return ProfessorForcing(
                generator, discriminator, limit=limit, decay=given.pop("average"), **given
            )
        case methods.Classification():
            return Classification(modules["classifier"], settings.smoothing)
    return None


def _adversarial(
    settings: Any, modules: Mapping[str, nn.Module], limit: int, batch: int
) -> Method | None:
    """Language GANs and their controls; None for others."""
    generator: Any = modules.get("generator")
    discriminator: Any = modules.get("discriminator")
    match settings:
        case adversarial.GumbelSoftmax():
            given = _given(settings) | _penalty(settings)
            given["temperature"] = temperature(settings.temperature)
            return GumbelSoftmaxGAN(generator, discriminator, limit=limit, **given)
        case adversarial.SeqGAN():
            given = _given(settings) | _penalty(settings) | _policy(settings, modules)
            given["precision"] = getattr(torch, settings.precision)
            return SeqGAN(generator, discriminator, limit=limit, **given)
        case adversarial.ControlReward():
            given = _given(settings) | _policy(settings, modules)
            return ControlReward(generator, limit=limit, **given)
        case adversarial.InverseReinforcement():
            given = _given(settings) | _policy(settings, modules)
            given["precision"] = getattr(torch, settings.precision)
            return InverseReinforcement(generator, discriminator, limit=limit, batch=batch, **given)
    return None


def _style_transfer(settings: Any, modules: Mapping[str, nn.Module], limit: int) -> Method | None:
    """Methods of style transfer; None for others."""
    match settings:
        case style_transfer.StyleTransformer():
            generator: Any = modules["generator"]
            discriminator: Any = modules["discriminator"]
            given, drop = _given(settings), settings.word_drop
            given["temperature"] = temperature(settings.temperature)
            points = [(0, drop.start), (drop.updates, drop.end)]
            given["word_drop"] = schedules.piecewise_linear(points)
            return StyleTransformerMethod(generator, discriminator, limit=limit, **given)
    return None


def _given(settings: Any) -> dict[str, Any]:
    """A method's settings bear the names of its arguments, but for what is no plain value."""
    return {name: getattr(settings, name) for name in type(settings).model_fields if name != "kind"}


def _penalty(settings: adversarial.ContestSettings) -> dict[str, Any]:
    """The arguments of a gradient penalty."""
    if settings.penalty is None:
        return {"penalty": "none"}
    return {"penalty": settings.penalty.kind, "penalty_factor": settings.penalty.weight}


def _policy(
    settings: adversarial.PolicyGradientSettings | adversarial.InverseReinforcement,
    modules: Mapping[str, nn.Module],
) -> dict[str, Any]:
    """A learned baseline with the network that all phases share, and what the anchor holds on to:
    for an adapter the network without it."""
    generator: Any = modules["generator"]
    given: dict[str, Any] = {}
    if settings.baseline == "learned":
        given["baseline"] = LearnedBaseline(modules["baseline"])
    if settings.anchor and has_adapters(generator):
        given["reference"] = lambda: without_adapters(generator)
    return given


def temperature(shape: Any) -> Callable[[int], float]:
    """Update number -> temperature."""
    match shape:
        case adversarial.ConstantTemperature():
            return lambda update: float(shape.value)
        case adversarial.ExponentialTemperature():
            return schedules.geometric(shape.start, shape.end, shape.updates)
        case adversarial.LinearTemperature():
            return schedules.piecewise_linear([(0, shape.start), (shape.updates, shape.end)])
    raise UserError(f"temperature kind {shape.kind!r} is not built yet")


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
