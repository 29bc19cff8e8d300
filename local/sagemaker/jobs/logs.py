"""The output of a container, streamed to CloudWatch Logs while it runs."""

from collections.abc import Callable
from pathlib import Path

from local.host import Host

_LONGEST = 256 * 1024 - 26
"""Bytes of one log event (docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html)."""


class LogStream:
    """Follows a growing file and sends its new lines, whole, to a log stream and to a listener."""

    def __init__(
        self, host: Host, group: str, stream: str, path: Path, listener: Callable[[str], None]
    ) -> None:
        self._host = host
        self._group = group
        self._stream = stream
        self._path = path
        self._listener = listener
        self._position = 0

    def flush(self, *, ended: bool = False) -> None:
        """Send the lines that are complete by now; all that is left, when the container has ended."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            new = file.read()
        complete = len(new) if ended else new.rfind(b"\n") + 1
        if not complete:
            return
        self._position += complete
        lines = [line[:_LONGEST].decode(errors="replace") for line in new[:complete].splitlines() if line]
        for line in lines:
            self._listener(line)
        if lines:
            self._host.write_log(self._group, self._stream, lines)
