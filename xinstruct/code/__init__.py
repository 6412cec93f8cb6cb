"""What code is, without running it: types, grammars, headers, extraction from answers, mutants.

May import: nothing but the spine.
"""
