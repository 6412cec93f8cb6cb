"""Tables and figures of the paper beside those of a run: one page, computed from the outputs of the stages.

May import: agents, benchmarks.
"""
