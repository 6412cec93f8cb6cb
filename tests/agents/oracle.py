"""A teacher over real HTTP that knows right answers and gives a set share of bad ones, always by seed.

Its stock holds problems in HumanEval-X's form: one function, its signature and cases, a body per
language. What it answers is decided by the seed that a call carries, so a test that knows the seeds
of a run knows what each of its answers was.
"""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import dataclass, field, replace
from typing import Any

from tests.agents.helpers import as_served
from tests.llm.conftest import Handler
from xinstruct.code.types import Case, Signature, cases_to_json
from xinstruct.languages import get
from xinstruct.languages.header import FunctionHeader
from xinstruct.records import Sample, content_id

SHARES = {"right": 5, "wrong": 2, "foreign": 1.5, "empty": 1, "nonsense": 1, "copy": 1, "endless": 0.5}
REASONS = {
    "wrong": {"wrong_answer", "insufficient_instruction"}, "foreign": {"wrong_language"}, "empty": {"empty_answer"},
    "copy": {"copied_prompt"}, "nonsense": {"compile_error", "runtime_error"}, "endless": {"truncated"},
    "loop": {"timeout"}, "narrow": {"wrong_answer", "insufficient_instruction"},
}  # fmt: skip
BEGIN = "Begin your answer with exactly this text and go on from there:\n"
WHOLE = re.compile(r"complete (?:corrected )?(\S+) function and what it needs in one fenced block")
LANGUAGES = ("python", "javascript", "java", "cpp", "php", "bash")
LOOPS = {"python": "    while True:\n        pass\n", "javascript": "    while (true) { }\n}\n"}


@dataclass(frozen=True)
class Problem:
    """One function in several languages: `bodies` stand under the header that the language gives it."""

    name: str
    signature: Signature
    cases: tuple[Case, ...]
    bodies: dict[str, str]

    def function(self, language: str) -> str:
        return get(language).identifier(self.name)

    def code(self, language: str) -> str:
        spoken = get(language)
        head = spoken.header(self.function(language), self.signature).rstrip()
        return f"{head}\n{self.bodies[language].rstrip()}\n{spoken.footer()}".rstrip() + "\n"

    def seed(self, language: str) -> Sample:
        """The seed sample of one language."""
        ident = content_id("oracle", self.name, language)
        text = f"Write a function `{self.function(language)}` known as {self.name} in {language}.\n\nmore"
        return Sample(
            id=ident, kind="Ds1", language=language, instruction=text, response=self.code(language),
            function=self.function(language), signature=self.signature.to_json(),
            cases=cases_to_json(list(self.cases)), parents=[f"p{ident}"], snippets=[f"s{ident}"],
            licenses=["MIT"], score=3.0,
        )  # fmt: skip


@dataclass
class Call:
    """One call as it came: what kind of answer it got, and what it showed."""

    kind: str
    messages: list[dict[str, str]]
    tokens: int


