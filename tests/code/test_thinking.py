"""What a model thinks aloud is no answer, however it is marked; drafts in it are never taken for code."""

from __future__ import annotations

import pytest

from xinstruct.benchmarks.problems import ProgramProblem
from xinstruct.benchmarks.protocol import without_code
from xinstruct.benchmarks.rules import apply, rules
from xinstruct.code.completion import whole_answer
from xinstruct.code.extraction import extract_code
from xinstruct.code.thinking import final_answer, split_thinking

RIGHT = "def add(x, y):\n    return x + y\n"
DRAFT = "def add(x, y):\n    return x - y\n"
ANSWER, IDEA = f"Here it is:\n\n```python\n{RIGHT}```\n", f"Maybe:\n```python\n{DRAFT}```\nNo, that subtracts."
FINAL = "<|channel|>final<|message|>"

THOUGHT = {
    "a tag": f"<think>\n{IDEA}\n</think>\n\n{ANSWER}",
    "another word": f"<thinking>{IDEA}</thinking>{ANSWER}",
    "reasoning": f"<reasoning>\n{IDEA}\n</reasoning>\n{ANSWER}",
    "in capitals": f"<THINK>\n{IDEA}\n</Think >\n{ANSWER}",
    "with attributes": f'<reasoning effort="high">\n{IDEA}</reasoning>{ANSWER}',
    "the beginning is in the prompt": f"{IDEA}\n</think>\n{ANSWER}",
    "in a block that is left open": f"Maybe:\n```python\n{DRAFT}\nhm, wrong sign\n</think>\n{ANSWER}",
    "code without a block": f"<think>\nmaybe\n{DRAFT}but no\n</think>\n{RIGHT}",
    "twice": f"<think>\n{IDEA}\n</think>\nSo {IDEA}\n<think>\nagain\n</think>\n{ANSWER}",
    "a tag within": f"<think>\nI could write <think> here.\n<think>\n{IDEA}\n</think>\n{ANSWER}",
    "a spoken tag within": f"<think>\nI end by `</think>`. {IDEA}\n</think>\n{ANSWER}",
    "never ends, behind the answer": f"{ANSWER}\n<think>\n{IDEA}",
    "ends behind the answer": f"<think>\n{IDEA}\n</think>\n{ANSWER}\n<think>\nGood.\n</think>",
    "channels": f"<|channel|>analysis<|message|>{IDEA}<|end|><|start|>assistant{FINAL}{ANSWER}<|return|>",
    "the last channel alone is marked": f"{IDEA}<|end|><|start|>assistant{FINAL}{ANSWER}",
    "remarks": f"<|channel|>analysis<|message|>{IDEA}<|channel|>commentary<|message|>{IDEA}{FINAL}{ANSWER}",
    "channels without their tokens": f"analysis{IDEA}assistantfinal{ANSWER}",
    "brackets": f"[THINK]{IDEA}[/THINK]{ANSWER}",
    "signs": f"◁think▷{IDEA}◁/think▷{ANSWER}",
    "long tokens": f"<|begin_of_thought|>{IDEA}<|end_of_thought|><|begin_of_solution|>{ANSWER}<|end_of_solution|>",
    "prefixed": f"<seed:think>{IDEA}</seed:think>{ANSWER}",
    "apostrophes around": f"It doesn't add. {IDEA}</think>{ANSWER} That's it.",
}
UNFINISHED = {
    "a tag": f"<think>\n{IDEA}",
    "a tag that ends": f"<think>\n{IDEA}\n</think>\n\n",
    "an end alone": f"{IDEA}\n</think>",
    "a channel": f"<|channel|>analysis<|message|>{IDEA}",
    "a bracket": f"[THINK]{IDEA}",
    "blanks before": f"\n \n<thinking>\n{IDEA}",
}
SPOKEN = {
    "nothing": ANSWER,
    "a string": "```python\ndef add(x, y):\n    return x.split('</think>')[-1]\n```",
    "an expression": "```python\ndef add(x, y):\n    return re.sub(r'<think>.*?</think>', y, x)\n```",
    "a template": "```js\nconst add = `\n<think>\n</think>\n`;\n```",
    "code marks": f"I leave out `<think>` and `</think>`.\n{ANSWER}",
    "a word": f"On reflection, by analysis: thinking of it, the reasoning holds.\n{ANSWER}",
    "types": "```java\nList<Analysis> thoughts; Map<Thought, Reasoning> m;\n```",
    "indentation": "    return x + y\n",
}
PROBLEM = ProgramProblem("P/1", "python", "def add(x, y):\n", "add", "", "{code}")


@pytest.mark.parametrize("name", THOUGHT)
def test_the_answer_stands_behind_the_thinking(name: str) -> None:
    text = THOUGHT[name]
    assert extract_code(text, "python", "add")[0] == RIGHT
    assert whole_answer("python", "add", text) == RIGHT
    assert apply(rules("chat"), PROBLEM, text)[0].strip() == RIGHT.strip()
    assert "return x - y" not in final_answer(text)


@pytest.mark.parametrize("name", [name for name in THOUGHT if "code without" not in name])
def test_every_rule_takes_the_block_of_the_answer(name: str) -> None:
    for rule in ("first_fence", "last_fence", "last_pair"):
        assert apply(rules(rule), PROBLEM, THOUGHT[name])[0].strip() == RIGHT.strip()
    assert "return" not in without_code(THOUGHT[name])


@pytest.mark.parametrize("name", UNFINISHED)
def test_thinking_alone_is_no_answer(name: str) -> None:
    assert final_answer(UNFINISHED[name]).strip() == ""
    assert extract_code(UNFINISHED[name], "python", "add") == ("", "none")


@pytest.mark.parametrize("name", SPOKEN)
def test_a_text_without_thinking_stays_as_it_is(name: str) -> None:
    assert split_thinking(SPOKEN[name]) == ("", SPOKEN[name])
