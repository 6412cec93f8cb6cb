"""Packages downloaded side by side: what fails is named, what came is kept, Ctrl-C ends it at once."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from xinstruct.files import BadInput
from xinstruct.mining.fetch import Sources
from xinstruct.packages import clients
from xinstruct.packages.downloads import Downloads, _bytes

NAMES = [f"p{n}" for n in range(25)]


class Pip:
    """Stands for pip: writes a file per requirement; fails at the first broken one, waits at a slow one."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.broken: set[str] = set()
        self.slow: set[str] = set()
        self.waiting = threading.Event()

    def __call__(self, command: list[str], folder: Path) -> str:
        specs = [part for part in command if "==" in part]
        self.calls.append(specs)
        for spec in specs:
            name = spec.partition("==")[0]
            if name in self.broken:
                return f"no matching distribution for {spec}"
            if name in self.slow:
                self.waiting.set()
                assert clients._ended.wait(20)
                raise clients.Ended
            (folder / f"{name}-1.whl").write_bytes(name.encode())
        return ""


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    double = Pip()
    monkeypatch.setattr(clients, "call", double)
    return double


def listed(path: Path, wrong: str = "") -> Path:
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() if name != wrong else "0" * 64 for name in NAMES}
    entry = "  - {{language: python, registry: pypi, package: {}, version: 1, sha256: {!r}}}\n"
    path.write_text("own:\n" + "".join(entry.format(name, digest) for name, digest in hashes.items()))
    return path


def fetch(folder: Path, lists: Path) -> Downloads:
    sources, downloads = Sources("own", folder, lists), Downloads("fetch", len(NAMES))
    downloads.run(sources.tasks(downloads))
    assert [entry["file"] for entry in sources.index(lambda text: None)] == [f"{name}-1.whl" for name in NAMES]
    return downloads


def kept(folder: Path) -> set[str]:
    return {path.parent.name.removesuffix("-1") for path in (folder / "work" / "downloads").glob("pypi/p*/p*.whl")}


def test_many_come_by_few_calls_and_the_progress_reaches_the_total(pip: Pip, tmp_path: Path) -> None:
    downloads = fetch(tmp_path / "data", listed(tmp_path / "s.yaml"))
    assert sorted(map(len, pip.calls)) == [5, 10, 10]
    assert downloads.bar.n == downloads.bar.total == len(NAMES)
    again = fetch(tmp_path / "again", tmp_path / "s.yaml")
    assert len(pip.calls) == 3 and again.bar.n == len(NAMES), "what is kept is counted and not asked for"


def test_a_wrong_hash_names_the_package_and_keeps_the_others(pip: Pip, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^pypi p7-1: sha256 is .* pinned is 0000") as refused:
        fetch(tmp_path / "data", listed(tmp_path / "s.yaml", wrong="p7"))
    assert len(f"{refused.value}".splitlines()) == 1
    assert kept(tmp_path) == set(NAMES) - {"p7"}


def test_what_cannot_be_had_is_tried_again_and_named_and_a_rerun_asks_for_it_alone(pip: Pip, tmp_path: Path) -> None:
    lists, pip.broken = listed(tmp_path / "s.yaml"), {"p3", "p12"}
    with pytest.raises(BadInput) as refused:
        fetch(tmp_path / "data", lists)
    lines = sorted(f"{refused.value}".splitlines())
    assert [line.rpartition(": ")[0] for line in lines] == [f"pypi {n}-1: cannot be downloaded" for n in ("p12", "p3")]
    assert pip.calls.count(["p3==1"]) == 2
    assert kept(tmp_path) == set(NAMES) - pip.broken
    before, pip.broken = len(pip.calls), set()
    fetch(tmp_path / "data", lists)
    assert sorted(pip.calls[before:]) == [["p12==1"], ["p3==1"]]


def test_a_network_that_is_gone_stops_it_after_a_few_failures(pip: Pip, tmp_path: Path) -> None:
    pip.broken = set(NAMES)
    with pytest.raises(BadInput, match="cannot be downloaded"):
        fetch(tmp_path / "data", listed(tmp_path / "s.yaml"))
    assert len(pip.calls) < len(NAMES)


def test_holes_of_a_file_in_the_making_are_not_counted_as_bytes_that_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    path = tmp_path / "work" / "downloads" / "joined" / "0123" / "m.gguf.coming"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.seek(50_000_000)
        file.write(b"x" * 1_000_000)
    assert path.stat().st_size == 51_000_000
    assert 1_000_000 <= _bytes() < 2_000_000


def test_an_interruption_keeps_what_came_and_a_rerun_goes_on(pip: Pip, tmp_path: Path) -> None:
    lists, pip.slow = listed(tmp_path / "s.yaml"), {"p14"}
    sources, downloads = Sources("own", tmp_path / "data", lists), Downloads("fetch", len(NAMES))

    def interrupt() -> None:
        assert pip.waiting.wait(20)
        while len(kept(tmp_path)) < 15:  # all of the other parts
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        downloads.run(sources.tasks(downloads), interrupt)
    came, pip.slow, before = kept(tmp_path), set(), len(pip.calls)
    assert came == set(NAMES) - {f"p{n}" for n in range(14, 20)}, "whole files of an interrupted call are kept, too"
    assert not list((tmp_path / "work").rglob(".together-*"))
    fetch(tmp_path / "data", lists)
    assert pip.calls[before:] == [[f"p{n}==1" for n in range(14, 20)]]


def test_ctrl_c_ends_clients_and_what_they_started_at_once(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from xinstruct.packages import clients
from xinstruct.packages.downloads import Downloads, _bytes
command = ["sh", "-c", "sleep 61 & echo $! > child; wait"]
Downloads("fetch", 1).run([lambda: clients.call(command, Path(sys.argv[1]))])
"""
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    child = tmp_path / "child"
    while not (child.exists() and child.read_text().strip()):
        assert process.poll() is None
        time.sleep(0.05)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert time.monotonic() - begun < 15, "it does not wait for them"
    assert ended(int(child.read_text()))


def ended(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
