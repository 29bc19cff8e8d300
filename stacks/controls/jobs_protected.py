"""Every job in a pipeline definition, where no public scanner looks, is in the VPC, isolated, encrypted."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.requests.job import has_own_storage
from stacks.controls.finding import Finding, found
from stacks.controls.template import Template, text

CONTROL = "Sageloop.JobsProtected"

# SageMaker takes no key for the storage of an instance that has its own, which its hardware encrypts.
VOLUME_KEY = "a key for its volume"
# What each kind of job must say, and where in its request it says so.
PROTECTIONS: Mapping[str, Mapping[str, str]] = {
    "Processing": {
        "a role": "RoleArn",
        "subnets of the VPC": "NetworkConfig.VpcConfig.Subnets",
        "security groups of the VPC": "NetworkConfig.VpcConfig.SecurityGroupIds",
        "network isolation": "NetworkConfig.EnableNetworkIsolation",
        "encrypted traffic between its containers": "NetworkConfig.EnableInterContainerTrafficEncryption",
        VOLUME_KEY: "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "a key for its output": "ProcessingOutputConfig.KmsKeyId",
    },
    "Training": {
        "a role": "RoleArn",
        "subnets of the VPC": "VpcConfig.Subnets",
        "security groups of the VPC": "VpcConfig.SecurityGroupIds",
        "network isolation": "EnableNetworkIsolation",
        "encrypted traffic between its containers": "EnableInterContainerTrafficEncryption",
        VOLUME_KEY: "ResourceConfig.VolumeKmsKeyId",
        "a key for its output": "OutputDataConfig.KmsKeyId",
    },
    "Tuning": {
        "a role": "TrainingJobDefinition.RoleArn",
        "subnets of the VPC": "TrainingJobDefinition.VpcConfig.Subnets",
        "security groups of the VPC": "TrainingJobDefinition.VpcConfig.SecurityGroupIds",
        "network isolation": "TrainingJobDefinition.EnableNetworkIsolation",
        "encrypted traffic between its containers": (
            "TrainingJobDefinition.EnableInterContainerTrafficEncryption"
        ),
        VOLUME_KEY: "TrainingJobDefinition.ResourceConfig.VolumeKmsKeyId",
        "a key for its output": "TrainingJobDefinition.OutputDataConfig.KmsKeyId",
    },
    # Its network is that of its model.
    "Transform": {
        VOLUME_KEY: "TransformResources.VolumeKmsKeyId",
        "a key for its output": "TransformOutput.KmsKeyId",
    },
    "Model": {
        "a role": "ExecutionRoleArn",
        "subnets of the VPC": "VpcConfig.Subnets",
        "security groups of the VPC": "VpcConfig.SecurityGroupIds",
        "network isolation": "EnableNetworkIsolation",
    },
}
# These run nothing.
HARMLESS = {"Condition", "Fail", "RegisterModel"}


def check(template: Template) -> Iterator[Finding]:
    """Each job has all protections; a kind of step that this control does not know is a finding, too."""
    for pipeline in template.of("AWS::SageMaker::Pipeline"):
        definition = json.loads(text(pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"]))
        for step in steps(definition["Steps"]):
            name, kind = step["Name"], step["Type"]
            if kind in HARMLESS:
                continue
            if kind not in PROTECTIONS:
                yield found(CONTROL, pipeline, f"nobody knows what protects step {name}, of type {kind}")
            for protection, place in PROTECTIONS.get(kind, {}).items():
                if at(step["Arguments"], place) in (None, False, "", []) and not (
                    protection == VOLUME_KEY and encrypts_itself(step["Arguments"], place)
                ):
                    yield found(CONTROL, pipeline, f"the job of step {name} lacks {protection} ({place})")


def steps(among: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """All steps, those inside of conditions included."""
    for step in among:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from steps(step.get("Arguments", {}).get(branch, []))


def encrypts_itself(request: Mapping[str, Any], place: str) -> bool:
    """Whether the instance beside the place of a volume's key has storage that takes no key."""
    return has_own_storage(str(at(request, f"{place.rpartition('.')[0]}.InstanceType")))


def at(request: Mapping[str, Any], place: str) -> Any:
    """The value at a place such as `NetworkConfig.VpcConfig`, None where there is none."""
    value: Any = request
    for member in place.split("."):
        value = value.get(member) if isinstance(value, Mapping) else None
    return value
