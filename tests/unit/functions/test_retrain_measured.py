"""How much is new, and whether it is enough."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from retrain.measured import Least, Measured, Object, digest

HOUR = timedelta(hours=1)
FOUND = Measured("s3://a/m", new_files=3, new_bytes=12_340_000, new_rows=1_234.5)
OBJECTS = st.lists(
    st.builds(Object, st.text(), st.text(), st.integers(0), st.just(datetime(2026, 1, 1, tzinfo=UTC))),
    max_size=6,
    unique_by=lambda each: each.key,
)


def test_nothing_asked_nothing_lacks() -> None:
    assert Least().lacking(Measured("s3://a/m")) == ""
    assert Least.read("{}") == Least()


def test_all_that_is_asked_must_be_met() -> None:
    assert Least(files=3, bytes=12_340_000, rows=1_234).lacking(FOUND) == ""
    for least in (Least(files=4), Least(bytes=12_340_001), Least(rows=1_235)):
        assert least.lacking(FOUND)
    assert Least(files=1, bytes=50_000_000, rows=5_000).lacking(FOUND) == (
        "New data so far: 3 of 1 files, 12.34 MB of 50 MB, about 1,234 of 5,000 rows"
    )


def test_rows_of_which_nobody_knows_the_length_are_enough() -> None:
    assert Least(rows=10**9).lacking(replace(FOUND, new_rows=None)) == ""


def test_as_the_environment_says_it() -> None:
    assert Least.read('{"bytes": null, "files": 2, "or_after": 60, "rows": null}') == Least(
        files=2, or_after=60
    )


@given(OBJECTS, st.sets(st.text()), st.randoms())
def test_a_list_has_one_name_in_any_order(objects: list[Object], admitted: set[str], random: Random) -> None:
    shuffled = [*objects]
    random.shuffle(shuffled)
    elsewhere = [replace(each, modified=each.modified.astimezone(timezone(HOUR))) for each in shuffled]
    assert digest(elsewhere, sorted(admitted, reverse=True)) == digest(objects, admitted)


@given(OBJECTS, st.data())
def test_any_other_object_has_another_name(objects: list[Object], data: st.DataObject) -> None:
    name = digest(objects, ())
    assert digest(objects, ("e",)) != name
    if objects:
        place = data.draw(st.integers(0, len(objects) - 1))
        one = objects[place]
        for other in (
            replace(one, key=one.key + "x"),
            replace(one, etag=one.etag + "x"),
            replace(one, size=one.size + 1),
            replace(one, modified=one.modified + HOUR),
        ):
            if other.key not in {each.key for each in objects} or other.key == one.key:
                assert digest([*objects[:place], other, *objects[place + 1 :]], ()) != name
        assert digest([*objects[:place], *objects[place + 1 :]], ()) != name