@dataclass
class OracleServer:
    """The script of a loopback server. `calls` holds every call by the seed it carried."""

    stock: list[Problem]
    shares: dict[str, float] = field(default_factory=lambda: dict(SHARES))
    calls: dict[int, Call] = field(default_factory=dict)
    count: int = 0
    stop_after: int = 0  # calls after which it refuses everything; 0: never
    continues: bool = True  # whether it continues a prefill; else it refuses one
    objection: str = " none"  # what a peer says after "Objection:"

    def __call__(self, handler: Handler, body: bytes) -> None:
        if handler.command == "GET":
            return handler.reply(200, json.dumps({"data": [{"id": "oracle", "owned_by": "tests"}]}).encode())
        self.count += 1
        if self.stop_after and self.count > self.stop_after:
            return handler.reply(400, b"no more today")
        sent = json.loads(body)
        if not self.continues and sent["messages"][-1]["role"] != "user":
            return handler.reply(400, b"the last message must be the user's")
        kind, text = self.answer(sent)
        tokens = 1 + len(text.split())
        self.calls[sent["seed"]] = Call(kind, sent["messages"], tokens)
        ended = "length" if kind == "endless" else "stop"
        choice: dict[str, Any] = {"message": {"role": "assistant", "content": text}, "finish_reason": ended}
        if kind == "score":
            choice["logprobs"] = {"content": [chances(text, random.Random(sent["seed"]).uniform(0.5, 0.99))]}
        usage = {"prompt_tokens": 5, "completion_tokens": tokens}
        return handler.reply(200, json.dumps({"choices": [choice], "usage": usage}).encode())

    def answer(self, sent: dict[str, Any]) -> tuple[str, str]:
        """The kind of an answer and its text, cut where the call says."""
        last = sent["messages"][-1]
        start, question = last["content"], sent["messages"][-2]["content"] if len(sent["messages"]) > 1 else ""
        prefilled = last["role"] == "assistant"
        if not prefilled:
            question, _, start = start.partition(BEGIN)
        rng = random.Random(sent["seed"])
        if question.endswith("Answer Yes or No."):
            return "score", "Yes"
        if question.startswith("Explain what the") and not prefilled:
            name = re.search(r"function `(\w+)`", question)
            return "explanation", f"It is known as {name[1] if name else ''}. It takes what the cases say."
        if start == "Objection:":
            return "objection", self.objection
        if "Answer in JSON." in question:
            return "sentence", json.dumps(self.written(question, sent))
        if not prefilled and (whole := WHOLE.search(question)):
            language = next(name for name in LANGUAGES if get(name).title == whole[1])
            problem = self.known(sent["messages"], language)
            kind, text = self.body(
                rng.choices(list(self.shares), list(self.shares.values()))[0], problem, language, question
            )
            return kind, self.whole(kind, problem, language, text)
        if not start.startswith("```"):
            sentence = f" does what number {sent['seed']} wants. And more."
            return "sentence", sentence if prefilled else f"Of course!\n{start}{sentence}"
        tag, head = start[3:].split("\n", 1)
        language = next(name for name in LANGUAGES if get(name).fence == tag)
        problem = self.meant(next(p for p in self.stock if re.search(rf"\b{p.function(language)}\b", head)), question)
        kind = rng.choices(list(self.shares), list(self.shares.values()))[0]
        kind, text = self.body(kind, problem, language, question)
        if kind == "right" and (given := given_part(problem, language, head)):
            text = problem.bodies[language][given:]
            return kind, text[: min((text.index(s) for s in sent["stop"] if s in text), default=len(text))]
        return kind, as_served(text, tuple(sent["stop"]))

    def known(self, messages: list[dict[str, str]], language: str) -> Problem:
        """The problem that the latest message which names one asks for."""
        asked = [message["content"] for message in reversed(messages) if message["role"] == "user"]
        for text in (text.partition("Remember from earlier work:")[0] for text in asked):
            for problem in self.stock:
                name = problem.function(language)
                if re.search(rf"`{name}`|\b{name}\s*\(", text):
                    return self.meant(problem, text)
        raise AssertionError(f"no problem of the stock in {messages}")

    def meant(self, problem: Problem, question: str) -> Problem:
        """The problem that another one became by the rule that was added to it."""
        added = re.findall(r"becomes what is known as (\w+)\.", question)
        return replace(next(p for p in self.stock if p.name == added[-1]), name=problem.name) if added else problem

    def written(self, question: str, sent: dict[str, Any]) -> dict[str, Any]:
        """A problem in the form that is asked for; a new one is of the stock, and no one that the question shows."""
        shape = sent["response_format"]["json_schema"]["schema"]["properties"]
        words = (
            f"What number {sent['seed']} asks for: given the arguments, return what everybody knows it returns for them"
        )
        found = {"problem": f"{words}, exactly.", "rules": ["Nothing is special.", "Zero is a number."]}
        if "calls" not in shape:
            return found
        names = set(shape["calls"]["items"].get("properties", {}))
        fitting = [p for p in self.stock if not names or {x.name for x in p.signature.params} == names]
        new = next((p for p in fitting if not re.search(rf"\b{p.name}\b", question)), fitting[0])
        rows = [list(case.args) for case in new.cases] * 2
        if "rule" in shape:
            asked = [dict(zip((p.name for p in new.signature.params), row, strict=True)) for row in rows[:4]]
            return {"rule": f"From then on the result becomes what is known as {new.name}.", "calls": asked}
        typed = [{"name": p.name, "type": str(p.type)} for p in new.signature.params]
        return found | {
            "name": new.name, "parameters": typed, "returns": str(new.signature.returns), "calls": rows[:4],
        }  # fmt: skip

    def whole(self, kind: str, problem: Problem, language: str, body: str) -> str:
        """An answer of a chat model that starts for itself: talk, one fenced block, talk."""
        head = FunctionHeader.of(language, problem.function(language), problem.signature).bare
        code, tag = f"{head}\n{body.rstrip()}", get(language).fence
        if kind == "foreign":
            other = "javascript" if language == "python" else "python"
            code, tag = problem.code(other), other
        if kind == "copy":
            code = body
        if kind == "empty":
            return ""
        return f"Sure, here it is:\n```{tag}\n{code}" + ("" if kind == "endless" else "\n```\nGood luck!")

    def body(self, kind: str, problem: Problem, language: str, question: str) -> tuple[str, str]:
        """A body of that kind; a problem whose other languages look alike gets a wrong one for a foreign one."""
        other = "javascript" if language == "python" else "python"
        foreign = problem.bodies[other]
        if kind == "foreign" and "".join(foreign.split()).strip("}") in "".join(question.split()):
            kind = "copy"  # the other language is the one that the question shows
        if kind == "foreign" and not re.search(r"\{\n" if other == "javascript" else r":\n", foreign):
            kind = "wrong"
        if kind == "loop" and language not in LOOPS:
            kind = "right"
        return kind, {
            "right": problem.bodies[language],
            "wrong": wrong(language, problem),
            "foreign": foreign,
            "empty": "",
            "nonsense": "    if ((\n}\n" if language == "bash" else "    return ((;\n}\n",
            "copy": max(re.findall(r"```\w+\n(.*?)```", question, re.S), key=len, default=""),
            "endless": "    x = x + 1;\n" * 5 if language != "bash" else "    x=1\n" * 5,
            "loop": LOOPS.get(language, ""),
            "narrow": narrow(language, problem),
        }[kind]


