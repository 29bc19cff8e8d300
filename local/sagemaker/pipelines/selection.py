"""Selective execution: some steps of a pipeline run, the others lend their results from an earlier execution.

docs.aws.amazon.com/sagemaker/latest/dg/pipelines-selective-ex.html
"""

from collections.abc import Iterable, Mapping, Set

from local.errors import ResourceNotFound, ValidationException
from local.sagemaker.context import Context
from local.sagemaker.pipelines.catalog import PIPELINE
from local.sagemaker.pipelines.definition import Definition
from local.sagemaker.pipelines.journal import EXECUTION, Journal
from local.sagemaker.store import Record


def selected(execution: Record) -> Set[str] | None:
    """The names of the steps that an execution runs; None if it runs all."""
    config = execution.get("SelectiveExecutionConfig")
    return {step["StepName"] for step in config["SelectedSteps"]} if config else None


def check(definition: Definition, names: Set[str]) -> list[str]:
    """The steps whose results the selected ones need; ValidationException for a selection with gaps."""
    steps = definition.steps
    if unknown := sorted(names - set(steps)):
        raise ValidationException(
            f"Invalid SelectedSteps: the pipeline has no steps {_list(unknown)}, only {_list(steps)}."
        )
    needs = {name: set(step.dependencies) for name, step in steps.items()}
    followers = {name: {other for other in steps if name in needs[other]} for name in steps}
    between = _reached(names, needs) & _reached(names, followers)
    if between:
        raise ValidationException(
            "Invalid SelectedSteps: all steps in all paths between two selected steps should be included, "
            f"but {_list(name for name in steps if name in between)} are missing."
        )
    return [name for name in steps if name not in names and followers[name] & names]


def borrowed(
    context: Context, pipeline: str, definition: Definition, config: Mapping[str, object]
) -> dict[str, Record]:
    """The records, out of the source execution, of the steps that a selective execution needs.

    ValidationException where there is no such execution, or where it has no results to lend.
    """
    chosen = selected({"SelectiveExecutionConfig": config}) or set()
    needed = check(definition, chosen)
    source = config.get("SourcePipelineExecutionArn")
    names = _list(name for name in definition.steps if name in chosen)
    if source is None:
        if needed:
            raise ValidationException(
                f"Invalid SourcePipelineExecutionArn: null. The selected steps {names} have dependencies on "
                f"{_list(needed)}"
            )
        return {}
    lent = _done(context, pipeline, str(source))
    if missing := [name for name in needed if name not in lent]:
        raise ValidationException(
            f"Invalid SourcePipelineExecutionArn: {source}. The selected steps {names} have dependencies on "
            f"{_list(missing)}, which did not succeed in it."
        )
    branches = {name: lent[name]["Branch"] for name in needed if "Branch" in lent[name]}
    parents = {name: definition.steps[name].parent or ("", "") for name in definition.steps if name in chosen}
    skipped = [name for name, (parent, branch) in parents.items() if branches.get(parent, branch) != branch]
    if skipped:
        raise ValidationException(
            f"Invalid SelectedSteps: {_list(skipped)} are in a branch that {source} did not take; select "
            "their condition too."
        )
    result = {"SelectiveExecutionResult": {"SourcePipelineExecutionArn": source}}
    return {name: {**lent[name], **result} for name in needed}


def _done(context: Context, pipeline: str, source: str) -> dict[str, Record]:
    """The steps that have succeeded in the source execution."""
    key = context.name(PIPELINE, source).replace("/execution/", "/")
    missing = ResourceNotFound(f"Pipeline execution '{source}' does not exist.")
    execution = context.find(EXECUTION, key, missing)
    if not key.startswith(f"{pipeline}/"):
        raise ValidationException(
            f"Invalid SourcePipelineExecutionArn: {source} is not an execution of pipeline {pipeline}."
        )
    if (status := execution["PipelineExecutionStatus"]) not in ("Succeeded", "Failed"):
        raise ValidationException(
            f"Invalid SourcePipelineExecutionArn: {source} is {status}; it must have succeeded or failed."
        )
    steps = Journal(context, key).steps()
    return {name: step for name, step in steps.items() if step["StepStatus"] == "Succeeded"}


def _reached(names: Set[str], edges: Mapping[str, Set[str]]) -> set[str]:
    """The other steps that can be reached from these."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        for step in edges[waiting.pop()] - found - names:
            found.add(step)
            waiting.append(step)
    return found


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"
