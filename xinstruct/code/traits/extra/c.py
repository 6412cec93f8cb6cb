"""What C looks like: to a grammar, C++."""

from __future__ import annotations

from xinstruct.code.traits.base import Traits
from xinstruct.code.traits.cpp import GRAMMAR

TRAITS = Traits("c", syntax=GRAMMAR)
