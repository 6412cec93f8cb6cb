"""Real `transformers serve` on a local checkpoint, offline: detection, prefills, sampling, stop strings.

It needs packages that the project does not (fastapi, uvicorn, openai); `python -m bench.llm --prepare`
installs them into build/bench-venv/serve, beside the project's own environment.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.llm.conftest import ROOT, ask, endpoint_folder
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.client import Client

pytestmark = pytest.mark.slow
PYTHON = ROOT / "build" / "bench-venv" / "serve" / "bin" / "python"
RUN = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"


def checkpoint() -> Path:
    """The dequantised embedded model, as fetch leaves it."""
    for folder in (os.environ.get("XINSTRUCT_TEST_START", ""), ROOT / "models" / "start"):
        if folder and (Path(folder) / "config.json").exists():
            return Path(folder)
    pytest.skip("models/start is not fetched")


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    if not PYTHON.exists():
        pytest.skip("transformers serve is not installed: python -m bench.llm --prepare")
    checkpoint()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PYTHON), "-c", RUN, "serve", "--port", str(port), "--host", "127.0.0.1", "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


def test_a_local_checkpoint_answers(served: str, tmp_path: Path) -> None:
    folder = endpoint_folder(tmp_path / "teacher", served)
    params = {"slots": 2, "start_wait": 180, "served_as": str(checkpoint())}
    with Client(asking(**params), folder, tmp_path / "j.sqlite") as teacher:
        assert teacher.backend.endpoints[0].dialect == "transformers"  # type: ignore[union-attr]
        plain, prefilled, stopped = teacher.ask(
            [
                ask("What is the capital of France?", max_tokens=12),
                ask("Count.", prefill="1, 2, 3,", max_tokens=6),
                ask("Write the letters.", prefill="A B C", stop=("F",), max_tokens=20),
            ]
        )
        assert [a.error for a in (plain, prefilled, stopped)] == [""] * 3
        assert "Paris" in plain.text
        assert prefilled.text.lstrip().startswith("4")
        assert stopped.finish_reason == "stop"
        assert "F" not in stopped.text
        assert prefilled.finish_reason == "length"
        words = [a.text for a in teacher.ask(ask("Write a word.", temperature=1.5, max_tokens=8).samples(3))]
        assert len(set(words)) > 1, "temperature is taken"
        assert teacher.ask([ask("x", max_tokens=2, schema={"type": "object"})])[0].error.startswith(
            ("schema", "length")
        )


def test_the_name_must_be_given(served: str, tmp_path: Path) -> None:
    folder = endpoint_folder(tmp_path / "teacher", served)
    with pytest.raises(BadInput, match=r"teacher\.served_as"):
        Client(asking(start_wait=180), folder, tmp_path / "j.sqlite")
