"""Tables and figures of the paper beside those of a run: one page, computed from what the stages wrote.

May import: agents, benchmarks.
"""
