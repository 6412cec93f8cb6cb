"""The backends of the languages."""
