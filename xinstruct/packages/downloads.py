"""Parallel downloads, with one line of progress for all of them.

    downloads = Downloads("fetch", total=98)
    downloads.run([task, ...], own)

Tasks run in threads while the caller's own part runs in its thread; each counts finished archives by ``attempt``.
Ctrl-C ends all clients at once. Finished downloads stay in the caches of packages and models/hub.py, so a rerun
resumes.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from xinstruct.files import BadInput
from xinstruct.packages import clients
from xinstruct.plan import work_root
from xinstruct.progress import TICK, bar

AT_ONCE = 4  # tasks; two cores are busy then, and registries are not flooded
_HOPELESS = 4  # so many failures stop the rest: a network that is gone fails everything
_KEPT = ("pypi", "npm", "debian", "debian-binary", "hub", "joined")  # of work/downloads: what comes from outside
_GRACE = 2.0  # seconds in which threads whose clients were ended keep what is whole
_WINDOW = 10  # looks over which the rate of bytes is taken
T = TypeVar("T")
Task = Callable[[], object]


class Downloads:
    """A set of downloads: a bar of archives and bytes, and the errors of all."""

    def __init__(self, desc: str, total: int) -> None:
        """total: the archives of all tasks and of the caller's own part."""
        self.bar = bar(total=total, desc=desc, unit="archive")
        self.errors: list[str] = []
        self._lock = threading.Lock()
        self._todo: deque[Task] = deque()
        self._crash: BaseException | None = None
        self._over = threading.Event()
        self._doing: list[str] = []
        self._before = _bytes()
        self._seen = deque([(time.monotonic(), 0.0)], maxlen=_WINDOW)

    def attempt(self, what: str, get: Callable[[], T], archives: int = 1) -> T | None:
        """Return the result of `get`, counted as so many archives; None if it raised BadInput, which is recorded.

        what: its name beside the bar while it is downloaded.
        """
        if len(self.errors) >= _HOPELESS:
            return None
        self._doing.append(what)
        try:
            found = get()
        except BadInput as error:
            self.errors.append(f"{error}")
            return None
        finally:
            self._doing.remove(what)
        with self._lock:
            self.bar.update(archives)
        return found

    def run(self, tasks: Sequence[Task], own: Task = lambda: None) -> None:
        """Run all tasks, AT_ONCE at a time, and `own` in this thread.

        One failure does not stop the others. Raises BadInput with all recorded errors, or any other exception at once;
        KeyboardInterrupt ends the clients.
        """
        clients.allow()
        self._todo.extend(tasks)
        # Daemons: nothing that hangs in a thread may keep an interrupted process alive.
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(AT_ONCE, len(tasks)))]
        watch = threading.Thread(target=self._watch, daemon=True)
        try:
            for thread in [watch, *threads]:
                thread.start()
            own()
            for thread in threads:
                thread.join()
        except BaseException:
            self._todo.clear()
            clients.end_all()
            latest = time.monotonic() + _GRACE
            for thread in threads:
                thread.join(max(0.0, latest - time.monotonic()))
            raise
        finally:
            self._close(watch)
        if self._crash:
            raise self._crash
        if self.errors:
            raise BadInput("\n".join(dict.fromkeys(self.errors)))

    def _work(self) -> None:
        while len(self.errors) < _HOPELESS:
            try:
                task = self._todo.popleft()
            except IndexError:
                return
            try:
                task()
            except clients.Ended:
                return
            except BaseException as error:  # raised again by run
                self._todo.clear()
                self._crash = error
                return

    def _watch(self) -> None:
        while not self._over.wait(TICK):
            self._show()

    def _show(self) -> None:
        came = max(0, _bytes() - self._before) / 1e6
        self._seen.append((time.monotonic(), came))
        (begun, before), (now, _) = self._seen[0], self._seen[-1]
        rate = max(0.0, came - before) / max(now - begun, 1e-9)
        shown = [f"{came:.0f} MB", f"{rate:.1f} MB/s", *self._doing[:1]]
        with self._lock:
            self.bar.set_postfix_str(", ".join(shown), refresh=False)
            self.bar.update(0)

    def _close(self, watch: threading.Thread) -> None:
        self._over.set()
        if watch.is_alive():
            watch.join()
        self._show()
        self.bar.close()


def _bytes() -> int:
    """Return the bytes of finished and running downloads."""
    total = 0
    for kept in _KEPT:
        for base, _, names in os.walk(work_root() / "downloads" / kept):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # it was renamed or removed just now
                    status = Path(base, name).stat()
                    total += min(status.st_size, status.st_blocks * 512)  # a file of parts has holes while they come
    return total
