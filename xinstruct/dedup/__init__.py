"""Near-duplicates by MinHash LSH and decontamination against benchmarks.

May import: nothing but the spine.
"""
