"""A project: everything that one model needs, from its data to its endpoint."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from declaration import fitting, measured, relearning
from declaration.algorithms import Algorithm, Forecast, XGBoost
from declaration.batch import Batch
from declaration.capacity import Capacity
from declaration.code import Code, code
from declaration.data import Data
from declaration.deployment import Deployment, OnApproval
from declaration.endpoint import Endpoint
from declaration.errors import Problem
from declaration.files import declaring_folder
from declaration.gate import Gate
from declaration.names import Region, Slug
from declaration.notify import Notified, Notify, Webhook
from declaration.queued import Async
from declaration.ranges import Range
from declaration.rules import Matching
from declaration.serverless import Serverless
from declaration.triggers import Every, Kind, Least, OnNewData, Trigger
from declaration.tuning import MAX_TRIALS, Tuning
from declaration.value import declared
from declaration.watching import FALSE_ALARMS_PER_YEAR, OnDrift, OnQuality, looks_per_year
from declaration.window import Everything, LearnFrom
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


@declared
class Project:
    """One model from its data to its endpoint; a name and the data are enough, everything else has a default.

    `tune` is a number of trials or a Tuning. A model has to pass every gate; the first compares it with the
    reigning model. `learn_from` says which rows are trained on, `deploy` who lets a new model into service.
    `notify` is an e-mail address, a Webhook or a list of them: who is told what happened and what to do.
    `network` and `key` name what several projects share. With `retain` buckets, key and registered models
    outlive a deleted stack.
    """

    name: Annotated[Name, Field(examples=["'flights'"])]
    _: KW_ONLY
    data: Annotated[Data, Field(examples=["Data(target='late')"])]
    train: Annotated[Train, Field(examples=["XGBoost()"])] = _DEFAULT_ALGORITHM
    tune: Annotated[Trials | Tuning | None, Field(examples=["30"])] = None
    gate: Annotated[Gate | Gates, Field(examples=['Gate("auc", at_least=0.7)'])] = _DEFAULT_GATES["binary"]
    endpoint: Annotated[Served | None, Field(examples=["Endpoint(calls_per_minute=3_000)"])] = None
    retrain: Annotated[Sequence[Trigger], AfterValidator(tuple), Field(examples=["[OnNewData()]"])] = ()
    learn_from: Annotated[LearnFrom, Field(examples=["Last('12 months')"])] = Everything()
    deploy: Annotated[Deployment, Field(examples=["OnGate()"])] = OnApproval()
    workbench: Annotated[Workbench | None, Field(examples=["Workbench()"])] = None
    network: Annotated[Name | None, Field(examples=["'shared'"])] = None
    key: Annotated[Name | None, Field(examples=["'shared'"])] = None
    region: Annotated[Annotated[str, Region()] | None, Field(examples=["'us-east-1'"])] = None
    account: Annotated[Account | None, Field(examples=["'123456789012'"])] = None
    notify: Annotated[Notify | None, Field(examples=["'team@example.com'"])] = None
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
        judged: list[Gate | OnQuality] = [*self.gates, *([self.on_quality] if self.on_quality else [])]
        metrics = [function for function in dict.fromkeys(each.function for each in judged) if function]
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
    def on_drift(self) -> OnDrift | None:
        """The trigger on changed calls, if there is one."""
        return next((trigger for trigger in self.retrain if isinstance(trigger, OnDrift)), None)

    @property
    def on_quality(self) -> OnQuality | None:
        """The trigger on worse answers, if there is one."""
        return next((trigger for trigger in self.retrain if isinstance(trigger, OnQuality)), None)

    @property
    def schedules(self) -> tuple[Every, ...]:
        """The triggers by time."""
        return tuple(trigger for trigger in self.retrain if isinstance(trigger, Every))

    @property
    def least(self) -> Least:
        """How much has to be new before new data starts a training; nothing, unless it is declared."""
        return self.on_new_data.least if self.on_new_data else Least()

    @property
    def cooldowns(self) -> Mapping[Kind, int]:
        """For each kind of request the least seconds between the last start and one for it.

        Files that are replayed wait as files that arrive; what a person asks for waits for nothing.
        """
        data = self.on_new_data.cooldown_seconds if self.on_new_data else 0
        cooldowns: dict[Kind, int] = {
            "data": data,
            "schedule": max((each.cooldown_seconds for each in self.schedules), default=0),
            "drift": self.on_drift.cooldown_seconds if self.on_drift else 0,
            "quality": self.on_quality.cooldown_seconds if self.on_quality else 0,
            "manual": 0,
            "replay": data,
        }
        return MappingProxyType(cooldowns)

    @property
    def watched(self) -> bool:
        """Whether calls are looked at, by a pipeline of their own."""
        return self.look_seconds is not None

    @property
    def look_seconds(self) -> int | None:
        """The time between two looks at the calls; None where nothing is watched."""
        watching = self.on_drift or self.on_quality
        return watching.look_seconds if watching else None

    @property
    def looks_per_year(self) -> float:
        """How many looks a year has; 0 where nothing is watched."""
        return looks_per_year(self.look_seconds) if self.look_seconds else 0.0

    @property
    def false_alarm_share(self) -> float:
        """The chance of a false alarm that one look may take: the year's allowance over its looks."""
        a_year = self.on_drift.false_alarms_per_year if self.on_drift else FALSE_ALARMS_PER_YEAR
        return a_year / self.looks_per_year if self.watched else 0.0

    @property
    def quality_bound(self) -> Gate | None:
        """What the answers are judged by once labels arrive: metric, bound and confidence."""
        return self.on_quality.bound(self.gates) if self.on_quality else None

    @property
    def receivers(self) -> tuple[Notified, ...]:
        """Everybody who is told."""
        if self.notify is None:
            return ()
        return (self.notify,) if isinstance(self.notify, str | Webhook) else tuple(self.notify)

    @property
    def emails(self) -> tuple[str, ...]:
        """The addresses that get e-mail."""
        return tuple(each for each in self.receivers if isinstance(each, str))

    @property
    def webhooks(self) -> tuple[str, ...]:
        """The names of the secrets that hold the addresses of chats."""
        return tuple(each.secret for each in self.receivers if isinstance(each, Webhook))

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
        retrain = f"{where}, retrain"
        yield from relearning.triggers(retrain, self.data, self.train, self.retrain)
        yield from relearning.watching(retrain, self.data, self.train, self.endpoint, self.retrain)
        yield from relearning.quality(retrain, self.data, self.gates, self.retrain)
        yield from relearning.looks(retrain, self.on_drift, self.on_quality)
        yield from relearning.learnt_from(
            f"{where}, learn_from", self.data, self.train, tuned=self.tune is not None, given=self.learn_from
        )
        yield from relearning.deployed(where, self.deploy, self.receivers)
