"""Where people explore the data."""

from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from declaration.durations import DurationRange, seconds
from declaration.instances import InstanceType
from declaration.value import declared


@declared
class Workbench:
    """A notebook instance in the network, without direct internet, that stops itself after `idle_stop`."""

    _: KW_ONLY
    instance: Annotated[str, InstanceType("notebook")] = "ml.t3.medium"
    volume_gb: Annotated[int, Field(ge=5, le=16_384)] = 20
    idle_stop: Annotated[str | timedelta, DurationRange("10 min", "7 days")] = timedelta(hours=1)

    @property
    def idle_stop_seconds(self) -> int:
        """The idle time after which the instance stops."""
        return seconds(self.idle_stop)
