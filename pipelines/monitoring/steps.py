"""The one step of a look: an isolated job, since starting an instance takes longer than all that it computes.

What it finds is no failure of the step, so that nothing follows it: the function that starts the pipeline
reads the findings.
"""

from typing import Any

from declaration import Project
from pipelines import requests
from pipelines.monitoring.bindings import MonitoringBindings
from pipelines.sdk import Join, ParameterString, RequestStep

# The folder of a look, without a slash, and those of what the model is known by, with one.
WINDOW, BASELINE, QUALITY = "Window", "Baseline", "Quality"
# Lists of objects in that folder: captured calls, labels, and what earlier looks have written.
MANIFESTS = ("traffic", "labels", "earlier")


def parameters() -> list[ParameterString]:
    """What every execution has to be started with: there is no window without a time."""
    return [ParameterString(name) for name in (WINDOW, BASELINE, QUALITY)]


def watch(project: Project, bindings: MonitoringBindings) -> RequestStep:
    """Compare the captured calls of a window with the training rows, and the answers with the truth."""
    window, baseline, quality = parameters()
    inputs: dict[str, Any] = {name: _below(window, f"{name}.manifest") for name in MANIFESTS}
    inputs |= {"window": _below(window, "window.json"), "baseline": baseline, "quality": quality}
    if bindings.code_uri:
        inputs["code"] = bindings.code_uri
    data = project.data
    request = requests.processing(
        requests.Job(
            image_uri=bindings.image_uri,
            role_arn=bindings.role_arn,
            instance=data.instance,
            volume_gb=data.volume_gb,
            kms_key_arn=bindings.kms_key_arn,
            subnets=bindings.subnets,
            security_groups=bindings.security_groups,
        ),
        program="watch",
        arguments=["--project", project.name, "--problem", data.problem, "--target", data.target],
        inputs=inputs,
        outputs={"report": _below(window, "report")},
        manifests=MANIFESTS,
    )
    return RequestStep("Watch", "Processing", request)


def _below(window: ParameterString, name: str) -> Any:
    return Join(on="/", values=[window, name])
