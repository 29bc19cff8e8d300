"""Traffic to simulate: calls a minute over time, each trace as its values at equal steps."""

import csv
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

Trace = npt.NDArray[np.float64]


class TraceError(ValueError):
    """A file is no trace; the text is one sentence."""


def constant(calls_per_minute: float, seconds: float, step_seconds: float) -> Trace:
    """The same load all the time."""
    return np.full(_steps(seconds, step_seconds), float(calls_per_minute))


def day(peak: float, step_seconds: float, *, night_share: float = 0.1) -> Trace:
    """24 hours from midnight: least at 4 h, most at 16 h, a sine between them; `night_share` of the peak."""
    hours = np.arange(_steps(86_400, step_seconds)) * step_seconds / 3600
    wave = (1 - np.cos((hours - 4) / 24 * 2 * math.pi)) / 2
    return np.asarray(peak * (night_share + (1 - night_share) * wave), dtype=np.float64)


def flash(
    peak: float,
    step_seconds: float,
    *,
    base_share: float = 0.1,
    begin: float = 1_800.0,
    rise: float = 60.0,
    lasts: float = 3_600.0,
    seconds: float = 10_800.0,
) -> Trace:
    """A flash crowd: from `base_share` of the peak to the peak within `rise` seconds, and back as fast."""
    moments = np.arange(_steps(seconds, step_seconds)) * step_seconds
    shares = np.interp(
        moments, [begin, begin + rise, begin + rise + lasts, begin + 2 * rise + lasts], [0.0, 1.0, 1.0, 0.0]
    )
    return np.asarray(peak * (base_share + (1 - base_share) * shares), dtype=np.float64)


def from_csv(file: Path, step_seconds: float) -> Trace:
    """A CSV file of `seconds,calls_per_minute`, or of calls a minute alone, one line for each minute.

    A first line of names is passed over. Between the points of the file the load goes in a straight line.
    Raises TraceError.
    """
    try:
        lines = [line for line in csv.reader(file.read_text("utf-8-sig").splitlines()) if any(line)]
    except OSError as error:
        raise TraceError(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{file} is not CSV: {error}.") from error
    if lines and not _numbers(lines[0]):
        lines = lines[1:]
    points = []
    for number, line in enumerate(lines):
        values = _numbers(line)
        if values is None or len(values) not in (1, 2) or values[-1] < 0:
            raise TraceError(
                f"{file}, row {number + 1} is {','.join(line)!r}: write seconds,calls_per_minute, or calls a "
                "minute alone."
            )
        points.append(tuple(values) if len(values) == 2 else (60.0 * number, values[0]))
    if len(points) < 2 or any(later[0] <= earlier[0] for earlier, later in pairwise(points)):
        raise TraceError(f"{file} needs at least two points, in the order of their time.")
    times, loads = (np.array(column) for column in zip(*points, strict=True))
    steps = _steps(float(times[-1] - times[0]), step_seconds)
    moments = times[0] + np.arange(steps) * step_seconds
    return np.asarray(np.interp(moments, times, loads), dtype=np.float64)


def _numbers(line: list[str]) -> list[float] | None:
    try:
        values = [float(cell) for cell in line]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


def _steps(seconds: float, step_seconds: float) -> int:
    return max(1, round(seconds / step_seconds))
