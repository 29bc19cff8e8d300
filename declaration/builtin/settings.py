"""The hyperparameters that a user gives to a first-party algorithm, checked against its catalogue entry."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from declaration.builtin.catalog import Algorithm
from declaration.builtin.conditions import holds, spoken
from declaration.builtin.hyperparameters import Hyperparameter
from declaration.errors import Problem, Refusal, closest
from declaration.explain import shown
from declaration.mapping import FrozenMapping
from declaration.ranges import Categorical, Continuous, Range
from declaration.rules import Rule

# What script mode adds, which no page of an algorithm lists.
SCRIPT_MODE = ("sagemaker_program", "sagemaker_submit_directory")


class Settings(Rule):
    """Hyperparameters by name, in a dict because some names (lambda) are no Python names."""

    @property
    def text(self) -> str:
        """What it looks like."""
        return 'a dict of hyperparameters, such as {"k": 10}'

    def check(self, value: Any) -> Mapping[str, Any]:
        """The same, never to be changed."""
        return FrozenMapping[Any]({name: _hashable(each) for name, each in value.items()})


def written(algorithm: Algorithm, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The hyperparameters as they stand in the request; what is wrong stays as it is."""
    return FrozenMapping[Any]({name: _written(algorithm, name, each) for name, each in given.items()})


def with_defaults(algorithm: Algorithm, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The hyperparameters with the algorithm's own values of those that are not given."""
    return {name: each.default for name, each in algorithm.hyperparameters.items()} | dict(given)


def setting_problems(
    where: str, algorithm: Algorithm, given: Mapping[str, Any], channels: Iterable[str]
) -> Iterator[Problem]:
    """Hyperparameters that are missing, unknown to the algorithm, or with a value that it does not take."""
    values, channels = with_defaults(algorithm, given), set(channels)
    for name, hyperparameter in algorithm.hyperparameters.items():
        reason = _required(hyperparameter, values, channels)
        if name not in given and reason is not None:
            rule = f"{algorithm.name} needs {hyperparameter.allowed}{reason}"
            yield Problem(f"{where}, {name}", "nothing", rule, f'add "{name}" to the hyperparameters')
    for name, value in given.items():
        if name not in SCRIPT_MODE:
            place = f"{where}, {name if name in algorithm.hyperparameters else shown(name)}"
            yield from _problems_of(place, algorithm, name, value, values)


def _problems_of(
    place: str, algorithm: Algorithm, name: str, value: object, values: Mapping[str, Any]
) -> Iterator[Problem]:
    hyperparameter = algorithm.hyperparameters.get(name)
    if hyperparameter is None:
        yield _unknown(place, algorithm, name, value)
        return
    try:
        hyperparameter.write(value)
    except Refusal as refusal:
        yield Problem(place, shown(value), refusal.rule, refusal.fix or _example(name, hyperparameter))
        return
    if not holds(hyperparameter.only_if, values):
        rule = f"it has a meaning only if {spoken(hyperparameter.only_if or {})}"
        yield Problem(place, shown(value), rule, f"leave {name} out")


def range_problems(where: str, algorithm: Algorithm, ranges: Mapping[str, Range]) -> Iterator[Problem]:
    """Ranges of hyperparameters that the algorithm does not have, or that hold values it does not take."""
    for name, each in ranges.items():
        place = f"{where}[{name!r}]"
        hyperparameter = algorithm.hyperparameters.get(name)
        if hyperparameter is None:
            yield _unknown(place, algorithm, name, each)
            continue
        if isinstance(each, Continuous) and hyperparameter.type == "integer":
            rule = f"{name} of {algorithm.name} is {hyperparameter.allowed}"
            yield Problem(place, shown(each), rule, "write Integer(low, high)")
            continue
        for value in each.values if isinstance(each, Categorical) else (each.low, each.high):
            try:
                hyperparameter.write(value)
            except Refusal:
                rule = f"{name} of {algorithm.name} is {hyperparameter.allowed}, which {value!r} is not"
                yield Problem(place, shown(each), rule, "narrow the range")
                break


def _unknown(place: str, algorithm: Algorithm, name: str, value: object) -> Problem:
    match = closest(name, algorithm.hyperparameters)
    rule = f"{algorithm.name} has no such hyperparameter ({algorithm.pages[1]})"
    return Problem(place, shown(value), rule, f"did you mean {match!r}" if match else "leave it out")


def _required(hyperparameter: Hyperparameter, values: Mapping[str, object], channels: set[str]) -> str | None:
    """Why it is required, as the end of a sentence; None if it is not."""
    if hyperparameter.required:
        return ""
    if hyperparameter.required_if is not None and holds(hyperparameter.required_if, values):
        return f" if {spoken(hyperparameter.required_if)}"
    channel = hyperparameter.required_with_channel
    return f" with the channel {channel}" if channel in channels else None


def _example(name: str, hyperparameter: Hyperparameter) -> str:
    candidates = (hyperparameter.default, *hyperparameter.values, hyperparameter.min, hyperparameter.max)
    example = next((each for each in candidates if each is not None), None)
    example = list(example) if isinstance(example, tuple) else example
    if example is None:
        return f"see what {name} means on AWS's page"
    if hyperparameter.type == "list" and not isinstance(example, list) and example not in hyperparameter.also:
        example = [example]
    return f'write for example "{name}": {example!r}'


def _written(algorithm: Algorithm, name: str, value: Any) -> Any:
    try:
        return algorithm.hyperparameters[name].write(value)
    except (KeyError, Refusal):
        return value  # setting_problems has a sentence for it


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