def chances(token: str, chance: float) -> dict[str, Any]:
    """The log-probabilities of an answer of one token, in the protocol's form."""
    tops = [{"token": token, "logprob": math.log(chance)}, {"token": "No", "logprob": math.log(1 - chance)}]
    return tops[0] | {"top_logprobs": tops}


def given_part(problem: Problem, language: str, head: str) -> int:
    """How many characters of the right body the prefill holds already, 0 when only the header stands."""
    bare = FunctionHeader.of(language, problem.function(language), problem.signature).bare
    given = head.removeprefix(bare).removeprefix("\n")
    return len(given) if head.startswith(bare) and problem.bodies[language].startswith(given) else 0


def narrow(language: str, problem: Problem) -> str:
    """A body that is right on the cases and on nothing else (Python and JavaScript; "" elsewhere)."""
    names = ", ".join(param.name for param in problem.signature.params)
    rows = [(json.dumps(list(case.args)), json.dumps(case.expected)) for case in problem.cases]
    if language == "python":
        return (
            "".join(f"    if [{names}] == {args}:\n        return {want}\n" for args, want in rows) + "    return -99\n"
        )
    if language == "javascript":
        text = "".join(
            f"    if (JSON.stringify([{names}]) === '{args.replace(' ', '')}') {{\n        return {want};\n    }}\n"
            for args, want in rows
        )
        return text + "    return -99;\n}\n"
    return ""


def wrong(language: str, problem: Problem) -> str:
    """A body that returns a constant of the right type which is not what every case wants."""
    expected = {json.dumps(case.expected) for case in problem.cases}
    pool = {"int": [-987654], "bool": [True, False], "float": [98765.5], "string": ["no such result"]}
    value = next(v for v in pool[problem.signature.returns.head] if len(expected) > 1 or json.dumps(v) not in expected)
    text = json.dumps(value)
    if language == "python":
        return f"    return {value!r}\n"
    return f"    echo {text}\n}}\n" if language == "bash" else f"    return {text};\n}}\n"


def _row(name: str, types: dict[str, str], returns: str, cases: list[tuple[list[Any], Any]], **bodies: str) -> Problem:
    return Problem(name, Signature.of(returns, **types), tuple(Case(tuple(a), e) for a, e in cases), bodies)


OWN = [
    _row("twice", {"a": "int"}, "int", [([1], 2), ([4], 8), ([-3], -6)],
         python="    total = 0\n    for _ in range(2):\n        total += a\n    return total\n",
         javascript="    let s = 0;\n    for (let i = 0; i < 2; i++) {\n        s += a;\n    }\n    return s;\n}\n",
         php="    $total = 0;\n    for ($i = 0; $i < 2; $i++) {\n        $total += $a;\n    }\n    return $total;\n}\n",
         bash="    local total=$(( a + a ))\n    echo \"$total\"\n}\n"),
    _row("larger", {"a": "int", "b": "int"}, "int", [([1, 2], 2), ([5, -1], 5), ([0, 0], 0)],
         python="    if a > b:\n        return a\n    return b\n",
         javascript="    if (a > b) {\n        return a;\n    }\n    return b;\n}\n",
         php="    if ($a > $b) {\n        return $a;\n    }\n    return $b;\n}\n",
         bash="    if (( a > b )); then\n        echo \"$a\"\n    else\n        echo \"$b\"\n    fi\n}\n"),
    _row("below_ten", {"a": "int"}, "bool", [([1], True), ([10], False), ([40], False)],
         python="    if a < 10:\n        return True\n    return False\n",
         javascript="    if (a < 10) {\n        return true;\n    }\n    return false;\n}\n",
         php="    if ($a < 10) {\n        return true;\n    }\n    return false;\n}\n",
         bash="    if (( a < 10 )); then\n        echo true\n    else\n        echo false\n    fi\n}\n"),
]  # fmt: skip
