"""The paper's agents: I- and R-Generator, scorer, language agents with memory and reflection that discuss.

May import: llm, execution, languages, code, prompts.
"""
