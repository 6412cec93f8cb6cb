"""Every value of every type comes back as it went in: through the driver, and as a literal."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.languages.conftest import job, need, outcome
from xinstruct.code.types import Parameter, Signature, Type, conforms, same
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages import Unsupported, get, names
from xinstruct.languages.generate import random_args, random_value

GROUPS = [
    ["int", "float", "bool", "string"],
    ["list<int>", "list<float>", "list<bool>", "list<string>", "list<list<int>>", "list<list<string>>"],
    ["dict<string,int>", "dict<int,string>", "dict<string,list<int>>", "dict<string,dict<string,bool>>"],
    [
        "tuple<int,string>",
        "tuple<float,bool,string>",
        "list<tuple<int,string>>",
        "tuple<int,int>",
        "tuple<list<int>,int>",
    ],
    ["optional<int>", "optional<string>", "optional<float>", "optional<bool>", "list<optional<int>>"],
    ["optional<list<int>>", "optional<tuple<int,int>>", "dict<string,optional<int>>", "dict<string,tuple<int,int>>"],
]
TEXTS = ["", "a\0b", "\"'`$x${y}\\", "é\u2028\u00a0", "😀\u0085", "a\nb\r\n\t\x07\x7f", "%s {0} ?? \\n \\u0041", " x "]
FLOATS: list[Any] = [0.0, -0.0, 0.1, -1e300, 5e-324, 1e22, 123456789.125, "NaN", "Infinity", "-Infinity"]
_DOUBLE, _LONG = [0, -1, 2**53 - 1, 1 - 2**53], [0, -1, 2**63 - 1, -(2**63)]
INTS = {
    **{"python": [0, -1, 10**40, -(2**63)], "javascript": _DOUBLE, "typescript": _DOUBLE},
    **{"java": _LONG, "cpp": _LONG, "csharp": _LONG, "php": _LONG},
    **{"go": _LONG, "rust": _LONG, "ruby": [0, -1, 10**40, -(2**63)], "lua": _LONG, "perl": _LONG, "c": _LONG},
}
BODY = {
    "python": "    return ({},)\n",
    "javascript": "return [{}];\n}}\n",
    "typescript": "return [{}];\n}}\n",
    "java": "return new ArrayList<>(Arrays.<Object>asList({}));\n}}\n",
    "cpp": "return {{{}}};\n}}\n",
    "csharp": "return ({});\n}}\n",
    "php": "return [{}];\n}}\n",
    "go": "return {}\n}}\n",
    "rust": "({},)\n}}\n",
    "ruby": "[{}]\nend\n",
    "lua": "return {{{}}}\nend\n",
    "perl": "return [{}];\n}}\n",
}
STRUCTURED = [name for name in names() if name not in ("bash", "c")]
LACKING = {"lua": ["list<optional<int>>", "dict<string,optional<int>>"]}  # types of GROUPS that a language has not


def identity(language: str, signature: Signature, expressions: list[str] | None = None) -> str:
    """A function that returns its parameters, or the given expressions, as one tuple."""
    backend = get(language)
    sigil = "$" if language in ("php", "perl") else ""
    parts = [sigil + p.name for p in signature.params] if expressions is None else expressions
    return backend.header("f", signature) + BODY[language].format(", ".join(parts)) + backend.footer()


def signature_of(types: list[str]) -> Signature:
    # a heterogeneous tuple, also where all types are alike
    kinds = [Type.parse(text) for text in types]
    params = tuple(Parameter(f"p{i}", kind) for i, kind in enumerate(kinds))
    return Signature(params, Type("tuple", tuple(kinds)))


def check(signature: Signature, got: list[object], rows: list[list[Any]]) -> None:
    for value, row in zip(got, rows, strict=True):
        for kind, left, right in zip(signature.returns.args, value, row, strict=True):
            assert same(kind, left, right), (str(kind), left, right)


def held(language: str, types: list[str]) -> list[str]:
    return [text for text in types if text not in LACKING.get(language, [])]


@pytest.mark.slow
@pytest.mark.parametrize("language", STRUCTURED)
def test_arguments_come_back(language: str, judge: Judge) -> None:
    need(language)
    jobs: list[Job] = []
    for number, types in enumerate(GROUPS):
        signature = signature_of(held(language, types))
        rows = random_args(signature, random.Random(number), 12)
        jobs.append(job(language, identity(language, signature), signature, *rows))
    extremes = signature_of(["int", "float", "string", "list<string>", "dict<string,float>"])
    ints = INTS[language]
    rows = [[ints[i % 4], f, TEXTS[i % len(TEXTS)], TEXTS[: i % 9], [["k", f]]] for i, f in enumerate(FLOATS)]
    jobs.append(job(language, identity(language, extremes), extremes, *rows))
    for one, verdict in zip(jobs, judge.observe(jobs), strict=True):
        assert one.signature
        check(one.signature, outcome(verdict), [list(case.args) for case in one.cases])


@pytest.mark.slow
@pytest.mark.parametrize("language", STRUCTURED)
def test_literals_mean_their_values(language: str, judge: Judge) -> None:
    need(language)
    rng = random.Random(5)
    jobs, wanted = [], []
    kinds = [["list<string>", "list<float>", "list<int>"], *GROUPS[1:]]
    for number, types in enumerate(kinds):
        signature = Signature((), signature_of(held(language, types)).returns)
        values = [random_value(kind, rng) for kind in signature.returns.args]
        if number == 0:
            values = [TEXTS, FLOATS, INTS[language]]
        literals = [get(language).literal(kind, v) for kind, v in zip(signature.returns.args, values, strict=True)]
        jobs.append(job(language, identity(language, signature, literals), signature, []))
        wanted.append(values)
    for one, verdict, values in zip(jobs, judge.observe(jobs), wanted, strict=True):
        assert one.signature
        check(one.signature, outcome(verdict), [values])


def test_bash_words_come_back(judge: Judge) -> None:
    numbers = Signature.of("list<float>", a="int", b="float", c="list<int>")
    code = get("bash").header("f", numbers) + 'echo "$a" "$b" $c +007 -.5 1e3\n}\n'
    rows = [[3, 0.5, [1, -2]], [-(2**63), -1e22, []], [0, "NaN", [2**63 - 1]]]
    texts = Signature.of("string", a="string", b="list<string>", c="bool")
    plain = [text for text in TEXTS if "\0" not in text]
    echo = get("bash").header("f", texts) + 'printf "%s|%s|%s|" "$a" "$b" "$c"\n}\n'
    jobs = [job("bash", code, numbers, *rows), job("bash", echo, texts, *([t, ["x", "$y"], True] for t in plain))]
    got = [outcome(verdict) for verdict in judge.observe(jobs)]
    for value, (a, b, c) in zip(got[0], rows, strict=True):
        assert same(numbers.returns, value, [a, b, *c, 7, -0.5, 1000.0])
    assert got[1] == [f"{text}|x $y|true|" for text in plain]


BASH_LINES: list[tuple[str, list[Any]]] = [
    ("optional<int>", [None, 3]),
    ("optional<string>", [None, "", "none", "a b"]),
    ("tuple<int,optional<bool>,string>", [[1, None, "x"], [-2, True, "None"]]),
    ("list<list<int>>", [[], [[1, 2], [3]], [[], [], [4]]]),
    ("list<tuple<string,float>>", [[], [["a", 0.5], ["b", -1.0]]]),
    ("dict<string,string>", [[], [["a", ""], ["", "x, y"], [" b", "c "]]]),
    ("dict<int,optional<int>>", [[[1, None], [2, 3]]]),
]


@pytest.mark.parametrize(("kind", "values"), BASH_LINES, ids=[kind for kind, _ in BASH_LINES])
def test_bash_lines_come_back(judge: Judge, kind: str, values: list[Any]) -> None:
    back = Signature.of(kind, a=kind)
    code = get("bash").header("f", back) + "printf '%s\\n' \"$a\"\n}\n"
    got = outcome(judge.observe([job("bash", code, back, *([value] for value in values))])[0])
    for left, right in zip(got, values, strict=True):
        assert same(back.returns, left, right), (kind, left, right)


def test_bash_lines_of_another_shape_are_no_values(judge: Judge) -> None:
    made = {"tuple<int,int>": "1 2 3", "dict<string,int>": "a 1", "list<tuple<int,int>>": "1 2 3", "optional<int>": ""}
    jobs = [job("bash", f"f() {{ echo '{text}'; }}", Signature.of(kind), []) for kind, text in made.items()]
    for kind, verdict in zip(made, judge.observe(jobs), strict=True):
        assert not conforms(Type.parse(kind), outcome(verdict)[0]), (kind, verdict)


def test_bash_literals_mean_their_values(judge: Judge) -> None:
    texts = [text for text in TEXTS if "\0" not in text]
    backend, kind = get("bash"), Type.parse("string")
    jobs = [
        job("bash", f"f() {{ printf '%s.' {backend.literal(kind, text)}; }}", Signature((), kind), []) for text in texts
    ]
    assert [outcome(v)[0] for v in judge.observe(jobs)] == [f"{text}." for text in texts]


@pytest.mark.slow
def test_c_arguments_and_literals_come_back(judge: Judge) -> None:
    need("c")
    plain = [text for text in TEXTS if "\0" not in text]
    values: dict[str, list[Any]] = {"int": INTS["c"], "float": FLOATS, "bool": [True, False], "string": plain}
    jobs, wanted, backend = [], [], get("c")
    for kind, items in values.items():
        back = Signature.of(f"list<{kind}>", a=f"list<{kind}>")
        keep = "*length = a_length; return (void *)a;\n}\n"
        jobs.append(job("c", backend.header("f", back) + keep, back, [items], [[]]))
        literal = backend.literal(back.returns, items)
        copy = f"*length = {len(items)}; return memcpy(malloc(sizeof {literal}), {literal}, sizeof {literal});\n}}\n"
        made = Signature((), back.returns)
        jobs.append(job("c", backend.header("f", made) + copy, made, []))
        one = Signature.of(kind, a=kind)
        jobs.append(job("c", backend.header("f", one) + "return a;\n}\n", one, *([item] for item in items)))
        wanted += [[items, []], [items], items]
    for one_job, verdict, expected in zip(jobs, judge.observe(jobs), wanted, strict=True):
        assert one_job.signature
        for left, right in zip(outcome(verdict), expected, strict=True):
            assert same(one_job.signature.returns, left, right), (one_job.code, left, right)


@pytest.mark.parametrize(
    ("language", "kind", "value"),
    [
        ("javascript", "int", 2**53),
        ("java", "list<int>", [2**63]),
        ("cpp", "string", "\ud800"),
        ("php", "dict<bool,int>", [[True, 1]]),
        ("php", "string", "\udfff"),
        ("python", "dict<list<int>,int>", [[[1], 2]]),
        ("bash", "dict<string,int>", [["a,b", 1]]),
        ("bash", "dict<string,list<int>>", [["a", [1]]]),
        ("bash", "list<list<int>>", [[1], []]),
        ("bash", "list<list<list<int>>>", [[[1]]]),
        ("bash", "list<string>", ["two words"]),
        ("bash", "list<string>", [""]),
        ("bash", "string", "a\0"),
        ("bash", "optional<string>", "None"),
        ("bash", "optional<list<int>>", [1]),
        ("csharp", "int", "text"),
        ("go", "int", 2**63),
        ("go", "dict<list<int>,int>", [[[1], 2]]),
        ("rust", "dict<float,int>", [[0.5, 2]]),
        ("rust", "string", "\ud800"),
        ("ruby", "string", "\udfff"),
        ("lua", "list<optional<int>>", [1, None]),
        ("lua", "dict<string,optional<int>>", [["a", None]]),
        ("lua", "dict<float,int>", [[0.5, 1]]),
        ("perl", "dict<tuple<int,int>,int>", [[[1, 2], 3]]),
        ("perl", "int", -(2**63) - 1),
        ("c", "string", "a\0"),
        ("c", "dict<string,int>", [["a", 1]]),
        ("c", "optional<int>", 1),
        ("c", "tuple<int,int>", [1, 2]),
        ("c", "list<list<int>>", [[1]]),
        ("python", "int", True),
    ],
)
def test_what_a_language_cannot_hold_is_unsupported(language: str, kind: str, value: Any) -> None:
    backend, signature = get(language), Signature.of("int", a=kind)
    with pytest.raises(Unsupported):
        backend.literal(Type.parse(kind), value)
    with pytest.raises(Unsupported):
        backend.driver("", "f", signature, [[value]], "nonce")
