"""Runs on a notebook instance every few minutes, and stops it once nobody has used it for a while.

Only kernels and terminals count. An open browser tab keeps asking the server for things, so the server's own
last activity and its open connections say nothing about whether somebody works.
"""

import argparse
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

SERVER = "https://localhost:8443"


def last_used(
    now: datetime,
    status: Mapping[str, Any],
    kernels: Sequence[Mapping[str, Any]],
    terminals: Sequence[Mapping[str, Any]],
) -> datetime:
    """When a kernel or terminal last did something; the start of the server if none ever did."""
    if any(kernel["execution_state"] == "busy" for kernel in kernels):
        return now
    moments = [status["started"], *(used["last_activity"] for used in [*kernels, *terminals])]
    return max(datetime.fromisoformat(moment.replace("Z", "+00:00")) for moment in moments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Stop the instance if it is idle; exit code 1 if Jupyter does not answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", required=True)
    parser.add_argument("--idle-seconds", type=int, required=True)
    options = parser.parse_args(arguments)
    now = datetime.now(timezone.utc)  # noqa: UP017 (the instance's Python may be older than 3.11)
    try:
        used = last_used(now, *(ask(path) for path in ("status", "kernels", "terminals")))
    except OSError as error:
        print(f"Jupyter does not answer, so the instance stays: {error}", file=sys.stderr)
        return 1
    if now - used >= timedelta(seconds=options.idle_seconds):
        print(f"Not used since {used:%Y-%m-%d %H:%M} UTC: stopping {options.instance}")
        stop = ("aws", "sagemaker", "stop-notebook-instance", "--notebook-instance-name", options.instance)
        subprocess.run(stop, check=True)
    return 0


def ask(path: str) -> Any:
    """What Jupyter's own API says; its certificate is one that only it knows."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(f"{SERVER}/api/{path}", context=trusting, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    raise SystemExit(main())
