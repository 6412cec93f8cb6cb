"""Untrusted programs in a sandbox, and a judge outside of it that decides their verdicts.

May import: languages, code.
"""
