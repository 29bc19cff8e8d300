"""The same model without the platform, to compare with: `python -m examples.flights.plain DIRECTORY`.

The directory holds flights-2013-01.csv to -04.csv. Learns from January to March, prints the AUC on April.
"""

import sys
from pathlib import Path

import polars as pl
import xgboost as xgb


def table(directory: Path, month: int) -> pl.DataFrame:
    """One month of flights in the order of time."""
    return pl.read_csv(directory / f"flights-2013-{month:02}.csv", infer_schema_length=None).sort("time_hour")


def april_auc(directory: Path) -> float:
    """Find the rounds on the latest tenth of January to March, learn from all of it, predict April."""
    rows, april = pl.concat([table(directory, month) for month in (1, 2, 3)]), table(directory, 4)
    texts = [name for name in rows.columns if rows[name].dtype == pl.String and name != "time_hour"]
    categories = {name: pl.Enum(rows[name].drop_nulls().unique().sort()) for name in texts}

    def data(part: pl.DataFrame) -> xgb.DMatrix:
        features = part.drop("late", "time_hour").with_columns(
            pl.col(name).cast(kind, strict=False) for name, kind in categories.items()
        )
        return xgb.DMatrix(features, part["late"].to_numpy(), enable_categorical=True)

    parameters = {"objective": "binary:logistic", "eval_metric": "auc", "max_depth": 6, "eta": 0.1}
    early, late = data(rows.head(-(rows.height // 10))), data(rows.tail(rows.height // 10))
    found = xgb.train(
        parameters, early, 500, evals=[(late, "v")], early_stopping_rounds=20, verbose_eval=False
    )
    model = xgb.train(parameters, data(rows), found.best_iteration + 1)
    return float(model.eval(data(april)).rpartition(":")[2])


if __name__ == "__main__":
    print(f"{april_auc(Path(sys.argv[1])):.4f}")
