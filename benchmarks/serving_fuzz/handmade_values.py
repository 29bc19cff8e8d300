"""By hand: bad values, and columns that are too many, too few, misnamed or misplaced."""

import json
from collections.abc import Iterator

from benchmarks.serving_fuzz.case import CSV, JSON, LINES, Case, Columns, Expected, Refused, asked
from benchmarks.serving_fuzz.forms import HOLE, Cell, Row, csv_text, lines, lists, objects, values
from benchmarks.serving_fuzz.generated import BAD_LITERALS, BAD_NUMBERS, BROKEN_LITERALS, Generator

_NAN = float("nan")


def cases(columns: Columns, seed: int = 0) -> list[Case]:
    """All of them for one model; the rows around the mistakes are drawn from the seed."""
    maker = _Maker(columns, Generator(columns, seed))
    return [*maker.values(), *maker.shapes()]


class _Maker:
    def __init__(self, columns: Columns, generator: Generator) -> None:
        self._columns = columns
        self._generator = generator
        self._place = next(place for place, column in enumerate(columns.asked) if column.numeric)
        self._name = columns.names[self._place]

    def values(self) -> Iterator[Case]:
        """A bad value in a number column of the second row."""
        refused = Refused(2, self._name)
        for text in BAD_NUMBERS:
            first, second = self._rows(text, "null")
            yield asked("bad value", csv_text([first, second]), CSV, refused)
            yield asked("bad value, header", csv_text([first, second], self._columns.names), CSV, refused)
        for text in ('"1,000"', '"1.000,00"', '"1\n2"', '""""', '"1" "2"'):
            first, second = self._rows(text, "null")
            yield asked("bad value in quotes", csv_text([first, second]), CSV, Refused())
        for literal in BAD_LITERALS:
            first, second = self._rows("", literal)
            yield asked("bad JSON value", lists([first, second]), JSON, refused)
            yield asked("bad JSON value, named", objects(self._columns, [first, second]), JSON, refused)
            yield asked("bad JSON value, line", lines([first, second]), LINES, refused)
        for literal in BROKEN_LITERALS:
            first, second = self._rows("", literal)
            yield asked("broken JSON value", lists([first, second]), JSON, Refused())
            yield asked("broken JSON value, line", lines([first, second]), LINES, Refused())
        for literal in (
            "1" + "0" * 400,
            "-" + "9" * 5000,
            "0." + "3" * 5000,
            "1e-400",
            "-0",
            "1E+2",
            "10e-1",
        ):
            first, second = self._rows("", literal)
            value = float(literal) if abs(float(literal)) < 1e38 else None
            second[self._place] = Cell("", literal, _NAN if value is None else value)
            expected: Expected = Refused() if value is None else values([first, second])
            yield asked("odd JSON number", lists([first, second]), JSON, expected)
        for text in ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "  ", "\t"):
            first, second = self._rows(text, "null")
            yield asked("hole", csv_text([first, second]), CSV, values([first, second]))
            yield asked(
                "hole, header", csv_text([first, second], self._columns.names), CSV, values([first, second])
            )
        holes = [[HOLE] * len(self._columns.asked)] * 2
        for body, media in ((csv_text(holes), CSV), (lists(holes), JSON), (lines(holes), LINES)):
            yield asked("holes alone", body, media, values(holes))

    def shapes(self) -> Iterator[Case]:
        """Too many, too few, misnamed and misplaced columns."""
        names, rows = self._columns.names, self._generator.rows(3)
        text = csv_text(rows)
        short, long = [row[:-1] for row in rows], [[*row, Cell("1", "1", 1.0)] for row in rows]
        for table in (short, long, [*rows, rows[0][:1]], [rows[0], []], [rows[0] * 2]):
            for body, media in ((lists(table), JSON), (lines(table), LINES)):
                yield asked("wrong width", body, media, Refused())
        for table in (short, long, [*rows, rows[0][:1]], [rows[0] * 2]):
            yield asked("wrong width", csv_text(table), CSV, Refused())
        for header in (
            names[:-1],
            [*names, names[0]],
            [*names, "surprise"],
            [*names[:-1], names[0]],
            [*names[:-1], "surprise"],
            [*names[:-1], ""],
            [*names[:-1], names[-1].swapcase()],
            [*names[:-1], names[-1] + "\u200b"],
        ):
            width = len(header)
            table = [(row * 2)[:width] for row in rows]
            yield asked("wrong header", csv_text(table, header), CSV, Refused())
            given = json.loads(lists(table))["instances"]
            body = json.dumps({"columns": header, "rows": given}).encode()
            yield asked("wrong names", body, JSON, Refused())
        backwards = list(reversed(names))
        table = [list(reversed(row)) for row in rows]
        yield asked("reordered", csv_text(table, backwards), CSV, values(rows))
        extra = [*names, sorted(self._columns.unused)[0]]
        known = [[*row, Cell("x", '"x"', 0.0)] for row in rows]
        yield asked("with a column of the training files", csv_text(known, extra), CSV, values(rows))
        for body in (
            b"",
            b"\n",
            b"\n\n\n",
            b"\r\n",
            b" ",
            b"\xef\xbb\xbf",
            b",",
            b"\0",
            b"\x1a",
            b'"',
            ",".join(names).encode(),
            ",".join(names).encode() + b"\n",
            b"# comment\n" + text,
            text + b"# comment",
            text + b"\x00",
            text.replace(b",", b";"),
            text.replace(b",", b"\t"),
            text.replace(b",", b"|"),
            text.replace(b",", b" "),
            text.replace(b",", b",,"),
            b'"' + text,
            b'"' + text.replace(b"\n", b'"\n"'),
            b"\xff\xfe" + text.decode().encode("utf-16-le"),
            text.decode().encode("utf-16"),
            text.decode().encode("utf-32"),
            b"caf\xe9," + text,
            b"\x80" * 100,
            b"\xed\xa0\x80" + text,
            b"0: 1:0.5 2:0.25",
            b"<xml>1</xml>",
            b"f0=1&f1=2",
            b"a" * 100_000,
            b"," * 100_000,
            b"1," * 50_000,
            b"9" * 100_000,
            b"\n" * 100_000 + b"1",
            b'"' * 100_001,
        ):
            yield asked("odd CSV", body, CSV, Refused())
        yield asked("blank lines", text.replace(b"\n", b"\n\n"), CSV, values(rows))
        yield asked("byte order mark", b"\xef\xbb\xbf" + text, CSV, values(rows))
        yield asked("CRLF", text.replace(b"\n", b"\r\n"), CSV, values(rows))
        yield asked("no end of line", text.rstrip(b"\n"), CSV, values(rows))

    def _rows(self, text: str, literal: str) -> tuple[Row, Row]:
        first, second = self._generator.row(), self._generator.row()
        second[self._place] = Cell(text, literal, _NAN)
        return first, second
