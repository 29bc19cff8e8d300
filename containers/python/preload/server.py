"""Forks into containers on request.

Each request is a message on the socket FORK_SERVER_SOCKET with descriptors: a channel, the job's output, and
the namespaces of its container. The fork enters the container, gives up every privilege, tells its process id
and gets its job: `{"argv", "environment", "workdir"}`. When it has ended, the channel carries its exit code.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass

_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 4, 24, 38
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_DESCRIPTORS = 16


@dataclass(frozen=True)
class Job:
    """What a fork is to do."""

    argv: list[str]
    environment: dict[str, str]
    workdir: str


def next_job(requests: socket.socket) -> Job | None:
    """Fork for each request; return only in a fork, which is in its container then, or when all is over."""
    requests.send(b"+")
    # The kernel collects the forks that ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 1, _MOST_DESCRIPTORS)
        if not message:
            return None
        if os.fork() == 0:
            requests.close()
            return _enter(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _enter(channel_descriptor: int, output: int, *namespaces: int) -> Job:
    """In a fork: go into the container, and fork its process there, in which alone this returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel = socket.socket(fileno=channel_descriptor)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        for namespace in namespaces:
            _check(libc.setns(namespace, 0), "setns")
            os.close(namespace)
        _drop_privileges(libc)
        if process := os.fork():  # a process namespace is entered by a child
            os.close(output)
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            with suppress(OSError):  # the container is gone already
                channel.send(bytes([code if code >= 0 else 128 - code]))
            os._exit(0)
        os.setsid()
        _redirect(output)
        channel.sendall(struct.pack("=i", os.getpid()))
        with channel, channel.makefile("rb") as stream:
            return Job(**json.load(stream))
    except (OSError, ValueError) as error:  # the end of the channel tells the container of it
        print(f"A fork did not get into its container: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _redirect(output: int) -> None:
    nothing = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)


def _drop_privileges(libc: ctypes.CDLL) -> None:
    """Give up every capability for good: whoever enters a user namespace has them all in it."""
    capability = 0
    while libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _check(libc.capset(header, bytes(24)), "capset")
    # As after the execution of a program: its own files in /proc are its own.
    _check(libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
