# ruff: noqa: E501 (programs are easier to read on one line)
"""C++ functions that declare more than a call gives them, arrays with their lengths, and other words for keywords."""

from __future__ import annotations

import pytest

from tests.languages.conftest import need
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge, Verdict

pytestmark = pytest.mark.slow

# name -> (code, result's type, parameters, arguments, expected)
CALLED: dict[str, tuple[str, str, dict[str, str], list[object], object]] = {
    "depth": (
        "int f(int n, int depth = 0) { return n == 0 ? depth : f(n - 1, depth + 1); }\n",
        "int",
        {"n": "int"},
        [4],
        4,
    ),
    "memo": (
        "#include <map>\nlong long f(int n, std::map<int,long long> memo = {}) { if (n < 2) return n; return f(n-1, memo) + f(n-2, memo); }\n",
        "int",
        {"n": "int"},
        [10],
        55,
    ),
    "static": (
        "class Solution { public: static int f(int n, int k = 2) { return n * k; } };",
        "int",
        {"n": "int"},
        [4],
        8,
    ),
    "member": (
        "class Solution { int z = 1; public: int f(int n, int k = 2) { return n * k + z; } };",
        "int",
        {"n": "int"},
        [4],
        9,
    ),
    "ref": (
        "#include <vector>\nint f(std::vector<int>& v, int from = 0) { return from == (int)v.size() ? 0 : v[from] + f(v, from + 1); }",
        "int",
        {"v": "list<int>"},
        [[1, 2, 3]],
        6,
    ),
    "string": (
        '#include <string>\nusing namespace std;\nstring f(const string &s, string sep = ", ", int times = 2) { string r = s; for (int i = 1; i < times; i++) r += sep + s; return r; }',
        "string",
        {"s": "string"},
        ["ab"],
        "ab, ab",
    ),
    "proto": (
        "int f(int n, int acc = 1);\nint f(int n, int acc) { return n ? f(n - 1, acc * n) : acc; }",
        "int",
        {"n": "int"},
        [5],
        120,
    ),
    "lambda": ("auto f = [](int n, int k = 3) { return n + k; };", "int", {"n": "int"}, [5], 8),
    "nullptr": ("struct T{}; int f(int n, T* t = nullptr) { return t ? 0 : n; }", "int", {"n": "int"}, [5], 5),
    "array": (
        "int f(int a[], int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }",
        "int",
        {"a": "list<int>"},
        [[1, 2, 3]],
        6,
    ),
    "length first": (
        "int f(int n, int *a, int k) { int s = 0; for (int i = 0; i < n; i++) s += a[i] == k; return s; }",
        "int",
        {"a": "list<int>", "k": "int"},
        [[1, 2, 2], 2],
        2,
    ),
    "strings": (
        "#include <string>\nusing namespace std;\nint f(string words[], int n, string w) { int c = 0; for (int i = 0; i < n; i++) c += words[i] == w; return c; }",
        "int",
        {"words": "list<string>", "w": "string"},
        [["a", "b", "a"], "a"],
        2,
    ),
    "no length": ("int f(int a[3]) { return a[0] + a[2]; }", "int", {"a": "list<int>"}, [[1, 2, 3]], 4),
    "an index": (
        "int f(const int* a, int k) { return a[k]; }",
        "int",
        {"a": "list<int>", "k": "int"},
        [[1, 5, 3], 1],
        5,
    ),
    "two arrays": (
        "long long f(long long a[], int n, long long b[], int m) { return n * 10 + m + a[0] * b[0]; }",
        "int",
        {"a": "list<int>", "b": "list<int>"},
        [[2, 1], [3]],
        27,
    ),
    "array default": ("int f(int a[], int n, int k = 2) { return a[0] * k; }", "int", {"a": "list<int>"}, [[4]], 8),
    "define int": (
        "#include <bits/stdc++.h>\n#define int long long\nusing namespace std;\nint f(int n) { return n * n; }\nsigned main() { return 0; }",
        "int",
        {"n": "int"},
        [100000],
        10000000000,
    ),
    "define int vec": (
        "#include <vector>\nusing namespace std;\n#define int long long\n#define pb push_back\nvector<int> f(vector<int> v) { v.pb(3000000000); return v; }",
        "list<int>",
        {"v": "list<int>"},
        [[1]],
        [1, 3000000000],
    ),
    "define rows": (
        "#define row 3\n#define a 4\n#define call 5\n#define run 6\nint f(int n, int k = row) { return n + k; }",
        "int",
        {"n": "int"},
        [1],
        4,
    ),
    "define int default": (
        "#define int long long\nint f(int n, int k = 10000000000) { return n + k; }",
        "int",
        {"n": "int"},
        [1],
        10000000001,
    ),
}


@pytest.fixture(scope="module")
def found(judge: Judge) -> dict[str, Verdict]:
    need("cpp")
    jobs = [
        Job(name, "cpp", code, "f", Signature.of(returns, **params), (Case(tuple(args), expected),))
        for name, (code, returns, params, args, expected) in CALLED.items()
    ]
    few = Job(
        "too few", "cpp", "int f(int n, int k) { return n + k; }", "f", Signature.of("int", n="int"), (Case((1,), 1),)
    )
    return {verdict.id: verdict for verdict in judge.judge([*jobs, few])}


@pytest.mark.parametrize("name", CALLED)
def test_it_is_called(name: str, found: dict[str, Verdict]) -> None:
    assert found[name].verdict == "passed", (found[name].detail, found[name].stderr)


def test_a_parameter_without_default_is_missed(found: dict[str, Verdict]) -> None:
    assert found["too few"].verdict == "runtime_error" and "argument list" in found["too few"].detail
