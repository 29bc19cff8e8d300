"""The monitoring pipeline of a project: one look at what was asked of the model in service."""

from declaration import Project
from pipelines.monitoring.bindings import MonitoringBindings
from pipelines.monitoring.steps import BASELINE, QUALITY, WINDOW, parameters, watch
from pipelines.sdk import compiled

__all__ = ["BASELINE", "QUALITY", "WINDOW", "MonitoringBindings", "definition"]


def definition(project: Project, bindings: MonitoringBindings) -> str:
    """The definition of the pipeline `<project>-monitoring` as JSON text, the same for the same input."""
    step = watch(project, bindings)
    return compiled(f"{project.name}-monitoring", bindings.region, parameters(), [step])
