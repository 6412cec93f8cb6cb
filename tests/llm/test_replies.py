"""What servers vary in their answers is read; what is no answer is an error of its class."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, Handler, ask, endpoint_folder, said
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.calls import Answer
from xinstruct.llm.client import Client
from xinstruct.llm.dialects import rooted
from xinstruct.llm.repair import misses
from xinstruct.llm.replies import read_reply

Serve = Callable[[Any], str]
IDEA = "So 2 and 2 ..."
OBJECT = {"type": "object", "required": ["score"]}
ROWS = {"type": "array", "items": OBJECT, "minItems": 1}


def message(content: Any, reason: Any = "stop", **fields: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return {"choices": [{"message": {"content": content, **fields}, "finish_reason": reason}], "usage": usage}


def parts(*rows: dict[str, Any] | str) -> dict[str, Any]:
    return message(list(rows))


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (parts({"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}), "hello"),
        (parts({"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "hello"}), "hello"),
        (parts({"type": "output_text", "text": "hello", "annotations": []}), "hello"),
        (parts("hel", "lo"), "hello"),
        (parts({"type": "reasoning", "text": "hm"}, {"text": "hello"}), "hello"),
        (parts({"type": "text", "text": {"value": "hello"}}), "hello"),
        (message({"type": "text", "text": "hello"}), "hello"),
        (message("hello", reasoning_content=IDEA), "hello"),
        (message("hello", reasoning=None, refusal=None, tool_calls=[]), "hello"),
    ],
)
def test_content_in_parts_is_joined(payload: dict[str, Any], text: str) -> None:
    reply = read_reply(payload, ask("q"), 1, 0.0)
    assert (reply.text, reply.finish_reason, reply.error) == (text, "stop", "")


@pytest.mark.parametrize(
    "payload",
    [
        message(None, reasoning_content=IDEA),
        message("", reasoning=IDEA),
        message(None, thinking=IDEA),
        message([{"type": "thinking", "thinking": IDEA}]),
        message(f"<think>\n{IDEA}\n</think>\n"),
        message(f"<think>{IDEA}"),
        message(" \n", reasoning_details=[{"text": IDEA}]),
        message(f"<|channel|>analysis<|message|>{IDEA}"),
    ],
)
@pytest.mark.parametrize(("reason", "words"), [("stop", "ended by itself"), ("length", "used up its 256 tokens")])
def test_thinking_alone_is_an_error_of_its_own_class(payload: dict[str, Any], reason: str, words: str) -> None:
    payload["choices"][0]["finish_reason"] = reason
    reply = read_reply(payload, ask("q"), 1, 0.0)
    assert (reply.text, reply.finish_reason, reply.completion_tokens) == ("", "error", 2)
    assert reply.error == f"thinking: the model {words} without an answer"


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, (1, 2)),
        ({}, (1, 2)),
        ({"prompt_tokens": None, "completion_tokens": None}, (1, 2)),
        ({"prompt_tokens": 9, "total_tokens": 12}, (9, 2)),
        ({"prompt_tokens": 9.0, "completion_tokens": "3"}, (9, 3)),
        ([], (1, 2)),
    ],
)
def test_missing_counts_are_estimated(usage: Any, counts: tuple[int, int]) -> None:
    reply = read_reply(message("hello") | {"usage": usage}, ask("q"), 1, 0.0)
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("hello", *counts)


@pytest.mark.parametrize(
    ("reason", "ended", "error"),
    [
        ("STOP", "stop", ""),
        ("COMPLETE", "stop", ""),
        ("end_turn", "stop", ""),
        ("eos_token", "stop", ""),
        ("tool_calls", "stop", ""),
        ("MAX_TOKENS", "length", ""),
        ("model_length", "length", ""),
        ("max_output_tokens", "length", ""),
        ("SAFETY", "error", "filtered"),
        ("content_filter", "error", "filtered"),
        ("abort", "error", "garbled"),
        ("cancelled", "error", "garbled"),
        ("error", "error", "garbled"),
    ],
)
def test_reasons_to_end_in_other_words(reason: str, ended: str, error: str) -> None:
    reply = read_reply(message("hello", reason), ask("q"), 1, 0.0)
    assert (reply.finish_reason, reply.error.split(":")[0]) == (ended, error)


def test_an_answer_without_a_reason_is_taken_as_far_as_its_tokens_tell() -> None:
    whole, unknown = message("hello"), message("hello") | {"usage": None}
    for payload in (whole, unknown):
        del payload["choices"][0]["finish_reason"]
    assert read_reply(whole, ask("q"), 1, 0.0).finish_reason == "stop"
    assert read_reply(whole, ask("q", max_tokens=2), 1, 0.0).finish_reason == "length"
    assert read_reply(unknown, ask("q"), 1, 0.0).finish_reason == "length"
    assert read_reply(message("hello", None), ask("q"), 1, 0.0).error.startswith("garbled")


# ---- whole calls

Sent = dict[str, Any]
Answering = Callable[[Sent, int], tuple[int, Any]]


class Scripted(ChatServer):
    """Answers each POST by a function of the body and the number of the call; `models` answers the list."""

    def __init__(self, answer: Answering, models: tuple[int, Any] | None = None) -> None:
        super().__init__()
        self.answer, self.models = answer, models

    def __call__(self, handler: Handler, body: bytes) -> None:
        if handler.command == "GET" and (self.models is None or handler.path != "/v1/models"):
            return super().__call__(handler, body)
        if handler.command == "POST":
            self.asked.append(json.loads(body))
        status, found = self.models if not body and self.models else self.answer(self.asked[-1], len(self.asked))
        return handler.reply(status, found if isinstance(found, bytes) else json.dumps(found).encode())


QUICK = {"attempts": 3, "patience": 2, "backoff": 0.01, "start_wait": 0.1, "slots": 1, "timeout": 5}


def opened(tmp_path: Path, url: str, **params: Any) -> Client:
    return Client(asking(**(QUICK | params)), endpoint_folder(tmp_path / "t", url), tmp_path / "j.sqlite")


def refusing(message: str, param: str | None = None) -> tuple[int, Any]:
    return 400, {"error": {"message": message, "type": "invalid_request_error", "param": param}}


NEWER = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


@pytest.mark.parametrize(
    ("field", "refusal", "instead"),
    [
        ("max_tokens", refusing(NEWER, "max_tokens"), "max_completion_tokens"),
        ("max_tokens", refusing(NEWER), "max_completion_tokens"),
        ("max_tokens", (422, {"detail": [{"loc": ["body", "max_tokens"], "msg": "Extra inputs are not permitted"}]}),
         "max_completion_tokens"),
        ("temperature", refusing("Unsupported value: 'temperature' does not support 0 with this model.", "temperature"),
         None),
        ("temperature", refusing("temperature is deprecated for this model"), None),
        ("temperature", refusing("Only the default (1) value is supported", "temperature"), None),
        ("top_p", refusing("Unsupported parameter: 'top_p'"), None),
        ("seed", refusing("unknown field seed"), None),
    ],
)  # fmt: skip
def test_a_field_that_is_refused_by_name_is_left_out_or_renamed(
    tmp_path: Path, serve: Serve, field: str, refusal: tuple[int, Any], instead: str | None
) -> None:
    server = Scripted(lambda sent, _: refusal if field in sent else (200, message("hi")))
    with opened(tmp_path, serve(server)) as client:
        assert [a.text for a in client.ask([ask("a", max_tokens=77), ask("b", max_tokens=77)])] == ["hi", "hi"]
    assert len(server.asked) == 3, "the second call knows it"
    assert field not in server.asked[-1]
    assert instead is None or server.asked[-1][instead] == 77


def test_a_value_that_is_wrong_is_no_refused_field(tmp_path: Path, serve: Serve) -> None:
    server = Scripted(lambda sent, _: refusing("temperature must be between 0 and 2", "temperature"))
    with opened(tmp_path, serve(server)) as client:
        assert client.ask([ask("a")])[0].error.startswith("rejected")
    assert len(server.asked) == 1


def test_halves_of_surrogate_pairs_are_kept_out_of_the_journal(tmp_path: Path, serve: Serve) -> None:
    texts = [r"\ud83d broken", r"\ude00", r"a\uD83D", r"\ud83d\ude00", r"\udc00\ud800"]
    server = Scripted(lambda _, number: (200, said("X").replace(b'"X"', f'"{texts[number - 1]}"'.encode())))
    with opened(tmp_path, serve(server)) as client:
        found = [answer.text for answer in client.ask([ask(text) for text in texts])]
    assert found == ["\ufffd broken", "\ufffd", "a\ufffd", "\U0001f600", "\ufffd\ufffd"]


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ({"id": "g", "error": {"message": "Upstream error: overloaded", "code": 502}}, "server.*overloaded"),
        ({"error": "the model crashed"}, "server.*the model crashed"),
        ({"object": "error", "message": "no such engine", "code": 50001}, "server.*no such engine"),
        ({"choices": [], "error": {"message": "out of memory"}}, "server.*out of memory"),
        ({"choices": None, "error": {"message": "try later", "code": "500"}}, "server.*try later"),
        ({"error": {"message": "no key", "code": 401}}, "API key.*no key"),
    ],
)
def test_an_error_in_a_good_answers_place_is_shown(tmp_path: Path, serve: Serve, body: Any, match: str) -> None:
    server = Scripted(lambda *_: (200, body))
    with opened(tmp_path, serve(server)) as client, pytest.raises(BadInput, match=match):
        client.ask([ask("a")])


def test_an_error_in_a_good_answers_place_passes(tmp_path: Path, serve: Serve) -> None:
    busy = {"error": {"message": "busy", "code": 429}}
    server = Scripted(lambda _, number: (200, busy if number < 3 else message("hi")))
    with opened(tmp_path, serve(server)) as client:
        assert client.ask([ask("a")])[0].text == "hi"


@pytest.mark.parametrize(
    "models",
    [
        (200, [{"id": "m", "object": "model"}]),
        (200, ["m"]),
        (200, {"models": [{"name": "m"}]}),
        (200, {"data": []}),
        (200, b""),
        (403, b"not for you"),
        (404, b"no such page"),
        (405, b"method not allowed"),
        (501, b"not implemented"),
        (500, b"oops"),
    ],
)
def test_a_named_model_needs_no_list(tmp_path: Path, serve: Serve, models: tuple[int, Any]) -> None:
    server = Scripted(lambda *_: (200, message("hi")), models)
    with opened(tmp_path, serve(server), served_as="m") as client:
        assert client.ask([ask("a")])[0].text == "hi"
    assert server.asked[0]["model"] == "m"


@pytest.mark.parametrize("refused", [1, 7])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((403, {"error": {"message": "Input was flagged by moderation", "code": 403}}), "filtered"),
        ((403, {"error": {"message": "no"}}), "refused"),
        ((403, b"<html>blocked</html>"), "refused"),
        ((400, {"error": {"message": "violates our content policy", "code": "content_policy_violation"}}), "filtered"),
        ((451, {"error": {"message": "moderation_blocked"}}), "filtered"),
    ],
)
def test_one_refused_prompt_is_set_aside(
    tmp_path: Path, serve: Serve, refused: int, answer: tuple[int, Any], kind: str
) -> None:
    server = Scripted(lambda _, number: answer if number == refused else (200, message("hi")))
    with opened(tmp_path, serve(server)) as client:
        found = client.ask([ask(str(i)) for i in range(12)])
    assert [a.error.split(":")[0] for a in found if a.error] == [kind]
    assert sum(a.text == "hi" for a in found) == 11


def test_a_key_that_is_refused_for_everything_ends_the_run_at_once(tmp_path: Path, serve: Serve) -> None:
    server = Scripted(lambda *_: (403, b"not with this key"))
    with opened(tmp_path, serve(server)) as client, pytest.raises(BadInput, match="is XINSTRUCT_API_KEY the right key"):
        client.ask([ask(str(i)) for i in range(50)])
    assert len(server.asked) == 2


def test_a_server_that_never_says_why_it_ended_is_believed(tmp_path: Path, serve: Serve) -> None:
    server = Scripted(lambda *_: (200, message("hi", None)))
    with opened(tmp_path, serve(server)) as client:
        assert [(a.text, a.finish_reason) for a in client.ask([ask("a"), ask("b")])] == [("hi", "stop")] * 2
    assert len(server.asked) == 4, "the first call was asked three times"


def test_thinking_is_kept_in_the_journal_and_out_of_answers(tmp_path: Path, serve: Serve) -> None:
    server = Scripted(lambda *_: (200, message("<think>a ```b``` END</think>\nhello END more")))
    with opened(tmp_path, serve(server)) as client:
        assert client.ask([ask("a", stop=("END",))])[0].text == "hello "
        assert client.ask([ask("a", stop=("END",))])[0].cached
    assert b"<think>a ```b``` END</think>" in (tmp_path / "j.sqlite").read_bytes()


def test_tokens_that_thinking_used_up_are_asked_for_again(tmp_path: Path, serve: Serve) -> None:
    def answer(sent: Sent, _: int) -> tuple[int, Any]:
        return 200, message(f"<think>{IDEA}", "length") if sent["max_tokens"] < 200 else message("hi")

    server = Scripted(answer)
    with opened(tmp_path, serve(server), on_length="retry", length_limit=400) as client:
        assert client.ask([ask("a", max_tokens=64)])[0].text == "hi"
        assert client.ask([ask("b", max_tokens=64, schema=OBJECT)])[0].error.startswith("schema: not JSON")
    with opened(tmp_path / "keep", serve(server), on_length="keep") as client:
        assert client.ask([ask("a", max_tokens=64)])[0].error.startswith("thinking: the model used up its 64 tokens")


# ---- JSON

FOUND = {
    '{"score": 3}': '{"score": 3}',
    '<think>Rate {0..5}</think>{"score": 3}': '{"score": 3}',
    '{"score": 3}\n\nNote: {x} is fine.': '{"score": 3}',
    'The set {a, b} [1] is rated:\n```json\n{"score": 3}\n```\n[end]': '{"score": 3}',
    'For instance {"score": 1}. Mine: {"score": 3}': '{"score": 3}',
    '{"score": 1}<|channel|>final <|constrain|>json<|message|>{"score": 3}': '{"score": 3}',
    'Draft {"score": 1}\n</think>\n{"score": 3, "why": "{}]"}': '{"score": 3, "why": "{}]"}',
    'f(x) = {x: x > 0}\n{"score": 3}.': '{"score": 3}',
}  # fmt: skip


@pytest.mark.parametrize("text", FOUND)
def test_json_is_found_behind_thinking_and_prose(tmp_path: Path, serve: Serve, text: str) -> None:
    assert misses(ask("q", schema=OBJECT), Answer("q", text, "stop", 0, 0, False)) == ""
    server = Scripted(lambda *_: (200, message(text)))
    with opened(tmp_path, serve(server)) as client:
        assert client.ask([ask("q", schema=OBJECT)])[0].text == FOUND[text]


@pytest.mark.parametrize(
    "text",
    ["", "none", "<think>{}</think>", '{"rating": 3}', '[{"score": 3}, {"sco', '{"score": 3', "3", '{"a": {"score'],
)
def test_what_is_no_such_json_is_refused(text: str) -> None:
    assert misses(ask("q", schema=OBJECT), Answer("q", text, "stop", 0, 0, False))


def test_a_list_at_the_root_is_wrapped_for_the_server_and_unwrapped(tmp_path: Path, serve: Serve) -> None:
    server = Scripted(lambda *_: (200, message('{"answer": [{"score": 3}]}')))
    with opened(tmp_path, serve(server)) as client:
        assert json.loads(client.ask([ask("q", schema=ROWS)])[0].text) == [{"score": 3}]
    sent = server.asked[0]["response_format"]["json_schema"]["schema"]
    assert sent["type"] == "object"
    assert sent["properties"]["answer"] == ROWS
    assert rooted(OBJECT) == OBJECT
    shared = {"$defs": {"row": OBJECT}, "type": "array", "items": {"$ref": "#/$defs/row"}}
    assert rooted(shared)["$defs"] == shared["$defs"]
    assert "$defs" not in rooted(shared)["properties"]["answer"]


@pytest.mark.parametrize("text", ['[{"score": 3}]', '{"items": [{"score": 3}]}', 'So: {"answer": [{"score": 3}]}!'])
def test_a_list_is_taken_bare_or_from_any_single_member(text: str) -> None:
    assert misses(ask("q", schema=ROWS), Answer("q", text, "stop", 0, 0, False)) == ""
    assert misses(ask("q", schema=ROWS), Answer("q", text.replace("score", "other"), "stop", 0, 0, False))
