"""Documented functions from pinned packages, with provenance.

May import: code.
"""
