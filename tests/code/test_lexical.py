"""Literals, comments and brackets of program text in every language, whole or broken."""

from __future__ import annotations

import re
import time

import pytest

from xinstruct.code.lexical import blanked, closing, comments, levels, literals, split_arguments
from xinstruct.code.traits import EIGHT

# Text in which § stands before every literal and ¤ before every comment that is not inside of another.
TEXTS = {
    "python": r'''
x = §f"a {b} }}" + §r'}' + §b"\"}" ¤# } "
def f(a):
    §"""} doc
    # none"""
    return a // 2
''',
    "javascript": r"""
const a = §"}" + §'\'}' + §`t ${b + "}"} u
}`; ¤// }
¤/* } ' */ const r = §/[/}"]/g;
""",
    "typescript": r"""
let a: string = §"}" + §'\'}' + §`t ${b} u
}`; ¤// }
¤/* } ' */ const r = §/[/}"]/g;
""",
    "java": r'''
class A { String s = §"\"}"; char c = §'}'; String t = §"""
 } "
"""; ¤// }
 ¤/* } ' */ }
''',
    "cpp": r"""
const char* s = §"}" §R"x(} ")x"; char c = §'}'; int n = 1'000; ¤// } '
#define S §"}" ¤// c }
#define F(x) g(x, §'{') + \
    §"}"
#error don't
¤/* } */
""",
    "csharp": r"""
class A { string s = §"}"; string v = §@"\"; string j = §$"a{b}}}"; char c = §'}'; ¤// }
 ¤/* } */ }
""",
    "php": r"""<?php $a = §'}'; $b = §"} $z {$w}"; $c = §<<<EOT
 } $q
EOT;
¤# }
¤// }
¤/* } */
#[Attr]
function f() {}
""",
    "bash": r"""
a=§"} $b"; c=§'}'; d=§$'\'}'; ¤# } '
f() { echo ${x#y} $#; }
""",
    "c": r"""
char *s = §"}"; char c = §'}'; ¤/* } */ int class = 1;
#define S §"}"
""",
    "go": r"""
func f() rune { _ = §`}"`; _ = §"}"; return §'}' } ¤// }
""",
    "rust": r"""
fn f<'a>(x: &'a str) -> char { let y = §'\''; §r#"}"#; §'}' } ¤// }
""",
}


@pytest.mark.parametrize("language", TEXTS)
def test_literals_and_comments_begin_where_they_are_marked(language: str) -> None:
    marks = [at for at, char in enumerate(TEXTS[language]) if char in "§¤"]
    kinds = [TEXTS[language][at] for at in marks]
    code = TEXTS[language].replace("§", "").replace("¤", "")
    starts = {kind: [at - number for number, at in enumerate(marks) if kinds[number] == kind] for kind in "§¤"}
    assert [start for start, _ in literals(language, code)] == starts["§"]
    assert [start for start, _ in comments(language, code)] == starts["¤"]


@pytest.mark.parametrize("language", TEXTS)
def test_blanked_text_has_no_bracket_of_a_literal_and_keeps_places(language: str) -> None:
    code = TEXTS[language].replace("§", "").replace("¤", "")
    text = blanked(language, code)
    assert len(text) == len(code) and text.count("\n") == code.count("\n")
    assert text.count("{") == text.count("}") and not set("\"'`") & set(re.sub("1'000|'a|don't", "", text))
    assert all(one in (" ", other) for one, other in zip(text, code, strict=True))


@pytest.mark.parametrize("language", EIGHT)
def test_places_are_of_characters_behind_text_of_several_bytes(language: str) -> None:
    mark = "#" if language in ("python", "bash") else "//"
    name = "$x" if language == "php" else "x"
    code = f'{mark} ä€😀 \ud800\n{name}="é}}" {mark} ü\n'
    found = [code[start:end] for start, end in (*comments(language, code), *literals(language, code))]
    assert found == [f"{mark} ä€😀 \ud800", f"{mark} ü", '"é}"']


def test_literals_inside_of_interpolated_code_are_found_when_asked_for() -> None:
    code = 'a=$(printf "%s" "$(f "x")")'
    outer = [code[start:end] for start, end in literals("bash", code)]
    inner = [code[start:end] for start, end in literals("bash", code, nested=True)]
    assert outer == ['"%s"', '"$(f "x")"'] and '"x"' in inner


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("java", 'String f() {\n    String s = "}";\n    if (s.equals("{")) {\n        return s + \'}\';'),
        ("cpp", 'int f() {\n    std::string s = "}";\n    for (int i = 0; i < 3; i++) {\n        s += "}" + g('),
        ("csharp", 'static int F() {\n    var s = "}" + @"}";\n    while (true) {\n        s += $"{{'),
        ("javascript", "function f() {\n    const s = '}' + `}`;\n    if (s) {\n        return s.map((x) => '}' +"),
        ("typescript", "function f(): string {\n    const s: string = '}';\n    if (s) {\n        return s + '}' + ("),
        ("php", "<?php\nfunction f() {\n    $s = '}' . \"}\";\n    if ($s) {\n        return $s . '}' . "),
    ],
)
def test_strings_of_a_program_that_breaks_off_are_still_none_of_its_braces(language: str, code: str) -> None:
    assert list(levels(blanked(language, code), "{}"))[-1] == 2


@pytest.mark.parametrize(("language", "text"), [("java", "a<"), ("csharp", "a<"), ("python", "\\\n"), ("bash", "f(")])
def test_a_text_that_keeps_the_parser_busy_is_given_up(language: str, text: str) -> None:
    before = time.thread_time()
    assert blanked(language, text * 20_000 + ' "}" ').count("}") == 0
    assert time.thread_time() - before < 4  # it would take up to 14


@pytest.mark.parametrize("language", ["javascript", "typescript", "java", "cpp", "csharp", "php"])
def test_a_comment_that_the_text_breaks_off_in_is_one(language: str) -> None:
    code = "/* a */ int f() { return '/*'; } /* } }  it's \"}"
    assert blanked(language, code).count("}") == 1
    assert comments(language, code)[-1] == (code.rindex("/*"), len(code))


def test_a_language_without_a_grammar_is_read_as_if_it_were_like_c() -> None:
    assert blanked("formula", "f = '}' // }\n") == "f =         \n"


def test_brackets() -> None:
    assert closing("f(a, (b), [c)]) + 1", 1) == 13
    assert closing("f(a", 1) == 3 and closing("f a", 1) == 2
    assert split_arguments("a: Vec<(i64, u8)>, f: fn(i64) -> i64, c: [u8; 2]") == [
        "a: Vec<(i64, u8)>",
        "f: fn(i64) -> i64",
        "c: [u8; 2]",
    ]
    assert split_arguments(" a , ,") == ["a"] and split_arguments("") == []
