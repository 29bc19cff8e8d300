from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from local.adapter.permissions import Need, needs

PREFIX = "arn:aws:sagemaker:eu-west-1:111122223333:"
ROLE = "arn:aws:iam::111122223333:role/job"


def of(operation: str, **params: Any) -> list[Need]:
    return list(needs("sagemaker", operation, params, "eu-west-1", "111122223333"))


def pairs(operation: str, **params: Any) -> set[tuple[str, str]]:
    return {(need.action, need.resource.removeprefix(PREFIX)) for need in of(operation, **params)}


def test_an_update_of_an_endpoint_is_about_its_configuration_too() -> None:
    assert pairs("UpdateEndpoint", EndpointName="e", EndpointConfigName="c") == {
        ("sagemaker:UpdateEndpoint", "endpoint/e"),
        ("sagemaker:UpdateEndpoint", "endpoint-config/c"),
    }


def test_a_job_hands_its_role_to_sagemaker() -> None:
    [create, pass_role] = of("CreateTrainingJob", TrainingJobName="j", RoleArn=ROLE)
    assert create == Need("sagemaker:CreateTrainingJob", f"{PREFIX}training-job/j", {})
    assert pass_role == Need("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def test_a_transform_is_not_about_its_model() -> None:
    [need] = of("CreateTransformJob", TransformJobName="t", ModelName="m", TransformOutput={"KmsKeyId": "k"})
    expected = {"sagemaker:OutputKmsKey": ["k"]}
    assert need == Need("sagemaker:CreateTransformJob", f"{PREFIX}transform-job/t", expected)


def test_tags_need_a_right_of_their_own() -> None:
    made = of("CreateModel", ModelName="m", Tags=[{"Key": "k", "Value": "v"}])
    assert [need.action for need in made] == ["sagemaker:CreateModel", "sagemaker:AddTags"]
    assert made[0].context["aws:RequestTag/k"] == "v"


def test_a_package_is_about_its_group_and_its_versions() -> None:
    assert pairs("CreateModelPackage", ModelPackageGroupName="g") == {
        ("sagemaker:CreateModelPackage", "model-package-group/g"),
        ("sagemaker:CreateModelPackage", "model-package/g/*"),
    }
    arn = f"{PREFIX}model-package/g/3"
    assert pairs("UpdateModelPackage", ModelPackageArn=arn) == {
        ("sagemaker:UpdateModelPackage", "model-package/g/3")
    }
    assert pairs("DescribeModelPackage", ModelPackageName=arn) == {
        ("sagemaker:DescribeModelPackage", "model-package/g/3")
    }


@pytest.mark.parametrize(
    ("operation", "params", "resource"),
    [
        ("ListTrainingJobs", {}, "*"),
        ("ListPipelineExecutions", {"PipelineName": "p"}, "pipeline/p"),
        ("ListHyperParameterTuningJobs", {}, "*"),
        (
            "ListTrainingJobsForHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "t"},
            "hyper-parameter-tuning-job/t",
        ),
        ("StartPipelineExecution", {"PipelineName": "p"}, "pipeline/p"),
        (
            "DescribePipelineExecution",
            {"PipelineExecutionArn": f"{PREFIX}pipeline/p/execution/x"},
            "pipeline/p/execution/x",
        ),
        ("ListModelPackages", {"ModelPackageGroupName": "g"}, "model-package/g/*"),
    ],
)
def test_resources(operation: str, params: dict[str, str], resource: str) -> None:
    assert pairs(operation, **params) == {(f"sagemaker:{operation}", resource)}


def test_condition_keys_come_from_anywhere_in_the_request() -> None:
    [need] = of(
        "CreateProcessingJob",
        ProcessingJobName="j",
        NetworkConfig={"EnableNetworkIsolation": True, "VpcConfig": {"Subnets": ["s-1", "s-2"]}},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "VolumeKmsKeyId": "k"}},
        ProcessingOutputConfig={"KmsKeyId": "out", "Outputs": []},
    )
    assert need.context == {
        "sagemaker:InstanceTypes": ["ml.m5.xlarge"],
        "sagemaker:VpcSubnets": ["s-1", "s-2"],
        "sagemaker:VolumeKmsKey": ["k"],
        "sagemaker:NetworkIsolation": ["true"],
        "sagemaker:OutputKmsKey": ["out"],
    }


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}),
        ("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}),
        ("CreatePipeline", {"PipelineName": "p", "RoleArn": ROLE}),
        ("CreateProcessingJob", {"ProcessingJobName": "j", "RoleArn": ROLE}),
        (
            "CreateHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "t", "TrainingJobDefinition": {"RoleArn": ROLE}},
        ),
        ("CreateModel", {"ModelName": "m", "ExecutionRoleArn": ROLE}),
        ("DeleteModelPackageGroup", {"ModelPackageGroupName": "g"}),
        ("CreateNotebookInstance", {"NotebookInstanceName": "n", "RoleArn": ROLE}),
    ],
)
def test_it_agrees_with_the_service_authorization_reference(operation: str, params: dict[str, Any]) -> None:
    rows = get_action_data("sagemaker", operation)["sagemaker"]
    kinds = {row["resource_arn_format"].split(":")[-1].split("/")[0] for row in rows} - {"*"}
    made = of(operation, **params)
    assert {
        n.resource.removeprefix(PREFIX).split("/")[0] for n in made if "PassRole" not in n.action
    } <= kinds
    passes = any("iam:PassRole" in row["dependent_actions"] for row in rows)
    assert passes == any(n.action == "iam:PassRole" for n in made)
