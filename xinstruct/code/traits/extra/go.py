"""What Go looks like."""

from __future__ import annotations

import re

from xinstruct.code.traits.base import Traits

TRAITS = Traits(
    "go",
    opaque=re.compile(
        r"""//[^\n]*|/\*.*?(?:\*/|\Z)|`[^`]*`|"(?:\\.|[^"\\\n])*"|'(?:\\.[^'\n]*|[^'\\\n])'""", re.S
    ),
)  # fmt: skip
