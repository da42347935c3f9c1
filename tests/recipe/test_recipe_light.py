"""The settings are a leaf: no torch, nothing else of seqgen; and each of them says what it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seqgen.recipe import data, discriminators, methods, networks, recipe
from seqgen.recipe.settings import Settings


def subclasses(settings: type[Settings]) -> list[type[Settings]]:
    direct = settings.__subclasses__()
    return direct + [one for child in direct for one in subclasses(child)]


ALL = [one for one in subclasses(Settings) if one.model_fields]


def test_all_files_are_walked() -> None:
    assert {one.__module__ for one in ALL} >= {
        module.__name__ for module in (data, discriminators, methods, networks, recipe)
    }


@pytest.mark.parametrize("settings", ALL, ids=lambda one: one.__name__)
def test_every_setting_has_a_meaning(settings: type[Settings]) -> None:
    assert settings.__doc__
    lacking = [name for name, field in settings.model_fields.items() if not field.description]
    assert lacking == []


# the others cannot be built from defaults alone
COMPLETE = [
    one
    for one in ALL
    if one is not networks.PretrainedGenerator
    and not any(field.is_required() for field in one.model_fields.values())
]


@pytest.mark.parametrize("settings", COMPLETE, ids=lambda one: one.__name__)
def test_defaults_read_back_equal(settings: type[Settings]) -> None:
    """Pydantic does not check defaults; one that its own rules refuse would break resuming."""
    assert settings.model_validate(settings().model_dump(mode="json")) == settings()


def test_reading_a_recipe_loads_no_torch_and_nothing_else_of_seqgen() -> None:
    code = """
import sys
from seqgen.recipe import files, listing, overrides
recipe = overrides.override(files.read("quickstart"), ["--seed", "3"])
listing.described(recipe); files.write(recipe)
print([name for name in sys.modules if name in ("torch", "numpy", "transformers")])
print(sorted({name.split(".")[1] for name in sys.modules if name.startswith("seqgen.")}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['errors', 'recipe', 'recipes']"] or (
        # in the repository without an installation the recipes are found beside the package
        done.stdout.splitlines() == ["[]", "['errors', 'recipe']"]
    )
