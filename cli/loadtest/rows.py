"""The bodies of a load test: one row in each, so that the calls differ."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import CommandError

# So many distinct calls keep caches and branch predictors from learning them; more cost only memory.
MOST = 20_000


@dataclass(frozen=True)
class Bodies:
    """Bodies to send, each with one row, and their type."""

    content_type: str
    bodies: Sequence[bytes]


def read(file: Path) -> Bodies:
    """The rows of a CSV or JSON file; raises CommandError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    return parse(str(file), content)


def parse(name: str, content: bytes) -> Bodies:
    """The rows of CSV (with its header, if it has one), of JSON, or of JSON Lines; raises CommandError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not text in UTF-8: {error}.") from error
    json_like = text.lstrip()[:1] in ("{", "[")
    made = _from_json(name, text) if json_like else _from_csv(name, text)
    if not made.bodies:
        raise CommandError(f"{name} has no row.")
    return made


def _from_csv(name: str, text: str) -> Bodies:
    try:
        lines = [line for line in csv.reader(io.StringIO(text)) if line]
    except csv.Error as error:
        raise CommandError(f"{name} is not CSV: {error}.") from error
    head = [lines[0]] if len(lines) > 1 and not any(map(_number, lines[0])) else []
    return Bodies("text/csv", [_csv([*head, line]) for line in lines[len(head) :][:MOST]])


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue().encode()


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _from_json(name: str, text: str) -> Bodies:
    """One object or list for each row: as {"instances": […]}, {"columns", "rows"}, a list, or a line each."""
    documents: list[Any]
    try:
        whole = json.loads(text)
    except ValueError:
        try:
            documents = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise CommandError(f"{name} is neither JSON nor JSON Lines: {error}.") from error
        return _instances(documents)
    if isinstance(whole, dict) and isinstance(whole.get("rows"), list) and "columns" in whole:
        return Bodies(
            "application/json",
            [_json({"columns": whole["columns"], "rows": [row]}) for row in whole["rows"][:MOST]],
        )
    if isinstance(whole, dict) and isinstance(whole.get("instances"), list):
        return _instances(whole["instances"])
    return _instances(whole if isinstance(whole, list) else [whole])


def _instances(rows: Sequence[Any]) -> Bodies:
    return Bodies("application/json", [_json({"instances": [row]}) for row in rows[:MOST]])


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
