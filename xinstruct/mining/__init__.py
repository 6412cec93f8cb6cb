"""Documented functions out of pinned packages, with provenance.

May import: code.
"""
