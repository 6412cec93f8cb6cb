"""Commands that are forked where they have begun, in place of being started: node, php, g++'s compiler, mold.

`execution.forks: off` in params.yaml does without all that is in here, and verdicts are the same then. docs/forks.md
says what it relies on. The processes that serve every program are ``xinstruct.execution.process``.
"""
