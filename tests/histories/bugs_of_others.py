"""Bugs of the other functions, to be planted: each is what its name says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any
from unittest import mock

from approve.decision import COMPLETE, Approvals
from approve.evidence import Records
from monitor.state import Last
from monitor.state import State as Look
from monitor.watch import Watcher
from promote.decision import Stack
from promote.eyes import Eyes
from promote.registry import Registry
from promote.shadow import Trial
from promote.verdict import Holds, Seen
from tell.channels import NotPosted, Webhook
from tell.messages import Notice
from tell.news import News


def deploys_the_oldest_approval() -> AbstractContextManager[Any]:
    newest_first = Registry._newest_first

    def planted(self: Registry) -> Iterator[tuple[int, str]]:
        return iter([*newest_first(self)][::-1])

    return mock.patch.object(Registry, "_newest_first", planted)


def promotes_what_one_approved() -> AbstractContextManager[Any]:
    return mock.patch.object(Eyes, "suffice", lambda self, version: True)


def takes_a_link_twice() -> AbstractContextManager[Any]:
    return mock.patch.object(Records, "use", lambda self, claim, wish: None)


def remembers_before_it_tells() -> AbstractContextManager[Any]:
    def planted(self: News, key: str, written: Callable[[], Any]) -> None:
        if self._memory.value(key) is None:
            self._memory.remember(key)
            self._topic.publish(written())

    return mock.patch.object(News, "_once", planted)


def keeps_the_end_of_an_approval() -> AbstractContextManager[Any]:
    tell = Approvals._tell

    def planted(self: Approvals, kind: str, detail: Mapping[str, Any]) -> None:
        if kind != COMPLETE:
            tell(self, kind, detail)

    return mock.patch.object(Approvals, "_tell", planted)


def believes_every_shadow() -> AbstractContextManager[Any]:
    return mock.patch.object(Trial, "verdict", lambda self, since: Holds(Seen()))


def posts_once_whatever_comes_of_it() -> AbstractContextManager[Any]:
    post = Webhook.post

    def planted(self: Webhook, notice: Notice) -> None:
        with suppress(NotPosted):
            post(self, notice)

    return mock.patch.object(Webhook, "post", planted)


def ends_a_look_before_it_tells() -> AbstractContextManager[Any]:
    tell = Watcher._tell

    def planted(self: Watcher, state: Look, window: str) -> bool:
        if state.running:
            over = state.finished(Last(window, 1), state.running.end, covered=True)
            self._table.save(over)
        return tell(self, state, window)

    return mock.patch.object(Watcher, "_tell", planted)


def one_token_for_each_approval() -> AbstractContextManager[Any]:
    return mock.patch.object(Stack, "token", lambda self, name: name)
