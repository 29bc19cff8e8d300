import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import ValidationException
from local.sagemaker.pipelines.cache import expiry, signature
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import (
    DiskHost,
    create_pipeline,
    processing_input,
    processing_output,
    put,
    start,
    steps,
    training_pipeline,
    wait_for_end,
)

DAY = {"Enabled": True, "ExpireAfter": "P1D"}


@pytest.fixture
def ready(sagemaker: SageMaker, host: DiskHost) -> SageMaker:
    put(host, "incoming/a.csv", "1\n2\n3\n4\n")
    sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "flights"})
    return sagemaker


def cached_pipeline(**config: Any) -> dict[str, Any]:
    """The pipeline with caching for Prepare, Train and Evaluate; each writes to the same place every time."""
    document = training_pipeline()
    prepare, train, evaluate, _ = document["Steps"]
    output = processing_output("train", "s3://artifacts/prepared")
    prepare["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [output]}
    for step in (prepare, train, evaluate):
        step["CacheConfig"] = config or DAY
    return document


def run(sagemaker: SageMaker, letter: str, **parameters: str) -> str:
    arn = start(sagemaker, letter, **parameters)
    wait_for_end(sagemaker, arn)
    return arn


def hits(sagemaker: SageMaker, arn: str) -> dict[str, str]:
    """The steps that took their results over, each with the execution that they come from."""
    return {
        name: step["CacheHitResult"]["SourcePipelineExecutionArn"]
        for name, step in steps(sagemaker, arn).items()
        if "CacheHitResult" in step
    }


def jobs(sagemaker: SageMaker) -> int:
    processing = sagemaker.call("ListProcessingJobs", {"MaxResults": 100})["ProcessingJobSummaries"]
    training = sagemaker.call("ListTrainingJobs", {"MaxResults": 100})["TrainingJobSummaries"]
    return len(processing) + len(training)


def test_the_same_step_runs_once(ready: SageMaker) -> None:
    create_pipeline(ready, cached_pipeline())
    first = run(ready, "a")
    assert hits(ready, first) == {}
    second = run(ready, "b", Approval="Approved")
    assert hits(ready, second) == dict.fromkeys(("Prepare", "Train", "Evaluate"), first)
    assert jobs(ready) == 3
    done, again = steps(ready, first), steps(ready, second)
    assert again["Train"]["Metadata"] == done["Train"]["Metadata"]
    packages = ready.call("ListModelPackages", {"ModelPackageGroupName": "flights"})
    assert len(packages["ModelPackageSummaryList"]) == 2
    # What a hit took over has the age of the run that it comes from.
    assert hits(ready, run(ready, "c")) == dict.fromkeys(("Prepare", "Train", "Evaluate"), first)


def test_a_changed_attribute_runs_the_step_and_those_that_depend_on_it(ready: SageMaker) -> None:
    document = cached_pipeline()
    create_pipeline(ready, document)
    first = run(ready, "a")
    document["Steps"][1]["Arguments"]["HyperParameters"] = {"rounds": "6"}
    update = {"PipelineName": "training", "PipelineDefinition": json.dumps(document)}
    ready.call("UpdatePipeline", update)
    assert hits(ready, run(ready, "b")) == {"Prepare": first}


def test_an_attribute_that_does_not_count_may_change(ready: SageMaker) -> None:
    document = cached_pipeline()
    create_pipeline(ready, document)
    first = run(ready, "a")
    document["Steps"][1]["Arguments"]["ResourceConfig"]["InstanceType"] = "ml.m5.xlarge"
    update = {"PipelineName": "training", "PipelineDefinition": json.dumps(document)}
    ready.call("UpdatePipeline", update)
    assert set(hits(ready, run(ready, "b"))) == {"Prepare", "Train", "Evaluate"}
    assert steps(ready, first)["Train"]["StepStatus"] == "Succeeded"


def test_a_failed_run_is_not_taken_over(ready: SageMaker, host: DiskHost) -> None:
    document = cached_pipeline()
    document["Steps"][0]["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = ["complain"]
    create_pipeline(ready, document)
    run(ready, "a")
    assert hits(ready, run(ready, "b")) == {}


def test_other_pipelines_share_nothing(ready: SageMaker) -> None:
    create_pipeline(ready, cached_pipeline(), name="training-too")
    create_pipeline(ready, cached_pipeline())
    request = {"PipelineName": "training-too", "ClientRequestToken": "x" * 32}
    wait_for_end(ready, ready.call("StartPipelineExecution", request)["PipelineExecutionArn"])
    assert hits(ready, run(ready, "a")) == {}


def test_results_expire(ready: SageMaker) -> None:
    create_pipeline(ready, cached_pipeline(Enabled=True, ExpireAfter="PT1M"))
    first = run(ready, "a")
    name = first.replace("/execution/", "/").partition("pipeline/")[2]
    store = ready.context.store
    done = store.get("pipeline-execution-step", f"{name}/Prepare")
    assert done is not None
    store.update("pipeline-execution-step", f"{name}/Prepare", EndTime=done["EndTime"] - 61)
    assert set(hits(ready, run(ready, "b"))) == {"Train", "Evaluate"}


def test_caching_is_off_unless_asked_for(ready: SageMaker) -> None:
    create_pipeline(ready, cached_pipeline(Enabled=False, ExpireAfter="P1D"))
    run(ready, "a")
    assert hits(ready, run(ready, "b")) == {}


@pytest.mark.parametrize(
    ("step", "config", "sentence"),
    [
        (0, {"Enabled": True}, "Step Prepare: CacheConfig needs ExpireAfter"),
        (1, {"Enabled": True, "ExpireAfter": "soon"}, "ISO 8601 duration such as 30d or PT1H, but is 'soon'"),
        (3, DAY, "Step Gate: CacheConfig is for Processing, Training, Tuning, Transform steps"),
    ],
)
def test_a_wrong_configuration_is_refused(
    ready: SageMaker, step: int, config: dict[str, Any], sentence: str
) -> None:
    document = training_pipeline()
    document["Steps"][step]["CacheConfig"] = config
    with pytest.raises(ValidationException, match=sentence):
        create_pipeline(ready, document)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 30 * 86400),
        ("5y", 5 * 365 * 86400),
        ("T16m", 16 * 60),
        ("30dT5h", 30 * 86400 + 5 * 3600),
        ("PT1H", 3600),
        ("P2W", 14 * 86400),
        ("P1M", 30 * 86400),
    ],
)
def test_the_durations_of_the_documentation(text: str, seconds: float) -> None:
    assert expiry("Training", {"Enabled": True, "ExpireAfter": text}) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1", "-1d", "1.5h", "1s", 30, None])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(ValueError, match="ExpireAfter"):
        expiry("Training", {"Enabled": True, "ExpireAfter": text})


