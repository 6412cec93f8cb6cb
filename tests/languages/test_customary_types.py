# ruff: noqa: E501 (programs are easier to read on one line)
"""Functions with the customary types of Go, Rust, Ruby, C, Lua and Perl are called too."""

from __future__ import annotations

import pytest

from tests.languages.conftest import job, need
from xinstruct.code.types import Signature, same
from xinstruct.execution.judge import Judge, Verdict

INTS = "list<int>"

# code, signature, arguments of one case, what comes back: a value, "!..." an error's beginning, "!!..." a verdict
TABLE: dict[str, list[tuple[str, Signature, list[object], object]]] = {
    "c": [
        ('int f(const int *a, int n) { return a[0] * n; }', Signature.of("int", a=INTS), [[3, 1, 2]], 9),
        ('int* f(int* a, int n, int* returnSize) { *returnSize = n - 1; return a + 1; }', Signature.of(INTS, a=INTS), [[3, 1, 2]], [1, 2]),
        ('static char f(char a) { return toupper(a); }', Signature.of("string", a="string"), ['x'], 'X'),
        ("char *f(char *s) { s[0] = 'X'; return s; }", Signature.of("string", a="string"), ['abc'], 'Xbc'),
        ('int f(unsigned char x) { return x > 200; }', Signature.of("bool", a="int"), [201], True),
        ('int f(unsigned char x) { return x; }', Signature.of("int", a="int"), [256], '!Unsupported: an integer does not fit unsigned char'),
        ('int f(int x) { return x; }', Signature.of("bool", a="int"), [2], 2),
        ('int f(int x) { return x; }', Signature.of("int", a="float"), [2.0], '!Unsupported: a number is no int'),
        ('unsigned long f(char **words, size_t n) { return strlen(words[n - 1]); }', Signature.of("int", a="list<string>"), [['a', 'bcd']], 3),
        ('int f(int a) { printf("noise"); abort(); }', Signature.of("int", a="int"), [1], '!signal Aborted'),
        ('int f(int a) { exit(0); }', Signature.of("int", a="int"), [1], '!exit status 0'),
        ('int f(int a) { return *(volatile int *)0; }', Signature.of("int", a="int"), [1], '!signal Segmentation fault'),
        ('void f(int a) {}\nint main(void) { return 3; }', Signature.of("none", a="int"), [1], None),
        ('double f(float a) { return a; }', Signature.of("int", a="float"), [3.0], 3.0),
        ('uint64_t f(void) { return UINT64_MAX; }', Signature.of("int"), [], 18446744073709551615),
        ('#include <stdio.h>\nint f(int a[], int n, const char *s) { return n + s[0]; }', Signature.of("int", a=INTS, s="string"), [[1, 2], 'A'], 67),
        ("int f(int n, const int a[n]) { return a[n - 1]; }", Signature.of("int", a=INTS), [[3, 7]], 7),
        ("#define f(x) (x)\n#undef f\nint f(signed char a) __attribute__((noinline));\nint f(signed char a) { return a; }", Signature.of("int", a="int"), [128], "!Unsupported"),
        ('struct p { int f; };\nint f(int a) { struct p q = {a}; return q.f; }', Signature.of("int", a="int"), [5], 5),
        ('const char *f(void) { return NULL; }', Signature.of("string"), [], None),
    ],
    "rust": [
        ('fn f(a: &[i32]) -> usize { a.len() }', Signature.of("int", a=INTS), [[3, 1, 2]], 3),
        ('fn f(a: &mut Vec<u8>) -> Vec<u8> { a.push(1); a.clone() }', Signature.of(INTS, a=INTS), [[3]], [3, 1]),
        ("fn f<'a>(a: &'a str, b: char) -> Option<&'a str> { a.split(b).last() }", Signature.of("optional<string>", a="string", b="string"), ['a,bc', ','], 'bc'),
        ('fn f<T: Ord + Copy>(a: &[T]) -> Option<&T> { a.iter().max() }', Signature.of("optional<int>", a=INTS), [[3, 9, 2]], 9),
        ('use std::fmt::Display;\nfn f(a: impl Display, v: &mut Vec<i64>) -> String { v.clear(); format!("{}{}", a, v.len()) }', Signature.of("string", a="string", v=INTS), ['x', [1]], 'x0'),
        ('impl Solution {\n    pub fn f(nums: Vec<i32>) -> i32 { nums.iter().sum() }\n}', Signature.of("int", nums=INTS), [[1, 2]], 3),
        ('fn f(a: i64) -> Result<i64, String> { if a > 0 { Ok(a) } else { Err("neg".to_string()) } }', Signature.of("int", a="int"), [-1], '!"neg"'),
        ('#![allow(dead_code)]\nuse std::collections::HashMap;\npub fn f(a: &HashMap<String, Vec<f32>>) -> Vec<(String, f32)> { a.iter().map(|(k, v)| (k.clone(), v[0])).collect() }\nfn main() { println!("{}", \'"\'); }', Signature.of("list<tuple<string,float>>", a="dict<string,list<float>>"), [[['k', [1.5]]]], [['k', 1.5]]),
        ('fn f(a: [i64; 2]) -> (i64, &\'static str) { let x: &\'static str = "s"; (a[0], x) }', Signature.of("tuple<int,string>", a=INTS), [[1, 2]], [1, 's']),
        ('fn f(a: i32) -> i32 { a + 1 }', Signature.of("int", a="int"), [2147483647], '!attempt to add with overflow'),
        ('fn f(a: i32) -> i32 { a }', Signature.of("int", a="int"), [2147483648], '!Unsupported'),
        ('fn f(a: i64) -> f64 { a as f64 }', Signature.of("int", a="int"), [3], 3.0),
        ('fn f() {}', Signature.of("none"), [], None),
        ('mod m { pub fn g() -> i64 { 4 } }\nconst fn f(a: u128) -> u128 { a * 10 }', Signature.of("int", a="int"), [4611686018427387904], 46116860184273879040),
        ('fn f(words: &[&str]) -> String { words.concat() }', Signature.of("string", words="list<string>"), [['a', 'b']], 'ab'),
    ],
    "go": [
        ('func f(a []int32) int { return len(a) }', Signature.of("int", a=INTS), [[3, 1, 2]], 3),
        ('func f(xs ...int) (s int) { for _, x := range xs { s += x }; return }', Signature.of("int", a="int", b="int"), [1, 5], 6),
        ('func f(xs ...int) (s int) { for _, x := range xs { s += x }; return }', Signature.of("int", a=INTS), [[1, 5]], 6),
        ('package foo\n\nimport "strings"\n\ntype Solution struct{ n int }\n\nfunc (s *Solution) f(a string) string { return strings.ToUpper(a) }\n', Signature.of("string", a="string"), ['ab'], 'AB'),
        ('func f(a string) (string, error) { if a == "" { return "", errors.New("empty it is") }; return a, nil }', Signature.of("string", a="string"), [''], '!empty it is'),
        ('func f(m map[string]int, k string) (int, bool) { v, ok := m[k]; return v, ok }', Signature.of("optional<int>", m="dict<string,int>", k="string"), [[['a', 3]], 'a'], 3),
        ('func f(m map[string]int, k string) (int, bool) { v, ok := m[k]; return v, ok }', Signature.of("optional<int>", m="dict<string,int>", k="string"), [[['a', 3]], 'b'], None),
        ('func f[T int | float64](a []T) T { var s T; for _, x := range a { s += x }; return s }', Signature.of("int", a=INTS), [[3, 4]], 7),
        ("func f(c rune, b byte) rune { return unicode.ToUpper(c) + rune(b-'a') }", Signature.of("string", c="string", b="string"), ['é', 'a'], 'É'),
        ("func f(s string) []rune { r := []rune(s); r[0] = 'x'; return r }", Signature.of("string", s="string"), ['é1'], 'x1'),
        ('import "math/big"\n\nfunc f(n *big.Int) *big.Int { return n.Mul(n, n) }', Signature.of("int", n="int"), [4611686018427387904], 21267647932558653966460912964485513216),
        ('type point struct{ x, y int }\nfunc f(p point) point { return point{p.y, p.x} }', Signature.of("tuple<int,int>", p="tuple<int,int>"), [[1, 2]], [2, 1]),
        ('func f(a []interface{}) []interface{} { return []interface{}{a[1], a[0]} }', Signature.of("tuple<string,int>", a="tuple<int,string>"), [[1, 'x']], ['x', 1]),
        ('func f(a int8) int8 { return a }', Signature.of("int", a="int"), [128], '!Unsupported'),
        ('func f(a int) int { var p *int; return *p }', Signature.of("int", a="int"), [1], '!runtime error: invalid memory address or nil pointer dereference'),
        ('var f = func(a int) float32 { return float32(a) / 10 }', Signature.of("float", a="int"), [1], 0.1),
        ('func f(a []int) []int { return nil }', Signature.of(INTS, a=INTS), [[]], []),
        ('func f(a int) {}\nfunc main() { f(1) }', Signature.of("none", a="int"), [1], None),
        ('func f(a int) float64 { return 3 }', Signature.of("int", a="int"), [1], 3.0),
        ('func f(a int) error { return fmt.Errorf("no %d", a) }', Signature.of("none", a="int"), [1], '!no 1'),
    ],
    "ruby": [
        ('class Solution\n  def f(a)\n    a.map { |x| x * 2 }\n  end\nend', Signature.of(INTS, a=INTS), [[1, 2]], [2, 4]),
        ('module M\n  def self.f(a) = a.each_slice(2)\nend', Signature.of("list<list<int>>", a=INTS), [[1, 2, 3]], [[1, 2], [3]]),
        ('P = Struct.new(:x, :y)\ndef f(a)\n  P.new(*a)\nend', Signature.of("tuple<int,int>", a="tuple<int,int>"), [[1, 2]], [1, 2]),
        ('def f(a)\n  :sym\nend', Signature.of("string", a="int"), [1], '!TypeError'),
        ('def f(a)\n  exit 0\nend', Signature.of("int", a="int"), [1], '!SystemExit: exit'),
        ("def f(a)\n  2**a\nend\nf(3)\nputs 'x'", Signature.of("int", a="int"), [100], 1267650600228229401496703205376),
        ('def f(a)\n  (1..a)\nend', Signature.of(INTS, a="int"), [3], [1, 2, 3]),
        ('def f(a)\n  loop.lazy.map { 1 }.each_entry\nend', Signature.of(INTS, a="int"), [3], '!'),
        ("def f(a, b = 2)\n  print 'noise'\n  a + b\nend", Signature.of("int", a="int"), [3], 5),
        ('def encode(x) = 3\ndef f(a)\n  "\\xff"\nend', Signature.of("string", a="int"), [3], '�'),
        ("require 'set'\ndef f(a)\n  Set.new(a)\nend", Signature.of(INTS, a=INTS), [[3]], '!TypeError'),
    ],
    "lua": [
        ('local M = {}\nfunction M.f(a) return #a end\nreturn M', Signature.of("int", a=INTS), [[3, 4]], 2),
        ('S = {}\nfunction S.f(a) return a // 2 end', Signature.of("int", a="int"), [7], 3),
        ('function f(a) return a / 2 end', Signature.of("int", a="int"), [8], 4),
        ('function f(a) return a / 2 end', Signature.of("int", a="int"), [7], 3.5),
        ("function f(a) print('noise') io.write('more') error({}) end", Signature.of("int", a="int"), [7], '!table: 0x...'),
        ('function f(a) return {} end', Signature.of("dict<string,int>", a="int"), [7], []),
        ('function f(a) return {} end', Signature.of(INTS, a="int"), [7], []),
        ("return function(a) return a .. '!' end", Signature.of("string", a="string"), ['é'], 'é!'),
        ('#!/usr/bin/lua\nfunction f(a) return a end', Signature.of("optional<int>", a="optional<int>"), [None], None),
        ('function f(a) return math.maxinteger + 1.0 end', Signature.of("int", a="int"), [7], 9.223372036854776e+18),
        ('function f(a) os.exit(0) end', Signature.of("int", a="int"), [7], '!!forged'),
        ('function f(a) return {a, nil, 3} end', Signature.of(INTS, a="int"), [7], [[1, 7], [3, 3]]),
    ],
    "perl": [
        ('package Foo;\nsub new { bless {}, shift }\nsub f { my ($self, $a) = @_; return scalar @$a }', Signature.of("int", a=INTS), [[3, 4]], 2),
        ('sub f { my ($a) = @_; return map { $_ * 2 } @$a }', Signature.of(INTS, a=INTS), [[3, 4]], [6, 8]),
        ('sub f { my %h = (a => 1); return %h }', Signature.of("dict<string,int>"), [], [['a', 1]]),
        ('sub f { return (1, 2) }', Signature.of("int"), [], '!several'),
        ('sub f { return $_[0] == 3 }', Signature.of("bool", a="int"), [3], True),
        ('sub f { return $_[0] == 3 }', Signature.of("bool", a="int"), [4], False),
        ("sub f { return $_[0] ? 'yes' : 'no' }", Signature.of("bool", a="bool"), [False], 'no'),
        ('sub f { return }', Signature.of("optional<int>"), [], None),
        ("sub f { return length($_[0]) . 'é' }", Signature.of("string", a="string"), ['éa'], '2é'),
        ('use bigint;\nsub f { return 2 ** $_[0] }', Signature.of("int", a="int"), [100], 1267650600228229401496703205376),
        ('sub f { return 7 / 2 }', Signature.of("int"), [], 3.5),
        ('sub f { return 8 / 2 }', Signature.of("int"), [], 4),
        ("sub f { return 'abc' }", Signature.of("int"), [], 'abc'),
        ("sub f { print 'noise'; die { code => 1 } }", Signature.of("int"), [], '!HASH'),
        ('sub f { exit 0 }', Signature.of("int"), [], '!!forged'),
        ('my $f = sub { 3 }; sub f { $f->() }', Signature.of("string"), [], '3'),
        ('sub f { return { b => [1, undef] } }', Signature.of("dict<string,list<optional<int>>>"), [], [['b', [1, None]]]),
        ('sub f { return \\1 }', Signature.of("int"), [], '!a result of type SCALAR'),
    ],
}  # fmt: skip


def told(verdict: Verdict) -> object:
    """What came back from the only case, in the table's words."""
    if verdict.verdict != "passed":
        return f"!!{verdict.verdict}"
    return f"!{verdict.errors[0]}" if verdict.errors[0] else verdict.values[0]


@pytest.mark.slow
@pytest.mark.parametrize("language", TABLE)
def test_customary_types(language: str, judge: Judge) -> None:
    need(language)
    table = TABLE[language]
    jobs = [job(language, code, signature, row) for code, signature, row, _ in table]
    for (code, signature, _, wanted), verdict in zip(table, judge.observe(jobs), strict=True):
        got = told(verdict)
        if isinstance(wanted, str) and wanted.startswith("!"):
            assert isinstance(got, str) and got.startswith(wanted), (code, got)
        elif isinstance(wanted, float) and signature.returns.head == "float":
            assert same(signature.returns, got, wanted), (code, got)
        else:
            assert got == wanted and type(got) is type(wanted), (code, got, verdict.detail, verdict.stderr)
