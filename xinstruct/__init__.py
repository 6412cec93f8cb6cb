"""Multi-agent collaboration for multilingual code instruction tuning, open and reproducible."""

import os

# Nothing is reported to anybody: set before any library that would.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
