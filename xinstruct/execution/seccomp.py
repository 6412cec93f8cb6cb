"""A kernel filter that refuses system calls which no solution of a task needs.

It refuses calls that widen the kernel surface or look at other processes: new namespaces, mounts, ptrace, keys, bpf,
io_uring. It is a deny list, not an allow list, because eight language runtimes share it. Machines other than x86-64
and arm64 run without the filter (``program()`` is empty).
Numbers: Linux's syscall tables (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

import errno
import platform
import struct

# name: (x86-64, arm64)
_DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
}
_MACHINES = {"x86_64": (0, 0xC000003E, 56, 435), "aarch64": (1, 0xC00000B7, 220, 435)}
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{CGROUP,UTS,IPC,USER,PID,NET} and NEWNS
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_ANY_BIT, _JUMP_GE, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_X32 = 0x40000000


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


_REFUSE = _op(_RETURN, _ERRNO | errno.EPERM)
_LEAF = 3  # numbers that are compared one by one


def _tree(numbers: list[int]) -> list[bytes]:
    """Return a filter that refuses these numbers (ascending) and allows all others, in few steps for each.

    When a process gets the filter, the kernel walks it once for every system call there is, and each program gets it.
    """
    if len(numbers) <= _LEAF:
        refused = [_op(_JUMP_EQUAL, number, len(numbers) - i) for i, number in enumerate(numbers)]
        return [*refused, _op(_RETURN, _ALLOW), _REFUSE]
    middle = len(numbers) // 2
    low = _tree(numbers[:middle])
    return [_op(_JUMP_GE, numbers[middle], len(low)), *low, *_tree(numbers[middle:])]


def program() -> bytes:
    """Return the filter as bubblewrap's --seccomp reads it, or nothing for an unknown machine."""
    if platform.machine() not in _MACHINES:
        return b""
    column, arch, clone, clone3 = _MACHINES[platform.machine()]
    ops = [_op(_LOAD, 4), _op(_JUMP_EQUAL, arch, 1), _op(_RETURN, _KILL), _op(_LOAD, 0)]
    ops += [_op(_JUMP_GE, _X32, 0, 1), _REFUSE]
    # clone3's flags lie in memory that a filter cannot read: told it is missing, libc falls back to clone.
    ops += [_op(_JUMP_EQUAL, clone3, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    ops += [_op(_JUMP_EQUAL, clone, 0, 4), _op(_LOAD, 16), _op(_JUMP_ANY_BIT, _NEW_NAMESPACES, 0, 1), _REFUSE]
    return b"".join([*ops, _op(_RETURN, _ALLOW), *_tree(sorted(numbers[column] for numbers in _DENIED.values()))])
