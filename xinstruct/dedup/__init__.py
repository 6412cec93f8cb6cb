"""Near-duplicates by MinHash LSH and decontamination against benchmarks."""
