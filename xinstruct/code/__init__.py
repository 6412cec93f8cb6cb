"""What code is, without running it: types, grammars, traits of languages, extraction from answers, mutants.

May import: nothing but the spine.
"""
