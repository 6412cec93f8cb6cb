"""The report: the paper's tables and figures beside this run's, the funnel, discussions turn by turn.

Reads the outputs of the other stages and writes reports/index.html (one self-contained page) and
reports/report.md; beside them, untracked, reports/calls.html with the time and cost of this run's teacher
calls and of each step of training. A missing input is named on the page. All numbers are computed in
xinstruct/reporting.

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
from xinstruct.reporting.training import costs
from xinstruct.stage import Context, Script, run


def work(ctx: Context[ReportParams]) -> None:
    """Do nothing: the report covers all shards of all stages, so finish writes it once."""


def finish(ctx: Context[ReportParams]) -> None:
    """Read all inputs, draw the figures, write both files."""
    loaded = load(Path(), ctx.params)
    for name in loaded.absent:
        ctx.say(f"warning: {name} is not there; the report says so")
    view = build(loaded, counter(Path("models/start")))
    write_text(ctx.out("reports/index.html"), html(view))
    write_text(ctx.out("reports/report.md"), markdown(view))
    # Times are of this machine and this run: no output, which would have to be the same bytes everywhere.
    write_text(Path("reports/calls.html"), calls_html(calls(Path("reports")), costs(Path("reports"))))
    ctx.say("wrote reports/index.html and reports/report.md")


if __name__ == "__main__":
    sys.exit(run(Script("report", work, finish, writes=()), __doc__))
