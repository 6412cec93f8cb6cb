"""The reliability of verdicts: published, re-scored and reference verdicts, attacks, and their pages.

Commands keep what they find under results/ and write docs/results/*.md from all that is kept; nothing else does.
"""
