"""Access to models: the protocol of all chat models, a client with journal and budget, servers, local checkpoints.

May import: code, models, prompts.
"""
