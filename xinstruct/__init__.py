"""Multi-agent collaboration for multilingual code instruction tuning, open and reproducible."""
