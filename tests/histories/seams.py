"""Where the functions meet the outside: their clients, their clock and their environment, led into a history.

Nothing of the functions themselves is replaced: their handlers run as Lambda runs them.
"""

import http.client
import importlib
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from functools import partial
from types import FunctionType, ModuleType
from typing import Any
from unittest import mock

import boto3

from tests.histories.aws import client as clients
from tests.histories.aws.chats import Connection
from tests.histories.aws.client import Turn

_REAL_TIME = time.time
_REAL_TIMER = time.monotonic
_REAL_SLEEP = time.sleep
_SHARED = "awsclients"


def now() -> float:
    """The time as the function that runs sees it, or the real one outside of every history."""
    account = Turn.account
    if account is None or not account.processes:
        return _REAL_TIME()
    return account.now + account.processes[-1].skew


def elapsed() -> float:
    """The seconds of a stopwatch, which no clock that is off makes wrong."""
    account = Turn.account
    return account.now if account and account.processes else _REAL_TIMER()


class _Moment(datetime):
    """The class of moments, whose `now` is that of the history."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The time as the function sees it."""
        return datetime.fromtimestamp(now(), tz)


@contextmanager
def installed(modules: Iterable[str]) -> Iterator[None]:
    """Lead the functions whose handlers lie in `modules` into histories, for the length of the block."""
    for name in modules:
        importlib.import_module(name)
    packages = {name.partition(".")[0] for name in modules} | {_SHARED}
    code = [module for name, module in [*sys.modules.items()] if name.partition(".")[0] in packages]
    quiet = [found for found in _loggers(code) if found.level != logging.CRITICAL]
    levels = [found.level for found in quiet]
    with (
        mock.patch.multiple(time, time=now, sleep=_sleep),
        mock.patch.object(boto3, "client", clients.client),
        mock.patch.object(http.client, "HTTPSConnection", Connection),
    ):
        restore = _lead_clocks(code)
        forget(modules)
        for found in quiet:
            found.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for undo in restore:
                undo()
            for found, level in zip(quiet, levels, strict=True):
                found.setLevel(level)
            forget(modules)


def forget(modules: Iterable[str]) -> None:
    """Make cold starts of the functions: what they keep between invocations is forgotten."""
    packages = {name.partition(".")[0] for name in modules} | {_SHARED}
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] in packages:
            for value in vars(module).values():
                if clear := getattr(value, "cache_clear", None):
                    clear()


def _sleep(seconds: float) -> None:
    """Functions wait for nobody in a history."""
    if Turn.account is None or not Turn.account.processes:
        _REAL_SLEEP(seconds)


def _loggers(code: list[ModuleType]) -> list[logging.Logger]:
    """The loggers of the functions, whose lines nobody reads here."""
    found = [vars(module).get("logger") for module in code]
    return [getattr(one, "_logger", one) for one in found if one is not None]


def _lead_clocks(code: list[ModuleType]) -> list[Callable[[], None]]:
    """Set the history's clock where a function has taken the real one: by name, as a default, as a class."""
    undo: list[Callable[[], None]] = []
    for module in code:
        for name, value in [*vars(module).items()]:
            if value is _REAL_SLEEP or value is _REAL_TIME:
                setattr(module, name, _sleep if value is _REAL_SLEEP else now)
                undo.append(partial(setattr, module, name, value))
        if vars(module).get("datetime") is datetime:
            module.datetime = _Moment  # type: ignore[attr-defined]
            undo.append(partial(setattr, module, "datetime", datetime))
        for function in _functions(module):
            undo += _lead_defaults(function)
    return undo


def _lead_defaults(function: FunctionType) -> list[Callable[[], None]]:
    undo: list[Callable[[], None]] = []
    by_name, by_place = function.__kwdefaults__, function.__defaults__
    if by_name and _LED.keys() & set(filter(callable, by_name.values())):
        function.__kwdefaults__ = {name: _led(value) for name, value in by_name.items()}
        undo.append(partial(setattr, function, "__kwdefaults__", by_name))
    if by_place and _LED.keys() & set(filter(callable, by_place)):
        function.__defaults__ = tuple(map(_led, by_place))
        undo.append(partial(setattr, function, "__defaults__", by_place))
    return undo


_LED: dict[Any, Callable[[], float]] = {_REAL_TIME: now, _REAL_TIMER: elapsed}


def _led(value: Any) -> Any:
    return _LED.get(value, value) if callable(value) else value


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for value in vars(module).values():
        if isinstance(value, FunctionType):
            yield value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from (found for found in vars(value).values() if isinstance(found, FunctionType))
