"""What exists is whole, whoever else writes, links, locks or is killed at the same moment."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xinstruct.files import (
    link,
    locked,
    made_once,
    replaced_file,
    replaced_folder,
    sync_replace,
    temporary,
    write_text,
)

THREADS, PROCESSES, TIMES = 8, 4, 20


def make(folder: Path) -> None:
    """A folder that takes a while to fill; each making leaves a line outside of it."""
    folder.mkdir()
    with (folder.parents[1] / "makings").open("a") as log:
        log.write(f"{folder.parent.name}\n")
    (folder / "a").write_text("a" * 5000)
    time.sleep(0.002)
    (folder / "b").write_text("b")


def ask(root: Path, barrier: object) -> None:
    """What one process does: eight threads want each of the folders, and all write and link the same two files."""
    barrier.wait()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(TIMES):
            places = list(pool.map(lambda _, n=number: made_once(root / f"{n}" / "it", make), range(THREADS)))  # type: ignore[misc]
            assert all((place / "b").read_text() == "b" for place in places)
            list(pool.map(lambda i: write_text(root / "shared", f"{i}" * 3000), range(THREADS)))
            list(pool.map(lambda _: link(root / "shared", root / "linked"), range(THREADS)))
            assert len(set((root / "linked").read_text())) == 1


@pytest.mark.slow
def test_threads_and_processes_make_each_thing_once_and_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    running = [context.Process(target=ask, args=(tmp_path, barrier)) for _ in range(PROCESSES)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * PROCESSES
    made = Counter((tmp_path / "makings").read_text().split())
    assert made == {str(number): 1 for number in range(TIMES)}
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_maker_that_fails_leaves_nothing_and_the_next_one_makes_it(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        made_once(tmp_path / "it", fails)
    assert [path.name for path in tmp_path.iterdir()] == [".it.lock"]
    assert made_once(tmp_path / "it", lambda path: write_text(path, "whole")).read_text() == "whole"


def test_everybody_may_read_what_is_made_once_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        folder = made_once(tmp_path / "made" / "it", make)
        own = tmp_path / "own"
        write_text(own, "for the user alone")
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in (folder / "a", folder / "b")} == {"0o644"}
    assert oct(folder.stat().st_mode & 0o777) == "0o755"
    assert oct(own.stat().st_mode & 0o777) == "0o600"


def test_folders_that_many_replace_at_once_end_as_one_of_them(tmp_path: Path) -> None:
    def replace(number: int) -> None:
        with replaced_folder(tmp_path / "it") as folder:
            for name in "abc":
                (folder / name).write_text(str(number))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(replace, range(100)))
    assert len({path.read_text() for path in (tmp_path / "it").iterdir()}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize("old", ["file", "folder", "empty", "link"])
@pytest.mark.parametrize("new", ["file", "folder"])
def test_whatever_stands_there_is_replaced(tmp_path: Path, old: str, new: str) -> None:
    final, tmp, target = tmp_path / "it", temporary(tmp_path / "it"), tmp_path / "elsewhere"
    target.mkdir()
    (target / "kept").touch()
    {
        "file": lambda: final.write_text("old"),
        "folder": lambda: (final.mkdir(), (final / "old").touch()),
        "empty": final.mkdir,
        "link": lambda: final.symlink_to(target),
    }[old]()
    if new == "file":
        tmp.write_text("new")
    else:
        tmp.mkdir()
        (tmp / "new").touch()
    sync_replace(tmp, final)
    assert (final.read_text() == "new") if new == "file" else [path.name for path in final.iterdir()] == ["new"]
    assert (target / "kept").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "it"]


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    final = tmp_path / "it"
    left, young, file = temporary(final), temporary(final), temporary(final)
    for folder in (left, young):
        folder.mkdir()
    file.touch()
    long_ago = time.time() - 7200
    with replaced_folder(final) as used:
        for path in (left, used, file):
            os.utime(path, (long_ago, long_ago))
        with replaced_file(final) as second:
            second.touch()
            assert used.exists() and young.exists()
            assert not left.exists() and not file.exists()
    assert final.is_dir()


def test_a_lock_is_held_by_one_at_a_time_also_among_threads(tmp_path: Path) -> None:
    inside: list[int] = []

    def hold(number: int) -> int:
        with locked(tmp_path / "folder" / "lock"):
            inside.append(number)
            time.sleep(0.005)
            most = len(inside)
            inside.remove(number)
        return most

    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(hold, range(40))) == {1}
