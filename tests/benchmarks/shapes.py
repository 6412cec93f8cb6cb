# ruff: noqa: E501
"""Problems in the forms of three benchmarks, and a right answer in every shape that chat models give it.

OP stands for the operator: "+" makes a right answer, "-" a wrong one.
"""

from __future__ import annotations

from xinstruct.benchmarks.problems import ProgramProblem

_BOTH = "{code}\n{tests}\n"


def _problem(language: str, prompt: str, tests: str, function: str = "add", fit: bool = False) -> ProgramProblem:
    return ProgramProblem("P/1", language, prompt, function, tests, _BOTH, fit_braces=fit)


PROBLEMS = {
    "java as MultiPL-E": _problem(
        "java",
        "import java.util.*;\nimport java.util.stream.*;\nclass Problem {\n    // Adds; import nothing.\n"
        "    public static long add(long x, long y) {\n",
        "    }\n    public static void main(String[] args) {\n    assert(add((1l), (2l)) == (3l));\n    }\n\n}\n",
        fit=True,
    ),
    "java as HumanEval-X": _problem(
        "java",
        "import java.util.*;\nimport java.lang.*;\n\nclass Solution {\n    /**\n    Adds.\n    import nothing\n     */\n"
        "    public long add(long x, long y) {\n",
        "public class Main {\n    public static void main(String[] args) {\n        Solution s = new Solution();\n"
        "        List<Boolean> correct = Arrays.asList(s.add(1, 2) == 3, s.add(5, 7) == 12);\n"
        "        if (correct.contains(false)) {\n            throw new AssertionError();\n        }\n    }\n}\n",
    ),
    "java as McEval": _problem(
        "java",
        "import java.util.Arrays;\nimport java.util.List;\n\nclass Solution {\n    /**\n     * Adds.\n     */\n"
        "    public static long add(long x, long y)\n",
        "    public static void main(String[] args) {\n        assert add(1, 2) == 3;\n    }\n}\n",
    ),
    "csharp as MultiPL-E": _problem(
        "csharp",
        "using System;\nusing System.Collections.Generic;\nusing System.Linq;\nusing System.Diagnostics;\n"
        "class Problem {\n    // Adds.\n    public static long Add(long x, long y) {\n",
        "    }\n    public static void Main(string[] args) {\n    Debug.Assert(Add((1L), (2L)) == (3L));\n    }\n\n}\n",
        "Add",
        fit=True,
    ),
    "csharp as McEval": _problem(
        "csharp",
        "using System;\nusing System.Diagnostics;\nusing System.Collections.Generic;\n\nclass Program\n{\n"
        "    /* Adds.\n    using nothing\n    */\n    static long Add(long x, long y)\n",
        "static void Main()\n    {\n        Debug.Assert(Add(1, 2) == 3);\n    }\n}\n",
        "Add",
    ),
    "cpp as MultiPL-E": _problem(
        "cpp",
        "#include<assert.h>\n#include<bits/stdc++.h>\n// Adds.\nlong add(long x, long y) {\n",
        "}\nint main() {\n    auto candidate = add;\n    assert(candidate((1), (2)) == (3));\n}\n",
        fit=True,
    ),
    "cpp as HumanEval-X": _problem(
        "cpp",
        "/*\nAdds.\nusing nothing\n*/\n#include<stdio.h>\n#include<vector>\nusing namespace std;\nlong add(long x, long y){\n",
        "#undef NDEBUG\n#include<assert.h>\nint main(){\n    assert (add(1, 2) == 3);\n    assert (add(5, 7) == 12);\n}\n",
    ),
    "cpp as McEval": _problem(
        "cpp",
        "#include <bits/stdc++.h>\nusing namespace std;\n// Adds.\nlong add(long x, long y)\n",
        "int main()\n{\n    assert(add(1, 2) == 3);\n    return 0;\n}\n",
    ),
    "php as MultiPL-E": _problem(
        "php",
        "<?php\n// Adds.\nfunction add($x, $y) {\n",
        "function candidate(...$args) {\n    return add(...$args);\n}\n\nfunction test(): void {\n"
        '    if (candidate(1, 2) !== 3) { throw new Exception("Test failed!"); }\n}\n\ntest();',
    ),
    "typescript as MultiPL-E": _problem(
        "typescript",
        "//Adds.\nfunction add(x: number, y: number): number {\n",
        "declare var require: any;\nconst assert = require('node:assert');\n\n\nfunction test() {\n"
        "  let candidate = add;\n  assert.deepEqual(candidate(1, 2),3);\n}\n\ntest();",
    ),
    "typescript as McEval": _problem(
        "typescript",
        "\n// Adds.\nfunction add(x: number, y: number): number\n",
        "(() => {\n    if (add(1, 2) !== 3) { throw new Error('wrong'); }\n})();",
    ),
    "javascript as MultiPL-E": _problem(
        "javascript",
        "//Adds.\nfunction add(x, y){\n",
        "const assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = add;\n"
        "  assert.deepEqual(candidate(1, 2),3);\n}\n\ntest();",
    ),
    "javascript as HumanEval-X": _problem(
        "javascript",
        "/* Adds.\n  import nothing\n  */\nconst add = (x, y) => {\n",
        "const testAdd = () => {\n  if (add(1, 2) !== 3) { throw new Error('wrong') }\n}\n\ntestAdd()\n",
    ),
    "python as MultiPL-E": _problem(
        "python",
        'from typing import List\n\n\ndef add(x: int, y: int) -> int:\n    """ Adds.\n    """\n',
        "def check(candidate):\n    assert candidate(1, 2) == 3\n\n\ncheck(add)\n",
    ),
}

