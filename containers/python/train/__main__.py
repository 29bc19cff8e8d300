"""train: hyperparameters.json, the channels train and schema; the model goes to /opt/ml/model."""

import os
from importlib.metadata import version

from tabular.contract import DataError, ml, run

# Before libgomp is loaded: threads that spin while they wait are 10 times slower on a shared machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """The whole job."""
    import polars as pl

    from tabular import artifact
    from tabular.schema import Schema
    from train import settings as hyperparameters
    from train.learning import learn

    settings = hyperparameters.read(ml("input/config/hyperparameters.json"))
    schema = Schema.read(ml("input/data/schema/schema.json"))
    if (schema.target, schema.problem) != (settings.target, settings.problem):
        raise DataError(
            f"the data was prepared for the {schema.problem} target {schema.target!r}, "
            f"not for the {settings.problem} target {settings.target!r}"
        )
    files = sorted(ml("input/data/train").glob("*.parquet"))
    if not files:
        raise DataError("the channel 'train' holds no Parquet file")
    rows = pl.read_parquet(files)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    learnt = learn(rows, schema, settings, threads)
    origin = artifact.Origin(
        rows=rows.height,
        rounds=learnt.rounds,
        hyperparameters={name: str(getattr(settings, name)) for name in settings.__dataclass_fields__},
        metrics=learnt.metrics,
        libraries={name: version(name) for name in ("xgboost-cpu", "polars", "numpy")},
    )
    artifact.write(ml("model"), learnt.booster, schema, origin)
    figures = ", ".join(f"{name} {value:.4f}" for name, value in learnt.metrics.items())
    print(f"learnt from {rows.height} rows in {learnt.rounds} rounds; on the validation rows: {figures}")


if __name__ == "__main__":
    run(main, "training")
