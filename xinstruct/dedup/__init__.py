"""Duplicates by code, results and instructions, links between samples of one task, overlaps with benchmarks; selection.

May import: agents, benchmarks, code, execution, languages.
"""
