"""The filter, walked as the kernel walks it."""

from __future__ import annotations

import errno
import platform
import struct

import pytest

from xinstruct.execution import seccomp

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
NEW_USER = 0x10000000  # CLONE_NEWUSER


def walk(filter: bytes, call: int, arch: int, flags: int = 0) -> int:
    """What the filter returns for a system call whose first argument are these flags."""
    data, held, at = {0: call, 4: arch, 16: flags}, 0, 0
    operations = list(struct.iter_unpack("=HBBI", filter))
    while True:
        code, yes, no, value = operations[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            held = data[value]
        else:
            at += yes if {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code] else no


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_call_is_refused_or_allowed_as_listed(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    column, arch, clone, clone3 = seccomp._MACHINES[machine]
    denied = {numbers[column] for numbers in seccomp._DENIED.values()}
    for call in range(600):
        wanted = 0x50000 | (errno.ENOSYS if call == clone3 else errno.EPERM) if call in denied | {clone3} else ALLOWED
        assert walk(seccomp.program(), call, arch) == wanted, call
    assert walk(seccomp.program(), clone, arch, flags=NEW_USER | 17) == 0x50000 | errno.EPERM
    assert walk(seccomp.program(), 0x40000000 + 1, arch) == 0x50000 | errno.EPERM  # the x32 calls
    assert walk(seccomp.program(), 1, arch + 1) == KILLED


def test_other_machines_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert seccomp.program() == b""
