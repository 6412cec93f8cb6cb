"""What Rust looks like."""

from __future__ import annotations

import re

from xinstruct.code.traits.base import Traits

TRAITS = Traits(
    "rust",
    opaque=re.compile(  # a quotation mark alone begins a lifetime
        r"""//[^\n]*|/\*.*?(?:\*/|\Z)|b?r(?P<hashes>#*)".*?"(?P=hashes)|"(?:\\.|[^"\\])*"|"""
        r"""'(?:\\.[^'\n]*|[^'\\\n])'""",
        re.S,
    ),
)  # fmt: skip
