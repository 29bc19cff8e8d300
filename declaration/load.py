"""What every way to serve is told: the load, the instances that carry it, and the user's own function."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from declaration.code import Function
from declaration.instances import InstanceType

Load = Annotated[int, Field(ge=1, le=100_000_000, examples=["3_000"])]
CallsPerInstance = Annotated[int, Field(ge=2, le=10_000_000)]
InstanceCount = Annotated[int, Field(ge=1, le=1_000)]
Serving = Annotated[str, InstanceType("endpoint")]
# Called with the model and the rows of a request, it answers one value for each row.
Predict = Annotated[
    Annotated[Callable[..., Any], Function("model", "rows")] | None, Field(examples=["answers.predict"])
]
