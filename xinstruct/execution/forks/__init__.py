"""Forking node, php, g++'s compiler and mold from processes that are already initialised, instead of starting them.

`execution.forks: off` in params.yaml switches this package off; verdicts are the same without it. docs/forks.md
says what it relies on. The zygotes that every program is forked from are in ``xinstruct.execution.process``.
"""
