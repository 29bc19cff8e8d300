"""train: hyperparameters.json, the channels train and schema; the model goes to /opt/ml/model.

With refit=false, a tuning trial, /opt/ml/model gets trial.json alone. With the channel champion, which holds
the reigning model, the training goes on from it where that is possible.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.contract import DataError, ml, run

if TYPE_CHECKING:
    from tabular.artifact import Origin
    from train.settings import Hyperparameters

_SCHEMA = "input/data/schema/schema.json"


def main() -> None:
    """The whole job."""
    import polars as pl

    from learners import learner
    from learners.progress import Progress
    from tabular import artifact
    from tabular.schema import RECENT, Schema
    from train import settings, warm
    from train.learning import training

    hyperparameters = settings.read(ml("input/config/hyperparameters.json"))
    job = hyperparameters.job
    schema = Schema.read(ml(_SCHEMA))
    if (schema.target, schema.problem) != (job.target, job.problem):
        raise DataError(
            f"the data was prepared for the {schema.problem} target {schema.target!r}, "
            f"not for the {job.problem} target {job.target!r}"
        )
    files = sorted(ml("input/data/train").glob("*.parquet"))
    if not files:
        raise DataError("the channel 'train' holds no Parquet file")
    with tempfile.TemporaryDirectory() as scratch:
        begun = warm.start(ml("input/data/champion"), Path(scratch), schema, hyperparameters.texts)
    if begun.model:
        hyperparameters = hyperparameters.limited()
        print(f"going on from the reigning model, sha256 {begun.digest}")
    elif begun.reason:
        print(f"training from nothing: {begun.reason}")
    algorithm = learner(job.algorithm)
    checkpoints = ml("checkpoints") if ml("checkpoints").is_dir() else None
    key = _key(hyperparameters, files, algorithm.LIBRARIES, begun.digest or "") if checkpoints else ""
    progress = Progress(job.problem, checkpoints, key)
    recent = ml(_SCHEMA).parent / RECENT
    after = pl.read_parquet(recent) if recent.is_file() else None
    data = training(pl.read_parquet(files), schema, job, after, begun.model)
    learnt = algorithm.learn(data, hyperparameters.algorithm, progress)
    origin = artifact.Origin(
        algorithm=job.algorithm,
        rows=len(data.labels),
        rounds=learnt.rounds,
        hyperparameters=hyperparameters.texts,
        metrics=learnt.metrics,
        curve=learnt.curve,
        libraries={name: version(name) for name in algorithm.LIBRARIES},
        warm_start=begun.digest,
        cold_start=begun.reason,
    )
    figures = ", ".join(f"{name} {value:.4f}" for name, value in learnt.metrics.items())
    if job.refit:
        artifact.write(ml("model"), learnt.model, schema, origin, ml(_SCHEMA).parent / artifact.CODE)
        rows = f"{origin.rows} rows"
    else:
        _write_trial(origin, progress.seconds)
        rows = f"{len(data.learning)} rows, as a trial,"
    print(f"learnt from {rows} in {learnt.rounds} rounds; on the validation rows: {figures}")


def _write_trial(origin: Origin, seconds: float) -> None:
    trial = {
        "hyperparameters": origin.hyperparameters,
        "metrics": origin.metrics,
        "curve": origin.curve,
        "rounds": origin.rounds,
        "seconds": round(seconds, 3),
    }
    path = ml("model/trial.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(trial, indent=1) + "\n", encoding="utf-8")


def _key(
    hyperparameters: Hyperparameters, files: list[Path], libraries: tuple[str, ...], champion: str
) -> str:
    """What a checkpoint depends on."""
    digest = hashlib.sha256(json.dumps(hyperparameters.texts, sort_keys=True).encode())
    for path in (ml(_SCHEMA), *files):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    digest.update(" ".join(f"{name} {version(name)}" for name in libraries).encode())
    digest.update(champion.encode())
    return digest.hexdigest()


if __name__ == "__main__":
    run(main, "training")
