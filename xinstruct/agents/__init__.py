"""Language agents that make instruction data: seeds, memory, reflection, discussion, scoring."""
