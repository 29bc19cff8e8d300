"""What a model expects of a row: written by prepare, carried inside the model, obeyed by serve."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

Problem = Literal["binary", "multiclass", "regression", "ranking", "forecast"]
Type = Literal["number", "integer", "boolean", "category", "datetime"]

FORMAT = 2
# Beside the schema of a forecast: the rows that were held out.
RECENT = "recent.parquet"

# The largest relevance of a ranking: https://xgboost.readthedocs.io/en/stable/tutorials/learning_to_rank.html
MOST_RELEVANT = 31

# Texts that mean "no value", in files and in requests alike.
MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})
TRUE = frozenset({"true", "yes", "t", "y"})
FALSE = frozenset({"false", "no", "f", "n"})
# A date, or a date and a time, in the forms of ISO 8601; without an offset it is taken as UTC.
DATETIME = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"


@dataclass(frozen=True)
class Feature:
    """One column that the model sees; the figures are those of the training rows.

    `missing` is the share of rows without a value. A datetime is seen as days since 1970, a category by its
    place in `categories`; a category that was not seen in training counts as missing.
    """

    name: str
    type: Type
    categories: tuple[str, ...] = ()
    missing: float = 0.0
    mean: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Ignored:
    """A column that the model does not see, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class File:
    """One file that was read: its name below the input prefix, its digest and its size."""

    name: str
    sha256: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class LeftOut:
    """A file that was there and that nothing was learnt from, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Split:
    """Rows on either side; `cut` is the first moment of the hold-out when the data is ordered by time."""

    train_rows: int
    holdout_rows: int
    first: str | None = None
    cut: str | None = None
    last: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of the uploaded files."""

    name: str
    type: Type


@dataclass(frozen=True)
class Preparation:
    """The user's function, as module:name, and the columns that it needs of a request, not the `others`."""

    function: str
    columns: tuple[Column, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Schema:
    """Columns, their types and what was learnt about them from the training rows.

    `group` is a ranking's query column; `series` are the columns that tell the series of a forecast apart,
    which are features like its `time`. `unused` columns may come along in a request. `predict` is the user's
    function that answers requests, as module:name, where there is one. `window` says which rows were used,
    where not all were, such as "12 months by time"; `left_out` are files that were not.
    """

    problem: Problem
    target: str
    classes: tuple[str, ...]
    time: str | None
    features: tuple[Feature, ...]
    ignored: tuple[Ignored, ...]
    split: Split
    files: tuple[File, ...]
    group: str | None = None
    series: tuple[str, ...] = ()
    preparation: Preparation | None = None
    predict: str | None = None
    window: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    format: int = FORMAT

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of the model's columns."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def requested(self) -> tuple[Feature | Column, ...]:
        """What a request must carry: the features, or what the user's function makes them of."""
        return self.preparation.columns if self.preparation else self.features

    @cached_property
    def unused(self) -> frozenset[str]:
        """Columns of the training files that a request may carry although the model does not see them."""
        extra = {name for name in (self.target, self.time, self.group) if name is not None}
        extra.update(self.preparation.others if self.preparation else ())
        return frozenset(extra | {column.name for column in self.ignored})

    @property
    def feature_types(self) -> list[str]:
        """XGBoost's own letters: c for a category, q for a quantity."""
        return ["c" if feature.type == "category" else "q" for feature in self.features]

    def write(self, path: Path) -> None:
        """Write as JSON, the same bytes for the same schema."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Schema":
        """Read what `write` wrote; raises ValueError for another format."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.get("format") != FORMAT:
            raise ValueError(
                f"{path.name} has format {fields.get('format')!r}; this image reads format {FORMAT}"
            )
        features = tuple(
            Feature(**{**feature, "categories": tuple(feature["categories"])})
            for feature in fields["features"]
        )
        preparation = fields["preparation"]
        return cls(
            problem=fields["problem"],
            target=fields["target"],
            classes=tuple(fields["classes"]),
            time=fields["time"],
            features=features,
            ignored=tuple(Ignored(**column) for column in fields["ignored"]),
            split=Split(**fields["split"]),
            files=tuple(File(**file) for file in fields["files"]),
            group=fields["group"],
            series=tuple(fields["series"]),
            preparation=preparation
            and Preparation(
                preparation["function"],
                tuple(Column(**column) for column in preparation["columns"]),
                tuple(preparation["others"]),
            ),
            predict=fields.get("predict"),
            window=fields.get("window"),
            left_out=tuple(LeftOut(**file) for file in fields.get("left_out", ())),
        )
