"""Languages beyond the paper's eight; no stage depends on them."""