JSON = st.recursive(
    st.text(max_size=4) | st.integers(), lambda inner: st.dictionaries(st.text(max_size=3), inner)
)


@given(st.dictionaries(st.text(max_size=3), JSON), st.randoms())
def test_the_order_of_members_does_not_count(parameters: dict[str, Any], random: Any) -> None:
    shuffled = list(parameters.items())
    random.shuffle(shuffled)
    one = signature("Training", {"HyperParameters": parameters})
    assert one == signature("Training", {"HyperParameters": dict(shuffled), "RoleArn": "other"})
    assert one != signature("Training", {"HyperParameters": {**parameters, "one more": 1}})


def test_of_a_tuning_job_only_some_members_of_the_definition_count() -> None:
    def of(**definition: Any) -> str | None:
        return signature("Tuning", {"TrainingJobDefinition": {"StaticHyperParameters": {}, **definition}})

    assert of() == of(ResourceConfig={"InstanceCount": 2})
    assert of() != of(StaticHyperParameters={"eta": "1"})


def test_inputs_of_processing_count(ready: SageMaker, host: DiskHost) -> None:
    put(host, "elsewhere/a.csv", "1\n")
    create_pipeline(ready, cached_pipeline())
    run(ready, "a")
    assert hits(ready, run(ready, "b", Input="s3://data/elsewhere/")).keys() == {"Train", "Evaluate"}
    assert signature("Processing", {"ProcessingInputs": [processing_input("a", "s3://b/c")]})
