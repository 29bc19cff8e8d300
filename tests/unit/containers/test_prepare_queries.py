"""Thousands of files are asked for the same, in batches that polars can answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prepare.queries import collected

# Of polars' threads for waiting; of about so many queries at once none ever ends.
THREADS = 512


def test_thousands_of_files_are_answered_in_their_order_and_not_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    collect_all: Callable[..., list[pl.DataFrame]] = pl.collect_all

    def counting(queries: list[pl.LazyFrame], **options: Any) -> list[pl.DataFrame]:
        batches.append(len(queries))
        return collect_all(queries, **options)

    monkeypatch.setattr(pl, "collect_all", counting)
    queries = []
    for number in range(1200):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"x\n{number}\n")
        queries.append(pl.scan_csv(path).select("x"))
    assert [frame.item() for frame in collected(queries)] == list(range(1200))
    assert max(batches) < THREADS / 4
    assert sum(batches) == len(queries)


def test_no_files_have_no_answers() -> None:
    assert collected([]) == []
