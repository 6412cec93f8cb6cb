"""Benchmarks as folders, the answers of models to them, and pass@k.

May import: llm, models, execution, languages, code, prompts.
"""
