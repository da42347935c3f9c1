"""The `seqgen` command: a table of verbs, and one place that turns errors into messages.

A verb is a module of this package with `main(arguments: list[str]) -> int`, imported only when it
is called, so that `seqgen --help` and the verbs without networks start without torch.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module

from seqgen import __version__

VERBS = {
    "train": "train a model from a recipe, or resume a run",
    "generate": "write sentences of a trained model",
    "score": "log-probability of each line under a trained model",
    "transfer": "rewrite each line in another style",
    "evaluate": "measure generated sentences, a trained run or style transfer",
    "compare": "several runs in one table, with quality-diversity curves",
    "report": "write the report of a run anew, with its pictures",
    "judge": "train and use judges: n-gram language models, classifiers",
    "export": "write a trained model as a folder that other programs open",
    "recipes": "list, show and check recipes",
}
HELP = ("-h", "--help", "help")
VERSION = ("-V", "--version")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb and return the exit status: 0 fine, 1 failed, 2 wrong usage or input, 130
    interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    show_traceback = "--traceback" in given
    given = [argument for argument in given if argument != "--traceback"]
    try:
        status = dispatch(given)
        sys.stdout.flush()  # a closed pipe must show here, not when the interpreter ends
        return status
    except BrokenPipeError:
        return _end_quietly()
    except SystemExit as end:  # argparse after --help, and runs that were told to stop
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        print("seqgen: interrupted", file=sys.stderr)
        return 130
    except Exception as problem:
        return _explain(problem, show_traceback)


def dispatch(arguments: list[str]) -> int:
    """Find the verb and call its module's `main` with the arguments that follow it."""
    if not arguments:
        print(usage(), file=sys.stderr)
        return 2
    verb, *rest = arguments
    if verb in HELP:
        print(usage())
        return 0
    if verb in VERSION or any(argument in VERSION for argument in rest):
        print(f"seqgen {__version__}")
        return 0
    if verb not in VERBS:
        print(unknown(verb), file=sys.stderr)
        return 2
    run: Callable[[list[str]], int] = import_module(f"seqgen.commands.{verb}").main
    return run(rest)


def usage() -> str:
    """What `seqgen --help` prints."""
    verbs = "\n".join(f"  {verb:<10} {text}" for verb, text in VERBS.items())
    return (
        f"seqgen {__version__}: text generation with language GANs\n\n"
        f"usage: seqgen VERB ... (seqgen VERB --help for its options)\n\n{verbs}\n\n"
        "first steps:\n"
        "  seqgen train quickstart                            train on the embedded corpus\n"
        "  seqgen recipes list                                what can be trained\n"
        "  seqgen train text/mle-lstm --corpus.train my.txt   train on a file of your own\n\n"
        "options of every verb: --help, --version, --traceback (show where an error came from)"
    )


def unknown(verb: str) -> str:
    """The message for a verb that does not exist."""
    near = get_close_matches(verb, VERBS, n=2)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"seqgen: there is no verb {verb!r}.{hint} The verbs are: {', '.join(VERBS)}."


def _explain(problem: Exception, show_traceback: bool) -> int:
    """Print an error as the user should see it and return the exit status."""
    code = getattr(problem, "exit_code", None)
    expected = code is not None or isinstance(problem, OSError)
    if show_traceback or not expected:
        traceback.print_exception(problem)
    if expected:
        print(f"seqgen: {problem}", file=sys.stderr)
    else:
        print("seqgen: this is a fault in seqgen; the traceback above shows where", file=sys.stderr)
    return code if isinstance(code, int) else 1


def _end_quietly() -> int:
    """The reader of our output went away (`| head`): say nothing, also not when the interpreter
    flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
