"""preload PACKAGE...: load the packages of the programs with all that they import, then fork for each job."""

import gc
import os
import socket
import sys

from preload import modules
from preload.program import Environment, become
from preload.server import next_job


def main() -> None:
    """Serve until the socket closes; in a fork, become the program that the job names."""
    requests = socket.socket(fileno=int(os.environ.pop("FORK_SERVER_SOCKET")))
    requests.set_inheritable(False)
    programs = sys.argv[1:]
    before = dict(os.environ)
    modules.load(programs)
    loaded = Environment(before, dict(os.environ))
    # What is loaded stays: a collection that looked at it would copy its pages into every fork.
    gc.collect()
    gc.freeze()
    sys.stdout.flush()
    if job := next_job(requests):
        become(job, programs, loaded)


if __name__ == "__main__":
    main()
