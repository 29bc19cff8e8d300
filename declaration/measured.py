"""What one instance was seen to carry: `capacity/<project>.json`, which `sageloop loadtest --save` writes.

It lies beside app.py and belongs in version control: `sageloop plan` and `cdk deploy` read the same figures.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from declaration.errors import DeclarationError, Problem

FOLDER = "capacity"
_AGAIN = "measure again with `sageloop loadtest --find --save`, or delete the file"


@dataclass(frozen=True)
class Measured:
    """The highest open-loop load that ONE instance carried without error and within its latency.

    `model` is the version that answered, `where` the AWS it ran on: figures of the embedded one are those of
    this machine, which had `vcpus` for the instance. Latencies count from the time at which a call was due.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    model: Annotated[str, Field(min_length=1)]
    instance: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
    where: Literal["aws", "embedded"]
    vcpus: Annotated[int, Field(ge=1, le=1_000)]
    calls_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000)]
    p50_ms: Annotated[float, Field(ge=0)]
    p99_ms: Annotated[float, Field(ge=0)]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]

    def carries(self, instance: str, vcpus: int) -> int:
        """The calls a minute of one instance of another type, in proportion to its vCPUs."""
        if instance == self.instance:
            return self.calls_per_minute
        return max(1, self.calls_per_minute * vcpus // self.vcpus)

    def described(self) -> str:
        """The measurement in words."""
        place = "on AWS" if self.where == "aws" else "in the embedded AWS of a laptop"
        return (
            f"{self.calls_per_minute:,} calls/min by one {self.instance} ({self.vcpus} vCPU) {place} on "
            f"{self.date}, p50 {self.p50_ms:g} ms, p99 {self.p99_ms:g} ms, {self.model}"
        )


_FILE = TypeAdapter(Measured)


def file_of(folder: Path, project: str) -> Path:
    """Where the measurement of a project lies, from the folder of its app.py."""
    return folder / FOLDER / f"{project}.json"


def read(file: Path) -> Measured | None:
    """The measurement in a file, None where there is no file; raises DeclarationError for a broken one."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _broken(file, "", f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _broken(file, "", f"it is not text in UTF-8 ({error.reason})") from error
    try:
        return _FILE.validate_json(text, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        member = ".".join(str(part) for part in first["loc"])
        raise _broken(file, member, first["msg"]) from None


def write(file: Path, measured: Measured) -> None:
    """Put a measurement in its file, whole or not at all; raises DeclarationError, or OSError of the disk."""
    document: dict[str, Any] = asdict(measured)
    try:
        _FILE.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _broken(file, str(first["loc"][0]), first["msg"]) from None
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    part.replace(file)


def _broken(file: Path, member: str, message: str) -> DeclarationError:
    where = f"{file}{f', {member}' if member else ''}"
    rule = message[:1].lower() + message[1:].rstrip(".")
    return DeclarationError([Problem(where, "a measured capacity", rule, _AGAIN)])
