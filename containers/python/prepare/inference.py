"""What type each column has, agreed by all files, and the typed columns themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from prepare.sources import ROW, Source, complain
from tabular.columns import from_typed, representable
from tabular.contract import DataError
from tabular.schema import DATETIME, FALSE, MISSING, TRUE, Type

# So many of a file's values must be numbers for its other values to be mistakes rather than categories.
_CLEAR_MAJORITY = 0.9
# Above 2**53 a float64 has no fractions, and soon no int64 either.
_LARGEST_WHOLE = 2**53
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


def types(sources: Sequence[Source], columns: Sequence[str]) -> dict[str, Type | None]:
    """The type of each column; DataError names the first value, row and file that contradicts it."""
    queries = [_profile_query(source, columns) for source in sources]
    results = pl.collect_all(queries, engine="streaming")
    profiles = [{column: _Profile(**result[column][0]) for column in columns} for result in results]
    agreed = {column: _majority([profile[column] for profile in profiles]) for column in columns}
    problems = []
    for source, profile in zip(sources, profiles, strict=True):
        for column, kind in agreed.items():
            if kind and _fitting(profile[column], kind) < profile[column].present:
                problems.append(_first_misfit(source, column, kind))
                break
    complain(problems)
    return agreed


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


def _first_misfit(source: Source, column: str, kind: Type) -> DataError:
    raw = source.rows.select(ROW, raw=pl.col(column).cast(pl.String).str.strip_chars())
    bad = raw.join(typed(source, {column: kind}), on=ROW).filter(
        pl.col(column).is_null() & ~pl.col("raw").is_in(sorted(MISSING))
    )
    row, found = bad.sort(ROW).select(ROW, "raw").head(1).collect().row(0)
    return DataError(
        f"{source.name}, row {row}, column {column!r}: {found[:80]!r} is not {_EXPECTED[kind]}, "
        "as the other values of the column are"
    )
