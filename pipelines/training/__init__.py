"""The training pipeline of a project: from uploaded files to a model that is registered or refused."""

from declaration import Project
from declaration.builtin import BuiltIn
from pipelines.sdk import compiled
from pipelines.training import foreign, own, untabled
from pipelines.training.bindings import TrainingBindings
from pipelines.training.context import Context
from pipelines.training.parameters import APPROVAL_STATUSES, Parameters

__all__ = ["APPROVAL_STATUSES", "TrainingBindings", "definition"]


def definition(project: Project, bindings: TrainingBindings) -> str:
    """The definition of the pipeline `<project>-training` as JSON text, the same for the same input."""
    parameters = Parameters(project, bindings)
    context = Context(project, bindings, parameters)
    if project.train.family == "own":
        steps = own.steps(context)
    elif isinstance(project.train, BuiltIn) and not project.train.reads_tables:
        steps = untabled.steps(context, project.train)
    else:
        steps = foreign.steps(context)
    return compiled(f"{project.name}-training", bindings.region, parameters.all, steps)
