"""By hand: JSON that is another document or none, headers that lie, tables, and bodies at the limits."""

import io
import json
from collections.abc import Iterator

import numpy as np
import polars as pl

from benchmarks.serving.load import post
from benchmarks.serving_fuzz.case import CSV, JSON, LINES, MEDIA, Case, Columns, Expected, Refused, asked
from benchmarks.serving_fuzz.forms import HOLE, Row, csv_text, lines, lists, objects, values
from benchmarks.serving_fuzz.generated import Generator
from benchmarks.serving_fuzz.oracle import Oracle

_ARROW = "application/vnd.apache.arrow.stream"


def cases(columns: Columns, seed: int = 0) -> list[Case]:
    """All but the large ones for one model; the rows around the mistakes are drawn from the seed."""
    maker = _Maker(columns, Generator(columns, seed))
    return [*maker.documents(), *maker.media()]


def large(columns: Columns) -> list[Case]:
    """Bodies up to the limit of 25 MiB, some of them beyond that of 100,000 rows."""
    return list(_Maker(columns, Generator(columns, 0)).large())


def too_large() -> list[Case]:
    """Bodies above the limit, with their length and in chunks, so that only reading them shows it."""
    body = b"1" * (26 << 20)
    lines = (
        b"POST /invocations HTTP/1.1",
        b"Host: x",
        b"Content-Type: text/csv",
        b"Transfer-Encoding: chunked",
    )
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    chunks = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return [
        asked("above the limit", body, CSV, Refused()),
        Case("chunks above the limit", chunks, Refused(), alone=True),
    ] * 4


