"""The programming languages: one module each, found by name."""
