"""Evidently with its defaults, in an environment of its own: one task on each line of the input.

A task names the Parquet files of reference and current rows; the latter's `WINDOW` numbers the windows, which
are judged one after the other until a column has drifted. The answer, one line of JSON, has for each window
the number of columns that have drifted, and what share of all columns that is.

`DriftedColumnsCount` is the metric from which the preset of data drift has its verdict, with the defaults of
the preset; the rest of that preset draws the columns, which takes ten times as long. By default a data set
has drifted when half of its columns have:
https://docs.evidentlyai.com/metrics/preset_data_drift
"""

import json
import sys
import warnings

import pandas as pd
from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
from evidently.metrics import DriftedColumnsCount  # type: ignore[import-not-found]

WINDOW = "__window__"


def main() -> None:
    """Judge every task, in order."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        task = json.loads(line)
        reference, current = pd.read_parquet(task["reference"]), pd.read_parquet(task["current"])
        found = []
        for _, rows in current.groupby(WINDOW, sort=True):
            found.append(judged(reference, rows.drop(columns=WINDOW)))
            if found[-1][0]:
                break
        print(json.dumps(found), flush=True)


def judged(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[int, float]:
    """The number of columns that drifted, and their share."""
    numbers = [name for name in reference if reference[name].dtype.kind in "fiu"]
    texts = [name for name in reference if name not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
    sides = [Dataset.from_pandas(rows, definition) for rows in (current, reference)]
    value = Report([DriftedColumnsCount()]).run(*sides).dict()["metrics"][0]["value"]
    return int(value["count"]), float(value["share"])


if __name__ == "__main__":
    main()
