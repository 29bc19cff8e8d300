"""What a look reads of what there is, and what it tells its job."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitor.calls import Counts
from monitor.decision import Rhythm
from monitor.model import Model
from monitor.plan import File, Window, chosen, document, manifest, name_of
from monitor.rules import Drift, Quality, Rules

MODEL = Model("arn:aws:sagemaker:…:model-package/flights/3", 3, 1_793_530_000, "s3://a/b/", "s3://a/q/")
DRIFT = Drift(declared=True, psi=0.1, alpha=1 / 365, rows=500, features=("distance",), retrain=True)
QUALITY = Quality("auc", 0.7, higher=True, rows=300, confidence=0.95, labels_within=86_400, retrain=False)
RULES = Rules(Rhythm(86_400, 30), DRIFT, QUALITY)

files = st.lists(
    st.builds(
        File,
        st.builds("primary/2026/11/01/{:02}/{}.jsonl".format, st.integers(0, 23), st.integers(0, 99)),
        st.integers(0, 1000),
    ),
    max_size=60,
    unique_by=lambda file: file.name,
)


def total(found: list[File]) -> int:
    return sum(file.bytes for file in found)


@given(files)
def test_what_fits_is_read_whole(found: list[File]) -> None:
    assert chosen(found, total(found)) == sorted(found, key=lambda file: file.name)


@given(files, st.integers(0, 20_000))
def test_the_budget_is_kept_and_the_order_does_not_matter(found: list[File], budget: int) -> None:
    taken = chosen(found, budget)
    assert total(taken) <= budget
    assert set(taken) <= set(found)
    assert chosen(found[::-1], budget) == taken


def test_every_hour_has_its_share() -> None:
    def hour(number: int, count: int) -> list[File]:
        return [File(f"primary/2026/11/01/{number:02}/{each:03}.jsonl", 10) for each in range(count)]

    taken = chosen([*hour(1, 2), *hour(2, 100), *hour(3, 1000)], 1_020)
    # The small hour is there whole, and the others have what is left in equal parts.
    assert [sum(file.hour.endswith(f"{number:02}") for file in taken) for number in (1, 2, 3)] == [2, 50, 50]


def test_a_list_of_nothing_names_an_object_that_says_so() -> None:
    assert manifest("s3://b/labels/", ["a.csv"], "s3://a/monitoring/w") == [
        {"prefix": "s3://b/labels/"},
        "a.csv",
    ]
    assert manifest("s3://b/labels/", [], "s3://a/monitoring/w") == [
        {"prefix": "s3://a/monitoring/w/"},
        "nothing.json",
    ]


@given(st.lists(st.integers(0, 4_000_000_000), min_size=2))
def test_names_are_in_the_order_of_time(ends: list[int]) -> None:
    assert sorted(map(name_of, ends)) == [name_of(end) for end in sorted(ends)]


def test_the_job_is_told_what_files_do_not_say() -> None:
    window = Window("flights", MODEL, start=1_793_530_000, end=1_793_538_000, silent=False)
    found = [File("primary/2026/11/01/12/a.jsonl", 300), File("primary/2026/11/01/12/b.jsonl", 100)]
    told = document(
        window,
        RULES,
        Counts(1_000, 20, 3),
        found=found,
        read=found[:1],
        labels={"october.csv": datetime(2026, 11, 1, 12, 0, 7, 500_000, UTC)},
    )
    assert told == {
        "format": 1,
        "project": "flights",
        "window": "20261101T130000Z",
        "start": "2026-11-01T10:46:40Z",
        "end": "2026-11-01T13:00:00Z",
        "deployed_at": "2026-11-01T10:46:40Z",
        "version": 3,
        "package": MODEL.package,
        "files": 1,
        "bytes": 300,
        "share": 0.75,
        "invocations": 1_000,
        "refused_4xx": 20,
        "faults_5xx": 3,
        "silent": False,
        "labels": {"october.csv": "2026-11-01T12:00:07Z"},
        "rules": {
            "drift": True,
            "psi": 0.1,
            "alpha": 1 / 365,
            "rows": 500,
            "features": ("distance",),
            "quality": True,
            "metric": "auc",
            "bound": 0.7,
            "higher": True,
            "labelled_rows": 300,
            "confidence": 0.95,
            "labels_within_seconds": 86_400,
        },
    }
