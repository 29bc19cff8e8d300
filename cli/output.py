"""What the commands print: results on stdout, as tables or JSON; everything else on stderr."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

results = Console(highlight=False)
messages = Console(stderr=True, highlight=False)

GOOD = {"Succeeded", "Approved", "InService", "Completed", "UPDATE_COMPLETE", "CREATE_COMPLETE"}
BAD = {"Failed", "Rejected", "Stopped", "OutOfService", "UpdateRollbackFailed"}


def note(text: str) -> None:
    """Tell the user something that is no result."""
    messages.print(Text(text, style="dim"))


def show(result: Any, view: RenderableType, *, as_json: bool) -> None:
    """Print a result: its view for a person, or its data (dataclasses, lists, dictionaries) as JSON."""
    if as_json:
        print(json.dumps(result, default=_encode, indent=2))
    else:
        results.print(view)


def table(columns: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> Table:
    """A plain table; numbers are for the caller to format."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        made.add_row(*row)
    return made


def status(word: str) -> Text:
    """A status in the colour of its meaning."""
    colour = "green" if word in GOOD else "red" if word in BAD or "ROLLBACK" in word else "yellow"
    return Text(word, style=colour)


def time(moment: datetime | None) -> str:
    """A time on the user's clock, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def seconds(begin: datetime | None, end: datetime | None) -> str:
    """How long something took: 42 s, 3 min 05 s, 2 h 10 min."""
    if begin is None or end is None:
        return ""
    total = round((end - begin).total_seconds())
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60:02} s"
    return f"{total // 3600} h {total % 3600 // 60:02} min"


def figure(value: float | None) -> str:
    """A metric: four decimals, more where they would all be zeros, fewer for large values; "" for None."""
    if value is None:
        return ""
    if 0 < abs(value) < 0.01:
        return f"{value:.3g}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"


def change(difference: float) -> str:
    """A difference of metrics, with its sign."""
    return ("+" if difference > 0 else "") + figure(difference)


def short(text: str) -> str:
    """A hyperparameter: four digits where it is a number."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


def size(count: float) -> str:
    """Bytes as people read them: 512 B, 8.7 MB."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"


def _encode(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