_METHOD = "public static long add(long x, long y) {\n    return x OP y;\n}\n"
_INNER = "    public static long add(long x, long y) {\n        return x OP y;\n    }\n"
JAVA = {
    "method alone": _METHOD,
    "method without words": "long add(long x, long y) {\n    return x OP y;\n}\n",
    "static method": "static long add(long x, long y) { return x OP y; }\n",
    "class of another name around one of the tests' name": "public class Solution {\n"
    "    static class Problem { static long none() { return 0; } }\n"
    "    public static long add(long x, long y) { return x OP y + Problem.none(); }\n}\n",
    "private method": "private static long add(long x, long y) { return x OP y; }\n",
    "method with imports and helper": "import java.util.*;\n\nprivate static long one(long a) { return a; }\n\n" + _METHOD
    + "\nimport java.math.BigInteger;\n",
    "method with its helper without static": "long same(long a) { return a; }\n\npublic long add(long x, long y) {\n"
    "    return same(x) OP same(y);\n}\n",
    "method, field and nested class": "import java.util.*;\n\nprivate static final Map<Long, Long> SEEN = new HashMap<>();\n\n"
    "static class Box { long v; Box(long v) { this.v = v; } }\n\npublic static long add(long x, long y) {\n"
    "    SEEN.put(x, y);\n    return new Box(x).v OP new Box(SEEN.get(x)).v;\n}\n",
    "method and a call of it": _METHOD + "\nSystem.out.println(add(1, 2));\n",
    "annotated method": "/** Adds. */\n@SuppressWarnings(\"unused\")\n" + _METHOD,
    "the prompt's class": "class Problem {\n" + _INNER + "}\n",
    "public class": "public class Problem {\n" + _INNER + "}\n",
    "class of another name": "import java.util.List;\n\npublic class Calculator {\n" + _INNER + "}\n",
    "class that names itself": "public final class Adder {\n    private final long v;\n    private Adder(long v) { this.v = v; }\n"
    "    static Adder of(long v) { return new Adder(v); }\n" + "    public static long add(long x, long y) {\n"
    "        return Adder.of(x).v OP of(y).v;\n    }\n}\n",
    "class Solution": "class Solution {\n" + _INNER + "}\n",
    "class Main with a main": "public class Main {\n" + _INNER
    + "    public static void main(String[] args) {\n        System.out.println(add(1, 2));\n    }\n}\n",
    "second Main": "class Solution {\n" + _INNER + "}\n\npublic class Main {\n    public static void main(String... a) {\n"
    "        System.out.println(Solution.add(1, 2));\n    }\n}\n",
    "second Main before": "class Main {\n    public static final void main(final String[] args) throws Exception {\n"
    "        if (args.length > 0) { return; }\n    }\n}\n\nclass Problem {\n" + _INNER + "}\n",
    "second Main of use": "class Main {\n    static long one(long a) { return a; }\n    public static void main(String[] a) { }\n"
    "}\n\nclass Problem {\n    static long add(long x, long y) { return Main.one(x) OP y; }\n}\n",
    "helper class behind": "class Problem {\n    public static long add(long x, long y) {\n"
    "        return x OP new Helper().same(y);\n    }\n}\n\nclass Helper {\n    long same(long b) { return b; }\n}\n",
    "helper class before": "class Helper {\n    static long same(long b) { return b; }\n}\n\npublic class Problem {\n"
    "    public static long add(long x, long y) {\n        return x OP Helper.same(y);\n    }\n}\n",
    "enum beside": "enum Sign { PLUS, MINUS }\n\nclass Problem {\n    static Sign sign = Sign.PLUS;\n" + _INNER + "}\n",
    "record behind": "class Problem {\n    public static long add(long x, long y) {\n        Two two = new Two(x, y);\n"
    "        return two.a() OP two.b();\n    }\n}\n\nrecord Two(long a, long b) { }\n",
    "interface behind": "class Problem {\n    public static long add(long x, long y) {\n        Op op = (a, b) -> a OP b;\n"
    "        return op.of(x, y);\n    }\n}\n\ninterface Op {\n    long of(long a, long b);\n}\n",
    "interface of the same method": "interface Adder {\n    long add(long x, long y);\n}\n\nclass Problem implements Adder {\n"
    "    public long add(long x, long y) { return x OP y; }\n}\n",
    "method of an object": "class Solution {\n    public long add(long x, long y) { return x OP y; }\n}\n",
    "method of an object of the prompt's class": "class Problem {\n    long add(long x, long y) { return x OP y; }\n}\n",
    "class in a class": "public class Main {\n    static class Solution {\n        static long add(long x, long y) { return x OP y; }\n"
    "    }\n\n    public static void main(String[] args) { }\n}\n",
    "comment behind": "class Problem {\n" + _INNER + "} // Problem\n",
    "comments all around": "/* First. */\nclass Problem { // {\n    // }\n" + _INNER + "}\n/* Done: } */\n// }\n",
    "package": "package org.example.answers;\n\nimport java.util.*;\n\npublic class Problem {\n" + _INNER + "}\n",
    "imports in the middle": "class Helper { }\n\nimport java.util.function.LongBinaryOperator;\n\nclass Problem {\n"
    "    public static long add(long x, long y) {\n        LongBinaryOperator f = (a, b) -> a OP b;\n"
    "        return f.applyAsLong(x, y);\n    }\n}\n",
    "texts with braces": "class Problem {\n    static String open = \"{\" + '{' + \"\"\"\n        {{ \\\"\n        \"\"\";\n" + _INNER + "}\n",
    "generic helper": "class Problem {\n    private static <T extends Comparable<T>> T first(List<T> of) { return of.get(0); }\n"
    "    public static long add(long x, long y) { return first(List.of(x)) OP y; }\n}\n",
    "overloads": "class Problem {\n    static long add(long x, long y) { return add(x, y, 0); }\n"
    "    static long add(long x, long y, long z) { return x OP y OP z; }\n}\n",
    "the whole prompt": "import java.util.*;\nimport java.util.stream.*;\nclass Problem {\n    // Adds.\n" + _INNER + "}\n",
}  # fmt: skip
_CS = "public static long Add(long x, long y)\n{\n    return x OP y;\n}\n"
_CSIN = "    public static long Add(long x, long y)\n    {\n        return x OP y;\n    }\n"
CSHARP = {
    "method alone": _CS,
    "method without words": "long Add(long x, long y)\n{\n    return x OP y;\n}\n",
    "method by an arrow": "public static long Add(long x, long y) => x OP y;\n",
    "method with usings and helper": "using System.Text;\n\nprivate static long Same(long a) => a;\n\n" + _CS,
    "method, field and nested class": "private static readonly Dictionary<long, long> Seen = new Dictionary<long, long>();\n\n"
    "private class Box { public long V; }\n\npublic static long Add(long x, long y)\n{\n    Seen[x] = y;\n"
    "    return new Box { V = x }.V OP Seen[x];\n}\n",
    "method and a call of it": _CS + "\nConsole.WriteLine(Add(1, 2));\n",
    "constant and method": "const long Zero = 0;\n\n" + _CS,
    "the prompt's class": "class Problem\n{\n" + _CSIN + "}\n",
    "public class": "public class Problem\n{\n" + _CSIN + "}\n",
    "class of another name": "using System;\n\npublic static class MathTools\n{\n" + _CSIN + "}\n",
    "class that names itself": "public sealed class Adder\n{\n    private readonly long v;\n    public Adder(long v) { this.v = v; }\n"
    "    public static long Add(long x, long y)\n    {\n        return new Adder(x).v OP y;\n    }\n}\n",
    "static helper class behind": "class Problem {\n    public static long Add(long x, long y) {\n        return x OP Helper.Same(y);\n"
    "    }\n}\n\nstatic class Helper\n{\n    public static long Same(long b) { return b; }\n}\n",
    "namespace": "namespace Answer\n{\n    public class Problem\n    {\n        public static long Add(long x, long y)\n        {\n"
    "            return x OP y;\n        }\n    }\n}\n",
    "namespace with usings within": "namespace Answer.Inner\n{\n    using System.Text;\n\n    class Helper { }\n\n"
    "    public static class Tools\n    {\n        public static long Add(long x, long y) { return x OP y; }\n    }\n}\n",
    "namespace of the file": "using System;\n\nnamespace Answer;\n\npublic class Problem\n{\n" + _CSIN + "}\n",
    "namespaces in namespaces": "namespace A\n{\n    namespace B\n    {\n        class Solution\n        {\n"
    "            public static long Add(long x, long y) => x OP y;\n        }\n    }\n}\n",
    "second Main": "class Solution\n{\n" + _CSIN + "}\n\nclass Program\n{\n    static void Main(string[] args)\n    {\n"
    "        Console.WriteLine(Solution.Add(1, 2));\n    }\n}\n",
    "Main in the class": "class Program\n{\n" + _CSIN + "\n    public static int Main()\n    {\n        return 0;\n    }\n}\n",
    "async Main": "using System.Threading.Tasks;\n\nclass Program\n{\n" + _CSIN
    + "    static async Task Main(string[] args)\n    {\n        await Task.Delay(1);\n    }\n}\n",
    "async Main with a result": "using System.Threading.Tasks;\n\npublic class Answer\n{\n" + _CSIN
    + "    public static async Task<int> Main()\n    {\n        await Task.Yield();\n        return 0;\n    }\n}\n",
    "enum and interface beside": "enum Sign { Plus, Minus }\n\ninterface IOp { long Of(long a, long b); }\n\n"
    "class Plus : IOp { public long Of(long a, long b) { return a OP b; } }\n\nclass Problem\n{\n"
    "    static IOp op = new Plus();\n    public static long Add(long x, long y) { return op.Of(x, y); }\n}\n",
    "struct beside": "struct Two { public long A, B; }\n\nclass Problem\n{\n    public static long Add(long x, long y)\n    {\n"
    "        var two = new Two { A = x, B = y };\n        return two.A OP two.B;\n    }\n}\n",
    "method of an object": "public class Solution\n{\n    public long Add(long x, long y) { return x OP y; }\n}\n",
    "comment behind": "class Problem\n{\n" + _CSIN + "} // end of Problem }\n",
    "usings in the middle": "class Helper { }\n\nusing System.Text;\n\nclass Problem\n{\n" + _CSIN + "}\n",
    "texts with braces": "class Problem\n{\n    static string open = @\"{\"\"{\" + $\"{1}{{\" + \"{\" + '{';\n" + _CSIN + "}\n",
    "regions": "class Problem\n{\n    #region add\n" + _CSIN + "    #endregion\n}\n",
    "documented": "/// <summary>Adds { both.</summary>\npublic class Problem\n{\n    /// <returns>The sum</returns>\n" + _CSIN + "}\n",
}  # fmt: skip
_CPP = "long add(long x, long y) {\n    return x OP y;\n}\n"
CPP = {
    "function": _CPP,
    "with includes": "#include <vector>\n#include <string>\nusing namespace std;\n\n" + _CPP,
    "helper before": "static long same(long a) { return a; }\n\nlong add(long x, long y) { return same(x) OP y; }\n",
    "int main": _CPP + "\nint main() {\n    if (add(1, 2)) { return 0; }\n    return 1;\n}\n",
    "main with arguments": _CPP + "\nint main(int argc, char* argv[]) {\n    return argc > 9;\n}\n",
    "signed main": "#include <iostream>\n" + _CPP + "\nsigned main() {\n    std::cout << add(1, 2);\n}\n",
    "main of words": _CPP + "\nauto main(int, char**) -> int { return 0; }\n",
    "main without a type": _CPP + "\nmain() { }\n",
    "main before": "long add(long x, long y);\n\nint main(void) {\n    return 0;\n}\n\n" + _CPP,
    "main in a condition": _CPP + "\n#ifndef NO_MAIN\nint32_t main() { return 0; }\n#endif\n",
    "class with a method": "class Solution {\npublic:\n    long add(long x, long y) { return x OP y; }\n};\n",
    "namespace": "namespace answer {\nlong add(long x, long y) { return x OP y; }\n}  // namespace answer\n",
    "class in a namespace": "namespace a {\nclass Solution {\npublic:\n    long add(long x, long y) { return x OP y; }\n};\n}\n",
    "class with a static method": "struct Solution {\n    static long add(long x, long y) { return x OP y; }\n};\n",
    "main mentioned": "// int main() {\nconst char* text = \"int main() {\";\n" + _CPP,
    "digit separators": "const long big = 1'000'000;\nconst char open = '{';\n" + _CPP,
    "raw string": 'const char* raw = R"x({ " )" {)x";\n' + _CPP,
    "template helper": "template <typename T>\nT same(T a) { return a; }\n\nlong add(long x, long y) { return same<long>(x) OP y; }\n",
}  # fmt: skip
_PHP = "function add($x, $y) {\n    return $x OP $y;\n}\n"
PHP = {
    "function": "<?php\n" + _PHP,
    "without a tag": _PHP,
    "closed": "<?php\n" + _PHP + "?>\n",
    "closed and blank": "<?php\n\n" + _PHP + "\n?>\n\n",
    "strict": "<?php\ndeclare(strict_types=1);\n\nfunction add(int $x, int $y): int {\n    return $x OP $y;\n}\n",
    "helper behind": "<?php\nfunction add($x, $y) { return $x OP same($y); }\nfunction same($a) { return $a; }\n",
    "class": "<?php\nclass Solution {\n    public function add($x, $y) { return $x OP $y; }\n}\n",
    "class with a static method": "<?php\nfinal class Solution {\n    public static function add($x, $y) { return $x OP $y; }\n}\n",
    "braces in text": "<?php\n$open = \"{\" . '{' . <<<X\n{ {$_SERVER['argc']}\nX;\n" + _PHP,
    "documented": "<?php\n/**\n * @param int $x {\n */\n" + _PHP,
}  # fmt: skip
_JS = "function add(x, y) {\n  return x OP y;\n}\n"
JAVASCRIPT = {
    "function": _JS,
    "arrow": "const add = (x, y) => x OP y;\n",
    "exported": "export " + _JS,
    "exported by default": "export default " + _JS,
    "exported behind": _JS + "\nexport { add };\n",
    "exported by default behind": "const add = (x, y) => x OP y;\n\nexport default add;\n",
    "arrow without an end": "const add = (x, y) => x OP y\n",
    "nameless export": "export default function (x, y) {\n  return x OP y;\n}\n",
    "exported as node does": _JS + "\nmodule.exports = { add };\n",
    "own assertion": "const assert = require('assert');\n\n" + _JS + "\nassert.strictEqual(typeof add, 'function');\n",
    "class": "class Solution {\n  add(x, y) {\n    return x OP y;\n  }\n}\n",
    "class with a static method": "class Solution {\n  static add(x, y) {\n    return x OP y;\n  }\n}\n",
    "exported class": "export class Solution {\n  add(x, y) { return x OP y; }\n}\n",
    "property of the exports": "exports.add = (x, y) => x OP y;\n",
    "object that is exported": "module.exports = {\n  add: function (x, y) {\n    return x OP y;\n  },\n};\n",
    "module that waits": "const none = await Promise.resolve(0);\nexport const add = (x, y) => x OP y + none;\n",
    "module that asks whether it is run": "export "
    + _JS
    + "\nif (import.meta.url === 'x') {\n  console.log(add(1, 2));\n}\n",
    "property of an object": "const sums = {\n  add(x, y) {\n    return x OP y;\n  },\n};\n",
    "expression with a brace": "const open = /[{]/;\n" + _JS,
    "template with a brace": "const s = `{${'{'}`;\n" + _JS,
    "strict": "'use strict';\n\n" + _JS,
    "documented": "/**\n * import { f } from './f.js';\n */\n" + _JS,
}
_NO_COMMONJS = ("module that waits", "module that asks whether it is run")  # which the compiler writes
TYPESCRIPT = {
    name: code.replace("(x, y)", "(x: number, y: number)")
    for name, code in JAVASCRIPT.items()
    if name not in _NO_COMMONJS
} | {
    "property of the exports": "function add(x: number, y: number) {\n  return x OP y;\n}\nexport = { add };\n",
    "own assertion imported": "import * as assert from 'assert';\n\nfunction add(x: number, y: number): number {\n  return x OP y;\n}\n\nassert.ok(add);\n",
    "own assertion": "import * as nothing from 'fs';\n\nfunction add(x: number, y: number): number {\n  return x OP y;\n}\n",
    "exported as node does": "type Two = [number, number];\ninterface Op { (x: number, y: number): number }\n"
    "const add: Op = (x: number, y: number): number => { const t: Two = [x, y]; return t[0] OP t[1]; };\n",
}
_PY = "def add(x, y):\n    return x OP y\n"
PYTHON = {
    "function": _PY,
    "future": "from __future__ import annotations\n\n\n" + _PY,
    "future behind a docstring": '"""Sums."""\nfrom __future__ import (\n    annotations,\n    division,\n)\nimport math\n\n'
    + _PY,
    "future beside another": "from __future__ import annotations; import math\n\n" + _PY,
    "future after a comment": "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\nfrom __future__ import annotations\n\n"
    + _PY,
    "futures": "from __future__ import annotations\nfrom __future__ import print_function\nfrom typing import List\n\n"
    + _PY,
    "future in a text": 'TEXT = """\nfrom __future__ import nothing\n"""\n\n' + _PY,
    "main": "import sys\n\n" + _PY + "\n\nif __name__ == '__main__':\n    sys.exit(add(1, 2))\n",
    "class": "class Solution:\n    def add(self, x, y):\n        return x OP y\n",
    "class with a static method": "class Solution:\n    @staticmethod\n    def add(x, y):\n        return x OP y\n",
    "decorated": "import functools\n\n\n@functools.lru_cache(None)\n" + _PY,
}
SHAPES = {
    "java": JAVA,
    "csharp": CSHARP,
    "cpp": CPP,
    "php": PHP,
    "javascript": JAVASCRIPT,
    "typescript": TYPESCRIPT,
    "python": PYTHON,
}
