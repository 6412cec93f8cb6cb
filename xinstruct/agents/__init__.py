"""The paper's framework: seeds, language agents, memory, reflection, discussion, scorer."""
