"""Names and addresses that a user gives, each with the shape that AWS asks for."""

import functools
import re
from typing import Any

from declaration.errors import Refusal, closest
from declaration.rules import Matching, Rule


class Slug(Matching):
    """A name that every AWS service takes as part of its names."""

    def __init__(self) -> None:
        allowed = "1 to 31 lower-case letters, digits and hyphens, first a letter and last no hyphen"
        super().__init__(r"[a-z]([a-z0-9-]{0,29}[a-z0-9])?", allowed)

    def likely(self, given: str) -> str | None:
        """The given name with what does not fit replaced by hyphens."""
        slug = re.sub(r"[^a-z0-9]+", "-", given.lower()).lstrip("-0123456789")[:31].rstrip("-")
        return f"did you mean {slug!r}" if slug else None


class ColumnName(Matching):
    """The name of a column, as it stands in the header of the files.

    Column names travel as container arguments of at most 256 characters:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AppSpecification.html
    """

    def __init__(self) -> None:
        allowed = "a column name of 1 to 256 characters on one line that does not start with '-'"
        super().__init__(r"(?!-)(?=.*\S)[^\x00-\x1f\x7f]{1,256}", allowed)

    def likely(self, given: str) -> str | None:  # noqa: ARG002
        """Where the name can be found."""
        return "copy the name from the header of the file"


class Region(Rule):
    """A region that has SageMaker, as far as botocore knows."""

    @property
    def text(self) -> str:
        """What a region is."""
        return "an AWS region with SageMaker, such as us-east-1 or eu-central-1"

    def check(self, value: Any) -> str:
        """The region itself; raises Refusal."""
        if value in _regions():
            return str(value)
        match = closest(value, _regions())
        raise Refusal(f"it must be {self.text}", f"did you mean {match!r}" if match else None)


@functools.cache
def _regions() -> frozenset[str]:
    # Read only when a declaration names a region: importing botocore costs more than the whole declaration.
    from botocore.session import Session

    session = Session()
    partitions = session.get_available_partitions()
    return frozenset(
        region for name in partitions for region in session.get_available_regions("sagemaker", name)
    )
