"""Bodies without end from one seed: right ones in every form, each kind of mistake, and damaged bytes."""

import json
import random
from collections.abc import Callable, Iterator

from benchmarks.serving_fuzz.case import CSV, JSON, LINES, Case, Columns, Refused, asked
from benchmarks.serving_fuzz.forms import FORMS, Cell, Row, values
from benchmarks.serving_fuzz.oracle import Oracle, from_text

BAD_NUMBERS = (
    *("inf", "-inf", "Infinity", "1e999", "-1e999", "1e39", "0x10", "1_000", "1'000", "\u0661", "\uff11"),
    *("abc", "1a", "1 2", "1;2", "--1", "+-1", "1.2.3", "1e", "e5", ".", "-", "+", "true", "#1", "1%", "$1"),
    *("\u221e", "1d5", "0b1", "nan()", "1e5.5", "NULL_", "<NA>", "?", "-nan", "1\\n", "=1+1", "{{7*7}}"),
)
"""Texts that are no number and no missing value, without a comma or a quote."""
BAD_LITERALS = ('"1"', "true", "false", "[1]", "{}", '""', '"NaN"', '"abc"', "1e39", "-1e39", "[]", "[[1]]")
"""JSON values that are no number."""
BROKEN_LITERALS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "1e999",
    ".5",
    "+1",
    "01",
    "1.",
    "0x1",
    "",
    "'1'",
    "tru",
)
"""What is no JSON, or no number that any float holds."""
_HOLES = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", " ")
_MOMENTS = ("1999-12-31", "2013-01-02T03:04:05Z", "2013-01-02 03:04", "2020-02-29T23:59:59.25+02:00")


