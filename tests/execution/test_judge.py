# ruff: noqa: E501 (programs are easier to read on one line)
from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from tests.languages.conftest import need
from tests.params import execution
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.normal import stable
from xinstruct.execution.sandbox import Result
from xinstruct.execution.verdicts import decide
from xinstruct.files import BadInput

PARAMS = execution(workers=2, cpu_seconds=2, wall_factor=3, memory_mb=256)
TWICE = Signature.of("int", n="int")
CASES = (Case((1,), 2), Case((5,), 10))


def job(ident: str, code: str, signature: Signature = TWICE, cases: tuple[Case, ...] = CASES) -> Job:
    return Job(ident, "python", code, "f", signature, cases)


def test_order_is_kept_and_equal_jobs_run_once(judge: Judge) -> None:
    jobs = [job(str(i), f"def f(n):\n    return n * {2 + i % 3}\n") for i in range(12)]
    verdicts = judge.judge(jobs)
    assert [v.id for v in verdicts] == [str(i) for i in range(12)]
    assert [v.verdict for v in verdicts] == ["passed", "wrong_answer", "wrong_answer"] * 4
    assert verdicts[0].run_cpu == verdicts[3].run_cpu


def test_observe_ignores_what_was_expected(judge: Judge) -> None:
    code = "def f(n):\n    if n > 3: raise KeyError('big')\n    return n * 7\n"
    verdict = judge.observe([job("x", code)])[0]
    assert (verdict.verdict, verdict.values, verdict.passed) == ("passed", [7, None], 0)
    assert verdict.errors[0] == "" and "big" in verdict.errors[1]


def test_observe_and_judge_do_not_share_verdicts(tmp_path: Path) -> None:
    with Judge(PARAMS, tmp_path / "v.sqlite") as judge:
        wrong = job("x", "def f(n): return 0\n")
        assert judge.observe([wrong])[0].verdict == "passed"
        assert judge.judge([wrong])[0].verdict == "wrong_answer"


@pytest.mark.parametrize(
    ("returns", "expected", "code", "verdict"),
    [
        ("float", 0.3, "0.1 + 0.2", "passed"),
        ("float", 0.3, "0.31", "wrong_answer"),
        ("float", "NaN", "float('nan')", "passed"),
        ("int", 1, "True", "wrong_answer"),
        ("int", 10**60, "10 ** 60", "passed"),
        ("list<string>", ["a\n\té\U0001f600"], "['a\\n\\té\U0001f600']", "passed"),
        ("dict<string,int>", [["a", 1], ["b", 2]], "{'b': 2, 'a': 1}", "passed"),
        ("tuple<int,string>", [1, "a"], "(1, 'a')", "passed"),
        ("optional<int>", None, "None", "passed"),
        ("optional<int>", None, "0", "wrong_answer"),
        ("string", "[1]", "[1]", "wrong_answer"),
        ("list<int>", [1, 2], "[1, 2, 3]", "wrong_answer"),
    ],
)
def test_values_are_compared_outside(judge: Judge, returns: str, expected: object, code: str, verdict: str) -> None:
    signature = Signature.of(returns, n="int")
    found = judge.judge([job("x", f"def f(n):\n    return {code}\n", signature, (Case((1,), expected),))])[0]
    assert found.verdict == verdict, found


def test_what_a_program_prints_is_not_taken_for_results(judge: Judge) -> None:
    verdict = judge.judge([job("x", "print('loud', end='')\ndef f(n):\n    print('louder'); return 2 * n\n")])[0]
    assert verdict.verdict == "passed"
    assert "loud" in verdict.stdout and "\t" not in verdict.stdout


def test_unknown_language_and_unsupported_types_are_verdicts(judge: Judge) -> None:
    verdicts = judge.judge(
        [Job("a", "cobol", "x", "f", TWICE, CASES), job("b", "def f(n): return 2 * n\n", TWICE, (Case(("x",), 2),))]
    )
    assert [v.verdict for v in verdicts] == ["unsupported", "unsupported"]
    assert "cobol" in verdicts[0].detail


def test_details_do_not_differ_between_runs() -> None:
    codes = [
        "def f(n): raise ValueError(object())\n",
        "def f(n): return object\n",
        "raise ValueError(f'{object()} {open(\"plan.json\") if 0 else 1}')\n",
    ]
    codes.append("import sys\ndef f(n): raise ValueError(str(sys._getframe(1).f_locals))\n")
    seen = []
    for _ in range(2):
        with Judge(PARAMS) as judge:
            found = judge.judge([job(str(i), code) for i, code in enumerate(codes)])
        seen.append([(v.verdict, v.detail, v.values, v.errors, v.stdout, v.stderr) for v in found])
    assert seen[0] == seen[1]


def test_unstable_text_is_made_stable() -> None:
    text = "<f at 0x7f0a1b2c3d4e> Solution@1b28cdfa (node:17) abc123 pid 4711"
    assert stable(text, "abc123") == "<f at 0x...> Solution@... (node) <nonce> pid ..."
    assert stable("Foo@bar.example case 0x1f") == "Foo@bar.example case 0x1f"


