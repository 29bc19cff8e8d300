"""The data that a first-party algorithm reads: S3 addresses by channel."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from declaration.builtin.catalog import Algorithm, InputChannel
from declaration.builtin.conditions import holds, spoken
from declaration.builtin.jumpstart import S3Uri
from declaration.errors import Problem, Refusal, closest, one_of
from declaration.explain import shown
from declaration.mapping import FrozenMapping
from declaration.rules import Rule
from declaration.value import declared

Mode = Literal["File", "Pipe"]


@declared
class Channel:
    """Everything below an S3 address, with its media type and how it reaches the container.

    Without a content type it is the one that the algorithm reads as a rule.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html
    """

    uri: Annotated[Annotated[str, S3Uri], Field(examples=["'s3://bucket/train/'"])]
    _: KW_ONLY
    content_type: Annotated[str | None, Field(examples=["'text/csv'"])] = None
    mode: Mode = "File"


@dataclass(frozen=True)
class Input:
    """A channel of the request; without a content type where the algorithm asks for none."""

    uri: str
    content_type: str | None
    mode: Mode
    distribution: Literal["FullyReplicated", "ShardedByS3Key"]


class ChannelMap(Rule):
    """Channels by name; each an S3 address or a Channel."""

    @property
    def text(self) -> str:
        """What it looks like."""
        return 'a dict of channel names and S3 addresses, such as {"train": "s3://bucket/train/"}'

    def check(self, value: Any) -> Mapping[str, Any]:
        """The same, never to be changed."""
        return FrozenMapping[Any](value)


def inputs(algorithm: Algorithm, channels: Mapping[str, str | Channel]) -> Mapping[str, Input]:
    """The channels, each with the algorithm's own choice of what it leaves open."""
    return {name: _input(each, algorithm.channels[name], channels) for name, each in channels.items()}


def _input(channel: str | Channel, accepted: InputChannel, all_: Mapping[str, object]) -> Input:
    given = Channel(channel) if isinstance(channel, str) else channel
    beside = (content_type for name, content_type in accepted.beside.items() if name in all_)
    usual = next(beside, next(iter(accepted.content_types), None))
    return Input(given.uri, given.content_type or usual, given.mode, accepted.distribution)


def channel_problems(
    where: str, algorithm: Algorithm, channels: Mapping[str, Any] | None, values: Mapping[str, object]
) -> Iterator[Problem]:
    """Channels that are missing, that the algorithm does not have, or that it cannot read."""
    open_ = {name: each for name, each in algorithm.channels.items() if holds(each.only_if, values)}
    if channels is None and algorithm.reads_tables:
        return  # the pipeline prepares them
    for name, accepted in open_.items():
        if accepted.required and name not in (channels or {}):
            rule = f"{algorithm.name} cannot learn without its channel {name}"
            fix = f'write channels={{"{name}": "s3://bucket/{name}/"}}'
            yield Problem(f"{where}, channels", "nothing", rule, fix)
    for name, channel in (channels or {}).items():
        place = f"{where}, channels[{name!r}]"
        if name in open_:
            yield from _content_problems(place, algorithm.name, open_[name], channel)
        elif name in algorithm.channels:
            condition = spoken(algorithm.channels[name].only_if or {})
            yield Problem(place, shown(channel), f"this channel is read only if {condition}", "leave it out")
        else:
            rule = f"{algorithm.name} reads the channels {', '.join(open_)}"
            match = closest(name, open_)
            yield Problem(place, shown(channel), rule, f"did you mean {match!r}" if match else "leave it out")


def _content_problems(place: str, name: str, accepted: InputChannel, channel: object) -> Iterator[Problem]:
    if isinstance(channel, str):
        try:
            S3Uri.check(channel)
        except Refusal as refusal:
            yield Problem(place, shown(channel), refusal.rule, 'write for example "s3://bucket/train/"')
        return
    if not isinstance(channel, Channel):
        rule = f"it must be {S3Uri.text} or Channel(...)"
        yield Problem(place, shown(channel), rule, 'write for example "s3://bucket/train/"')
        return
    given = channel.content_type
    # Parameters such as ";label_size=1" are the algorithm's affair.
    types = [each.partition(";")[0] for each in accepted.content_types]
    if given is not None and types and given.partition(";")[0].strip().casefold() not in types:
        match = closest(given, types)
        rule = f"{name} reads {one_of([repr(each) for each in accepted.content_types])} here"
        fix = f"did you mean {match!r}" if match else "convert the data"
        yield Problem(f"{place}, content_type", repr(given), rule, fix)
    if channel.mode not in accepted.modes:
        rule = f"{name} reads this channel in {one_of(accepted.modes)} mode"
        yield Problem(f"{place}, mode", repr(channel.mode), rule, f'write mode="{accepted.modes[0]}"')
