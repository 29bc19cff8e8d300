"""What the algorithms that run in our own image have in common."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, get_args, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from declaration.algorithms.hardware import FIELDS, Hardware
from declaration.errors import Problem, closest
from declaration.explain import allowed, shown
from declaration.ranges import Categorical, Continuous, Range

Program = Literal["xgboost", "lightgbm", "linear", "forest", "mlp", "forecast"]
Value = str | int | float | bool

Share = Annotated[float, Field(gt=0, le=1)]
Rounds = Annotated[int, Field(ge=1, le=100_000)]
Penalty = Annotated[float, Field(ge=0, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2_147_483_647)]


@dataclass(frozen=True, kw_only=True)
class Learner(Hardware):
    """An algorithm of our image: `program` names it there, and its other fields are its hyperparameters."""

    family: ClassVar[Literal["own"]] = "own"
    program: ClassVar[Program]
    resumes: ClassVar[bool] = False
    # Our image trains in one container.
    distributed: ClassVar[bool] = False
    # Hyperparameters that say what is learnt rather than how: tuning leaves them alone.
    settled: ClassVar[frozenset[str]] = frozenset({"seed"})
    # What other libraries call its fields, so that a message can say what is meant.
    aliases: ClassVar[Mapping[str, str]] = {}

    @property
    def checkpoints(self) -> bool:
        """Whether an interrupted training goes on where it was."""
        return self.resumes

    @property
    def hyperparameters(self) -> dict[str, Value]:
        """The hyperparameters by the library's own names, without anything of the data."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in FIELDS}

    def range_problems(self, where: str, ranges: Mapping[str, Range]) -> Iterator[Problem]:
        """Ranges of hyperparameters that are not there, or with values that they do not take."""
        name = type(self).__name__
        tunable = [each for each in self.hyperparameters if each not in self.settled]
        hints = get_type_hints(type(self), include_extras=True)
        for tuned, values in ranges.items():
            if tuned in tunable:
                yield from _outside(f"{where}[{tuned!r}]", hints[tuned], values)
                continue
            rule = f"tuning varies the hyperparameters of {name}: {', '.join(tunable)}"
            match = closest(tuned, tunable)
            yield Problem(f"{where}", repr(tuned), rule, f"did you mean {match}" if match else "leave it out")


def _outside(where: str, hint: Any, values: Range) -> Iterator[Problem]:
    """The first value of a range that a hyperparameter does not take."""
    whole = get_args(hint)[0] is int
    if whole and isinstance(values, Continuous):
        fix = f"write Integer({math.ceil(values.low)}, {math.floor(values.high)})"
        yield Problem(where, shown(values), f"it must be {allowed(hint)}", fix)
        return
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    for value in values.values if isinstance(values, Categorical) else (values.low, values.high):
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError:
            yield Problem(where, shown(value), f"it must be {allowed(hint)}", "narrow the range")
            return
