"""The command itself: exit statuses, what goes to stdout and stderr, and how fast it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqgen import __version__
from seqgen.commands import main as command
from seqgen.errors import RunFailure, UserError

ROOT = Path(__file__).parents[2]


def seqgen(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seqgen", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_help_goes_to_stdout(flag: str) -> None:
    done = seqgen(flag)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in command.VERBS:
        assert f"\n  {verb} " in done.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["recipes", "list", "--version"]])
def test_version(arguments: list[str]) -> None:
    done = seqgen(*arguments)
    assert (done.returncode, done.stdout) == (0, f"seqgen {__version__}\n")


def test_no_verb_is_wrong_usage() -> None:
    done = seqgen()
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: seqgen VERB" in done.stderr


def test_an_unknown_verb_gives_the_near_one() -> None:
    done = seqgen("trian", "quickstart")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no verb 'trian'" in done.stderr
    assert "Did you mean train or transfer?" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_verb_is_a_module_with_a_main() -> None:
    for verb in command.VERBS:
        code = f"from seqgen.commands.{verb} import main; assert callable(main)"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_help_and_listing_load_no_torch() -> None:
    code = """
import sys
from seqgen.commands.main import main
assert main(["--help"]) == 0 and main(["recipes", "list"]) == 0
assert main(["recipes", "check", "quickstart"]) == 0
assert "torch" not in sys.modules, "torch"
import seqgen
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def ending(monkeypatch: pytest.MonkeyPatch, problem: BaseException, *flags: str) -> int:
    def fail(arguments: list[str]) -> int:
        raise problem

    monkeypatch.setattr(command, "dispatch", fail)
    return command.main(list(flags))


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (UserError("a bad recipe"), 2),
        (RunFailure("the loss is not finite"), 1),
        (OSError(28, "No space left on device", "runs/x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_expected_errors_are_one_paragraph(
    problem: BaseException,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ending(monkeypatch, problem) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seqgen: ")
    assert str(problem) in err
    assert "Traceback" not in err


def test_a_traceback_on_request_and_for_faults_of_our_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(monkeypatch, UserError("a bad recipe"), "--traceback") == 2
    assert "Traceback" in capsys.readouterr().err
    assert ending(monkeypatch, ZeroDivisionError("division by zero")) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "a fault in seqgen" in err


def test_an_exit_of_a_verb_is_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ending(monkeypatch, SystemExit(143)) == 143
    assert ending(monkeypatch, SystemExit(None)) == 0


def test_a_closed_pipe_is_no_error() -> None:
    """`seqgen ... | head` where head is gone before we write."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "seqgen", "recipes", "show", "quickstart", "--settings"],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_interrupting_a_command_says_so() -> None:
    code = """
import signal, sys, time
from seqgen.commands import main as command
# Where the tests run in the background of a shell, interrupts are ignored from the start.
signal.signal(signal.SIGINT, signal.default_int_handler)
def wait(arguments):
    print("ready", flush=True)
    time.sleep(60)
command.dispatch = wait
sys.exit(command.main([]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "seqgen: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["recipes", "list"]], ids=" ".join)
def test_it_starts_within_half_a_second(arguments: list[str]) -> None:
    seqgen(*arguments)  # compiles and caches
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        assert seqgen(*arguments).returncode == 0
        took.append(time.perf_counter() - begin)
    print(f"seqgen {' '.join(arguments)}: {min(took):.3f} s")
    assert min(took) < 0.5
