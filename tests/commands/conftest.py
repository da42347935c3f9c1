"""Tiny trained runs, made once and only read, and a way to call a verb in this process."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import pytest
from command_runs import LABELLED, MACHINE, NUMBERS, STYLED, TINY, Call, Ended, write_corpus

from seqgen.commands.main import main


@pytest.fixture
def seqgen(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a verb in this process; `given` is its standard input."""

    def call(*arguments: str | Path, given: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return Ended(status, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text file of some captions."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "captions.txt")


def trained(folder: Path, *arguments: str) -> Path:
    assert main(["train", *arguments, *MACHINE, "--runs", str(folder), "--name", "run"]) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """A run without labels on a file, with checkpoints 0, 2, 4 and 6."""
    folder = tmp_path_factory.mktemp("plain")
    return trained(folder, "text/mle-lstm", *TINY, "--corpus.train", str(corpus))


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the labels admiring and complaining."""
    return trained(tmp_path_factory.mktemp("labelled"), *LABELLED)


@pytest.fixture(scope="session")
def styled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that rewrites, with the styles admiring and complaining."""
    return trained(tmp_path_factory.mktemp("styled"), *STYLED)


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose sentences have one length and no END."""
    return trained(tmp_path_factory.mktemp("numbers"), *NUMBERS)


@pytest.fixture
def copy(plain: Path, tmp_path: Path) -> Path:
    """A copy of the plain run, to be changed or damaged."""
    return shutil.copytree(plain, tmp_path / "copied")
