"""What the job is asked to judge by."""

import argparse
import re
from dataclasses import dataclass

from evaluate.fairness import Fair
from evaluate.gate import Gate
from evaluate.metrics import LOWER_IS_BETTER
from tabular.contract import DataError

_GATE = re.compile(r"(?P<metric>[A-Za-z_][\w.:]*)(?P<bound>>=|<=)(?P<threshold>[-+0-9.eE]+)")


@dataclass(frozen=True)
class Arguments:
    """The gates (the first is also compared with the champion), the checks, and what the report tells.

    The training took `seconds` on an `instance` whose price is in US dollars per hour.
    """

    gates: tuple[Gate, ...]
    slices: tuple[str, ...]
    slice_tolerance: float
    fair: tuple[Fair, ...]
    seconds: float | None
    instance: str | None
    price: float | None
    spot: bool
    image: str | None
    project: str | None

    @property
    def custom(self) -> list[str]:
        """The metrics that are functions of the user's."""
        return [gate.metric for gate in self.gates if ":" in gate.metric]


def parse() -> Arguments:
    """Read the command line; DataError for what no model could satisfy."""
    parser = argparse.ArgumentParser(prog="evaluate")
    parser.add_argument("--gate", action="append", required=True, metavar="METRIC>=VALUE")
    parser.add_argument("--beats-champion", action="store_true")
    parser.add_argument("--margin", type=float, default=0.0)
    parser.add_argument("--confidence", type=float)
    parser.add_argument("--slice", action="append", default=[], metavar="COLUMN")
    parser.add_argument("--slice-tolerance", type=float, default=0.02)
    parser.add_argument("--fair", action="append", default=[], metavar="CRITERION:COLUMN<=VALUE")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--instance")
    parser.add_argument("--price", type=float)
    parser.add_argument("--spot", action="store_true")
    parser.add_argument("--image")
    parser.add_argument("--project")
    given = parser.parse_args()
    if given.confidence is not None and not 0.5 <= given.confidence < 1:
        raise DataError(f"--confidence is {given.confidence:g}; it is from 0.5 up to, but not, 1")
    gates = tuple(
        _gate(
            text,
            given if place == 0 else argparse.Namespace(beats_champion=False, margin=0.0, confidence=None),
        )
        for place, text in enumerate(given.gate)
    )
    return Arguments(
        gates=gates,
        slices=tuple(given.slice),
        slice_tolerance=given.slice_tolerance,
        fair=tuple(Fair.parse(text) for text in given.fair),
        seconds=given.seconds,
        instance=given.instance,
        price=given.price,
        spot=given.spot,
        image=given.image,
        project=given.project,
    )


def _gate(text: str, champion: argparse.Namespace) -> Gate:
    found = _GATE.fullmatch(text)
    if found is None:
        raise DataError(f"--gate {text!r} is not of the form metric>=value or metric<=value")
    try:
        threshold = float(found["threshold"])
    except ValueError as error:
        raise DataError(f"--gate {text!r}: {found['threshold']!r} is not a number") from error
    gate = Gate(
        found["metric"], threshold, found["bound"] == ">=",
        champion.beats_champion, champion.margin, champion.confidence,
    )  # fmt: skip
    if not gate.fits:
        remedy = "lower: use <=" if gate.metric in LOWER_IS_BETTER else "higher: use >="
        raise DataError(f"the metric {gate.metric} is better when it is {remedy}")
    return gate
