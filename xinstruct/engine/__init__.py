"""Batched generation whose answers depend on their own request only (docs/llm.md says how and how fast).

slots.py     keys and values of many unfinished answers, and the attention over them
sampling.py  what is asked of an answer, and how its next token is drawn
engine.py    admits requests to slots, shares the prompts they have in common, steps them together
copies.py    engines side by side, a process each; what waits is grouped by prompt (byprompt.py)

llm/batched.py puts them behind the OpenAI protocol, training/generate.py asks them directly.
"""
