"""Fetch the inputs of the pipeline: teacher, student, source packages, benchmarks.

Everything is pinned by version and sha256 and downloaded in parallel. Finished downloads are kept in
work/downloads, so a second run continues where the first stopped and downloads nothing twice.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from xinstruct.files import replaced_folder, write_json
from xinstruct.models import room
from xinstruct.models.fetch import fetch_student, fetch_teacher
from xinstruct.models.recorded import stand_in
from xinstruct.models.registry import models
from xinstruct.packages.downloads import Downloads
from xinstruct.params import FetchParams, TeacherParams
from xinstruct.stage import Context, Script, run


def work(ctx: Context[FetchParams]) -> None:
    """Fill models/teacher, models/start and data/fetch; each gets its final name only when it is complete."""
    from xinstruct.benchmarks.fetch import fetch_benchmarks, packaged
    from xinstruct.mining.fetch import Sources

    if lack := _lack(ctx.params.teacher):
        ctx.say(lack)
    with replaced_folder(ctx.out("data/fetch")) as folder:
        wanted = Sources(ctx.own.sources, folder / "sources")
        downloads = Downloads(ctx.name, len(wanted.wanted) + len(packaged()) + 2)
        benchmarks: list[dict[str, Any]] = []

        def benchmark() -> None:
            get = partial(fetch_benchmarks, folder / "benchmarks", ctx.say)
            found = downloads.attempt("benchmarks", get, len(packaged()))
            benchmarks.extend(found or [])

        def both_models() -> None:
            ctx.metrics["teacher"] = downloads.attempt("teacher", lambda: _teacher(ctx))
            ctx.metrics["student"] = downloads.attempt("student", lambda: _student(ctx))

        downloads.run([benchmark, *wanted.tasks(downloads)], both_models)
        sources = wanted.index(ctx.say)
        write_json(folder / "index.json", {"sources": sources, "benchmarks": benchmarks})
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    ctx.metrics |= {"sources": _brief(sources), "benchmarks": _brief(benchmarks), "data_bytes": size}


def _lack(teacher: TeacherParams) -> str:
    """Return what this machine lacks for a teacher that will run here, in words; "" for nothing."""
    if not isinstance(teacher.model, str) or (teacher.recorded and teacher.missing == "stop"):
        return ""
    entry = models().get(teacher.model)
    return room.warning(entry.name) if entry and entry.capable else ""


def _teacher(ctx: Context[FetchParams]) -> dict[str, Any]:
    teacher = ctx.params.teacher
    with replaced_folder(ctx.out("models/teacher")) as folder:
        if teacher.recorded and teacher.missing == "stop":  # nothing will be asked: no weights are needed
            return stand_in(teacher.recorded, folder)
        facts = fetch_teacher(teacher.model, folder, ctx.say, engine=teacher.engine)
        return stand_in(teacher.recorded, folder, facts) if teacher.recorded else facts


def _student(ctx: Context[FetchParams]) -> dict[str, Any]:
    with replaced_folder(ctx.out("models/start")) as folder:
        return fetch_student(ctx.params.student.model, folder, ctx.say)


def _brief(packages: list[dict[str, Any]]) -> dict[str, str]:
    """Return one short value per package: its version and sha256."""
    rows = sorted(packages, key=lambda package: str(package.get("package", package.get("name", ""))))
    named = ((str(row.get("package", row.get("name", index))), row) for index, row in enumerate(rows))
    return {name: f"{row.get('version', '')} {row.get('sha256', '')}".strip() for name, row in named}


if __name__ == "__main__":
    sys.exit(run(Script("fetch", work), __doc__))
