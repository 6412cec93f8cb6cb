"""Write the golden files from whole tokenizers: python tests/training/golden/make.py FOLDER_OR_GGUF NAME

NAME is smollm2, qwen2.5-coder-instruct or qwen2.5-coder-base. The expected tokens come from the tokenizer's own
rendering of the whole conversation at once, and the mask from where its rendering of the prompt ends and its end token
stands: nothing of xinstruct is used. The tokenizer is kept with the part of its vocabulary that these conversations
can touch. The base model's is the instruct model's with its own end token and a plain ChatML template.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ENDS = {"smollm2": "<|im_end|>", "qwen2.5-coder-instruct": "<|im_end|>", "qwen2.5-coder-base": "<|im_end|>"}
CONVERSATIONS = [
    [
        {"role": "user", "content": "Write a Python function `add_10` that adds 10 to a whole number."},
        {"role": "assistant", "content": "```python\ndef add_10(number):\n    return number + 10\n```"},
    ],
    [
        {"role": "user", "content": "Count the words of a line: naïve, “quoted”, 3.14."},
        {"role": "assistant", "content": '```bash\nset -- $1\necho "$#"   # 5 words\n```'},
    ],
]


def main() -> None:
    """Write one tokenizer's folder."""
    from transformers import AutoTokenizer

    source, name = Path(sys.argv[1]), sys.argv[2]
    extra = {"gguf_file": source.name} if source.is_file() else {}
    tokenizer = AutoTokenizer.from_pretrained(source.parent if extra else source, **extra)
    if name.endswith("base"):
        tokenizer.chat_template, tokenizer.eos_token = CHATML, "<|endoftext|>"
    tokenizer.pad_token = "<|endoftext|>"
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    expected = [row(tokenizer, talk, ENDS[name]) for talk in CONVERSATIONS]
    text = json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
    (folder / "expected.json").write_text(text, encoding="utf-8")
    texts = [tokenizer.apply_chat_template(talk, tokenize=False) for talk in CONVERSATIONS]
    tokenizer.save_pretrained(folder)
    shrink(tokenizer, folder / "tokenizer.json", texts)


def row(tokenizer: Any, talk: list[dict[str, str]], end: str) -> dict[str, Any]:
    """Return a conversation with its tokens up to the answer's end, and which of them are trained on."""
    whole = tokenizer.apply_chat_template(talk, tokenize=True, return_dict=False)
    prompt = tokenizer.apply_chat_template(talk[:1], tokenize=True, add_generation_prompt=True, return_dict=False)
    assert whole[: len(prompt)] == prompt
    last = whole.index(tokenizer.convert_tokens_to_ids(end), len(prompt))
    mask = [0] * len(prompt) + [1] * (last + 1 - len(prompt))
    return {"messages": talk, "input_ids": whole[: last + 1], "trained": mask}


def shrink(tokenizer: Any, path: Path, texts: list[str]) -> None:
    """Keep the tokens of a byte-level BPE that can arise in the texts, under their own numbers."""
    said = json.loads(path.read_text(encoding="utf-8"))
    level = tokenizer.backend_tokenizer.pre_tokenizer
    words = {word for text in texts for word, _ in level.pre_tokenize_str(text)}
    model = said["model"]
    kept = [pair for pair in model["merges"] if any("".join(pair) in word for word in words)]
    names = {part for pair in kept for part in (*pair, "".join(pair))}
    names |= {name for name in model["vocab"] if len(name) == 1}
    model["merges"] = kept
    # with the special tokens, which would be numbered anew otherwise
    model["vocab"] = {name: number for name, number in model["vocab"].items() if name in names} | {
        token["content"]: token["id"] for token in said["added_tokens"]
    }
    path.write_text(json.dumps(said, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
