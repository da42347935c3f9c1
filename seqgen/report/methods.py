"""Which method a run trains by in which phase, and which one made the weights it began with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from seqgen.errors import UserError
from seqgen.report.history import read_history


def methods_of(recipe: Mapping[str, Any]) -> dict[str, str]:
    """The kind of method of each phase, by the phase's name.

    Args:
        recipe: as plain values.
    """
    found = [(phase, _kind(phase)) for phase in _flat(recipe.get("phases"))]
    return {str(phase.get("name") or kind): str(kind) for phase, kind in found if kind}


def source_method(folder: Path) -> str | None:
    """The kind of method that made the weights a run took from another one; None where it took
    none, or the other run is not to be found or cannot be read.

    Args:
        folder: of the run that took them.
    """
    try:
        begun = json.loads((folder / "corpus.json").read_text("utf-8"))["init"]
        run, step = Path(begun["run"]), begun["step"]
        recipe = yaml.safe_load((run / "recipe.yaml").read_text("utf-8"))
        phases = read_history(run).phases()
        methods = methods_of(recipe)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, UserError):
        return None
    reached = [phase.name for phase in phases if step is not None and phase.last_step >= step]
    names = reached[:1] or [phase.name for phase in phases[-1:]]
    return methods.get(names[0]) if names else None


def _flat(phases: object) -> list[Any]:
    """The phases, those of repeated groups among them."""
    found: list[Any] = []
    for phase in phases if isinstance(phases, list) else []:
        inner = phase.get("phases") if isinstance(phase, dict) else None
        found += [phase] if inner is None else _flat(inner)
    return found


def _kind(phase: object) -> object:
    method = phase.get("method") if isinstance(phase, dict) else None
    return method.get("kind") if isinstance(method, dict) else None
