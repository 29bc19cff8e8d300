"""What type each column has, agreed by all files, and the typed columns themselves."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from prepare.queries import collected
from prepare.sources import ROW, Source
from tabular.columns import from_typed, representable
from tabular.contract import DataError
from tabular.schema import DATETIME, FALSE, MISSING, TRUE, Type

# So many of a file's values must be numbers for its other values to be mistakes rather than categories.
_CLEAR_MAJORITY = 0.9
# Above 2**53 a float64 has no fractions, and soon no int64 either.
_LARGEST_WHOLE = 2**53
# Expressions of a column are the same for each of thousands of files, and cost more than such a file's rows:
# hence the caches below.
# Suffixes of intermediate columns; no header can hold them.
_NUMBER, _OTHER = "\0number", "\0other"
_EXPECTED: dict[Type, str] = {
    "number": "a finite number",
    "integer": "a number",
    "boolean": "true or false",
    "datetime": "a date or time such as 2013-04-01T15:00:00Z",
    "category": "text",
}


@dataclass(frozen=True)
class _Profile:
    """How many of a column's values in one file could be read as each type."""

    present: int
    numbers: int
    integers: int
    booleans: int
    datetimes: int

    @property
    def type(self) -> Type | None:
        """The type that the values of this file have; None when there are none."""
        if not self.present:
            return None
        if self.booleans == self.present:
            return "boolean"
        if self.numbers >= self.present * _CLEAR_MAJORITY:
            return "integer" if self.integers == self.numbers else "number"
        if self.datetimes >= self.present * _CLEAR_MAJORITY:
            return "datetime"
        return "category"


# By file and column.
_Profiles = Mapping[str, Mapping[str, _Profile]]


@dataclass(frozen=True)
class Agreement:
    """The type of each column, and by file the first value that contradicts it, in a sentence."""

    kinds: Mapping[str, Type | None]
    problems: Mapping[str, str]


def types(sources: Sequence[Source], columns: Sequence[str], trusted: Collection[str] = ()) -> Agreement:
    """What the `trusted` files agree on, all files where there are none of these.

    A file that contradicts has no part in the agreement. Each sentence names a file, a row and a value.
    """
    profiles, problems = _profiles(sources, columns)
    left = [source for source in sources if source.name in profiles]
    while True:
        agreed = {column: _agreed(column, left, profiles, trusted) for column in columns}
        wrong = {
            source.name: _first_misfit(source, column, kind)
            for source in left
            for column, kind in _contradicted(profiles[source.name], agreed)
        }
        if not wrong:
            return Agreement(agreed, problems)
        problems |= wrong
        left = [source for source in left if source.name not in wrong]


def _profiles(sources: Sequence[Source], columns: Sequence[str]) -> tuple[_Profiles, dict[str, str]]:
    """What the values of each file could be, and the files that cannot be asked."""
    queries, problems = {}, {}
    for source in sources:
        try:
            queries[source.name] = _profile_query(source, columns)
        except DataError as error:
            problems[source.name] = str(error)
    try:
        results = dict(zip(queries, collected(list(queries.values())), strict=True))
    except pl.exceptions.PolarsError:
        # One of them is damaged behind its beginning; which one, only each alone can tell.
        results = {}
        for name, query in queries.items():
            try:
                results[name] = query.collect(engine="streaming")
            except pl.exceptions.PolarsError as error:
                first = next(iter(str(error).splitlines()), "")
                problems[name] = f"{name} is damaged ({first[:200]}): write and upload it again"
    return {
        name: {column: _Profile(**result[column][0]) for column in columns}
        for name, result in results.items()
    }, problems


def _agreed(
    column: str, sources: Sequence[Source], profiles: _Profiles, trusted: Collection[str]
) -> Type | None:
    found = {source.name: profiles[source.name][column] for source in sources}
    kind = _majority([profile for name, profile in found.items() if name in trusted]) or _majority(
        list(found.values())
    )
    # Fractions are welcome where so far there were whole numbers alone.
    fractions = kind == "integer" and any(profile.type == "number" for profile in found.values())
    return "number" if fractions else kind


def _contradicted(
    profiles: Mapping[str, _Profile], agreed: Mapping[str, Type | None]
) -> Iterator[tuple[str, Type]]:
    """The first column of a file with a value that is not of the type of the column, if there is any."""
    for column, kind in agreed.items():
        if kind and _fitting(profiles[column], kind) < profiles[column].present:
            yield column, kind
            return


def typed(source: Source, kinds: Mapping[str, Type | None]) -> pl.LazyFrame:
    """ROW and the columns of one file with their types; a value that does not fit its type is null."""
    schema = source.rows.collect_schema()
    text = [column for column in kinds if isinstance(schema[column], pl.String)]
    rows = source.rows.with_columns(_text(column) for column in text)
    values = [
        _from_text(column, kind) if column in text else from_typed(column, schema[column], kind)
        for column, kind in kinds.items()
    ]
    return rows.select(ROW, *values)


@cache
def _from_text(column: str, kind: Type | None) -> pl.Expr:
    match kind:
        case "number":
            return _finite(pl.col(column))
        case "integer":
            return _finite(pl.col(column)).cast(pl.Int64)
        case "boolean":
            return _boolean(pl.col(column)).alias(column)
        case "datetime":
            return _datetime(pl.col(column)).alias(column)
        case _:
            return pl.col(column)


