"""Near-duplicates by MinHash LSH, decontamination against benchmarks, selection by quality.

May import: code.
"""
