"""Telling: which events people hear of, how often, and what the message says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tell import messages
from tell.channels import NotPosted
from tell.facts import Failure, Model
from tell.messages import Notice, Tick
from tell.texts import SUBJECT_LENGTH, Text, Writer
from tests.unit.functions.tell_world import Crash, World

TRAINING = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/flights-training"


def test_a_new_model_is_told_once_with_all_that_a_person_needs() -> None:
    world = World()
    world.add(5)
    (text,) = world.registered(5)
    assert text.subject == "flights: version 5 waits for your decision"
    for words in (
        "version 5, has passed its gates",
        "Why: auc 0.75 is at least 0.7",
        "Its training took 62 s.",
        "sageloop report 5 --open",
        "sageloop approve 5",
        "https://api/link?t=for-5",
    ):
        assert words in text.body
    assert "two different people" not in text.body
    assert world.registered(5) == []


def test_with_two_people_the_message_says_so() -> None:
    world = World(people=2)
    world.add(5)
    (text,) = world.registered(5)
    assert "sageloop approve 5 -p flights (two different people have to, each with this command)" in text.body
    assert "counts as one of the two: https://api/link?t=for-5" in text.body


def test_a_model_that_nobody_is_asked_about_is_told_when_it_is_approved() -> None:
    world = World(people=0)
    world.add(5, "Approved")
    assert world.registered(5) == []
    (text,) = world.registered(5, "Approved")
    assert "goes into service by itself" in text.body
    assert "sageloop rollback" in text.body


@pytest.mark.parametrize("approval", ["Approved", "Rejected"])
def test_a_model_that_was_decided_on_meanwhile_is_no_news(approval: str) -> None:
    world = World()
    world.add(5, approval)
    assert world.registered(5) == []
    assert world.registered(6) == []  # deleted meanwhile


def test_a_model_that_is_deleted_is_no_news() -> None:
    world = World()
    world.add(5)
    detail = {"ModelPackageArn": "arn/5", "ModelApprovalStatus": "PendingManualApproval"}
    assert world.hears(messages.PACKAGE, **detail, ModelPackageStatus="Deleting") == []


def failed(world: World, step: str) -> list[Text]:
    arn = f"{TRAINING}/execution/k2x9{step.lower()}"
    world.failures[arn] = Failure(step, "the sentence of the step")
    return world.hears(
        messages.EXECUTION,
        pipelineExecutionArn=arn,
        pipelineArn=TRAINING,
        currentPipelineExecutionStatus="Failed",
    )


def test_a_failure_is_told_with_the_sentence_of_its_step() -> None:
    world = World()
    (text,) = failed(world, "Prepare")
    assert text.subject == "flights: a training failed in step Prepare"
    for words in ("the sentence of the step", "sageloop logs --run k2x9prepare", "sageloop retrain"):
        assert words in text.body
    assert failed(world, "Prepare") == []
    (refused,) = failed(world, "Rejected")
    assert "did not pass its gates" in refused.body
    assert failed(world, "NothingNew") == []  # what was refused is told by another event


def test_what_was_refused_is_told_file_by_file() -> None:
    world = World()
    detail = {
        "execution": "arn/k2x9",
        "objects": [
            {"key": "data/aug.csv", "reason": "aug.csv: temp looks like another unit"},
            {"key": "data/big.csv", "reason": "half is missing", "stays": "it is larger than 5 GB"},
        ],
        "more": 3,
    }
    (text,) = world.hears(messages.QUARANTINED, **detail)
    assert text.subject == "flights: 5 files were refused"
    for words in (
        "data/aug.csv: temp looks like another unit",
        "it is larger than 5 GB",
        "and 3 more",
        "release",
    ):
        assert words in text.body
    assert world.hears(messages.QUARANTINED, **detail) == []


def test_a_training_without_new_data_is_told_once_a_version_and_not_of_late_duplicates() -> None:
    world = World()
    world.add(5, "Approved")
    reason = "data/ holds nothing that the last run was not given"
    assert world.hears(messages.SKIPPED, kinds=["data"], reason=reason) == []
    (text,) = world.hears(messages.SKIPPED, kinds=["data", "drift", "schedule"], reason=reason)
    assert "The schedule and a change of the calls asked for a training" in text.body
    assert reason in text.body
    assert "sageloop upload" in text.body
    assert world.hears(messages.SKIPPED, kinds=["drift", "schedule"], reason=reason) == []
    world.add(6)
    assert len(world.hears(messages.SKIPPED, kinds=["drift", "schedule"], reason=reason)) == 1


def window(day: int) -> str:
    return f"202611{day:02}T000000Z"


def test_drift_is_told_when_it_begins_and_when_it_is_over() -> None:
    world = World()
    world.add(3, "Approved")

    def look(kind: str, day: int, version: int = 3) -> list[Text]:
        told = {"reason": "temp has PSI 0.4", "report": "s3://r", "asks_for_training": True}
        return world.hears(kind, window=window(day), version=version, **told)

    (text,) = look(messages.DRIFT, 1)
    for words in (
        "temp has PSI 0.4",
        "A training is asked for by itself",
        "dear",
        "sageloop monitor --report",
    ):
        assert words in text.body
    assert look(messages.DRIFT, 2) == []
    assert len(look(messages.CLEAR, 3)) == 1
    assert look(messages.CLEAR, 3) == []
    assert look(messages.DRIFT, 2) == []  # late, and told already
    assert len(look(messages.DRIFT, 4)) == 1
    assert len(look(messages.DRIFT, 5, version=4)) == 1  # another model


def test_quality_without_a_training_of_its_own_says_how_to_start_one() -> None:
    world = World()
    (text,) = world.hears(messages.QUALITY, window=window(1), version=3, reason="auc 0.6 is below 0.7")
    assert "sageloop retrain --reason quality" in text.body
    assert "by itself" not in text.body
    assert world.hears(messages.CLEAR, window=window(1), version=4, reason="") == []  # nothing was told of it


@given(st.lists(st.tuples(st.sampled_from([messages.DRIFT, messages.CLEAR]), st.integers(1, 9)), max_size=12))
def test_however_looks_arrive_drift_is_told_once_between_two_that_are_clear(
    looks: list[tuple[str, int]],
) -> None:
    world = World()
    for kind, day in looks:
        world.hears(kind, window=window(day), version=1, reason="r")
    told = sum("changed" in text.subject for text in world.published)
    clears = {day for kind, day in looks if kind == messages.CLEAR}
    assert told <= len(clears) + 1
    assert told >= any(kind == messages.DRIFT for kind, _ in looks)


def test_silence_and_an_approval_that_is_not_enough() -> None:
    world = World(people=2)
    (text,) = world.hears(messages.SILENT, window=window(1), version=3, reason="nobody has called flights")
    assert "nobody has called flights" in text.body
    detail = {"version": 5, "reason": "2 different people have to approve it, and so far only Ann has"}
    (text,) = world.hears(messages.INCOMPLETE, **detail)
    assert "only Ann has" in text.body
    assert "sageloop approve 5" in text.body
    assert world.hears(messages.INCOMPLETE, **detail) == []


@pytest.mark.parametrize(
    ("age", "approval", "people", "count"),
    [
        (2.9, "PendingManualApproval", 1, 0),
        (3.1, "PendingManualApproval", 1, 1),
        (3.1, "Approved", 1, 0),
        (3.1, "PendingManualApproval", 0, 0),
    ],
)
def test_one_reminder_after_three_days(age: float, approval: str, people: int, count: int) -> None:
    world = World(people=people)
    world.add(4, age_days=9)  # an older one is no matter any more
    world.add(5, approval, age_days=age)
    for _ in range(2):
        world.news().take(Tick())
    assert len(world.published) == count
    assert all("has waited for 3 days" in text.body for text in world.published)


def test_no_reminder_without_models() -> None:
    world = World()
    world.news().take(Tick())
    assert world.published == []


def test_a_crash_repeats_a_message_and_never_swallows_one() -> None:
    for crash_in in (1, 2):
        world = World()
        world.add(5)
        world.crash_in = crash_in
        with pytest.raises(Crash):
            world.registered(5)
        world.registered(5)
        assert len(world.published) == crash_in
        assert world.registered(5) == []


def test_a_chat_that_is_down_is_tried_again_alone() -> None:
    world = World(chats=["one", "two", "three"])
    world.broken = {"two"}
    notice = Notice("id", "subject", "text")
    with pytest.raises(NotPosted, match="two is down"):
        world.news().take(notice)
    assert [name for name, _ in world.posted] == ["one", "three"]
    world.broken = set()
    for _ in range(2):
        world.news().take(notice)
    assert [name for name, _ in world.posted] == ["one", "three", "two"]


@given(reason=st.text(max_size=5_000), project=st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True))
def test_any_message_is_one_that_sns_takes(reason: str, project: str) -> None:
    writer = Writer(project, people=2)
    failure, model = Failure(reason, reason), Model(5, "arn", "Approved", 0, reason, reason)
    detail = {"reason": reason, "version": reason, "objects": [{"key": reason, "reason": reason}] * 20}
    for text in (
        writer.waits(model, reason),
        writer.still_waits(model, 3),
        writer.approved_by_its_gates(model),
        writer.incomplete(detail),
        writer.refused(reason, failure),
        writer.failed(reason, failure),
        writer.skipped(detail, ["drift"]),
        writer.quarantined(detail),
        writer.found("drift", detail, model),
        writer.silent(detail),
        writer.clear(detail),
    ):
        assert 0 < len(text.subject) <= SUBJECT_LENGTH
        assert text.subject.isascii()
        assert text.subject.isprintable()
        assert 0 < len(text.body.encode(errors="replace")) <= 262_144
