"""Asking many files at once, but not too many."""

from collections.abc import Sequence

import polars as pl

# Each query of the streaming engine holds a few threads of the 512 that polars has for waiting, and waits for
# more: somewhat above 512 queries at once, none of them ever ends. More at once are no faster, either.
_AT_ONCE = 64


def collected(queries: Sequence[pl.LazyFrame]) -> list[pl.DataFrame]:
    """The answers, in the order of the queries; there may be thousands of these."""
    batches = (queries[first : first + _AT_ONCE] for first in range(0, len(queries), _AT_ONCE))
    return [frame for batch in batches for frame in pl.collect_all(batch, engine="streaming")]
