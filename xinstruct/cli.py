"""The command ``xinstruct``: one subcommand per tool that is useful without the pipeline.

A subcommand is a module with ``configure(parser)`` and ``main(args) -> exit status``, imported only when it is
called. To add one, add a line to SUBCOMMANDS. The pipeline itself is run by ``dvc repro``.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from xinstruct.files import BadInput
from xinstruct.surroundings import use_utf8

# name: (module, one line of help)
SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "judge": ("xinstruct.execution.command", "run programs in the sandbox and write verdicts"),
    "journal": ("xinstruct.llm.journal_command", "the teacher's answered calls: statistics, export, import"),
    "serve": ("xinstruct.llm.serve", "serve a model by the OpenAI protocol with the embedded server"),
    "merge": ("xinstruct.models.merge", "write a trained adapter as plain weights, of a number type that keeps it"),
    "export-model": ("xinstruct.export_model", "a trained model to hand over: checkpoint, GGUF, Modelfile, model card"),
    "score": ("xinstruct.benchmarks.command", "score a file of answers to a benchmark, by named extraction rules"),
    "answer": ("xinstruct.benchmarks.answers", "ask a model a benchmark's problems and keep its raw answers"),
    "recheck": ("xinstruct.agents.recheck", "verified answers against fresh ones in other languages, on new inputs"),
    "trace": ("xinstruct.trace", "a sample's descent, down to the package, file, lines and licence it came from"),
    "experiment": ("xinstruct.experiments", "run a parameter set through dvc exp, or write it into params.yaml"),
    "recorded": ("xinstruct.recorded", "rerun a recorded run from its answered calls, without its teacher"),
    "summary": ("xinstruct.reporting.summary", "what the run in this folder made, a line per stage, and where to look"),
    "budgets": ("xinstruct.reporting.budgets", "runs of the discussions beside each other at the same teacher tokens"),
    "doctor": ("xinstruct.execution.doctor", "what this machine can run, what is missing, how to get it"),
}


def main(argv: list[str] | None = None) -> int:
    """Entry point. Returns the exit status: 1 bad input, 2 wrong usage, 130 interrupted, else the subcommand's."""
    if argv is None:
        use_utf8()
    words = sys.argv[1:] if argv is None else argv
    args = _parser(words[0] if words else "").parse_args(words)
    try:
        return int(importlib.import_module(SUBCOMMANDS[args.subcommand][0]).main(args))
    except BadInput as error:
        print(f"xinstruct {args.subcommand}: error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        print(f"\nxinstruct {args.subcommand}: interrupted", file=sys.stderr)
        return 130


def _parser(wanted: str) -> argparse.ArgumentParser:
    """Return a parser with all subcommands by name; only the wanted one is imported and configured."""
    parser = argparse.ArgumentParser(prog="xinstruct", description=__doc__.split("\n", 1)[0])
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    for name, (module, text) in SUBCOMMANDS.items():
        sub = subparsers.add_parser(name, help=text, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == wanted:
            imported = importlib.import_module(module)
            sub.description = imported.__doc__
            imported.configure(sub)
    return parser


if __name__ == "__main__":
    sys.exit(main())
