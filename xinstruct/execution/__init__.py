"""Untrusted programs in a sandbox, and verdicts that the judge outside decides.

May import: languages, code.
"""
