"""Where in the bucket of the artifacts each step writes, as the pipeline's definition says, too."""

from declaration import Project

# Lists of the objects that an execution was started with, written by whatever starts it.
INPUTS = "inputs/*"
PREPARED, TUNED, TRAINED, PREDICTED, EVALUATED = (
    f"executions/*/{step}/*" for step in ("prepare", "tune", "train", "predict", "evaluate")
)
# What became of the files that an execution was started with.
INTAKE = "executions/*/prepare/intake/*"
FEATURES = "executions/*/prepare/features*"
CHECKPOINTS = "checkpoints/*"
# In the bucket of the incoming data, beside what is learnt from: what is to be predicted, and what was.
ROWS, PREDICTIONS = "rows/", "predictions"
REQUESTS, ANSWERS, FAILURES = "requests/", "answers", "failures"
# A model that serves may be older than the declaration, so both places are read whatever that says now.
MODELS = [TRAINED, TUNED]


def learnt(project: Project) -> list[str]:
    """Where trainings write: our own algorithms learn once more with what tuning has found, others do not."""
    if not project.tuning:
        return [TRAINED]
    return [TUNED, TRAINED] if project.train.family == "own" else [TUNED]
