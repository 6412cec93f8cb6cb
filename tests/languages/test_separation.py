# ruff: noqa: E501 (programs are easier to read on one line)
"""Python programs with a marked completion: where the text is split, and what passes between the two processes."""

from __future__ import annotations

import pytest

from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages.separation import Inseparable, Parts, split

HEAD = 'import math\n\n\ndef double(n):\n    return 2 * n\n\n\ndef f(n):\n    """Text."""\n'


def parts(before: str, code: str, after: str) -> Parts:
    return split(before + code + after, len(before), len(before) + len(code))


def program(before: str, code: str, after: str) -> Job:
    span = (len(before), len(before) + len(code))
    return Job(code, "python", program=before + code + after, completion=span)


def test_the_open_function_is_left_out_and_asked_for() -> None:
    found = parts(HEAD, "    return n\n", "\n\nassert f(1) == double(f(2))\n")
    assert "def double" in found.tests and "def f" not in found.tests
    assert found.names == ("f",)
    assert found.code.startswith(HEAD + "    return n\n")
    lines = (HEAD + "    return n\n\n\nassert f(1)").splitlines()
    assert found.tests.splitlines()[len(lines) - 1].startswith("assert f(1)")  # where it stood


@pytest.mark.parametrize(
    ("before", "names"),
    [
        ("", ("double", "f")),
        ("def f(n):\n", ("double", "f")),
        ("def f(n):\n    ", ("double", "f")),
        ("class A:\n    def g(self):\n", ("double", "f")),
        ("def double(n):\n    return 2 * n\n\n", ("f",)),
        ("def double(n):\n    half = n\n", ("double", "f")),
        ("def double(n):\n    raise NotImplementedError\n\n", ("double", "f")),
    ],
)
def test_what_the_prompt_leaves_open(before: str, names: tuple[str, ...]) -> None:
    assert parts(before, "whatever\n", "\nassert f(1) == double(2)\n").names == names


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("x = (", "\nassert f(1)\n", "whole statements"),
        ("", "\n    return 1\nassert f(1)\n", "whole statements"),
        ("", "\nassert isinstance(f(1), Answer)\n", "Answer as a type"),
        ("", "\ntry:\n    f(1)\nexcept Odd:\n    pass\n", "Odd as a type"),
        ("", "\nimport io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as s: f(1)\n", "redirect_stdout"),
        ("", "\nimport asyncio\nasyncio.run(f(1))\n", "asyncio"),
        ("", "\nassert eval('f(1)') == f(1)\n", "eval"),
        ("", "\nassert sum([1], 2) == 3\n", "nothing that only"),
        ("class Node:\n    pass\n\n\ndef f(n):\n", "\nassert f(Node()) == 1\n", "make a Node"),
    ],
)
def test_what_cannot_be_separated_says_why(before: str, after: str, why: str) -> None:
    for code in ("    return 1\n", "class Odd: pass\n"):  # the completion has no say in it
        with pytest.raises(Inseparable, match=why):
            parts(before, code, after)


