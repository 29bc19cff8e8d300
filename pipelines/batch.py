"""The pipeline `<project>-batch`: the model in service predicts files."""

from dataclasses import dataclass

from declaration import Batch, Project
from pipelines import requests
from pipelines.sdk import Join, ParameterString, RequestStep, compiled

# The key of a file, or the prefix of all of them, below the bucket of incoming data.
ROWS = "Rows"


@dataclass(frozen=True)
class BatchBindings:
    """What the pipeline finds in its surroundings; every text may be a CDK token."""

    region: str
    model_name: str
    bucket: str
    rows: str
    predictions: str
    kms_key_arn: str


def definition(project: Project, declared: Batch, bindings: BatchBindings) -> str:
    """The definition as JSON text, the same for the same input."""
    rows = ParameterString(ROWS, default_value=bindings.rows)
    request = requests.transform_files(
        model_name=bindings.model_name,
        files=Join(on="/", values=[f"s3://{bindings.bucket}", rows]),
        predictions=f"s3://{bindings.bucket}/{bindings.predictions}",
        instance=declared.instance,
        instances=declared.instances,
        kms_key_arn=bindings.kms_key_arn,
    )
    step = RequestStep("Predict", "Transform", request)
    return compiled(f"{project.name}-batch", bindings.region, [rows], [step])
