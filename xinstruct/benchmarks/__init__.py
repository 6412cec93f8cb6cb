"""Benchmarks as folders, models' answers to them, and pass@k.

May import: llm, models, execution, languages, code, prompts.
"""
