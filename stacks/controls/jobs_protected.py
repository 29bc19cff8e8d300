"""Every job in a pipeline definition, where no public scanner looks, is in the VPC, isolated, encrypted."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template, text

CONTROL = "Sageloop.JobsProtected"

# What each kind of job must say, and where in its request it says so.
PROTECTIONS: Mapping[str, Mapping[str, str]] = {
    "Processing": {
        "a role": "RoleArn",
        "subnets of the VPC": "NetworkConfig.VpcConfig.Subnets",
        "security groups of the VPC": "NetworkConfig.VpcConfig.SecurityGroupIds",
        "network isolation": "NetworkConfig.EnableNetworkIsolation",
        "encrypted traffic between its containers": "NetworkConfig.EnableInterContainerTrafficEncryption",
        "a key for its volume": "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "a key for its output": "ProcessingOutputConfig.KmsKeyId",
    },
    "Training": {
        "a role": "RoleArn",
        "subnets of the VPC": "VpcConfig.Subnets",
        "security groups of the VPC": "VpcConfig.SecurityGroupIds",
        "network isolation": "EnableNetworkIsolation",
        "encrypted traffic between its containers": "EnableInterContainerTrafficEncryption",
        "a key for its volume": "ResourceConfig.VolumeKmsKeyId",
        "a key for its output": "OutputDataConfig.KmsKeyId",
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
                value = at(step["Arguments"], place)
                if value in (None, False, "", []):
                    yield found(CONTROL, pipeline, f"the job of step {name} lacks {protection} ({place})")


def steps(among: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """All steps, those inside of conditions included."""
    for step in among:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from steps(step.get("Arguments", {}).get(branch, []))


def at(request: Mapping[str, Any], place: str) -> Any:
    """The value at a place such as `NetworkConfig.VpcConfig`, None where there is none."""
    value: Any = request
    for member in place.split("."):
        value = value.get(member) if isinstance(value, Mapping) else None
    return value
