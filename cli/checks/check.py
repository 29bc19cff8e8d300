"""What a check has found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

State = Literal["ok", "warning", "problem", "unknown"]


@dataclass(frozen=True)
class Check:
    """A thing looked at, what was seen, and what to do; "unknown" where it could not be looked at."""

    subject: str
    state: State
    seen: str
    advice: str = ""


def refused(subject: str, error: "ClientError") -> Check:
    """A check whose call AWS has refused: that says nothing of the thing itself."""
    code = error.response["Error"]["Code"]
    call = error.operation_name
    if "AccessDenied" in code or "UnauthorizedOperation" in code:
        return Check(subject, "unknown", f"you may not call {call}", f"Ask for the right to {call}.")
    return Check(subject, "unknown", f"this AWS does not answer {call} ({code})")
