"""What a training pipeline finds in its surroundings."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingBindings:
    """Images, buckets, keys and roles; every text but `version` may be a CDK token.

    `image_uri` is ours, `training_image_uri` and `serving_image_uri` are what learns and serves. `version`
    changes whenever one of them or the user's code does. `code_uri` is the folder of the user's functions,
    `source_uri` the folder of the archive with the user's script. A role is None where no step needs it.
    """

    region: str
    image_uri: str
    training_image_uri: str
    serving_image_uri: str
    version: str
    incoming_bucket: str
    artifacts_bucket: str
    no_champion_uri: str
    kms_key_arn: str
    subnets: Sequence[str]
    security_groups: Sequence[str]
    model_package_group: str
    train_role_arn: str
    prepare_role_arn: str | None = None
    evaluate_role_arn: str | None = None
    model_role_arn: str | None = None
    code_uri: str | None = None
    source_uri: str | None = None