class Generator:
    """Makes cases for one model; the same seed makes the same ones."""

    def __init__(self, columns: Columns, seed: int) -> None:
        self._columns = columns
        self._chance = random.Random(seed)  # noqa: S311  mistakes, not secrets
        self._oracle = Oracle(columns)
        self._numeric = [place for place, column in enumerate(columns.asked) if column.numeric]
        self._families: list[tuple[Callable[[], Case], int]] = [
            (self._right, 20),
            (self._hole, 10),
            (self._bad_text, 10),
            (self._bad_literal, 8),
            (self._wrong_shape, 12),
            (self._wrong_names, 12),
            (self._wrong_document, 6),
            (self._damaged, 20),
            (self._random, 2),
        ]

    def cases(self, count: int) -> Iterator[Case]:
        """So many cases."""
        families, weights = zip(*self._families, strict=True)
        for family in self._chance.choices(families, weights, k=count):
            yield family()

    def row(self) -> Row:
        """A right row."""
        return [self._cell(place) for place in range(len(self._columns.asked))]

    def rows(self, most: int = 4) -> list[Row]:
        """One right row or a few."""
        return [self.row() for _ in range(self._chance.randint(1, most))]

    def _cell(self, place: int) -> Cell:
        column = self._columns.asked[place]
        match column.kind:
            case "category":
                text = self._chance.choice([*column.categories, "never seen"])
            case "boolean":
                text = self._chance.choice(["true", "false"])
                return Cell(text, text, from_text(text, column))
            case "datetime":
                text = self._chance.choice(_MOMENTS)
            case _:
                text = self._number()
                return Cell(text, json.dumps(float(text)), from_text(text, column))
        return Cell(text, json.dumps(text), from_text(text, column))

    def _number(self) -> str:
        value = self._chance.uniform(-5, 5)
        forms = (f"{value:.6g}", f"{value!r}", f"{value:.3e}", f"{value:.0f}", "0", "-0.0", "3e38", "1e-45")
        rarer = (
            f"+{abs(value):.3f}",
            f".{abs(value):.4f}".replace(".0.", "."),
            "7.",
            "16777217",
            "00.5",
            "1E2",
        )
        text = self._chance.choice(forms if self._chance.random() < 0.8 else rarer)
        return text if text.count(".") < 2 else "0.25"

    def _right(self) -> Case:
        rows = self.rows()
        form = self._chance.choice(list(FORMS))
        body, media = FORMS[form](self._columns, rows, self._chance)
        return asked(f"right, {form}", body, media, values(rows))

    def _hole(self) -> Case:
        rows = self.rows()
        for _ in range(self._chance.randint(1, 3)):
            row = self._chance.choice(rows)
            text = self._chance.choice(_HOLES)
            row[self._chance.randrange(len(row))] = Cell(text, "null", float("nan"))
        form = self._chance.choice(list(FORMS))
        body, media = FORMS[form](self._columns, rows, self._chance)
        return asked("hole", body, media, values(rows))

    def _spoilt(self, text: str, literal: str) -> tuple[list[Row], Refused]:
        rows = self.rows()
        at, place = self._chance.randrange(len(rows)), self._chance.choice(self._numeric)
        rows[at][place] = Cell(text, literal, float("nan"))
        return rows, Refused(at + 1, self._columns.names[place])

    def _bad_text(self) -> Case:
        rows, refused = self._spoilt(self._chance.choice(BAD_NUMBERS), "null")
        form = self._chance.choice(["csv", "csv with header", "csv in quotes"])
        body, media = FORMS[form](self._columns, rows, self._chance)
        return asked("text in a number column", body, media, refused)

    def _bad_literal(self) -> Case:
        broken = self._chance.random() < 0.4
        literal = self._chance.choice(BROKEN_LITERALS if broken else BAD_LITERALS)
        rows, refused = self._spoilt("", literal)
        form = self._chance.choice(["json lists", "json objects", "json columns", "lines"])
        body, media = FORMS[form](self._columns, rows, self._chance)
        # What is no JSON has no rows either.
        return asked("no number in JSON", body, media, Refused() if broken else refused)

    def _wrong_shape(self) -> Case:
        rows = self.rows()
        at = self._chance.randrange(len(rows))
        change = self._chance.choice(["short", "long", "empty row", "other delimiter", "semicolon"])
        if change == "short":
            del rows[at][self._chance.randrange(len(rows[at]))]
        elif change == "long":
            rows[at].insert(self._chance.randrange(len(rows[at])), Cell("1", "1", 1.0))
        elif change == "empty row":
            rows[at] = []
        if change in ("other delimiter", "semicolon"):
            mark = "\t" if change == "other delimiter" else ";"
            text = "\n".join(mark.join(cell.text for cell in row) for row in rows)
            return asked("wrong delimiter", text.encode(), CSV, self._oracle.read(text.encode(), CSV))
        form = self._chance.choice(["csv", "json lists", "lines"])
        body, media = FORMS[form](self._columns, rows, self._chance)
        return asked("wrong number of values", body, media, self._oracle.read(body, media))

    def _wrong_names(self) -> Case:
        rows, names = self.rows(), self._columns.names
        place = self._chance.randrange(len(names))
        change = self._chance.choice(["missing", "extra", "duplicate", "renamed", "case", "blank"])
        cells = [[(name, cell) for name, cell in zip(names, row, strict=True)] for row in rows]
        for row in cells:
            name, cell = row[place]
            match change:
                case "missing":
                    del row[place]
                case "extra":
                    row.insert(place, ("surprise", cell))
                case "duplicate":
                    row.insert(place, (row[place - 1][0], row[place - 1][1]))
                case "renamed":
                    row[place] = (f"{name}_", cell)
                case "case":
                    row[place] = (name.swapcase(), cell)
                case _:
                    row[place] = ("", cell)
        form = self._chance.choice(["csv", "objects", "columns", "lines"])
        if form == "csv":
            header = ",".join(name for name, _ in cells[0])
            body = "\n".join([header, *(",".join(cell.text for _, cell in row) for row in cells)])
            return asked(f"{change} column", body.encode(), CSV, Refused())
        objects = ["{" + ",".join(f'"{name}":{cell.literal}' for name, cell in row) + "}" for row in cells]
        if form == "lines":
            return asked(f"{change} column", "\n".join(objects).encode(), LINES, Refused())
        if form == "objects":
            body = '{"instances":[' + ",".join(objects) + "]}"
        else:
            lists = ",".join("[" + ",".join(cell.literal for _, cell in row) + "]" for row in cells)
            body = json.dumps({"columns": [name for name, _ in cells[0]]})[:-1] + f',"rows":[{lists}]}}'
        return asked(f"{change} column", body.encode(), JSON, Refused())

    def _wrong_document(self) -> Case:
        lists = (
            "[" + ",".join("[" + ",".join(cell.literal for cell in row) + "]" for row in self.rows()) + "]"
        )
        depth = self._chance.choice([10, 500, 2_000, 100_000])
        body = self._chance.choice(
            [
                lists,
                f'{{"instance":{lists}}}',
                f'{{"instances":{lists},"more":1}}',
                f'{{"instances":{lists},"instances":{lists}}}',
                f'{{"instances":{{"0":{lists}}}}}',
                f'{{"rows":{lists}}}',
                f'{{"instances":{lists}',
                f'{{"instances":{lists}}}}}',
                f'{{"instances":{lists}}} {{}}',
                f'{{"instances":{"[" * depth}',
                f'{{"instances":{"[" * depth}{"]" * depth}}}',
                f'{{"instances":[{{"a":{"[" * 900}1{"]" * 900}}}]}}',
                "{" * depth,
                '{"instances":null}',
                '{"instances":"' + "x" * self._chance.randint(0, 3000) + '"}',
                json.dumps({"instances": {"k" * 10_000: 1}}),
            ]
        )
        return asked("no document of ours", body.encode(), JSON, self._oracle.read(body.encode(), JSON))

    def _damaged(self) -> Case:
        body, media = FORMS[self._chance.choice(list(FORMS))](self._columns, self.rows(), self._chance)
        for _ in range(self._chance.randint(1, 4)):
            body = self._damage(body)
        return asked("damaged bytes", body, media, self._oracle.read(body, media))

    def _damage(self, body: bytes) -> bytes:
        start = self._chance.randrange(len(body) + 1)
        end = min(len(body), start + self._chance.randint(1, 12))
        match self._chance.randrange(6):
            case 0:
                return body[:start]
            case 1:
                return body[:start] + body[end:]
            case 2:
                return body[:start] + body[start:end] * 2 + body[end:]
            case 3:
                odd = self._chance.choice(
                    [b",", b'"', b"\n", b"\0", b"\xff", b"e", b"-", b"{", b"]", b"\r", b" "]
                )
                return body[:start] + odd + body[start:]
            case 4:
                return body[:start] + self._chance.randbytes(self._chance.randint(1, 4)) + body[end:]
            case _:
                flipped = bytearray(body or b" ")
                flipped[self._chance.randrange(len(flipped))] ^= 1 << self._chance.randrange(8)
                return bytes(flipped)

    def _random(self) -> Case:
        media = self._chance.choice([CSV, JSON, LINES])
        body = self._chance.randbytes(self._chance.randint(0, 400))
        return asked("random bytes", body, media, self._oracle.read(body, media))
