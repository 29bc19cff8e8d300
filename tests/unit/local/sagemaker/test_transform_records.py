import csv
import gzip
import io
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import ValidationException
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.transform_records import Columns, Processing, RecordError, batches, records

LINES = st.lists(st.binary(max_size=30).map(lambda content: content.replace(b"\n", b"") + b"\n"))
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=8)


@given(LINES, st.integers(0, 60))
def test_mini_batches_hold_all_records_in_order(lines: list[bytes], limit: int) -> None:
    made = list(batches(lines, multiple=True, limit=limit))
    assert [record for batch in made for record in batch] == lines
    for batch in made:
        assert len(batch) == 1 or limit == 0 or sum(map(len, batch)) <= limit
    for one, other in itertools.pairwise(made):
        assert sum(map(len, one)) + len(other[0]) > limit > 0
    assert list(batches(lines, multiple=False, limit=limit)) == [[line] for line in lines]


@given(st.lists(CELLS, min_size=1, max_size=6), st.data())
def test_columns_are_those_of_a_list(row: list[str], data: st.DataObject) -> None:
    index = st.integers(-len(row), len(row) - 1)
    bound = st.none() | st.integers(-8, 8)
    parts = data.draw(st.lists(index | st.tuples(bound, bound), min_size=1, max_size=3))
    texts, expected = [], []
    for part in parts:
        if isinstance(part, tuple):
            texts.append(":".join("" if b is None else str(b) for b in part))
            expected += row[slice(*part)]
        else:
            texts.append(str(part))
            expected.append(row[part])
    assert Columns.parse("InputFilter", f"$[{','.join(texts)}]").of(row) == expected
    assert Columns.parse("InputFilter", "$").of(row) == row


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
def test_a_join_appends_the_answer_to_the_record(rows: list[tuple[str, str]]) -> None:
    def line(row: list[str]) -> bytes:
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerow(row)
        return written.getvalue().encode()

    joined = Processing.of({"JoinSource": "Input", "OutputFilter": "$[-1,0]"})
    answer = b"".join(line([str(number)]) for number in range(len(rows)))
    kept = joined.result([line(list(row)) for row in rows], answer)
    assert kept == b"".join(line([str(number), row[0]]) for number, row in enumerate(rows))


@pytest.mark.parametrize("path", ["$.a", "[0]", "$[]", "$[a]", "$[1:2:3]", "$[0,]", "$[0]x"])
def test_a_path_that_is_not_for_rows_is_refused(path: str) -> None:
    with pytest.raises(ValidationException, match="OutputFilter"):
        Columns.parse("OutputFilter", path)


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(RecordError, match="column 2 of a record with 2 columns"):
        Columns.parse("OutputFilter", "$[2]").of(["a", "b"])


def test_compressed_objects_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"1\n2"))
    assert list(records(path, split=True, compressed=True)) == [b"1\n", b"2"]
    assert list(records(path, split=False, compressed=True)) == [b"1\n2"]
    path.write_bytes(b"1\n2")
    with pytest.raises(JobFailed, match=r"ClientError: a.csv.gz cannot be decompressed"):
        list(records(path, split=True, compressed=True))
