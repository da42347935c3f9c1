"""What is installed: every package, every recipe, and versions that are pinned."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def settings() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_listed() -> None:
    """setup.cfg names packages one by one, since recipes/ is mapped into seqgen."""
    listed = settings()["options"]["packages"].split()
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "seqgen").rglob("__init__.py")
    }
    assert sorted(listed) == sorted(found | {"seqgen.recipes"})


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "seqgen").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_requirement_has_an_exact_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    versions = {canonical(name): version for name, version in pinned.items()}
    parser = settings()
    texts = [parser["options"]["install_requires"], *parser["options.extras_require"].values()]
    wanted = [
        canonical(re.split(r"[<>=!\[; ]", line)[0])
        for text in texts
        for line in text.strip().splitlines()
    ]
    assert [name for name in wanted if name not in versions] == []
    assert versions["torch"] == "2.13.0"
    assert [version for version in versions.values() if "+" in version] == []


@pytest.mark.slow
def test_the_wheel_holds_recipes_and_data(tmp_path: Path) -> None:
    # From a copy: building leaves folders behind that a later build would pick up.
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(".*", "build", "runs", "*.egg-info", "__pycache__"),
    )
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command = [sys.executable, *build, "--wheel-dir", str(tmp_path), str(copy)]
    subprocess.run(command, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    recipes = {
        f"seqgen/recipes/{path.relative_to(ROOT / 'recipes')}"
        for path in (ROOT / "recipes").rglob("*.yaml")
    }
    grammars = {f"seqgen/text/{name}.grammar" for name in ("captions", "moods")}
    assert recipes | grammars | {"seqgen/py.typed"} <= held
    assert not [name for name in held if name.startswith(("tests/", "recipes/"))]
