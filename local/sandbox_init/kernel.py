"""The system calls that make a container; Python has none of these in its own library."""

# Importing pathlib would make each container wait for longer.
# ruff: noqa: PTH123
import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
ALL = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
# The attributes of mount_setattr(2) have the values of the MS_ flags up to here.
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_SETATTR = -100, 0x8000, 442

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(flags: int = ALL, *, as_user: bool) -> None:
    """Enter new namespaces, owned by a new user namespace with `as_user`; the next child is PID 1."""
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(flags | (CLONE_NEWUSER if as_user else 0)), "unshare")
    if as_user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Call mount(2)."""
    arguments = (
        source.encode(),
        target.encode(),
        kind and kind.encode(),
        ctypes.c_ulong(flags),
        options.encode(),
    )
    _check(_libc.mount(*arguments), f"mount {target}")


def set_mount_flags(target: str, flags: int, *, recursive: bool) -> None:
    """Add MS_RDONLY, MS_NOSUID or MS_NODEV to a mount, and to all mounts below it (Linux 5.12)."""
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    below = _AT_RECURSIVE if recursive else 0
    result = _libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, target.encode(), below, attributes, len(attributes))
    _check(result, f"mount_setattr {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root directory and show the former one at `old`."""
    _check(_libc.pivot_root(new.encode(), old.encode()), "pivot_root")


def detach(target: str) -> None:
    """Unmount `target` and all that is mounted below it."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def bring_loopback_up() -> None:
    """Start the network interface `lo`, the only one of a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def die_with_parent() -> None:
    """Have the kernel send SIGKILL when the parent ends, however it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl")


def drop_privileges() -> None:
    """Give up every capability for good, also for programs that are executed later."""
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    # Otherwise a program inside, being the same user, could reach into PID 1 with ptrace.
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")
