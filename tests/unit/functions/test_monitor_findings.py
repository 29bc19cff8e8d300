"""What is made of findings: figures, news and wishes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import findings
from monitor.decision import Rhythm
from monitor.findings import Findings, NoFindings
from monitor.news import CLEAR, DRIFT, QUALITY, SILENT, kinds, wanted
from monitor.rules import Drift, Quality, Rules
from monitor.state import Last

LOOK = {
    "invocations": 200,
    "refused_4xx": 10,
    "faults_5xx": 0,
    "silent": False,
    "rules": {"drift": True, "quality": True, "labelled_rows": 100},
}


def feature(name: str, psi: float | None, *, drifted: bool = False, **more: float) -> dict[str, Any]:
    return {"name": name, "psi": psi, "drifted": drifted, "missing_now": 0.0, "new_share": None, **more}


def document(**more: Any) -> bytes:
    found = {
        "format": 1,
        "rows": 2_000,
        "silent": False,
        "drift": {
            "verdict": "drifted",
            "features": [
                feature("temp", 0.31, drifted=True, missing_now=0.2),
                feature("carrier", 0.02, new_share=0.05),
                feature("empty", None),
            ],
            "prediction": {"psi": 0.12},
        },
        "quality": {"value": 0.68, "below": True, "labelled": 1_000, "coverage": 0.5},
        "reason": "temp differs",
        "retrain": {"kind": "drift", "reason": "temp differs"},
    }
    return json.dumps(found | more).encode()


def test_figures_are_the_largest_of_all_columns() -> None:
    assert findings.read(document(), LOOK).figures == {
        "Drifted": 1.0,
        "DriftedFeatures": 1.0,
        "LargestPsi": 0.31,
        "PredictionPsi": 0.12,
        "NewCategoryShare": 0.05,
        "MissingShare": 0.2,
        "RefusedShare": 0.05,
        "CapturedRows": 2_000.0,
        "LabelledShare": 0.5,
        "LiveMetric": 0.68,
        "LiveBelow": 1.0,
        "Silent": 0.0,
    }


def test_what_was_not_judged_has_no_figure_so_that_alarms_stay_as_they_are() -> None:
    few = findings.read(document(drift={"verdict": "too few rows"}, quality=None), LOOK)
    assert (few.drifted, few.below, few.covered) == (None, None, False)
    assert not few.figures.keys() & {"Drifted", "LiveBelow", "LargestPsi", "LiveMetric"}


def test_what_is_not_declared_is_no_finding() -> None:
    undeclared = {**LOOK, "rules": {"drift": False, "quality": False, "labelled_rows": 0}}
    found = findings.read(document(), undeclared)
    assert (found.drifted, found.below, found.covered) == (None, None, True)
    # For want of rows nothing is read again that is not judged anyway.
    assert findings.read(document(drift={"verdict": "too few rows"}), undeclared).covered


def test_silence_is_a_finding_without_a_job() -> None:
    for calls, words in ((0, "nobody has called flights"), (7, "7 calls and none was captured")):
        told = findings.silent("flights", "20261101T130000Z", 3, calls)
        found = findings.read(json.dumps(told).encode(), {**LOOK, "silent": True})
        assert found.silent
        assert found.covered
        assert words in found.reason
        assert found.figures == {"Silent": 1.0, "CapturedRows": 0.0, "RefusedShare": 0.05}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


@given(st.binary() | json_values.map(lambda each: json.dumps(each).encode()))
def test_anything_else_says_what_is_wrong(content: bytes) -> None:
    with pytest.raises(NoFindings, match="not as it must be"):
        findings.read(content, LOOK)


@pytest.mark.parametrize("member", ["drift", "quality", "retrain", "rows"])
def test_members_of_other_types_say_what_is_wrong(member: str) -> None:
    with pytest.raises(NoFindings):
        findings.read(document(**{member: ["x"] if member != "rows" else {}}), LOOK)


def last(*, drifted: bool = False, below: bool = False, silent: bool = False) -> Last:
    return Last("w", 3, drifted=drifted, below=below, silent=silent)


@pytest.mark.parametrize(
    ("found", "before", "told"),
    [
        (Findings("", drifted=False), None, []),
        (Findings("", drifted=True), None, [DRIFT]),
        (Findings("", drifted=True), last(drifted=True), [DRIFT]),
        (Findings("", below=True, drifted=True), last(), [DRIFT, QUALITY]),
        (Findings("", silent=True), last(), [SILENT]),
        (Findings("", silent=True), last(silent=True), []),
        (Findings("", drifted=False, below=False), last(drifted=True), [CLEAR]),
        (Findings("", drifted=False), last(silent=True), [CLEAR]),
        # Not judged is not well.
        (Findings("", drifted=None), last(drifted=True), []),
        (Findings("", drifted=False, below=None), last(below=True), []),
        (Findings("", drifted=False), last(), []),
    ],
)
def test_people_are_told_of_what_is_wrong_and_when_it_is_over(
    found: Findings, before: Last | None, told: list[str]
) -> None:
    assert list(kinds(found, before)) == told


def rules(*, drift: bool, quality: bool) -> Rules:
    return Rules(
        Rhythm(60, 30),
        Drift(declared=True, psi=0.1, alpha=0.01, rows=500, features=(), retrain=drift),
        Quality("auc", 0.7, higher=True, rows=1, confidence=0.9, labels_within=60, retrain=quality),
    )


def test_a_training_is_wanted_where_the_project_says_so() -> None:
    both = Findings("why", drifted=True, below=True, wants={"drift": "temp", "quality": "auc"})
    assert list(wanted(both, rules(drift=True, quality=True))) == [("drift", "temp"), ("quality", "auc")]
    assert list(wanted(both, rules(drift=False, quality=True))) == [("quality", "auc")]
    assert list(wanted(both, rules(drift=False, quality=False))) == []
    assert list(wanted(Findings("", drifted=True), rules(drift=True, quality=True))) == []


def test_both_reasons_to_train_are_known_whichever_the_job_names() -> None:
    worse = {"kind": "quality", "reason": "auc is worse"}
    features = [{**feature("temp", 0.3, drifted=True), "acted_on": True}]
    drift = {"verdict": "drifted", "features": features, "prediction": None}
    both = findings.read(document(drift=drift, retrain=worse), LOOK)
    assert both.wants == {"quality": "auc is worse", "drift": "temp differs"}
    # A column that the model hardly looks at may drift without a reason to train.
    features[0]["acted_on"] = False
    assert findings.read(document(drift=drift, retrain=worse), LOOK).wants == {"quality": "auc is worse"}


def test_few_labels_do_not_say_that_all_is_well() -> None:
    few = {"value": 0.9, "below": False, "labelled": 99, "coverage": 0.1}
    assert findings.read(document(quality=few), LOOK).below is None
    assert findings.read(document(quality={**few, "labelled": 100}), LOOK).below is False
