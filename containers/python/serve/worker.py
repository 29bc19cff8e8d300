"""One process of the server: it loads the model, warms it, and only then listens."""

import asyncio
import gc
import os
import signal
import socket
import sys
import time

import uvloop

from serve import log
from serve.http import Connections
from serve.limits import Limits
from serve.model import Model
from serve.server import Server
from tabular.contract import ml

# SageMaker sends SIGKILL 30 seconds after SIGTERM.
_DRAIN_SECONDS = 20.0
# A client may have sent a request that is still on its way when it learns that the server stops.
_GRACE_SECONDS = 1.0
_BACKLOG = 1024


def run(host: str, port: int, lifeline: int) -> None:
    """Serve until SIGTERM, or until the other end of `lifeline` closes because the parent died."""
    began = time.monotonic()
    # A thread that computes hands the interpreter over to the event loop soon.
    sys.setswitchinterval(0.001)
    model = Model(ml("model"), Limits.read())
    # What is loaded now lives as long as the process: the collector need not look at it again, and of what a
    # request makes little stays, so that it need not look often.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    uvloop.run(_serve(model, host, port, lifeline, began))


async def _serve(model: Model, host: str, port: int, lifeline: int, began: float) -> None:
    loop = asyncio.get_running_loop()
    server = Server(model, loop)
    connections = Connections(server, loop)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_reader(lifeline, stopping.set)
    listener = await loop.create_server(connections.accept, sock=_socket(host, port), backlog=_BACKLOG)
    connections.sweep()
    log.event(
        "ready",
        process=os.getpid(),
        model=model.version,
        seconds=round(time.monotonic() - began, 3),
        # The largest difference of the fast predictor to the library's, null where the library predicts.
        difference=model.difference,
    )
    await stopping.wait()
    loop.remove_reader(lifeline)
    server.draining = True
    listener.close()
    await _drain(connections)
    server.close()
    log.event("stopped", process=os.getpid())


async def _drain(connections: Connections) -> None:
    """Answer what has arrived, then leave."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    grace = time.monotonic() + _GRACE_SECONDS
    while connections.open and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
        if time.monotonic() > grace:
            connections.close_idle()


def _socket(host: str, port: int) -> socket.socket:
    """A socket of this process alone; the kernel spreads connections over the processes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind((host, port))
    return listening
