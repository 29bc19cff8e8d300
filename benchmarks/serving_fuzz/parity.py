"""The same corpus at the server itself, behind an endpoint and behind the API: the same answers."""

import asyncio
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.serving import servers
from benchmarks.serving.model import TrainedModel
from benchmarks.serving_fuzz import archives
from benchmarks.serving_fuzz.behind import Behind, behind
from benchmarks.serving_fuzz.carried import Carried, Door, Outcome, outcomes
from benchmarks.serving_fuzz.case import Case
from benchmarks.serving_fuzz.goals import Goal
from stacks.parts.prediction_api import BINARY

CONNECTIONS = 8
_SHOWN = 3


def measure(
    model: TrainedModel, cases: Sequence[Case], canary: Path, seed: int
) -> tuple[list[Goal], list[str]]:
    """The goals I9 to I11, and some of what misses them."""
    asked = [carried for case in cases if (carried := Carried.of(case))]
    through = [passed for carried in asked if (passed := carried.through_api(BINARY))]
    with servers.product(model).started() as server, behind(model.ml / "model") as aws:
        direct = Door(server.port)
        wrapped = asyncio.run(_differing(direct, aws.endpoint(), asked, asked))
        # What reaches the server through the API is compared with the same, sent to the server itself.
        passing = [carried for carried in asked if carried.through_api(BINARY)]
        unwrapped = asyncio.run(_differing(direct, aws.api(), through, passing))
        refusal = _refused(aws, model, canary, seed)
    return [
        _same(9, "the server itself, and the container behind InvokeEndpoint", len(asked), len(wrapped)),
        _same(10, "the server itself, and the API in front of the endpoint", len(through), len(unwrapped)),
        refusal[0],
    ], [*wrapped[:_SHOWN], *unwrapped[:_SHOWN], *refusal[1]]


def _same(number: int, subject: str, tried: int, differing: int) -> Goal:
    measured = f"{tried:,} requests, {differing:,} with another status or body"
    return Goal(number, subject, measured, "the same for all", tried > 0 and not differing)


async def _differing(
    one: Door, other: Door, to_one: Sequence[Carried], to_other: Sequence[Carried]
) -> list[str]:
    found = await outcomes(one, to_one, CONNECTIONS)
    others = await outcomes(other, to_other, CONNECTIONS)
    return [
        f"{dict(asked.headers)} {asked.body[-100:]!r}: {_shown(first)}, but {_shown(second)}"
        for asked, first, second in zip(to_other, found, others, strict=True)
        if first != second or first.status is None
    ]


def _shown(outcome: Outcome) -> str:
    return f"{outcome.status} {outcome.body!r}"[:300]


def _refused(aws: Behind, model: TrainedModel, canary: Path, seed: int) -> tuple[Goal, list[str]]:
    """Who unpacks or loads what somebody altered."""
    hurtful = archives.hurtful(canary)
    found = archives.unpacked(canary, model.ml / "model", seed)
    missed = [*found.missed, *aws.served({**hurtful, "an altered model": _altered(model.ml / "model")})]
    if canary.exists():
        missed.append(f"{canary} was written")
    measured = (
        f"{found.archives} archives at the image, the endpoint and the script's image, {found.altered + 1} "
        f"altered models: {len(missed)} not refused"
    )
    held = not missed and found.archives >= 20
    return Goal(11, "hurtful archives and altered models", measured, "at least 20; all refused", held), missed


def _altered(model: Path) -> bytes:
    """The model's archive, with a blank more in its schema."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for file in sorted(model.iterdir()):
            content = file.read_bytes() + (b" " if file.name == "schema.json" else b"")
            member = tarfile.TarInfo(file.name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()
