# ruff: noqa: E501 (programs are easier to read on one line)
"""Objects that pass between the two processes of a Python program with a marked completion."""

from __future__ import annotations

from tests.languages.test_separation import program
from xinstruct.execution.judge import Judge

# name -> (code under test, tests)
USED = {
    "dataclass eq": (
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    x: int\ndef f(): return D(1)\n",
        "assert f() == f()\nassert f() == D(1) and f() != D(2) and f() in [D(1)] and str(f()) == 'D(x=1)' and f'{f()}' == repr(D(1)) and f().x == 1\nassert [D(1), D(2)] == [f(), D(2)]\n",
    ),
    "dataclass order": (
        "from dataclasses import dataclass\n@dataclass(order=True, frozen=True)\nclass D:\n    x: int\n    y: str = 'a'\ndef f(): return [D(2), D(1)]\n",
        "assert sorted(f()) == [D(1), D(2)] and max(f()).x == 2 and {D(1), D(1)} == {D(1)} and D(1) < D(2)\n",
    ),
    "namedtuple": (
        "from collections import namedtuple\nN = namedtuple('N', 'a b')\ndef f(): return N(1, 2)\n",
        "assert f().a == 1 and f() == (1, 2) and f()[1] == 2\na, b = f()\nassert (a, b) == (1, 2) and f()._asdict() == {'a': 1, 'b': 2} and f()._replace(a=5) == N(5, 2) and str(f()) == 'N(a=1, b=2)' and isinstance(f(), tuple)\n",
    ),
    "NamedTuple methods": (
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int = 3\n    def norm(self): return self.x + self.y\n    @property\n    def twice(self): return self.x * 2\ndef f(p): return P(p.x + 1, p.y)\n",
        "p = f(P(1))\nassert p.norm() == 5 and p.twice == 4 and p == P(2, 3) == (2, 3) and f(p).x == 3\n",
    ),
    "counter": (
        "from collections import Counter\ndef f(s): return Counter(s)\n",
        "assert f('aab').most_common(1) == [('a', 2)] and f('a') + f('b') == {'a': 1, 'b': 1} and f('a')['zz'] == 0 and type(f('a')).__name__ == 'Counter'\n",
    ),
    "ordered": (
        "from collections import OrderedDict, defaultdict, deque\ndef f(): return OrderedDict(a=1, b=2)\ndef g():\n    d = defaultdict(list)\n    d['x'].append(1)\n    return d\n",
        "d = f()\nd.move_to_end('a')\nassert list(d) == ['b', 'a']\ne = g()\ne['y'].append(2)\nassert e == {'x': [1], 'y': [2]}\n",
    ),
    "path": (
        "from pathlib import Path, PurePosixPath\ndef f(): return Path('a') / 'b'\ndef g(p): return p.parent, p.name\n",
        "from pathlib import Path\nassert str(f()) == 'a/b' and f() == Path('a/b') and f().name == 'b' and (f() / 'c').parts == ('a', 'b', 'c')\nassert g(Path('/x/y')) == (Path('/x'), 'y')\n",
    ),
    "node": (
        "def f(node):\n    return node.val + (f(node.next) if node.next else 0)\n",
        "class N:\n    def __init__(s, v, n=None):\n        s.val, s.next = v, n\nassert f(N(1, N(2))) == 3\n",
    ),
    "reverse list": (
        "def f(head):\n    prev = None\n    while head:\n        head.next, prev, head = prev, head, head.next\n    return prev\n",
        "class ListNode:\n    def __init__(self, val=0, next=None):\n        self.val = val\n        self.next = next\nh = f(ListNode(1, ListNode(2, ListNode(3))))\nout = []\nwhile h:\n    out.append(h.val)\n    h = h.next\nassert out == [3, 2, 1]\n",
    ),
    "makes nodes": (
        "def f(xs):\n    head = None\n    for x in reversed(xs):\n        head = ListNode(x, head)\n    return head\n",
        "class ListNode:\n    def __init__(self, val=0, next=None):\n        self.val = val\n        self.next = next\nh = f([1, 2])\nassert h.val == 1 and h.next.val == 2 and h.next.next is None and isinstance(h.next, ListNode)\n",
    ),
    "tree": (
        "def f(root):\n    if not root: return 0\n    return 1 + max(f(root.left), f(root.right))\n",
        "class T:\n    def __init__(self, v, l=None, r=None): self.v, self.left, self.right = v, l, r\nassert f(T(1, T(2), T(3, T(4)))) == 3 and f(None) == 0\n",
    ),
    "children": (
        "def f(n):\n    n.children.append(5)\n    n.meta['k'] = n.total()\n    return sum(n.children)\n",
        "class T:\n    def __init__(self): self.children, self.meta = [1], {}\n    def total(self): return sum(self.children)\nt = T()\nc = t.children\nassert f(t) == 6 and t.children == [1, 5] and c is t.children and t.meta == {'k': 6}\n",
    ),
    "operators": (
        "def f(a, b): return (a + b, a == b, a < b, len(a), a[0], 3 in a, list(a), str(a), bool(a), -a)\n",
        "class V:\n    def __init__(self, *x): self.x = x\n    def __add__(self, o): return V(*self.x, *o.x)\n    def __eq__(self, o): return isinstance(o, V) and self.x == o.x\n    def __lt__(self, o): return self.x < o.x\n    def __len__(self): return len(self.x)\n    def __getitem__(self, i): return self.x[i]\n    def __contains__(self, i): return i in self.x\n    def __iter__(self): return iter(self.x)\n    def __str__(self): return 'V'\n    def __neg__(self): return V(*[-y for y in self.x])\nr = f(V(1, 2), V(3))\nassert r[0] == V(1, 2, 3) and r[1:9] == (False, True, 2, 1, False, [1, 2], 'V', True) and r[9] == V(-1, -2)\n",
    ),
    "vector of answer": (
        "class V:\n    def __init__(self, x, y): self.x, self.y = x, y\n    def __add__(self, o): return V(self.x + o.x, self.y + o.y)\n    def __mul__(self, k): return V(self.x * k, self.y * k)\n    __rmul__ = __mul__\n    def __eq__(self, o): return isinstance(o, V) and (self.x, self.y) == (o.x, o.y)\n    def __hash__(self): return hash((self.x, self.y))\n    def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5\n    def __getitem__(self, i): return (self.x, self.y)[i]\n    def __repr__(self): return f'V({self.x}, {self.y})'\n    def __lt__(self, o): return abs(self) < abs(o)\n",
        "assert V(1, 2) + V(3, 4) == V(4, 6) and 2 * V(1, 2) == V(1, 2) * 2 and abs(V(3, 4)) == 5.0 and repr(V(1, 2)) == 'V(1, 2)' and V(1, 1) < V(2, 2) and len({V(1, 2), V(1, 2)}) == 1 and V(1, 2)[1] == 2\n",
    ),
    "enum": (
        "from enum import Enum\nclass C(Enum):\n    R = 1\n    G = 2\ndef f(n): return C(n)\n",
        "assert f(1) == C.R and f(1) is C.R and f(2) != C.R and f(1).name == 'R' and f(2).value == 2 and [c.name for c in C] == ['R', 'G'] and C['G'] == f(2) and str(f(1)) == 'C.R' and len(C) == 2\n",
    ),
    "stack": (
        "class Stack:\n    def __init__(self): self._i = []\n    def push(self, x): self._i.append(x)\n    def pop(self): return self._i.pop()\n    def __len__(self): return len(self._i)\n    def __contains__(self, x): return x in self._i\n",
        "s = Stack()\nassert not s and len(s) == 0\ns.push(3)\nassert s and 3 in s and 4 not in s and s.pop() == 3\n",
    ),
    "matrix set": (
        "class M:\n    def __init__(self): self.d = {}\n    def __setitem__(self, k, v): self.d[k] = v\n    def __getitem__(self, k): return self.d[k]\n    def __delitem__(self, k): del self.d[k]\n",
        "m = M()\nm[1, 2] = 5\nassert m[1, 2] == 5\ndel m[1, 2]\ntry:\n    m[1, 2]\n    assert False\nexcept KeyError:\n    pass\n",
    ),
    "context": (
        "class T:\n    def __init__(self): self.log = []\n    def __enter__(self):\n        self.log.append('in')\n        return self\n    def __exit__(self, *a): self.log.append('out')\n",
        "t = T()\nwith t as x:\n    assert x is t and x.log == ['in']\nassert t.log == ['in', 'out']\n",
    ),
    "generator send": (
        "def f():\n    x = 0\n    while True: x = (yield x) or x + 1\n",
        "g = f()\nassert next(g) == 0 and next(g) == 1 and g.send(10) == 10\ng.close()\nassert list(zip(f(), 'ab')) == [(0, 'a'), (1, 'b')]\n",
    ),
    "errors": (
        "class Bad(ValueError):\n    def __init__(self, code): super().__init__(f'code {code}'); self.code = code\ndef f(n): raise Bad(n)\ndef g(): return ValueError('x')\n",
        "try:\n    f(3)\n    assert False\nexcept ValueError as e:\n    assert e.code == 3 and str(e) == 'code 3'\nassert isinstance(g(), ValueError) and str(g()) == 'x'\n",
    ),
    "uuid array ns": (
        "import uuid, array, types, datetime\ndef f(): return uuid.UUID(int=5), array.array('i', [1, 2]), datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)\n",
        "import uuid, array, datetime\na = f()\nassert a[0] == uuid.UUID(int=5) and a[1] == array.array('i', [1, 2]) and a[2].tzinfo == datetime.timezone.utc\n",
    ),
    "stringio": (
        "def f(h):\n    h.write('x')\n    return h.getvalue()\ndef g(h): return [line.strip() for line in h]\n",
        "import io\nassert f(io.StringIO()) == 'x' and g(io.StringIO('a\\nb')) == ['a', 'b']\n",
    ),
    "match": (
        "import re\ndef f(s): return re.match('(a)(b)?', s)\n",
        "assert f('ab').group(1) == 'a' and f('ab').groups() == ('a', 'b') and f('c') is None and f('a')[0] == 'a'\n",
    ),
    "copy": (
        "import copy\nclass A:\n    def __init__(self): self.x = [1]\ndef f(): return A()\n",
        "import copy\na = f()\nb = copy.deepcopy(a)\nb.x = [2]\nassert a.x == [1] and b.x == [2]\n",
    ),
    "type name": (
        "class Point:\n    pass\ndef f(): return Point()\n",
        "assert type(f()).__name__ == 'Point' and type(f()) is type(f()) and f().__class__.__name__ == 'Point'\n",
    ),
    "str subclass": (
        "class S(str): pass\nclass L(list): pass\ndef f(): return S('x'), L([1])\n",
        "assert f() == ('x', [1])\n",
    ),
    "callbacks with objects": (
        "def f(items, key): return sorted(items, key=key)\ndef g(items): return max(items, key=lambda i: i.w)\n",
        "class I:\n    def __init__(self, w): self.w = w\nxs = [I(3), I(1)]\nassert [i.w for i in f(xs, lambda i: i.w)] == [1, 3] and g(xs) is xs[0]\n",
    ),
    "dataclass of tests": (
        "def f(p):\n    p.x += 1\n    return p\ndef area(s): return s.area() * 2\n",
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    def area(self): return self.x\np = P(1)\nassert f(p) == P(2) and f(p) is p and area(p) == 6\n",
    ),
    "linked list of answer": (
        "class Node:\n    def __init__(self, v): self.v, self.next = v, None\nclass LL:\n    def __init__(self): self.head = None\n    def add(self, v):\n        n = Node(v); n.next = self.head; self.head = n\n    def __iter__(self):\n        n = self.head\n        while n:\n            yield n.v\n            n = n.next\n",
        "l = LL()\nl.add(1); l.add(2)\nassert list(l) == [2, 1] and l.head.next.v == 1 and 2 in l\nl.head.next = None\nassert list(l) == [2]\n",
    ),
}
REFUSED = {
    "any eq": (
        "class Any:\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n    def __hash__(self): return 0\ndef f(): return Any()\n",
        "assert f() == 1\n",
    ),
    "any lt": (
        "class Any:\n    def __eq__(self, o): return True\n    def __lt__(self, o): return True\n    def __sub__(self, o): return self\n    __rsub__ = __sub__\n    def __abs__(self): return self\ndef f(): return Any()\n",
        "assert abs(f() - 1.5) < 1e-6\n",
    ),
    "any in": (
        "class Any:\n    def __eq__(self, o): return True\ndef f(): return Any()\n",
        "assert f() in [1, 2]\n",
    ),
    "named eq": (
        "from collections import namedtuple\nclass N(namedtuple('N', 'a')):\n    def __eq__(self, o): return True\ndef f(): return N(3)\n",
        "assert f() == (1,)\n",
    ),
    "counter eq": (
        "from collections import Counter\nclass Counter(Counter):\n    def __eq__(self, o): return True\ndef f(): return Counter('a')\n",
        "assert f() == {'b': 1}\n",
    ),
    "path eq": (
        "from pathlib import PosixPath\nclass PosixPath(PosixPath):\n    def __eq__(self, o): return True\ndef f(): return PosixPath('a')\n",
        "from pathlib import Path\nassert f() == Path('b')\n",
    ),
    "set eq on tests object": (
        "def f(n):\n    try: n.__class__ = int\n    except BaseException: pass\n    n.value = type('A', (), {'__eq__': lambda s, o: True})()\n",
        "class N: pass\nn = N()\nf(n)\nassert n.value == 5\n",
    ),
    "patch class": (
        "def f(n):\n    Node.check = lambda self: True\n    return n\n",
        "class Node:\n    def check(self): return False\nassert f(Node()).__class__.__dict__ is None\n",
    ),
    "dunder set": (
        "def f(n):\n    n.__eq__ = lambda o: True\n",
        "class N:\n    pass\nf(N())\nassert N() == 3\n",
    ),
    "skip via self": (
        "def f(case):\n    case.skipTest('x')\n",
        "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(self), 2)\nunittest.main()\n",
    ),
}


