"""Benchmarks as folders, extraction of answers, pass@k."""
