"""A project: everything that one model needs, from its data to its endpoint."""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY
from typing import Annotated

from pydantic import AfterValidator, Field

from declaration.algorithms import XGBoost
from declaration.data import Data
from declaration.endpoint import Endpoint, Serverless
from declaration.errors import Problem, one_of
from declaration.explain import shown
from declaration.gate import Gate
from declaration.metrics import metrics_for
from declaration.names import Region, Slug
from declaration.retraining import Every, OnNewData, Trigger
from declaration.rules import Matching
from declaration.value import declared
from declaration.workbench import Workbench

# Better than guessing (multiclass: whatever comes, then better than the champion).
_DEFAULT_GATES = {
    "binary": Gate("auc", at_least=0.5),
    "multiclass": Gate("f1_macro", at_least=0.0),
    "regression": Gate("r2", at_least=0.0),
}

Name = Annotated[str, Slug()]
Account = Annotated[str, Matching(r"\d{12}", "an AWS account id of 12 digits, as a text")]
Email = Annotated[str, Matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]


@declared
class Project:
    """One model from its data to its endpoint; a name and the data are enough, everything else has a default.

    `network` and `key` name what several projects share. `notify` gets the alarms by e-mail. With `retain`
    the buckets, the key and the registered models outlive a deleted stack.
    """

    name: Annotated[Name, Field(examples=["'flights'"])]
    _: KW_ONLY
    data: Annotated[Data, Field(examples=["Data(target='late')"])]
    train: Annotated[XGBoost, Field(examples=["XGBoost()"])] = XGBoost()
    gate: Annotated[Gate, Field(examples=['Gate("auc", at_least=0.7)'])] = _DEFAULT_GATES["binary"]
    endpoint: Annotated[
        Endpoint | Serverless | None, Field(examples=["Endpoint(calls_per_minute=3_000)"])
    ] = None
    retrain: Annotated[Sequence[Trigger], AfterValidator(tuple), Field(examples=["[OnNewData()]"])] = ()
    workbench: Annotated[Workbench | None, Field(examples=["Workbench()"])] = None
    network: Annotated[Name | None, Field(examples=["'shared'"])] = None
    key: Annotated[Name | None, Field(examples=["'shared'"])] = None
    region: Annotated[Annotated[str, Region()] | None, Field(examples=["'us-east-1'"])] = None
    account: Annotated[Account | None, Field(examples=["'123456789012'"])] = None
    notify: Annotated[Email | None, Field(examples=["'team@example.com'"])] = None
    retain: bool = True

    def __post_init__(self) -> None:
        # The default depends on the problem, so it is settled once both are known.
        if self.gate is _DEFAULT_GATES["binary"]:
            object.__setattr__(self, "gate", _DEFAULT_GATES[self.data.problem])

    @property
    def on_new_data(self) -> OnNewData | None:
        """The trigger on new data, if there is one."""
        return next((trigger for trigger in self.retrain if isinstance(trigger, OnNewData)), None)

    @property
    def schedules(self) -> tuple[Every, ...]:
        """The triggers by time."""
        return tuple(trigger for trigger in self.retrain if isinstance(trigger, Every))

    def problems(self) -> Iterator[Problem]:
        """Parts that do not fit each other."""
        where = f'Project "{self.name}"'
        fitting = metrics_for(self.data.problem)
        if self.gate.metric not in fitting:
            rule = f"a {self.data.problem} problem is judged by {one_of(fitting)}"
            other = self.gate.judged_by.problems[0]
            fix = f'write Data(..., problem="{other}") or choose one of these metrics'
            yield Problem(f"{where}, gate.metric", repr(self.gate.metric), rule, fix)
        if sum(isinstance(trigger, OnNewData) for trigger in self.retrain) > 1:
            rule = "a project waits for new data in one way, so only one OnNewData is allowed"
            yield Problem(f"{where}, retrain", shown(self.retrain), rule, "keep one of them")
        if len(set(self.schedules)) < len(self.schedules):
            rule = "each schedule may stand once"
            yield Problem(f"{where}, retrain", shown(self.schedules), rule, "remove the repeated one")
