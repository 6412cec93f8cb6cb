"""Asking a model: one protocol for all that answer, a client with journal and budget, servers, checkpoints in process.

May import: models, prompts.
"""
