"""What programs say, made plain. Programs that say such things for real: failing.yaml."""

from __future__ import annotations

import pytest

from xinstruct.execution.normal import CUT, error, first_error, last_words, shown, stable
from xinstruct.execution.sandbox import Result
from xinstruct.execution.verdicts import decide

V8 = """
<--- Last few GCs --->

[1:0x6c1d000]     1290 ms: Mark-sweep 1021.5 (1053.2) -> 1021.4 (1053.2) MB, 702.3 / 0.0 ms  allocation failure

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0xb8ced1 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]

----- JavaScript stack trace -----

1: f (/box/answer.js:1:25)
"""
MONO = f"""Unhandled
{"=" * 65}
\tNative Crash Reporting
{"=" * 65}
Got a SIGSEGV while executing native code. This usually indicates
a fatal error in the mono runtime or one of the native libraries
{"=" * 65}
\tNative stacktrace:
{"=" * 65}
\t0x55d0c0ffee - mono : (null)
ptrace: Operation not permitted.
"""


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("[Ljava.lang.String;@18b4aac2 A@1b28cdfa Foo@bar.example", "[Ljava.lang.String;@... A@... Foo@bar.example"),
        ("Main$$Lambda$14/0x00007f1234001200@c387f44", "Main$$Lambda@..."),
        ("whoami: cannot find name for user ID 18617", "whoami: cannot find name for user ID ..."),
        ("uid=18617 gid=18617 groups=18617", "uid=... gid=... groups=..."),
        ("open '/tmp/tmp.9sd8f7/x y'", "open '/tmp/... y'"),
        ("./answer.sh: line 7:    15 Killed      sleep 9", "./answer.sh: line 7: Killed      sleep 9"),
        ("real\t0m1.203s\nuser\t0m0.9s", "real\t...\nuser\t..."),
        ("[0.570s][warning][os,thread] x", "[...s][warning][os,thread] x"),
        (
            "cannot import name 'a' from 'math' (/opt/p/lib/python3.11/lib-dynload/math.so)",
            "cannot import name 'a' from 'math'",
        ),
        ('File "/opt/p/lib/python3.11/json/decoder.py", line 3', 'File "<python>/json/decoder.py", line 3'),
        (V8.strip(), "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n"),
        (MONO, "Unhandled\nGot a SIGSEGV while executing native code"),
    ],
)
def test_what_the_run_put_there_is_gone(said: str, kept: str) -> None:
    assert stable(said) == kept
    assert stable(kept) == kept


def test_what_a_program_means_is_left_alone() -> None:
    text = "expected 12345 at 0x1f, user 7, line 3: 15 apples, /usr/lib/x, after 3 minutes (see /tmp)"
    assert stable(text) == text


def test_an_error_that_was_cut_does_not_end_in_half_an_address() -> None:
    for length in range(CUT - 30, CUT):
        ends = {error(f"{'x' * length} <object at 0x7fe{digit}45678>"[:CUT]) for digit in "123"}
        assert len(ends) == 1, ends
    assert error("x" * CUT) == "x" * CUT
    assert error("") == "error"


def test_a_value_is_shown_to_the_digits_that_machines_agree_on() -> None:
    assert shown([0.1 + 0.2, 7, True, None, "a"]) == '[0.3, 7, true, null, "a"]'
    assert shown(2 / 3) == shown(0.66666666666666674) == "0.666666666667"
    assert shown("at 0x7f0011223344", said=True) == '"at 0x..."'
    assert shown("at 0x7f0011223344") == '"at 0x7f0011223344"'
    assert {shown("x" * n + " at 0x7f00112233" + end, said=True) for n in (95, 105) for end in "12"} == {
        shown("x" * n + " at 0x7f001122331", said=True) for n in (95, 105)
    }


def test_a_shells_word_for_a_signal_is_not_the_programs() -> None:
    assert last_words("malloc(): corrupted top size\nAborted\n", 6) == "malloc(): corrupted top size"
    assert last_words("malloc(): corrupted top size\nAborted (core dumped)\n", 6) == "malloc(): corrupted top size"
    assert last_words("Aborted\n", 0) == "Aborted"
    assert last_words("bad\n", 127) == "bad"
    assert first_error("note\nx.c:1: error: y\n") == "x.c:1: error: y"


@pytest.mark.parametrize(
    ("reason", "stderr"),
    [("memory", ""), ("", "MemoryError"), ("", "FATAL ERROR: JavaScript heap out of memory"), ("", "std::bad_alloc")],
)
def test_a_lack_of_memory_reads_the_same_whoever_noticed_it(reason: str, stderr: str) -> None:
    verdict, _ = decide("x", "zygote", Result(1, 0, 0.1, 0.1, 1.0, b"", stderr.encode(), reason), "nonce", 1)
    assert (verdict.verdict, verdict.detail) == ("memory", "over the limit of memory")
