"""A user's own script on an AWS framework image."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from declaration.algorithms.foreign import Foreign
from declaration.errors import Problem
from declaration.value import declared

Framework = Literal["sklearn", "pytorch", "xgboost", "huggingface"]


@declared
class Script(Foreign):
    """A training script in script mode: hyperparameters are arguments, SM_CHANNEL_TRAIN holds the data.

    `source` is a path from the folder of app.py or from where it runs; all of the script's folder travels.
    What is not in it must be in the image, as a job has no network to install packages from. `version` is
    the framework's (default: the newest that the SDK knows).
    https://docs.aws.amazon.com/sagemaker/latest/dg/docker-containers-adapt-your-own.html
    """

    family: ClassVar[Literal["script"]] = "script"

    source: Annotated[str, Field(examples=["'train.py'"])]
    _: KW_ONLY
    framework: Annotated[Framework, Field(examples=["'sklearn'"])]
    version: Annotated[str | None, Field(examples=["'1.4-2'"])] = None

    def problems(self) -> Iterator[Problem]:
        """Hardware and hyperparameters, and files that are not there."""
        yield from super().problems()
        if self.path.suffix != ".py":
            rule = "script mode runs a Python file"
            yield Problem("Script, source", repr(self.path.name), rule, "write for example source='train.py'")
        elif not self.path.is_file():
            rule = f"there is no such file in {self.path.parent}"
            fix = "write its path from the folder of app.py"
            yield Problem("Script, source", repr(self.path.name), rule, fix)
        for name in self.hyperparameters:
            if len(name) == 1:
                rule = f"script mode passes a name of one letter as -{name}, not as --{name}"
                yield Problem("Script, hyperparameters", repr(name), rule, "write it out")