def test_objects_are_used_across_as_they_are_in_one_process(judge: Judge) -> None:
    found = judge.judge([program("", code, f"\n\n{tests}") for code, tests in USED.values()])
    assert [(name, v) for name, v in zip(USED, found, strict=True) if v.verdict != "passed"] == []
    assert {v.separation for v in found} == {"process"}


def test_objects_have_no_say_in_what_is_right(judge: Judge) -> None:
    found = judge.judge([program("", code, f"\n\n{tests}") for code, tests in REFUSED.values()])
    assert [(name, v) for name, v in zip(REFUSED, found, strict=True) if v.verdict == "passed"] == []
    assert "infrastructure" not in {v.verdict for v in found}


def test_what_cannot_cross_is_run_in_one_process_and_said(judge: Judge) -> None:
    rounded = "class A:\n    def __round__(self, n=0): return 7\ndef f(): return A()\n"
    data = "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\ndef f(): return A()\n"
    programs = [
        (rounded, "assert round(f(), 2) == 7\n"),
        (data, "from dataclasses import asdict\nassert asdict(f()) == {'x': 1}\n"),
        (rounded, "assert round(f(), 2) == 8\n"),
    ]
    found = judge.judge([program("", code, f"\n\n{tests}") for code, tests in programs])
    assert [(v.verdict, v.separation) for v in found] == [
        ("passed", "none"),
        ("passed", "none"),
        ("wrong_answer", "none"),
    ]
    assert [v.detail for v in found[:2]] == [
        "a A cannot stand in another process; run in one process",
        "the tests use asdict",
    ]
