"""Builds the root directory of a container from a list of mounts."""

# Importing pathlib would make each container wait for longer.
# ruff: noqa: PTH102, PTH103, PTH112, PTH120, PTH123, PTH211, S108
import os
import socket

from local.sandbox_init import kernel

_OLD, _NEW = "/old", "/new"


Mounts = list[tuple[str, str, str]]
_WRITABLE = "writable"


def enter(mounts: Mounts) -> None:
    """Make the mounts `(kind, path, source)` the whole file system, and detach that of the host.

    Kinds: `bind` (read-only), `data` (writable bind), `device`, `link`, `text`, `directory`, `tmpfs`, `proc`.
    """
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    # A base that shows both: the host's tree as the source of binds, and the new root.
    kernel.mount("base", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755")
    os.mkdir("/tmp" + _OLD)
    os.mkdir("/tmp" + _NEW)
    kernel.pivot_root("/tmp", "/tmp" + _OLD)
    os.chdir("/")
    kernel.mount("root", _NEW, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755")
    for kind, path, source in mounts:
        _make(kind, _NEW + path, source)
    kernel.set_mount_flags(_NEW, kernel.MS_RDONLY, recursive=False)
    kernel.detach(_OLD)
    os.chdir(_NEW)
    kernel.pivot_root(".", ".")
    kernel.detach(".")
    os.chdir("/")


def settle(hostname: str) -> None:
    """Give new host-name and network namespaces their name and their loopback interface."""
    socket.sethostname(hostname)
    kernel.bring_loopback_up()


def with_writable_proc(mounts: Mounts) -> Mounts:
    """The mounts for a process that still has to map users, which it does in /proc."""
    return [(kind, path, _WRITABLE if kind == "proc" else source) for kind, path, source in mounts]


def mount_proc() -> None:
    """Cover /proc with that of the current process namespace."""
    _make("proc", "/proc", "")


def _make(kind: str, path: str, source: str) -> None:
    if kind == "directory":
        os.makedirs(path, exist_ok=True)
    elif kind == "tmpfs":
        os.makedirs(path, exist_ok=True)
        kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, source)
    elif kind == "proc":
        os.makedirs(path, exist_ok=True)
        # Read-only: root without any capability may still write to the kernel's settings in /proc/sys.
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        kernel.mount("proc", path, "proc", flags | (0 if source == _WRITABLE else kernel.MS_RDONLY))
    elif kind == "link":
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(source, path)
    elif kind == "text":
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(source)
    else:
        _bind(kind, path, _OLD + source)


def _bind(kind: str, path: str, source: str) -> None:
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o644))
    kernel.mount(source, path, None, kernel.MS_BIND | kernel.MS_REC)
    flags = {"bind": kernel.MS_RDONLY | kernel.MS_NODEV, "data": kernel.MS_NODEV, "device": 0}[kind]
    kernel.set_mount_flags(path, flags | kernel.MS_NOSUID, recursive=True)
