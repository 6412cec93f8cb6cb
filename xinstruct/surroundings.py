"""The user's environment: home and cache folders with their substitutes, a full disk, UTF-8 mode."""

from __future__ import annotations

import contextlib
import errno
import locale
import os
import pwd
import shutil
import sqlite3
import sys
from functools import cache
from pathlib import Path

from xinstruct.files import BadInput
from xinstruct.plan import work_root

# what libraries write into errors of their own: the system's words, and the place in torch's writer of archives
_FULL = (os.strerror(errno.ENOSPC), "os error 28", "file write failed", "inline_container.cc")


def home() -> Path | None:
    """Return the user's home folder; None when the user has none or it does not exist."""
    try:
        place = Path(os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None
    return place if place.is_dir() else None


def usual_cache() -> Path | None:
    """Return the usual place of this project's cache: $XDG_CACHE_HOME/xinstruct or ~/.cache/xinstruct."""
    if (given := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        return given / "xinstruct"
    return place / ".cache" / "xinstruct" if (place := home()) else None


def cache_folder() -> Path:
    """Return the folder for files made once per machine: the user's cache, else one in the work folder.

    Raises BadInput when neither can be written.
    """
    return _writable(usual_cache(), work_root() / "cache" / "xinstruct")


@cache
def _writable(usual: Path | None, other: Path) -> Path:
    for place in filter(None, (usual, other)):
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            # what somebody else may have put there is not used
            own = place == other or place.stat().st_uid == os.geteuid()
            if own and os.access(place, os.W_OK | os.X_OK):
                return place
    raise BadInput(f"{other} cannot be written, nor {usual or 'a home'}; name another folder: XDG_CACHE_HOME=/FOLDER")


def disk_is_full(error: Exception) -> bool:
    """Tell whether an error came from a full disk.

    SQLite may report one as an I/O error or a failed open, safetensors and torch in a text of theirs.
    """
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if type(error).__name__ == "SafetensorError" or isinstance(error, RuntimeError):
        return any(sign in str(error) for sign in _FULL)
    return isinstance(error, sqlite3.OperationalError) and (
        error.sqlite_errorcode == sqlite3.SQLITE_FULL or shutil.disk_usage(work_root()).free < 1 << 16
    )


def use_utf8() -> None:
    """Execute the same command again in Python's UTF-8 mode if the locale is not UTF-8.

    Names of files, output and child processes are then the same in every locale. Call it only when a command starts.
    """
    tried = os.environ.get("PYTHONUTF8") == "1"
    if tried or sys.flags.utf8_mode or locale.getencoding().lower() in ("utf-8", "utf8"):
        return
    os.environ["PYTHONUTF8"] = "1"  # for child processes, too
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
