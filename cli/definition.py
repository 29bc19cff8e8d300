"""The definition of a deployed pipeline, as far as the commands need it: parameters, steps and their order.

https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

_BRANCHES = ("IfSteps", "ElseSteps")
_REFERENCE = re.compile(r"(?P<kind>Parameters|Steps)\.(?P<name>[\w-]+)")


@dataclass(frozen=True)
class Step:
    """A step; `condition` is the Condition step in whose branch it lies.

    `needs` are the steps whose results it reads, or after which it runs, and `parameters` those it reads.
    """

    name: str
    type: str
    arguments: Mapping[str, Any]
    condition: str | None
    needs: frozenset[str]
    parameters: frozenset[str]


@dataclass(frozen=True)
class Definition:
    """Defaults of the parameters, and the steps in the order in which they are written."""

    pipeline: str
    role_arn: str
    parameters: Mapping[str, str]
    steps: Mapping[str, Step]

    def beginning(self, name: str) -> str:
        """Where a run from this step begins: at its Condition, unless that has surely gone this way before.

        It has where the step needs another one of the same branch, whose result is taken from an earlier run.
        """
        condition = self.steps[name].condition
        if condition is None or any(
            self.steps[each].condition == condition for each in self.steps[name].needs
        ):
            return name
        return self.beginning(condition)

    def from_step(self, name: str) -> list[str]:
        """The step and all that comes after it, in both branches of every Condition."""
        found = {name}
        while more := {each.name for each in self.steps.values() if self._before(each) & found} - found:
            found |= more
        return [each for each in self.steps if each in found]

    def needed(self, selected: Sequence[str]) -> list[str]:
        """The steps that are not selected, but whose results the selected ones read."""
        wanted = {name for each in selected for name in self._before(self.steps[each])}
        return [each for each in self.steps if each in wanted - set(selected)]

    def tuned(self) -> dict[str, str]:
        """The hyperparameters that a tuning step looks for, and between what."""
        return {
            name: words
            for step in self.steps.values()
            if step.type == "Tuning"
            for name, words in _ranges(step.arguments["HyperParameterTuningJobConfig"])
        }

    def _before(self, step: Step) -> Set[str]:
        return step.needs | {step.condition} if step.condition else step.needs


def deployed(session: "boto3.Session", pipeline: str) -> Definition:
    """The newest definition of a pipeline."""
    answer = session.client("sagemaker").describe_pipeline(PipelineName=pipeline)
    return parse(pipeline, answer["RoleArn"], answer["PipelineDefinition"])


def parse(pipeline: str, role_arn: str, text: str) -> Definition:
    """A definition out of its JSON text."""
    document = json.loads(text)
    steps = {step.name: step for step in _steps(document["Steps"], None)}
    defaults = {each["Name"]: str(each.get("DefaultValue", "")) for each in document.get("Parameters", [])}
    return Definition(pipeline, role_arn, defaults, steps)


def _steps(listed: Sequence[Mapping[str, Any]], condition: str | None) -> Iterator[Step]:
    for each in listed:
        arguments = each.get("Arguments", {})
        # What the steps in the branches read is theirs, not the condition's.
        own = {name: value for name, value in arguments.items() if name not in _BRANCHES}
        references = list(_references(own))
        after = [name if isinstance(name, str) else name["Step"] for name in each.get("DependsOn", [])]
        yield Step(
            name=each["Name"],
            type=each["Type"],
            arguments=own,
            condition=condition,
            needs=frozenset(name for kind, name in references if kind == "Steps") | frozenset(after),
            parameters=frozenset(name for kind, name in references if kind == "Parameters"),
        )
        for branch in _BRANCHES if each["Type"] == "Condition" else ():
            yield from _steps(arguments.get(branch, []), each["Name"])


def _references(value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case {"Get": str(path)} if found := _REFERENCE.match(path):
            yield found["kind"], found["name"]
        case dict():
            for member in value.values():
                yield from _references(member)
        case list():
            for member in value:
                yield from _references(member)


def _ranges(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, ranges in config["ParameterRanges"].items():
        for each in ranges:
            ends = each.get("Values") or [each["MinValue"], each["MaxValue"]]
            yield each["Name"], (", " if kind.startswith("Categorical") else " to ").join(ends)