PASSING = {
    "in place": ("def f(xs): xs.sort()\n", "xs = [2, 1]\nassert f(xs) is None\nassert xs == [1, 2]\n"),
    "the argument itself": ("def f(xs):\n    xs.append(1)\n    return xs\n", "xs = []\nassert f(xs) is xs\n"),
    "dict, set and bytearray in place": (
        "def f(d, s, b):\n    d['x'] = 1\n    s.discard(1)\n    b += b'!'\n",
        "d, s, b = {}, {1, 2}, bytearray(b'a')\nf(d, s, b=b)\nassert (d, s, b) == ({'x': 1}, {2}, b'a!')\n",
    ),
    "types": (
        "from decimal import Decimal\nfrom collections import Counter, OrderedDict\nimport datetime, enum\n"
        "class E(enum.IntEnum):\n    A = 1\n"
        "def f(n): return [None, True, 2 ** 70, -0.5, 1j, 'é\\ud800', b'x', (1,), {1: [2]}, {3}, frozenset((4,)),"
        " range(3), Decimal('1.5'), datetime.date(2020, 1, 2), Counter('aab'), OrderedDict(a=1), E.A]\n",
        "from decimal import Decimal\nimport datetime\n"
        "assert f(0) == [None, True, 2 ** 70, -0.5, 1j, 'é\\ud800', b'x', (1,), {1: [2]}, {3}, frozenset((4,)),"
        " range(3), Decimal('1.5'), datetime.date(2020, 1, 2), {'a': 2, 'b': 1}, {'a': 1}, 1]\n"
        "assert type(f(0)[1]) is bool and type(f(0)[-2]).__name__ == 'OrderedDict' and type(f(0)[-1]) is int\n",
    ),
    "views": (
        "def f(d): return d.keys(), d.values(), d.items()\n",
        "k, v, i = f({1: 2})\nassert k == {1} and list(v) == [2] and set(i) == {(1, 2)} and list(k) == [1]\n",
    ),
    "iterators": (
        "def f(n):\n    while True:\n        yield n\n        n += 1\ndef g(xs): return map(str, xs)\n",
        "it = f(3)\nassert [next(it), next(it)] == [3, 4]\nassert list(g([1, 2])) == ['1', '2']\n",
    ),
    "functions both ways": (
        "def f(g, n): return g(n) + 1\ndef h(n): return lambda m: m * n\n",
        "assert f(lambda n: n * 2, 5) == 11\nassert h(3)(4) == 12\nassert f(h(2), 3) == 7\nassert f(len, 'ab') == 3\n",
    ),
    "errors by name": (
        "class Odd(KeyError): pass\ndef f(n):\n    if n: raise Odd('x')\n    import json; json.loads('{')\n",
        "import json\ntry:\n    f(1)\n    assert False\nexcept KeyError as e:\n    assert type(e).__name__ == 'Odd' and e.args == ('x',)\n"
        "try:\n    f(0)\n    assert False\nexcept json.JSONDecodeError:\n    pass\n",
    ),
    "classes": (
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x); return self\n"
        "    def __len__(self): return len(self.items)\n    def __iter__(self): return iter(self.items)\n",
        "s = Stack()\ns.push(1).push(2)\ns.name = 'x'\n"
        "assert s.items == [1, 2] and len(s) == 2 and list(s) == [1, 2] and s.name == 'x' and s == s and s != Stack()\n",
    ),
    "constants": ("LIMIT = [1]\ndef f(): return LIMIT\n", "assert LIMIT == [1] == f()\n"),
    "large": ("def f(xs): return xs[::-1]\n", "xs = list(range(200000))\nassert f(xs)[0] == 199999\n"),
    "unittest": (
        "def f(n): return n + 1\n",
        "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(1), 2)\nunittest.main()\n",
    ),
    "main guard": ("def f(): return 1\nif __name__ == '__main__':\n    print(f())\n", "assert f() == 1\n"),
}
FAILING = {
    "proxy equals all": ("class A:\n    def __eq__(self, o): return True\ndef f(): return A()\n", "assert f() == 1\n"),
    "truth of a proxy": ("class A:\n    def __bool__(self): return False\ndef f(): return A()\n", "assert not f()\n"),
    "contains all": ("class A:\n    def __contains__(self, o): return True\n    def __iter__(self): return iter(())\n"
                     "def f(): return A()\n", "assert 1 in f()\n"),
    "contains all, in a list": ("class A(list):\n    def __contains__(self, o): return True\n"
                                "def f(): return A()\n", "assert 1 in f()\n"),
    "skips its test": (
        "import unittest\nclass SkipTest(unittest.SkipTest): pass\ndef f(n): raise (SkipTest if n else unittest.SkipTest)('x')\n",
        "import unittest\nfrom unittest import SkipTest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(1), 2)\n"
        "    def test_g(self): self.assertEqual(f(0), 2)\nunittest.main()\n",
    ),
    "leaves by an error": ("class Odd(SystemExit): pass\ndef f(): raise Odd(0)\n", "assert f() == 1\n"),
    "reads what is not there": ("def f(): return int(input())\n", "assert f() == 1\n"),
    "other builtin": ("def set(x): return 0\ndef f(x): return 5\n", "assert set(f([1])) == set([2])\n"),
    "other helper": ("def double(n): return 0\ndef f(n): return 0\n", "assert f(1) == double(1)\n"),
    "looks through a callback": (
        "def f(g):\n    try: return 1 if g.__globals__ else 0\n    except BaseException: return 0\n",
        "assert f(lambda: 1) == 1\n",
    ),
    "forged message": (
        "import gc, os\ndef f():\n    for o in gc.get_objects():\n        if type(o).__name__ == 'Link':\n"
        "            data = b'\\x80\\x05cbuiltins\\nexec\\n(Vprint(1)\\ntR.'\n"
        "            os.write(o.outlet, len(data).to_bytes(8, 'big') + data)\n    return 0\n",
        "assert f() == 1\n",
    ),
}  # fmt: skip
HELPER = "def double(n):\n    return 2 * n\n\n\n"


def test_honest_answers_pass_apart_from_their_tests(judge: Judge) -> None:
    found = judge.judge([program("", code, f"\n\n{tests}") for code, tests in PASSING.values()])
    assert [(name, v) for name, v in zip(PASSING, found, strict=True) if v.verdict != "passed"] == []
    assert {v.separation for v in found} == {"process"}


def test_nothing_but_data_crosses(judge: Judge) -> None:
    found = judge.judge([program(HELPER, code, f"\n\n{tests}") for code, tests in FAILING.values()])
    assert [(name, v) for name, v in zip(FAILING, found, strict=True) if v.verdict == "passed"] == []
    assert {v.separation for v in found} == {"process"}
    assert "infrastructure" not in {v.verdict for v in found}


def test_a_failed_assertion_is_told_with_its_line(judge: Judge) -> None:
    verdict = judge.judge([program(HEAD, "    return n\n", "\n\nassert f(1) == 2, 'not two'\n")])[0]
    assert (verdict.verdict, verdict.detail) == ("wrong_answer", "AssertionError: not two")
    assert "line 13" in verdict.stderr and "assert f(1) == 2" in verdict.stderr


def test_a_completion_outside_of_the_program_is_refused(judge: Judge) -> None:
    verdict = judge.judge([Job("x", "python", program="assert 1", completion=(3, 9))])[0]
    assert (verdict.verdict, verdict.detail) == ("unsupported", "the completion (3, 9) does not lie within the program")


def test_one_process_is_said_with_the_reason(judge: Judge) -> None:
    job = program("", "class A: pass\n", "\n\nassert isinstance(A(), A)\n")
    verdict = judge.judge([job, Job("x", "python", program=job.program)])
    assert [(v.verdict, v.separation) for v in verdict] == [("passed", "none")] * 2
    assert [v.detail for v in verdict] == ["the tests use A as a type", ""]
