"""Asking a model: client, journal of calls, budget, dialects of endpoints, embedded servers.

May import: models, prompts.
"""
