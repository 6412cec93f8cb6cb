"""The places of these commands' files: problem and answer files outside the repository, results and pages inside."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
# Problem files and published answers are not part of the repository: folders `benchmarks` and `published` in there.
SHARED = Path(os.environ.get("XINSTRUCT_SHARED") or REPOSITORY / "shared")
BENCHMARKS = SHARED / "benchmarks"
PUBLISHED = SHARED / "published"
RESULTS = HERE / "results"  # JSON, a file for each row of a page
ANSWERS = HERE / "answers"  # a folder for each model
PAGES = REPOSITORY / "docs" / "results"
