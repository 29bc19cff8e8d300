"""Small files, many a second, put by several threads at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

from benchmarks.storm.deployed import Platform

THREADS = 8
# In each file.
ROWS = 2


@dataclass(frozen=True)
class Uploaded:
    """When the first put began and the last one was answered, in seconds of the monotonic clock."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


def rows(number: int) -> bytes:
    """Two rows that no other file has: a model can tell their classes apart."""
    return f"x,z,y\n{number % 97},{number},0\n{100 + number % 89},{number},1\n".encode()


def names(objects: int, twice: int, dice: Random) -> list[str]:
    """The keys in the order of their uploads; those of which the event comes twice begin alike."""
    found = [f"data/{'twice' if number < twice else 'once'}/{number:05}.csv" for number in range(objects)]
    dice.shuffle(found)
    return found


def put_all(platform: Platform, keys: Sequence[str], seconds: float) -> Uploaded:
    """Put every object, evenly over so many seconds, or as fast as S3 takes them if that is slower."""
    began = time.monotonic()

    def put(place: int) -> float:
        due = began + seconds * place / len(keys)
        time.sleep(max(0.0, due - time.monotonic()))
        platform.s3.put_object(Bucket=platform.incoming, Key=keys[place], Body=rows(place))
        return time.monotonic()

    with ThreadPoolExecutor(THREADS) as pool:
        answered = list(pool.map(put, range(len(keys))))
    return Uploaded(began, max(answered))