@pytest.mark.parametrize(
    ("lines", "flaw"),
    [
        ("N\t0\t1\nN\tend", "the end after 1 of 2"),
        ("N\t1\t1\nN\t0\t1\nN\tend", "where 0 was due"),
        ("N\t0\t1\nN\t0\t1\nN\tend", "where 1 was due"),
        ("N\t0\t1\nN\t1\t1\nN\t2\t1\nN\tend", "where 2 was due"),
        ("N\t0\t1\nN\t1\tabc\nN\tend", "not JSON"),
        ("N\t0\t1\nN\t1\t1\nN\tend\nN\tend", "after the end"),
        ("N\t0\t1\nN\t1\t1\nN\twhat", "where 2 was due"),
        ("N\t0\t1\nN\t1\t1", "before the last test"),
        ("", "before the last test"),
    ],
)
def test_driver_lines_of_a_wrong_shape_are_forged(lines: str, flaw: str) -> None:
    result = Result(0, 0, 0.1, 0.1, 1.0, lines.replace("N", "c0ffee").encode(), b"", "")
    verdict, _ = decide("x", "bubblewrap", result, "c0ffee", 2)
    assert verdict.verdict == "forged"
    assert flaw in verdict.detail


def test_the_cache_answers_the_second_time(tmp_path: Path) -> None:
    jobs = [job(str(i), f"def f(n):\n    return n * {i}\n") for i in range(6)]
    with Judge(PARAMS, tmp_path / "v.sqlite") as judge:
        first = judge.judge(jobs)
    with Judge(PARAMS, tmp_path / "v.sqlite") as judge:
        assert judge.judge(jobs) == first  # CPU times to the microsecond: nothing ran again
        renamed = judge.judge([job("other id", "def f(n):\n    return n * 2\n")])[0]
        assert (renamed.id, renamed.run_cpu) == ("other id", first[2].run_cpu)
    with Judge(replace(PARAMS, cpu_seconds=3), tmp_path / "v.sqlite") as judge:
        assert judge.judge(jobs) != first  # other limits, other verdicts


@pytest.mark.slow
def test_two_processes_share_a_cache(tmp_path: Path) -> None:
    script = tmp_path / "go.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        from pathlib import Path
        from xinstruct.execution.jobs import Job
        from xinstruct.execution.judge import Judge
        from xinstruct.code.types import Case, Signature
        jobs = [Job(str(i), "python", f"def f(n):\\n    return n * {i}\\n", "f", Signature.of("int", n="int"), (Case((1,), 2),))
                for i in range(25)]
        from dataclasses import replace
        from xinstruct.params import at_hand
        with Judge(replace(at_hand().execution, workers=1, cpu_seconds=2), Path(sys.argv[1])) as judge:
            print([v.verdict for v in judge.judge(jobs)], [v.run_cpu for v in judge.judge(jobs)])
        """)
    )
    command = [sys.executable, str(script), str(tmp_path / "v.sqlite")]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert len({out for out, _ in said}) == 1  # whoever was first, all read the same verdicts
    assert said[0][0].count("passed") == 1 and said[0][0].count("wrong_answer") == 24


def test_a_broken_cache_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.sqlite").write_text("not a database, " * 100)
    with pytest.raises(BadInput, match=r"v\.sqlite: not a usable verdict cache"):
        Judge(PARAMS, tmp_path / "v.sqlite")


def test_odd_source_text_is_judged_and_never_raises(judge: Judge) -> None:
    codes = [
        "",
        "\ud800",
        "def f(n): return 2 * n\n\x00",
        "(" * 5000,
        "def f(n): return '\ud800'\n",
        "\ufeffdef f(n): return 2 * n\n",
    ]
    verdicts = judge.judge(
        [Job(str(i), lang, code, "f", TWICE, CASES) for i, code in enumerate(codes) for lang in ("python", "php")]
    )
    assert len(verdicts) == 12
    assert all(v.verdict in ("runtime_error", "unsupported", "forged") for v in verdicts[:8]), verdicts
    assert verdicts[8].verdict in ("runtime_error", "wrong_answer")
    assert "infrastructure" not in {v.verdict for v in verdicts}


BY_STATUS = [
    ("python", "import sys\nsys.exit(0)\nassert False\n", "forged", "passed"),
    ("python", "assert False\n", "wrong_answer", "wrong_answer"),
    ("javascript", "process.exit(0);\nthrow new Error('late');\n", "forged", "passed"),
    ("typescript", "const x: number = 'a';\nfunction f() {\n  throw 1;\n", "compile_error", "passed"),
    ("typescript", "throw new Error('early');\n", "runtime_error", "runtime_error"),
]


@pytest.mark.parametrize(("language", "program", "strict", "by_status"), BY_STATUS)
def test_by_status_an_exit_with_0_is_enough(
    judge: Judge, language: str, program: str, strict: str, by_status: str
) -> None:
    need(language)
    jobs = [Job(str(kind), language, program=program, by_status=kind) for kind in (False, True)]
    assert [verdict.verdict for verdict in judge.judge(jobs)] == [strict, by_status]


NOWHERE = "def f(x: Nowhere) -> int:\n    return 1\n"


@pytest.mark.parametrize(
    "job",
    [
        Job("whole", "python", program=f"{NOWHERE}assert f(1) == 1\n"),
        Job("marked", "python", program=f"{NOWHERE}\n\nassert f(1) == 1\n", completion=(0, len(NOWHERE))),
        Job("status", "python", program=f"{NOWHERE}assert f(1) == 1\n", by_status=True),
        Job("cases", "python", NOWHERE, "f", Signature.of("int", x="int"), (Case((1,), 1),)),
    ],
)
def test_annotations_are_evaluated_as_python_does(judge: Judge, job: Job) -> None:
    """A name that an annotation uses and nobody defines fails a program, forked or not."""
    for verdict in (*judge.judge([job]), *judge.observe([job])):
        assert (verdict.verdict, "Nowhere" in verdict.detail + verdict.stderr) == ("runtime_error", True)
