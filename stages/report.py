"""The report: the paper's tables and figures beside this run's, the funnel, discussions turn by turn.

Reads what the other stages wrote and writes reports/index.html (one self-contained page) and
reports/report.md; beside them, untracked, reports/calls.html: what the teacher's calls took here. An
input that is missing is named on the page. Leaves out all computing of results: numbers come from the
records, in xinstruct/reporting.

    python -m stages.report
"""

from __future__ import annotations

import sys
from pathlib import Path

from xinstruct.files import write_text
from xinstruct.params import ReportParams
from xinstruct.reporting.calls import calls
from xinstruct.reporting.lengths import counter
from xinstruct.reporting.load import load
from xinstruct.reporting.page import build, calls_html, html, markdown
from xinstruct.stage import Context, Script, run


def work(ctx: Context[ReportParams]) -> None:
    """Nothing: the report is about all shards of all stages, so it is written once, at the end."""


def finish(ctx: Context[ReportParams]) -> None:
    """Read everything, draw it, write both files."""
    loaded = load(Path(), ctx.params)
    for name in loaded.absent:
        ctx.say(f"warning: {name} is not there; the report says so")
    view = build(loaded, counter(Path("models/start")))
    write_text(ctx.out("reports/index.html"), html(view))
    write_text(ctx.out("reports/report.md"), markdown(view))
    # Times are of this machine and this run: no output, which would have to be the same bytes everywhere.
    write_text(Path("reports/calls.html"), calls_html(calls(Path("reports"))))
    ctx.say("wrote reports/index.html and reports/report.md")


if __name__ == "__main__":
    sys.exit(run(Script("report", work, finish, writes=()), __doc__))
