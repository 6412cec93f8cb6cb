"""Unneeded imports go, needed ones and all other text stay."""

from __future__ import annotations

import re

import pytest

from xinstruct.code.grammars import standard_names
from xinstruct.code.traits import EIGHT
from xinstruct.code.unused import _provided, without_unused_imports

MANY = """#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <sstream>
#include <string>
#include <vector>

// sums up, see map and sqrt
int f(const std::vector<std::string>& a) {
    int s = 0;
    for (const auto& x : a) s += std::stoi(x);
    return s;
}
"""


def test_fifteen_includes_become_the_two_that_are_used() -> None:
    body = MANY[MANY.index("\n// sums") :]
    assert without_unused_imports("cpp", MANY) == "#include <string>\n#include <vector>\n" + body


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("python", "import os\nimport re\n\n\ndef f(a):\n    return re.sub('x', '', a)\n",
         "import re\n\n\ndef f(a):\n    return re.sub('x', '', a)\n"),
        ("python", "from typing import Dict, List, Tuple\n\ndef f(a: List[int]) -> Tuple:\n    return a\n",
         "from typing import List, Tuple\n\ndef f(a: List[int]) -> Tuple:\n    return a\n"),
        ("python", "# why\nimport os  # for paths\n\ndef f(a):\n    return a  # os\n"
        "", "# why\n\ndef f(a):\n    return a  # os\n"),
        ("python", "import os as o, sys\n\ndef f(a):\n    return o.path\n"
        "", "import os as o\n\ndef f(a):\n    return o.path\n"),
        ("javascript", "import _ from 'lodash';\nimport { a, b } from 'x';\nfunction f(c) { return b(c); }\n",
         "import { a, b } from 'x';\nfunction f(c) { return b(c); }\n"),
        ("typescript", "import { a } from 'x';\n\nexport function f(c: string): string { return c; }\n",
         "export function f(c: string): string { return c; }\n"),
        ("java", "import java.util.*;\nimport java.util.function.*;\nimport java.math.BigInteger;\n\n"
        "class A { List<String> f() { return null; } }\n",
         "import java.util.*;\n\nclass A { List<String> f() { return null; } }\n"),
        ("csharp", "using System;\nusing System.Linq;\nusing System.Text;\n\n"
        "class A { string f(int[] a) { return a.Sum() + \"\"; } }\n",
         "using System.Linq;\n\nclass A { string f(int[] a) { return a.Sum() + \"\"; } }\n"),
        ("csharp", "using System.Security.Cryptography;\nusing System.Diagnostics;\nusing System;\n\n"
        "class A { double f(int a) { return Math.Sqrt(a); } }\n",
         "using System;\n\nclass A { double f(int a) { return Math.Sqrt(a); } }\n"),
    ],
)  # fmt: skip
def test_each_language_keeps_what_it_uses(language: str, before: str, after: str) -> None:
    assert without_unused_imports(language, before) == after
    assert without_unused_imports(language, after) == after


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "from __future__ import annotations\nfrom math import *\nimport os; import sys\n\n"
        "def f(a):\n    return a\n"),
        ("python", "def f(a):\n    import os\n    return a\n"),
        ("python", "from typing import List\n\ndef f(a: 'List[int]'):\n    return a\n"),
        ("python", "import os\n\ndef f(a):\n    return f'{os.sep}é{a}'\n"),
        ("javascript", "import 'side-effects';\nfunction f() { return `${1}`; }\n"),
        ("javascript", "const fs = require('fs');\nfunction f() { return 1; }\n"),
        ("cpp", '#include "own.h"\n#include <bits/stdc++.h>\n#include <unistd.h>\nint f() { return 1; }\n'),
        ("csharp", "using Own.Things;\nusing static System.Math;\nclass A { int f() { return 1; } }\n"),
        ("java", "import static java.lang.Math.*;\nimport com.own.*;\nclass A { int f() { return 1; } }\n"),
        ("php", "<?php\nuse Own\\Thing;\nfunction f() { return 1; }\n"),
        ("bash", "source x\nf() { echo 1; }\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_stays(language: str, code: str) -> None:
    assert without_unused_imports(language, code) == code


def test_what_came_by_way_of_a_removed_header_gets_its_own() -> None:
    code = "#include <cstring>\n#include <sstream>\n\nstd::string f(const std::string& a) {\n    return a;\n}\n"
    assert without_unused_imports("cpp", code) == code.replace("<cstring>\n#include <sstream>", "<string>")
    kept = code.replace("return a;", "size_t n = strlen(a.c_str());\n    return a;")
    assert without_unused_imports("cpp", kept) == kept.replace("<sstream>", "<string>")


def test_what_is_known_of_headers_is_of_headers_that_there_are() -> None:
    assert set(_provided("cpp")) <= standard_names("cpp_headers")
    for language in EIGHT:
        for name, pattern in _provided(language).items():
            assert not pattern.fullmatch("return"), name
            own = re.split(r"\W", name)[-1]
            if language == "cpp" and own in {"vector", "map", "set", "queue", "regex", "string", "optional", "complex"}:
                assert pattern.fullmatch(own)
