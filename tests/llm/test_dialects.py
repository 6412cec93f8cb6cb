"""Each server is sent only the fields that it documents, and its answers are read as it writes them.

The answers below follow the documented formats of vLLM, SGLang, OpenAI, Ollama, llama.cpp and
transformers serve, with what differs between them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import Handler, ask, endpoint_folder
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.calls import Request
from xinstruct.llm.client import Client
from xinstruct.llm.dialects import FIELDS, chat_body, completion_body, template_renderer
from xinstruct.llm.replies import read_reply

Serve = Callable[[Any], str]
FULL = ask("q", prefill="def f(", stop=("END",), seed=2**40 + 5, schema={"type": "object"}, logprobs=2, top_p=0.9)
SAMPLING = {"max_tokens", "temperature", "top_p", "seed", "stop"}

MODELS: dict[str, dict[str, Any]] = {
    "vllm": {"id": "m", "object": "model", "owned_by": "vllm", "root": "m", "max_model_len": 4096, "permission": []},
    "sglang": {"id": "m", "object": "model", "owned_by": "sglang", "root": "m", "max_model_len": 4096},
    "openai": {"id": "m", "object": "model", "created": 1686935002, "owned_by": "system"},
    "ollama": {"id": "m", "object": "model", "created": 1686935002, "owned_by": "someone"},
    "llamacpp": {"id": "m", "object": "model", "owned_by": "llamacpp", "meta": {"n_ctx": 4096, "n_ctx_train": 8192}},
}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
ANSWERS: dict[str, dict[str, Any]] = {
    "vllm": {
        "id": "chatcmpl-1", "object": "chat.completion", "model": "m", "prompt_logprobs": None,
        "choices": [{"index": 0, "message": {"role": "assistant", "reasoning_content": None, "content": "x): pass",
                     "tool_calls": []}, "logprobs": None, "finish_reason": "stop", "stop_reason": None}],
        "usage": _USAGE | {"prompt_tokens_details": None},
    },
    "sglang": {
        "id": "1", "object": "chat.completion", "model": "m", "metadata": {"weight_version": "default"},
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x): pass", "reasoning_content": None,
                     "tool_calls": None}, "logprobs": None, "finish_reason": "stop", "matched_stop": 2}],
        "usage": _USAGE | {"reasoning_tokens": 0},
    },
    "openai": {
        "id": "chatcmpl-1", "object": "chat.completion", "model": "m-2024", "service_tier": "default",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x): pass", "refusal": None,
                     "annotations": []}, "logprobs": None, "finish_reason": "stop"}],
        "usage": _USAGE | {"completion_tokens_details": {"reasoning_tokens": 0}},
    },
    "ollama": {
        "id": "chatcmpl-1", "object": "chat.completion", "model": "m", "system_fingerprint": "fp_ollama",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x): pass"}, "finish_reason": "stop"}],
        "usage": _USAGE,
    },
    "llamacpp": {
        "id": "chatcmpl-1", "object": "text_completion", "model": "m", "timings": {"predicted_n": 4},
        "choices": [{"index": 0, "text": "x): pass", "logprobs": None, "finish_reason": "stop"}],
        "usage": _USAGE,
    },
}  # fmt: skip


class Documented:
    """A server of one dialect: refuses with 422 every field that it does not document."""

    def __init__(self, dialect: str, models: list[dict[str, Any]] | None = None) -> None:
        self.dialect, self.models = dialect, [MODELS[dialect]] if models is None else models
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, handler: Handler, body: bytes) -> None:
        pages: dict[str, Any] = {"/v1/models": {"object": "list", "data": self.models}}
        if self.dialect == "ollama":
            pages["/api/version"] = {"version": "0.9.0"}
        if handler.command == "GET":
            page = pages.get(handler.path)
            return handler.reply(200 if page else 404, json.dumps(page).encode())
        sent = json.loads(body)
        if handler.path == "/apply-template":
            return handler.reply(200, json.dumps({"prompt": f"<{sent['messages'][-1]['content']}>"}).encode())
        self.asked.append((handler.path, sent))
        plain = {"prompt", "cache_prompt", "n_probs", "json_schema"} if handler.path == "/v1/completions" else set()
        if unknown := set(sent) - FIELDS[self.dialect] - plain:
            return handler.reply(422, f"unexpected fields: {sorted(unknown)}".encode())
        return handler.reply(200, json.dumps(ANSWERS[self.dialect]).encode())


@pytest.mark.parametrize("dialect", FIELDS)
def test_a_stop_string_that_is_kept_is_told_only_to_servers_that_keep_it(dialect: str) -> None:
    request = ask("q", stop=("END",), keep_stop=True)
    body = completion_body(request, "q", dialect) if dialect == "llamacpp" else chat_body(dialect, "m", request)
    keeps = dialect in ("vllm", "xinstruct")
    assert body.get("stop") == (["END"] if keeps else None)
    assert body.get("include_stop_str_in_output") == (True if keeps else None)
    raw = {"choices": [{"message": {"content": "a END b END"}, "finish_reason": "length"}]}
    reply = read_reply(raw, request, 1, 0.0)
    assert (reply.text, reply.finish_reason) == ("a END", "stop")


@pytest.mark.parametrize("dialect", ANSWERS)
def test_a_call_in_each_dialect(tmp_path: Path, serve: Serve, dialect: str) -> None:
    server = Documented(dialect)
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    with Client(asking(repairs=0), folder, tmp_path / "j.sqlite") as teacher:
        assert teacher.backend.endpoints[0].dialect == dialect  # type: ignore[union-attr]
        plain, prefilled = teacher.ask([ask("q"), ask("q", prefill="def f(", stop=("END",))])
    assert [a.error for a in (plain, prefilled)] == ["", ""]
    assert (prefilled.text, prefilled.finish_reason, prefilled.prompt_tokens, prefilled.completion_tokens) == (
        "x): pass",
        "stop",
        9,
        4,
    )
    path, sent = next((path, sent) for path, sent in server.asked if "stop" in sent)
    if dialect == "llamacpp":
        assert (path, sent["prompt"]) == ("/v1/completions", "<q>def f(")
    else:
        assert path == "/v1/chat/completions"
        assert sent["messages"][-1] == {"role": "assistant", "content": "def f("}


@pytest.mark.parametrize(
    ("dialect", "extra"),
    [
        ("openai", {"response_format", "logprobs", "top_logprobs"}),
        ("ollama", {"response_format", "logprobs", "top_logprobs"}),
        ("vllm", {"response_format", "logprobs", "top_logprobs", "continue_final_message", "add_generation_prompt",
                  "top_k", "min_p", "repetition_penalty"}),
        ("sglang", {"response_format", "logprobs", "top_logprobs", "continue_final_message", "top_k", "min_p",
                    "repetition_penalty"}),
        ("llamacpp", {"response_format", "logprobs", "top_logprobs"}),
        ("transformers", {"generation_config"}),
    ],
)  # fmt: skip
def test_the_fields_of_each_dialect(dialect: str, extra: set[str]) -> None:
    body = chat_body(dialect, "m", FULL)
    assert set(body) == SAMPLING | {"model", "messages"} | extra
    assert body["seed"] == 5, "servers take 31 bits"


def test_the_plain_prompts() -> None:
    sent = completion_body(FULL, "PROMPT")
    assert set(sent) == SAMPLING | {"prompt", "cache_prompt", "top_k", "min_p", "json_schema", "n_probs"}
    sent = completion_body(FULL, "PROMPT", "transformers", "m")
    assert set(sent) == SAMPLING | {"model", "prompt", "generation_config"}
    sampled = Request("q", (), temperature=0.5, max_tokens=7)
    config = json.loads(completion_body(sampled, "PROMPT", "transformers", "m")["generation_config"])
    assert config == {"do_sample": True, "max_new_tokens": 7, "temperature": 0.5, "top_p": 1.0, "top_k": 0}


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "some text"}, "finish_reason": "stop"} | fields]}


@pytest.mark.parametrize(
    ("payload", "text", "reason", "error"),
    [
        (choice(), "some text", "stop", ""),
        (choice(message={"content": None}), "", "stop", ""),
        (choice(message={"content": "def f(x)"}), "x)", "stop", ""),  # the start sent back
        (
            choice(message={"content": "abc END def"}, finish_reason="length"),
            "abc ",
            "stop",
            "",
        ),  # a stop string left in
        (choice(finish_reason="length"), "some text", "length", ""),
        (choice(finish_reason="eos"), "some text", "stop", ""),
        (choice(finish_reason="content_filter"), "", "error", "filtered"),
        (choice(finish_reason="abort"), "", "error", "garbled"),
        (choice(finish_reason=None), "", "error", "garbled"),
        (choice(finish_reason="error") | {"error": {"message": "maximum context length"}}, "", "error", "context"),
        (choice(message={}) | {"usage": {"prompt_tokens": "many"}}, "", "error", "garbled"),
        ({"object": "error", "message": "no"}, "", "error", "garbled"),
        ({"choices": [7]}, "", "error", "garbled"),
        ({"choices": [{"text": "plain", "finish_reason": "stop"}], "usage": None}, "plain", "stop", ""),
    ],
)
def test_answers_are_read_or_refused(payload: dict[str, Any], text: str, reason: str, error: str) -> None:
    reply = read_reply(payload, ask("q", prefill="def f(", stop=("END",)), 1, 0.0)
    assert (reply.text, reply.finish_reason, reply.error.split(":")[0]) == (text, reason, error)


def test_log_probabilities_in_their_spellings() -> None:
    chat = {
        "content": [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -9}]}]
    }
    plain = {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{"b": -9.0}], "text_offset": [0]}
    first = {"tokens": ["a"], "token_logprobs": [None], "top_logprobs": None}
    request = ask("q", logprobs=1)
    for found, value in ((chat, -1.0), (plain, -1.0), (first, -1e30)):
        (token,) = read_reply(choice(logprobs=found), request, 1, 0.0).logprobs
        assert (token.text, token.logprob) == ("a", value)
    assert read_reply(choice(logprobs=chat), request, 1, 0.0).logprobs[0].top == {"b": -9.0}
    assert read_reply(choice(logprobs=None), request, 1, 0.0).logprobs == ()


# ---- one clear error at the start


def test_the_context_a_server_states_is_held_against_what_is_asked(tmp_path: Path, serve: Serve) -> None:
    folder = endpoint_folder(tmp_path / "teacher", serve(Documented("vllm")))
    with Client(asking(), folder, tmp_path / "j.sqlite") as teacher:
        with pytest.raises(BadInput, match=r"4096 tokens.*teacher\.context"):
            teacher.ask([ask(f"q{i}", max_tokens=5000) for i in range(1000)])
        assert teacher.account.asked < 40


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ("This model's maximum context length is 4096 tokens. However, you requested 9000", r"teacher\.context"),
        ("the request exceeds the available context size, try increasing it", r"teacher\.context"),
        ("The input (9000 tokens) is longer than the model's context length", r"teacher\.context"),
        ("some field is wrong", "does not take"),
    ],
)
def test_a_thousand_equal_failures_are_one_error_after_a_few(
    tmp_path: Path, serve: Serve, words: str, match: str
) -> None:
    class Refusing(Documented):
        def __call__(self, handler: Handler, body: bytes) -> None:
            if handler.command == "GET":
                return super().__call__(handler, body)
            self.asked.append(("", {}))
            return handler.reply(400, json.dumps({"error": {"message": words}}).encode())

    server = Refusing("openai")
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    with (
        Client(asking(slots=4), folder, tmp_path / "j.sqlite") as teacher,
        pytest.raises(BadInput, match=match),
    ):
        teacher.ask([ask(f"q{i}") for i in range(1000)])
    assert len(server.asked) < 40


@pytest.mark.parametrize(
    ("status", "body", "match"),
    [
        (401, b"no key", "XINSTRUCT_API_KEY"),
        (403, b"not you", "XINSTRUCT_API_KEY"),
        (404, b"nothing here", "up to the version"),
        (500, b"broken", "HTTP 500"),
        (200, b"<html>a web page</html>", "no OpenAI-protocol server"),
        (200, b"[]", "serves no model"),
    ],
)
def test_a_server_that_cannot_be_used(tmp_path: Path, serve: Serve, status: int, body: bytes, match: str) -> None:
    url = serve(lambda handler, _: handler.reply(status, body))
    folder = endpoint_folder(tmp_path / "teacher", url)
    with pytest.raises(BadInput, match=match):
        Client(asking(start_wait=0.1), folder, tmp_path / "j.sqlite")


def test_keys_in_urls_are_refused(tmp_path: Path) -> None:
    for url in ("http://user:secret@127.0.0.1:1/v1", "http://127.0.0.1:1/v1?api_key=secret"):
        folder = endpoint_folder(tmp_path / "teacher", url)
        with pytest.raises(BadInput, match="XINSTRUCT_API_KEY") as caught:
            Client(asking(), folder, tmp_path / "j.sqlite")
        assert "secret" not in str(caught.value)


def test_further_headers_and_echoed_keys(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINSTRUCT_API_KEY", "sk-very-secret")
    monkeypatch.setenv("XINSTRUCT_HEADERS", '{"X-Team": "team-secret"}')
    seen: list[dict[str, str]] = []

    class Echoing(Documented):
        def __call__(self, handler: Handler, body: bytes) -> None:
            seen.append(dict(handler.headers))
            if handler.command == "GET":
                return super().__call__(handler, body)
            return handler.reply(400, f"you sent {dict(handler.headers)}".encode())

    folder = endpoint_folder(tmp_path / "teacher", serve(Echoing("openai")))
    with Client(asking(), folder, tmp_path / "j.sqlite") as teacher:
        (answer,) = teacher.ask([ask("q")])
    assert answer.error.startswith("rejected")
    assert (seen[-1]["Authorization"], seen[-1]["X-Team"]) == ("Bearer sk-very-secret", "team-secret")
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"-secret" not in path.read_bytes()
    monkeypatch.setenv("XINSTRUCT_HEADERS", "X-Team: secret")
    with pytest.raises(BadInput, match="JSON object"):
        Client(asking(), folder, tmp_path / "j.sqlite")


def test_a_tokenizer_without_chat_template_is_named(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"q": 0, "?": 1}, unk_token="?"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="?")
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(BadInput, match="the tokenizer has no chat template"):
        template_renderer(str(tmp_path))
    tokenizer.chat_template = "{% for m in messages %}<{{ m.content }}>{% endfor %}"
    tokenizer.save_pretrained(tmp_path)
    assert template_renderer(str(tmp_path))(ask("q", prefill="def")) == "<q>def"
