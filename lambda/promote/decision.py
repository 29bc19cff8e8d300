"""What to do next about the serving stack: a pure function of stack, registry, last failure and verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from promote.verdict import Fails, Holds, Seen, Verdict

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}

PROMOTION = "promote-"
END_SHADOW = "end-shadow"


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
        """Names this approval in the tokens of its updates: another one when it is approved anew."""
        return f"{PROMOTION}{self.version}-{self.approved_at}"

    @property
    def shadow_token(self) -> str:
        """Names it where the update runs it beside the model in service."""
        return f"{self.token}-shadow"


@dataclass(frozen=True)
class Stack:
    """The serving stack: its status and the model package that it serves (empty before the first).

    `shadow_arn` is the package that is compared with it, empty for none; `updated_at` the epoch second of
    the last update.
    """

    status: str
    package_arn: str
    shadow_arn: str = ""
    updated_at: int = 0

    @property
    def version(self) -> int:
        """The version that it serves, 0 before the first."""
        number = self.package_arn.rpartition("/")[2]
        return int(number) if number.isdigit() else 0

    def token(self, name: str) -> str:
        """The token of an update of the stack as it is now: the same for a retry, another after any update.

        CloudFormation takes no token twice, and going back to an approval is a second update to it.
        """
        return f"{name}-{self.updated_at}"

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

    @property
    def of_end(self) -> bool:
        """Whether it was the end of a shadow: tried again at once, it would fail for the same reason."""
        return self.token.startswith(END_SHADOW)

    def of(self, package: Package) -> bool:
        """Whether it was the deployment of this approval, or of its shadow."""
        return f"{self.token}-".startswith(f"{package.token}-")


@dataclass(frozen=True)
class Nothing:
    """The newest approved package serves, or an event that must come will cause the next look."""


@dataclass(frozen=True)
class Deploy:
    """Update the stack to this package."""

    package: Package


@dataclass(frozen=True)
class RunShadow:
    """Update the stack so that this package runs beside the one in service, on copies of its calls."""

    package: Package


@dataclass(frozen=True)
class EndShadow:
    """Update the stack so that nothing runs beside the package in service."""


@dataclass(frozen=True)
class Reject:
    """Mark this package rejected: its deployment was rolled back, or `seen` of it as a shadow was bad."""

    package: Package
    reason: str
    seen: Seen | None = None


Decision = Nothing | Deploy | RunShadow | EndShadow | Reject


def decide(
    stack: Stack,
    approved: Sequence[Package],
    failure: Failure | None,
    *,
    shadows: bool = False,
    verdict: Verdict | None = None,
) -> Decision:
    """The one next thing to do; `failure` is that of the stack's last update, if it was rolled back.

    With `shadows`, a newer package than the one in service is compared first, and `verdict` is that on the
    one which runs as a shadow. Going back to an older package is not delayed.
    """
    if stack.in_progress:
        return Nothing()
    if stack.status not in UPDATABLE:
        raise Stuck(f"The serving stack is {stack.status}: repair it, then any event deploys the model.")
    for package in approved:
        if failure and failure.of(package):
            return Reject(package, failure.reason)
    newest = max(approved, key=lambda package: package.version, default=None)
    if newest is None or newest.arn == stack.package_arn:
        return EndShadow() if stack.shadow_arn and not (failure and failure.of_end) else Nothing()
    if not shadows or newest.version < stack.version or not stack.package_arn:
        return Deploy(newest)
    if newest.arn != stack.shadow_arn:
        return RunShadow(newest)
    match verdict:
        case Holds():
            return Deploy(newest)
        case Fails(reason, seen):
            return Reject(newest, reason, seen)
        case _:
            return Nothing()
