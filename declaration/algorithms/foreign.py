"""What the algorithms that a user brings along have in common."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from declaration.algorithms.hardware import Hardware
from declaration.algorithms.learner import Value
from declaration.errors import Problem
from declaration.files import given_path
from declaration.mapping import FrozenMapping

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrainingSpecification.html
_MAX_HYPERPARAMETERS = 100
_MAX_NAME = 256
_MAX_VALUE = 2_500

Hyperparameters = Annotated[
    Mapping[str, Value], AfterValidator(FrozenMapping), Field(examples=['{"epochs": 10}'])
]

_NONE = FrozenMapping[Value]({})


@dataclass(frozen=True, kw_only=True)
class Foreign(Hardware):
    """A program that is not ours: what it knows of hyperparameters and checkpoints, the user says.

    `source` is a path from the folder of app.py or from where it runs.
    For tuning it prints the validation metric of the gate as our own algorithms do: `validation-auc=0.71`.
    """

    source: str = field(kw_only=False)
    hyperparameters: Hyperparameters = _NONE
    checkpoints: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", str(given_path(self.source)))

    @property
    def path(self) -> Path:
        """Where the source is."""
        return Path(self.source)

    @property
    def program(self) -> str:
        """The name of its file or folder."""
        return self.path.name

    def problems(self) -> Iterator[Problem]:
        """Hardware that contradicts itself, and hyperparameters that a training job does not take."""
        yield from super().problems()
        where = f"{type(self).__name__}, hyperparameters"
        if len(self.hyperparameters) > _MAX_HYPERPARAMETERS:
            rule = f"a training job takes at most {_MAX_HYPERPARAMETERS}"
            yield Problem(where, f"{len(self.hyperparameters)} of them", rule, "put some into the program")
        for name, value in self.hyperparameters.items():
            if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9_-]{{0,{_MAX_NAME - 1}}}", name):
                rule = "a name starts with a letter, then letters, digits, '_' and '-'"
                yield Problem(where, repr(name), rule, "rename it")
            elif name.startswith("sagemaker_"):
                rule = "SageMaker's own settings start with sagemaker_"
                yield Problem(where, repr(name), rule, "rename it")
            if len(str(value)) > _MAX_VALUE:
                rule = f"a value has at most {_MAX_VALUE:,} characters"
                yield Problem(f"{where}[{name!r}]", f"{len(str(value)):,} characters", rule, "shorten it")
