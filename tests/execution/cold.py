"""One of several processes that start on the same empty cache folder: a judge that eight threads ask, one a language.

Run as ``python -m tests.execution.cold ONE_LANGUAGE...`` with XDG_CACHE_HOME set; waits for a line on stdin so that
all processes begin together, then judges the honest answer of each language in a thread of its own.
Prints the verdict of each language, a line each; whatever is raised ends it with a traceback.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.verdicts.corpus import CASES, HONEST, SIGNATURE
from tests.params import execution
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge

PARAMS = execution(workers=2, cpu_seconds=10, wall_factor=20, memory_mb=768, output_kb=64)


def verdict(judge: Judge, language: str) -> str:
    """What the judge says of the language's honest answer, of which there are enough for a batch and a template."""
    name = "F" if language == "csharp" else "f"
    jobs = [Job(f"{language} {i}", language, HONEST[language] + "\n" * i, name, SIGNATURE, CASES) for i in range(4)]
    return " ".join(sorted({f"{one.verdict} {one.detail}".strip() for one in judge.judge(jobs)}))


def main(languages: list[str], cache: Path) -> None:
    """Begin when told to, all languages at once."""
    sys.stdin.readline()
    with Judge(PARAMS, cache=cache) as judge, ThreadPoolExecutor(len(languages)) as pool:
        for language, found in zip(languages, pool.map(lambda each: verdict(judge, each), languages), strict=True):
            print(language, found)


if __name__ == "__main__":
    main(sys.argv[2:], Path(sys.argv[1]))