class _Maker:
    def __init__(self, columns: Columns, generator: Generator) -> None:
        self._columns = columns
        self._generator = generator
        self._oracle = Oracle(columns)
        self._name = next(column.name for column in columns.asked if column.numeric)

    def documents(self) -> Iterator[Case]:
        """JSON that is another document, or none."""
        rows = self._generator.rows(2)
        right = lists(rows)
        inner = right[len('{"instances":') : -1]
        for body in (
            *(
                b"",
                b" ",
                b"{",
                b"}",
                b"[",
                b"]",
                b"nul",
                b"null",
                b"3",
                b'"x"',
                b"[]",
                b"{}",
                b"true",
                b"\0",
                b"{]",
            ),
            inner,
            b'{"instances":[]}',
            b'{"instances":{}}',
            b'{"instances":null}',
            b'{"instances":3}',
            b'{"instances":"1,2,3"}',
            b'{"instances":[[]]}',
            b'{"instances":[{}]}',
            b'{"instances":[null]}',
            b'{"instances":[1,2]}',
            b'{"Instances":' + inner + b"}",
            b'{"inputs":' + inner + b"}",
            b'{"rows":' + inner + b"}",
            b'{"columns":[],"rows":[]}',
            b'{"columns":"x","rows":[]}',
            b'{"columns":null}',
            b'{"columns":{}}',
            b'{"columns":{"' + self._name.encode() + b'":[1,2]}}',
            b'{"columns":[1,2],"rows":' + inner + b"}",
            b'{"instances":' + inner + b',"instances":' + inner + b"}",
            right + b"x",
            right + right,
            right[:-1],
            right[: len(right) // 2],
            b"\xef\xbb\xbf" + right,
            right.decode().encode("utf-16"),
            right.replace(b",", b",,", 1),
            right.replace(b"]]", b",]]"),
            b"// comment\n" + right,
            b"/**/" + right,
            right.replace(b'"', b"'"),
            b'{"instances":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"instances":[' + b"{}," * 50_000 + b"{}]}",
            b'{"instances":["' + b"\\u0041" * 50_000 + b'"]}',
            b'{"\\ud800":1}',
            b'{"instances":[["\\udfff"]]}',
            b'{"__proto__":{"instances":' + inner + b"}}",
            b'{"instances":[[' + b"1," * 100_000 + b"1]]}",
            b'{"instances":[[' + b"9" * 100_000 + b"]]}",
            b'{"instances":[[1e' + b"9" * 1_000 + b"]]}",
        ):
            yield asked("odd JSON", body, JSON, Refused())
            yield asked("odd line", body, LINES, self._oracle.read(body, LINES))
        named = objects(self._columns, rows)
        twice = named.replace(b'[{"', b'[{"' + self._name.encode() + b'":7,"', 1)
        yield asked("a name twice", twice, JSON, Refused())
        mixed = b'{"instances":[' + named[len('{"instances":[') : -2] + b"," + inner[1:-1] + b"]}"
        yield asked("objects and lists", mixed, JSON, Refused())
        yield asked("a line that is no JSON", lines(rows) + b"\n{", LINES, Refused())
        yield asked("a document as lines", json.dumps(json.loads(right), indent=1).encode(), LINES, Refused())

    def media(self) -> Iterator[Case]:
        """What the headers say of the body and of the answer."""
        rows = self._generator.rows(2)
        right = {CSV: csv_text(rows), JSON: lists(rows), LINES: lines(rows)}
        for media in (
            *("", "text", "csv", "text/", "/csv", "text/plain", "text/html", "application/octet-stream"),
            *(
                "application/x-npy",
                "application/x-pickle",
                "application/python-pickle",
                "application/xml",
                "*/*",
            ),
            *("multipart/form-data", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"),
            *("text/csv, application/json", "text/x-libsvm", "application/x-recordio-protobuf", "image/png"),
            *("text/csv; charset=utf-16", "text/csv; charset=latin-1", "application/json; charset=utf-7"),
            *(
                "text/csv; charset=\x7f",
                "text\\csv",
                "TEXT/CSV/X",
                "text/csv" + "x" * 5000,
                "text/csv; charset=",
            ),
        ):
            yield asked("wrong content type", right[CSV], media, Refused())
        for media in (
            "TEXT/CSV",
            "text/csv; charset=UTF-8",
            'text/csv;charset="utf-8"',
            "text/csv; header=absent",
        ):
            yield asked("right content type", right[CSV], media, values(rows))
        for said, given in ((CSV, JSON), (JSON, CSV), (LINES, CSV), (CSV, LINES)):
            yield asked("another content type", right[given], said, Refused())
        for accept in ("image/png", "text/csv;q=0", "text/csv;q=x", "nonsense", "text/html, image/*"):
            yield Case("cannot be given", post(right[CSV], CSV, Accept=accept), Refused())
        for accept in (
            "*/*",
            "text/csv",
            "application/json",
            "application/jsonlines",
            "text/*;q=0.1, */*;q=0",
        ):
            yield Case("can be given", post(right[CSV], CSV, Accept=accept), values(rows))
        for encoding in ("gzip", "br", "deflate", "zstd", "compress", "gzip, gzip", "nonsense"):
            yield Case("compressed", post(right[CSV], CSV, Content_Encoding=encoding), Refused())
        for path in (
            "/",
            "/invocations/",
            "//invocations",
            "/invocations/..",
            "/%69nvocations",
            "/models",
            "/INVOCATIONS",
        ):
            yield Case(
                "another path", post(right[CSV], CSV, path), Refused() if path != "/%69nvocations" else None
            )
        for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"):
            wire = post(right[CSV], CSV).replace(b"POST", method.encode(), 1)
            yield Case("another method", wire, None if method == "HEAD" else Refused(), alone=True)
        yield Case("a body for /ping", post(right[CSV], CSV, "/ping"), Refused())
        for media in MEDIA:
            yield asked("right", right[media], media, values(rows))
        for media in (
            "application/x-parquet",
            "application/vnd.apache.parquet",
            _ARROW,
        ):
            for body in (
                b"",
                b"PAR1",
                b"PAR1PAR1",
                b"\xff" * 1000,
                b"PAR1" + b"\0" * 100 + b"PAR1",
                right[CSV],
            ):
                yield asked("no table", body, media, Refused())
        if all(column.numeric for column in self._columns.asked):
            yield from self._tables(rows)

    def _tables(self, rows: list[Row]) -> Iterator[Case]:
        """Parquet and Arrow; a server may not know them, but must not misread them."""
        matrix = np.array([[cell.value for cell in row] for row in rows], dtype=np.float32)
        frame = pl.DataFrame(matrix, schema=self._columns.names)
        backwards = frame.select(reversed(frame.columns))
        text = frame.with_columns(pl.lit("x").alias(self._name))
        infinite = frame.with_columns(pl.lit(float("inf")).alias(self._name))
        short, more = frame.drop(self._name), frame.with_columns(pl.lit(1.0).alias("surprise"))
        tables: list[tuple[pl.DataFrame, Expected]] = [(frame, values(rows)), (backwards, values(rows))]
        tables += [
            (each, Refused()) for each in (text, infinite, short, more, frame.clear(), frame.select([]))
        ]
        for table, expected in tables:
            parquet, arrow = io.BytesIO(), io.BytesIO()
            table.write_parquet(parquet)
            table.write_ipc_stream(arrow)
            for body, media in ((parquet, "application/x-parquet"), (arrow, _ARROW)):
                wire = post(body.getvalue(), media, Accept=CSV)
                yield Case("a table", wire, expected)
            yield asked("half a table", parquet.getvalue()[:-9], "application/x-parquet", Refused())

    def large(self) -> Iterator[Case]:
        """What takes memory and time to refuse."""
        holes = csv_text([[HOLE] * len(self._columns.asked)])
        yield asked("too many rows", holes * 100_001, CSV, Refused())
        yield asked("too many small rows", b"1\n" * 4_000_000, CSV, Refused())
        yield asked("too many lines", b"[1]\n" * 4_000_000, LINES, Refused())
        yield asked("too many objects", b'{"instances":[' + b"{}," * 4_000_000 + b"{}]}", JSON, Refused())
        yield asked("one long number", b"1" * (20 << 20), CSV, Refused())
        yield asked("one long JSON number", b'{"instances":[[' + b"1" * (20 << 20) + b"]]}", JSON, Refused())
        yield asked("deep and long", b"[" * (20 << 20), JSON, Refused())
        yield asked("one long text", b'{"instances":["' + b"x" * (20 << 20) + b'"]}', JSON, Refused())
