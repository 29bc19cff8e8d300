"""Calls of chats over the network, which a history answers: at each of them something may go wrong."""

from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.histories.aws.client import Turn
from tests.histories.aws.points import Refused
from tests.histories.aws.telling import CHATS


class Connection:
    """What `http.client.HTTPSConnection` is during a history."""

    def __init__(self, host: str, *_: Any, **_options: Any) -> None:
        assert host == CHATS, f"{host} is no address of a chat"
        self._status = 0

    def request(self, verb: str, path: str, body: bytes, headers: object) -> None:
        """Write into a chat; TimeoutError when no answer comes."""
        account = Turn.account
        assert account is not None, "a call outside of every history"
        assert (verb, bool(headers)) == ("POST", True)
        account.alive()
        function = account.processes[-1].function
        try:
            account.points.call(function, "chat", "Post", lambda: account.chats.post(path, body))
        except Refused as refused:
            self._status = refused.status
        except ReadTimeoutError as error:
            raise TimeoutError from error
        else:
            self._status = 200

    def getresponse(self) -> Any:
        """The server's answer."""
        return SimpleNamespace(status=self._status)

    def close(self) -> None:
        """Nothing is kept open."""
