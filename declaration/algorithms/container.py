"""A user's own image."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from declaration.algorithms.foreign import Foreign
from declaration.errors import Problem
from declaration.value import declared


@declared
class Container(Foreign):
    """Any program in any language: an image that trains by `train` and serves by `serve`.

    `source` is a folder with a Dockerfile, as a path from the folder of app.py or from where it runs.
    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms.html
    """

    family: ClassVar[Literal["container"]] = "container"

    source: Annotated[str, Field(examples=["'container'"])]

    def problems(self) -> Iterator[Problem]:
        """Hardware and hyperparameters, and a folder that is not there."""
        yield from super().problems()
        if self.path.name == "Dockerfile":
            rule = "it must be the folder of the Dockerfile, all of which is built"
            yield Problem("Container, source", repr(self.path.name), rule, "leave the file's name out")
        elif not (self.path / "Dockerfile").is_file():
            rule = f"there is no Dockerfile in {self.path}"
            fix = "write the folder's path from the folder of app.py"
            yield Problem("Container, source", repr(self.path.name), rule, fix)
