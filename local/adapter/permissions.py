"""What a caller of SageMaker or Application Auto Scaling must be allowed to do, as AWS's tables have it.

Actions, resource types, condition keys and dependent actions:
docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Params = Mapping[str, Any]

# The resource that a member of a request names, by its kind in ARNs.
_KINDS = {
    "TrainingJobName": "training-job",
    "ProcessingJobName": "processing-job",
    "TransformJobName": "transform-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "PipelineName": "pipeline",
    "ModelPackageGroupName": "model-package-group",
    "ModelPackageName": "model-package",
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "InferenceComponentName": "inference-component",
    "ModelName": "model",
    "NotebookInstanceName": "notebook-instance",
    "NotebookInstanceLifecycleConfigName": "notebook-instance-lifecycle-config",
}
# Members that hold an ARN already.
_ARNS = ("PipelineExecutionArn", "ModelPackageArn", "ResourceArn")
# Members of create requests that refer to a resource which the caller needs no right to.
_REFERENCES = {
    "CreateModelPackage": {"ModelPackageName"},
    "CreateNotebookInstance": {"LifecycleConfigName"},
    "CreateTransformJob": {"ModelName"},
}
_LISTS_OF_ONE_RESOURCE = {
    "ListPipelineExecutions",
    "ListPipelineExecutionSteps",
    "ListTags",
    "ListTrainingJobsForHyperParameterTuningJob",
}
# Condition keys and the members, anywhere in the request, that give their values.
_CONDITION_MEMBERS = {
    "sagemaker:InstanceTypes": ("InstanceType",),
    "sagemaker:VpcSubnets": ("Subnets",),
    "sagemaker:VpcSecurityGroupIds": ("SecurityGroupIds",),
    "sagemaker:VolumeKmsKey": ("VolumeKmsKeyId",),
    "sagemaker:NetworkIsolation": ("EnableNetworkIsolation",),
    "sagemaker:InterContainerTrafficEncryption": ("EnableInterContainerTrafficEncryption",),
    "sagemaker:MaxRuntimeInSeconds": ("MaxRuntimeInSeconds",),
    "sagemaker:ModelApprovalStatus": ("ModelApprovalStatus",),
    "sagemaker:KeepAlivePeriod": ("KeepAlivePeriodInSeconds",),
    "sagemaker:RootAccess": ("RootAccess",),
    "sagemaker:DirectInternetAccess": ("DirectInternetAccess",),
}


_OUTPUTS = ("OutputDataConfig", "ProcessingOutputConfig", "TransformOutput", "TrainingJobDefinition")
"""Where a request says with which key its results are encrypted."""


@dataclass(frozen=True)
class Need:
    """One permission that a request needs, with the condition keys that AWS fills in."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


def needs(service: str, operation: str, params: Params, region: str, account: str) -> Iterator[Need]:
    """Every permission that a request needs."""
    prefix = f"arn:aws:{service}:{region}:{account}:"
    context = _context(params)
    action = f"{service}:{operation}"
    if service == "sagemaker":
        resources = _resources(operation, params, prefix)
    else:
        resources = ["*" if operation.startswith("Describe") else f"{prefix}scalable-target/*"]
        context |= {
            "application-autoscaling:service-namespace": params.get("ServiceNamespace"),
            "application-autoscaling:scalable-dimension": params.get("ScalableDimension"),
        }
    for resource in resources:
        yield Need(action, resource, context)
    if params.get("Tags") and operation.startswith("Create"):
        yield Need(f"{service}:AddTags", resources[0], context)
    # A tuning job passes the role of its training jobs.
    passing = {**(params.get("TrainingJobDefinition") or {}), **params}
    for member in ("RoleArn", "ExecutionRoleArn", "RoleARN"):
        if role := passing.get(member):
            yield Need("iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"})


def _resources(operation: str, params: Params, prefix: str) -> list[str]:
    """The ARNs of the resources that AWS checks for this operation; "*" where it knows none."""
    if operation == "ListModelPackages" and (group := params.get("ModelPackageGroupName")):
        return [f"{prefix}model-package/{_name(group)}/*"]
    if operation.startswith("List") and operation not in _LISTS_OF_ONE_RESOURCE:
        return ["*"]
    found = [params[member] for member in _ARNS if params.get(member)]
    left_out = _REFERENCES.get(operation, set())
    for member, kind in _KINDS.items():
        if (name := params.get(member)) and member not in left_out:
            found.append(name if name.startswith("arn:") else f"{prefix}{kind}/{name}")
    if operation == "CreateModelPackage" and (group := params.get("ModelPackageGroupName")):
        found.append(f"{prefix}model-package/{_name(group)}/*")
    return found or ["*"]


def _name(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]


def _context(params: Params) -> dict[str, Any]:
    """The condition keys of a request."""
    context: dict[str, Any] = {}
    for key, members in _CONDITION_MEMBERS.items():
        values = [value for member in members for value in _find(params, member)]
        if values:
            context[key] = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    if output_key := next(_find([params.get(member) for member in _OUTPUTS], "KmsKeyId"), None):
        context["sagemaker:OutputKmsKey"] = [output_key]
    for tag in params.get("Tags") or []:
        context[f"aws:RequestTag/{tag['Key']}"] = tag["Value"]
    if params.get("Tags"):
        context["aws:TagKeys"] = [tag["Key"] for tag in params["Tags"]]
    return context


def _find(value: Any, member: str) -> Iterator[Any]:
    """Every value of this member, however deep; lists are taken apart."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == member:
                yield from item if isinstance(item, list) else [item]
            else:
                yield from _find(item, member)
    elif isinstance(value, list):
        for item in value:
            yield from _find(item, member)
