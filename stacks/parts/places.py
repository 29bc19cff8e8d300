"""Where in the bucket of the artifacts each step writes, as the pipeline's definition says, too."""

from declaration import Project

PREPARED, TUNED, TRAINED, PREDICTED, EVALUATED = (
    f"executions/*/{step}/*" for step in ("prepare", "tune", "train", "predict", "evaluate")
)
FEATURES = "executions/*/prepare/features*"
CHECKPOINTS = "checkpoints/*"
# A model that serves may be older than the declaration, so both places are read whatever that says now.
MODELS = [TRAINED, TUNED]


def learnt(project: Project) -> list[str]:
    """Where trainings write: our own algorithms learn once more with what tuning has found, others do not."""
    if not project.tuning:
        return [TRAINED]
    return [TUNED, TRAINED] if project.train.family == "own" else [TUNED]
