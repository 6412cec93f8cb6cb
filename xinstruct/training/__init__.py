"""Fine-tuning with TRL, preference pairs, batched local generation."""
