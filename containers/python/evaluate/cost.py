"""What the training cost."""

from dataclasses import dataclass

from evaluate.arguments import Arguments
from evaluate.trials import Trial


@dataclass(frozen=True)
class Cost:
    """Seconds of training and of tuning, and US dollars where the price of the instance is known.

    With `spot` the figure is what the same seconds cost on demand: the most that they can have cost.
    """

    seconds: float
    tuning_seconds: float
    instance: str | None
    usd_per_hour: float | None
    usd: float | None
    spot: bool


def cost(trials: list[Trial], asked: Arguments) -> Cost | None:
    """None when nobody said how long the training took."""
    if asked.seconds is None:
        return None
    tuning = sum(trial.seconds for trial in trials)
    usd = None if asked.price is None else (asked.seconds + tuning) * asked.price / 3600
    return Cost(asked.seconds, tuning, asked.instance, asked.price, usd, asked.spot)
