"""The instances that a pipeline's jobs ask for, by the name of the quota that limits them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli.definition import Definition, Step


@dataclass(frozen=True)
class Demand:
    """`quota` as Service Quotas names it; `least` instances, or nothing runs, and `most` at the same time."""

    quota: str
    least: int
    most: int
    of: str


def demands(project: str, definition: Definition, endpoint_instances: int) -> list[Demand]:
    """What each job of the pipeline and the endpoint of its model need."""
    found: list[Demand] = []
    for step in definition.steps.values():
        for demand in _of_step(project, step, endpoint_instances):
            if demand not in found:
                found.append(demand)
    return found


def _of_step(project: str, step: Step, endpoint_instances: int) -> Iterator[Demand]:
    arguments, of = step.arguments, f"{project}: {step.name}"
    match step.type:
        case "Processing":
            cluster = arguments["ProcessingResources"]["ClusterConfig"]
            yield _demand(cluster, "processing job", of)
        case "Transform":
            yield _demand(arguments["TransformResources"], "transform job", of)
        case "Training":
            yield from _training(arguments, of, 1)
        case "Tuning":
            limits = arguments["HyperParameterTuningJobConfig"]["ResourceLimits"]
            yield from _training(arguments["TrainingJobDefinition"], of, limits["MaxParallelTrainingJobs"])
        case "RegisterModel":
            # Blue/green: the old and the new fleet run side by side while traffic moves.
            # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
            types = arguments["InferenceSpecification"].get("SupportedRealtimeInferenceInstanceTypes", [])
            for instance in types[:1]:
                count = max(1, endpoint_instances)
                yield Demand(f"{instance} for endpoint usage", count, 2 * count, f"{project}: endpoint")


def _training(request: Mapping[str, Any], of: str, parallel: int) -> Iterator[Demand]:
    resources = request["ResourceConfig"]
    spot = "spot training job" if request.get("EnableManagedSpotTraining") else "training job"
    yield _demand(resources, spot, of, parallel)
    if resources.get("KeepAlivePeriodInSeconds"):
        yield _demand(resources, "training warm pool", of, parallel)


def _demand(cluster: Mapping[str, Any], usage: str, of: str, parallel: int = 1) -> Demand:
    count = int(cluster["InstanceCount"])
    return Demand(f"{cluster['InstanceType']} for {usage} usage", count, count * parallel, of)
