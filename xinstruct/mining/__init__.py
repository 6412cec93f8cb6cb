"""Documented functions out of pinned packages, with provenance."""
