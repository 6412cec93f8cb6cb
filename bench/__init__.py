"""Figures beside peers, printed by `make bench`."""
