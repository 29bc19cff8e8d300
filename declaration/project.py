"""A project: everything that one model needs, from its data to its endpoint."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from declaration import fitting, measured
from declaration.algorithms import Algorithm, Forecast, XGBoost
from declaration.batch import Batch
from declaration.capacity import Capacity
from declaration.code import Code, code
from declaration.data import Data
from declaration.endpoint import Endpoint
from declaration.errors import Problem
from declaration.explain import shown
from declaration.files import declaring_folder
from declaration.gate import Gate
from declaration.names import Region, Slug
from declaration.queued import Async
from declaration.ranges import Range
from declaration.retraining import Every, OnNewData, Trigger
from declaration.rules import Matching
from declaration.serverless import Serverless
from declaration.tuning import MAX_TRIALS, Tuning
from declaration.value import declared
from declaration.workbench import Workbench

# Better than guessing, a forecast better than zero; multiclass and ranking: whatever comes, then better
# than the champion.
_DEFAULT_GATES = {
    "binary": Gate("auc", at_least=0.5),
    "multiclass": Gate("f1_macro", at_least=0.0),
    "regression": Gate("r2", at_least=0.0),
    "ranking": Gate("ndcg", at_least=0.0),
    "forecast": Gate("wape", at_most=1.0),
}
_DEFAULT_ALGORITHM = XGBoost()

Train = Annotated[Algorithm, BeforeValidator(fitting.no_rollout)]
Served = Endpoint | Serverless | Async | Batch
Trials = Annotated[int, Field(ge=1, le=MAX_TRIALS)]
Gates = Annotated[Sequence[Gate], AfterValidator(tuple)]
Name = Annotated[str, Slug()]
Account = Annotated[str, Matching(r"\d{12}", "an AWS account id of 12 digits, as a text")]
Email = Annotated[str, Matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]


@declared
class Project:
    """One model from its data to its endpoint; a name and the data are enough, everything else has a default.

    `tune` is a number of trials or a Tuning. A model has to pass every gate; the first compares it with the
    reigning model. `network` and `key` name what several projects share. `notify` gets the alarms by e-mail.
    With `retain` the buckets, the key and the registered models outlive a deleted stack.
    """

    name: Annotated[Name, Field(examples=["'flights'"])]
    _: KW_ONLY
    data: Annotated[Data, Field(examples=["Data(target='late')"])]
    train: Annotated[Train, Field(examples=["XGBoost()"])] = _DEFAULT_ALGORITHM
    tune: Annotated[Trials | Tuning | None, Field(examples=["30"])] = None
    gate: Annotated[Gate | Gates, Field(examples=['Gate("auc", at_least=0.7)'])] = _DEFAULT_GATES["binary"]
    endpoint: Annotated[Served | None, Field(examples=["Endpoint(calls_per_minute=3_000)"])] = None
    retrain: Annotated[Sequence[Trigger], AfterValidator(tuple), Field(examples=["[OnNewData()]"])] = ()
    workbench: Annotated[Workbench | None, Field(examples=["Workbench()"])] = None
    network: Annotated[Name | None, Field(examples=["'shared'"])] = None
    key: Annotated[Name | None, Field(examples=["'shared'"])] = None
    region: Annotated[Annotated[str, Region()] | None, Field(examples=["'us-east-1'"])] = None
    account: Annotated[Account | None, Field(examples=["'123456789012'"])] = None
    notify: Annotated[Email | None, Field(examples=["'team@example.com'"])] = None
    retain: bool = True

    def __post_init__(self) -> None:
        # These defaults depend on the problem, so they are settled once it is known.
        if self.gate is _DEFAULT_GATES["binary"]:
            object.__setattr__(self, "gate", _DEFAULT_GATES[self.data.problem])
        if self.train is _DEFAULT_ALGORITHM and self.data.problem == "forecast":
            object.__setattr__(self, "train", Forecast())
        # No field: where the project is declared is no part of what it is.
        object.__setattr__(self, "_folder", declaring_folder())

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates; the first compares the new model with the reigning one."""
        return (self.gate,) if isinstance(self.gate, Gate) else tuple(self.gate)

    @property
    def tuning(self) -> Tuning | None:
        """The tuning, if there is one."""
        return Tuning(self.tune) if isinstance(self.tune, int) else self.tune

    @property
    def ranges(self) -> Mapping[str, Range]:
        """What tuning varies: the declared ranges, or else the algorithm's own; nothing without tuning."""
        return self.tuning.ranges or self.train.ranges if self.tuning else {}

    @property
    def code(self) -> Code | None:
        """The user's functions and the files in which they travel."""
        metrics = [gate.function for gate in self.gates if gate.function]
        return code(self.data.prepare, metrics, self.endpoint.predict if self.endpoint else None)

    @property
    def measured(self) -> measured.Measured | None:
        """What a load test of this project found out, from the file beside app.py."""
        folder: Path = vars(self)["_folder"]
        return measured.read(measured.file_of(folder, self.name))

    @property
    def capacity(self) -> Capacity | None:
        """The instances of the endpoint, by what was measured; None for what has no instances to count."""
        return self.endpoint.capacity_by(self.measured) if isinstance(self.endpoint, Endpoint) else None

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
        yield from fitting.algorithm(where, self.data, self.train)
        yield from fitting.gates(where, self.data, self.gate)
        yield from fitting.modules(where, self.code)
        yield from fitting.tuning(where, self.train, self.tuning)
        if self.endpoint:
            yield from fitting.prediction(where, self.train, self.endpoint.predict)
        if isinstance(self.endpoint, Endpoint) and not self.endpoint.calls_per_instance:
            yield from self.endpoint.load_problems(f"{where}, endpoint.", self.measured)
        if sum(isinstance(trigger, OnNewData) for trigger in self.retrain) > 1:
            rule = "a project waits for new data in one way, so only one OnNewData is allowed"
            yield Problem(f"{where}, retrain", shown(self.retrain), rule, "keep one of them")
        if len(set(self.schedules)) < len(self.schedules):
            rule = "each schedule may stand once"
            yield Problem(f"{where}, retrain", shown(self.schedules), rule, "remove the repeated one")
