"""What to do next about the serving stack: a pure function of stack, registry and last failure."""

from collections.abc import Sequence
from dataclasses import dataclass

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}

PROMOTION = "promote-"


class Stuck(Exception):
    """The stack takes no update until a person repairs it."""


@dataclass(frozen=True)
class Package:
    """An approved model package; `approved_at` is the epoch second of its latest approval."""

    arn: str
    version: int
    approved_at: int

    @property
    def token(self) -> str:
        """Names the update that deploys this approval: the same for a retry, another when approved anew."""
        return f"{PROMOTION}{self.version}-{self.approved_at}"


@dataclass(frozen=True)
class Stack:
    """The serving stack: its status and the model package that it serves (empty before the first)."""

    status: str
    package_arn: str

    @property
    def in_progress(self) -> bool:
        """True while CloudFormation works on it; an event tells the end."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def rolled_back(self) -> bool:
        """True when its last update failed and was undone."""
        return self.status == "UPDATE_ROLLBACK_COMPLETE"


@dataclass(frozen=True)
class Failure:
    """The update that was rolled back: the token that it was asked for with, and its first error."""

    token: str
    reason: str

    @property
    def of_promotion(self) -> bool:
        """Whether it was we who asked for it, now or before the package was rejected."""
        return self.token.startswith(PROMOTION)


@dataclass(frozen=True)
class Nothing:
    """The newest approved package serves, or an event that must come will cause the next look."""


@dataclass(frozen=True)
class Deploy:
    """Update the stack to this package."""

    package: Package


@dataclass(frozen=True)
class Reject:
    """Mark this package rejected: its deployment was rolled back."""

    package: Package
    reason: str


Decision = Nothing | Deploy | Reject


def decide(stack: Stack, approved: Sequence[Package], failure: Failure | None) -> Decision:
    """The one next thing to do; `failure` is that of the stack's last update, if it was rolled back."""
    if stack.in_progress:
        return Nothing()
    if stack.status not in UPDATABLE:
        raise Stuck(f"The serving stack is {stack.status}: repair it, then any event deploys the model.")
    for package in approved:
        if failure and failure.token == package.token:
            return Reject(package, failure.reason)
    newest = max(approved, key=lambda package: package.version, default=None)
    if newest is None or newest.arn == stack.package_arn:
        return Nothing()
    return Deploy(newest)
