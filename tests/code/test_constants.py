"""Constants of functions: what their inputs are compared with."""

from __future__ import annotations

import pytest

from xinstruct.code.constants import counts_with, numbers, words


def test_short_strings_come_in_order_and_then_the_marks_of_all_strings() -> None:
    code = "def f(text):\n    return text == '**zq**' or text.endswith('#%') or re.match('[^a-z]+/$', text)"
    found = words("python", code)
    assert found[:2] == ["**zq**", "#%"] and {"[", "/"} <= set(found[2:])


def test_line_ends_in_strings_are_read() -> None:
    assert words("javascript", r"function f(s) { return s.endsWith('\r\n') || s === '\d'; }")[0] == "\r\n"


def test_the_patterns_of_a_shell_are_constants() -> None:
    code = 'f() {\n  case "$1" in\n    -p|--pretty) echo "${1%/*}" ;;\n  esac\n  [[ $1 == foo* ]] && echo ${1##*@}\n}\n'
    assert {"-p", "--pretty", "foo", "/", "@"} <= set(words("bash", code))


def test_numbers_are_taken_from_code_and_powers_where_it_shifts() -> None:
    code = "int f(int n) {\n  // 99\n  if (n == 17) { return 0x20; }\n  return n + 2.5 > x1 ? 3L : 'a7';\n}"
    assert numbers("cpp", code) == [17, 32, 2.5, 3]
    assert set(numbers("cpp", "int f(int n) { return n >> 14; }")) == {14, 2**14}
    assert numbers("bash", 'f() { echo "${1%/*}" $2 5; }') == [5]


@pytest.mark.parametrize(
    ("body", "position", "counts"),
    [
        ("echo $(( $1 * 2 ))", 1, True),
        ("local n=$1; echo $(( n + 1 ))", 1, True),
        ('if [ "$2" -gt 3 ]; then echo x; fi', 2, True),
        ('if [ "$2" -gt 3 ]; then echo x; fi', 1, False),
        ("for i in $(seq 1 $1); do echo $i; done", 1, True),
        ('local text="$1" at="$2"; echo "${text:at:2}"', 2, True),
        ('local text="$1" at="$2"; echo "${text:at:2}"', 1, False),
        ('echo "$1 is (( fun ))"', 1, False),
    ],
)
def test_a_shell_function_that_calculates_with_a_parameter_is_known(body: str, position: int, counts: bool) -> None:
    assert counts_with("bash", f"f() {{\n  {body}\n}}", position) is counts


def test_declared_types_say_what_is_a_number() -> None:
    assert not counts_with("python", "def f(a):\n    return a * 2", 1)