@cache
def _text(column: str) -> pl.Expr:
    stripped = pl.col(column).str.strip_chars()
    return pl.when(~stripped.is_in(sorted(MISSING))).then(stripped)


def _finite(text: pl.Expr) -> pl.Expr:
    return representable(text.cast(pl.Float64, strict=False))


def _whole(number: pl.Expr) -> pl.Expr:
    return (number % 1 == 0) & (number.abs() < _LARGEST_WHOLE)


def _boolean(text: pl.Expr) -> pl.Expr:
    lower = text.str.to_lowercase()
    return pl.when(lower.is_in(sorted(TRUE))).then(True).when(lower.is_in(sorted(FALSE))).then(False)


def _datetime(text: pl.Expr) -> pl.Expr:
    iso: pl.Expr = pl.when(text.str.contains(DATETIME)).then(text.str.replace("T", " ", literal=True))
    # One form for all: seconds are added where they lack, and an offset where there is none.
    iso = iso.str.replace(r"Z$", "+0000").str.replace(r"([+-]\d{2}):(\d{2})$", "$1$2")
    iso = iso.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "$1 00:00")
    iso = iso.str.replace(r"( \d{2}:\d{2})([+-]|$)", "${1}:00$2")
    iso = iso.str.replace(r"(:\d{2}(?:\.\d+)?)$", "$1+0000")
    parsed = iso.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return parsed.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _profile_query(source: Source, columns: Sequence[str]) -> pl.LazyFrame:
    """One struct of counts per column; computed in stages, as an expression repeated is computed again."""
    schema = source.rows.collect_schema()
    text = [column for column in columns if isinstance(schema[column], pl.String)]
    typed_columns = [column for column in columns if column not in text]
    rows = source.rows.select(*(_text(column) for column in text), *typed_columns)
    rows = rows.with_columns(_finite(pl.col(column)).alias(column + _NUMBER) for column in text)
    # Most columns hold numbers, and nothing is cheaper to examine than null.
    rows = rows.with_columns(
        pl.when(pl.col(column + _NUMBER).is_null()).then(pl.col(column)).alias(column + _OTHER)
        for column in text
    )
    counts = [_text_profile(column) for column in text]
    counts += [_typed_profile(column, schema[column], source.name) for column in typed_columns]
    return rows.select(counts)


@cache
def _text_profile(column: str) -> pl.Expr:
    number, other = pl.col(column + _NUMBER), pl.col(column + _OTHER)
    return pl.struct(
        present=pl.col(column).count(),
        numbers=number.count(),
        integers=_whole(number).sum(),
        booleans=_boolean(other).count(),
        # Parsed, not only matched: 2013-02-30 has the form of a date.
        datetimes=_datetime(other).count(),
    ).alias(column)


def _typed_profile(column: str, dtype: pl.DataType, name: str) -> pl.Expr:
    none = pl.lit(0, dtype=pl.UInt32)
    value = pl.col(column)
    numbers = integers = booleans = datetimes = none
    if dtype.is_integer():
        numbers = integers = value.count()
    elif dtype.is_numeric():
        value = value.fill_nan(None) if dtype.is_float() else value
        number = representable(value.cast(pl.Float64))
        numbers = number.count()
        integers = _whole(number).sum()
    elif isinstance(dtype, pl.Boolean):
        booleans = value.count()
    elif isinstance(dtype, pl.Datetime | pl.Date):
        datetimes = value.count()
    elif not isinstance(dtype, pl.Categorical | pl.Enum):
        raise DataError(f"{name}: column {column!r} holds {dtype}, which is no single value; drop it")
    return pl.struct(
        present=value.count(), numbers=numbers, integers=integers, booleans=booleans, datetimes=datetimes
    ).alias(column)


def _majority(profiles: Sequence[_Profile]) -> Type | None:
    """The type of most files; integers are numbers where another file has fractions."""
    found: list[Type] = [profile.type for profile in profiles if profile.type]
    if not found:
        return None
    merged: list[Type] = ["number" if kind == "integer" and "number" in found else kind for kind in found]
    # Of two equally frequent types the stricter one: a mistake is then named, not turned into a category.
    return max(merged, key=lambda kind: (merged.count(kind), kind != "category"))


def _fitting(profile: _Profile, kind: Type) -> int:
    match kind:
        case "integer" | "number":
            return profile.numbers
        case "boolean":
            return profile.booleans
        case "datetime":
            return profile.datetimes
        case _:
            return profile.present


def _first_misfit(source: Source, column: str, kind: Type) -> str:
    raw = source.rows.select(ROW, raw=pl.col(column).cast(pl.String).str.strip_chars())
    bad = raw.join(typed(source, {column: kind}), on=ROW).filter(
        pl.col(column).is_null() & ~pl.col("raw").is_in(sorted(MISSING))
    )
    row, found = bad.sort(ROW).select(ROW, "raw").head(1).collect().row(0)
    return (
        f"{source.name}, row {row}, column {column!r}: {found[:80]!r} is not {_EXPECTED[kind]}, "
        "as the other values of the column are"
    )
