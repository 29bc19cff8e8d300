"""What an execution may be started with."""

from collections.abc import Mapping

from declaration import Project
from pipelines.requests.tuning import as_text
from pipelines.sdk import ParameterString
from pipelines.training.bindings import TrainingBindings

APPROVAL_STATUSES = ["PendingManualApproval", "Approved", "Rejected"]
# Of a processing job's input: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
DATA_TYPES = ["S3Prefix", "ManifestFile"]
# Whether an execution was started for new files alone, and so has no reason to go on without any.
CAUSES = ["other", "data"]


def is_reserved(hyperparameter: str) -> bool:
    """Whether it tells script mode what to run, which no execution may change."""
    return hyperparameter.startswith("sagemaker_")


class Parameters:
    """The data, the reigning model, the approval, and one text for each hyperparameter that is not tuned.

    `input_data` is a prefix, or a manifest of the objects to read; `snapshot` then says more of these, and is
    the file that says that there is nothing where nobody listed them.
    """

    def __init__(self, project: Project, bindings: TrainingBindings) -> None:
        self.input_data = ParameterString(
            "InputDataUri", default_value=f"s3://{bindings.incoming_bucket}/data/"
        )
        self.input_type = ParameterString(
            "InputDataType", default_value=DATA_TYPES[0], enum_values=DATA_TYPES
        )
        self.snapshot = ParameterString("SnapshotUri", default_value=bindings.no_champion_uri)
        self.cause = ParameterString("Cause", default_value=CAUSES[0], enum_values=CAUSES)
        self.champion = ParameterString("ChampionModelUri", default_value=bindings.no_champion_uri)
        self.approval = ParameterString(
            "ModelApprovalStatus", default_value=project.deploy.status, enum_values=APPROVAL_STATUSES
        )
        self.hyperparameters: Mapping[str, ParameterString] = {
            name: ParameterString(name, default_value=as_text(value))
            for name, value in project.train.hyperparameters.items()
            if name not in project.ranges and not is_reserved(name)
        }

    @property
    def all(self) -> list[ParameterString]:
        """Every parameter, in the order of the definition."""
        return [
            self.input_data,
            self.input_type,
            self.snapshot,
            self.cause,
            self.champion,
            self.approval,
            *self.hyperparameters.values(),
        ]
