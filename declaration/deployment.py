"""How a model that passed its gates goes into service."""

from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from declaration.durations import DurationRange, seconds
from declaration.value import declared

# The statuses in which a model package is registered.
Status = Literal["Approved", "PendingManualApproval"]


@declared
class OnApproval:
    """Deploy once people approved: by `sageloop approve`, in the console or by a link in the message.

    With `people=2` two different ones have to. With `link_valid` ("3 days") every message about a new model
    holds a signed link, which works once and that long; whoever has the message may then approve.
    """

    _: KW_ONLY
    people: Literal[1, 2] = 1
    link_valid: Annotated[
        Annotated[str | timedelta, DurationRange("1 h", "7 days")] | None, Field(examples=["'3 days'"])
    ] = None

    status: ClassVar[Status] = "PendingManualApproval"

    @property
    def link_seconds(self) -> int | None:
        """How long a link is valid; None if there are none."""
        return None if self.link_valid is None else seconds(self.link_valid)

    @property
    def recorded(self) -> bool:
        """Whether who approved is recorded by an API of the project: for two people, and for links."""
        return self.people > 1 or self.link_valid is not None


@declared
class OnGate:
    """Deploy every model that passed its gates, without asking anybody."""

    status: ClassVar[Status] = "Approved"
    people: ClassVar[Literal[0]] = 0
    link_seconds: ClassVar[None] = None
    recorded: ClassVar[bool] = False


Deployment = OnApproval | OnGate
