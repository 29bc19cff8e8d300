"""The roles of the training pipeline: one for each kind of job, and one for the pipeline itself.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets

from declaration import BuiltIn, Project
from stacks.network import Network
from stacks.parts.image import Image
from stacks.parts.places import (
    CHECKPOINTS,
    EVALUATED,
    FEATURES,
    INPUTS,
    MODELS,
    PREDICTED,
    PREPARED,
    learnt,
)
from stacks.parts.roles import Grant, service_role
from stacks.parts.sagemaker_grants import (
    SAGEMAKER,
    list_objects,
    read_and_write_objects,
    read_objects,
    run_container,
    write_objects,
)
from stacks.parts.source import Source
from stacks.storage import Storage


@dataclass(frozen=True)
class Images:
    """What runs in the pipeline: our own image, the one that learns and the one that serves."""

    ours: Image
    learning: Image
    serving: Image


@dataclass(frozen=True)
class JobRoles:
    """Makes the roles in a stack; each job may touch what its step names and nothing else."""

    stack: cdk.Stack
    project: Project
    network: Network
    storage: Storage
    images: Images

    def prepare(self, no_champion: s3_assets.Asset, code: Source | None) -> iam.Role:
        """Reads what was uploaded, the list of it and the reigning model, writes data sets."""
        incoming, artifacts = self.storage.incoming.bucket_arn, self.storage.artifacts.bucket_arn
        # Only a model of ours says which files it was trained on.
        told = [INPUTS, *(MODELS if self.project.train.family == "own" else [])]
        data = [
            list_objects("ListData", incoming, ["data/*"]),
            read_objects("ReadData", incoming, ["data/*"]),
            list_objects("ListTold", artifacts, told),
            read_objects("ReadTold", artifacts, told),
            *_marker(no_champion),
            write_objects("WritePrepared", artifacts, [PREPARED]),
            *_source("Code", code),
        ]
        return self._role("Prepare", "ProcessingJobs", self.images.ours, data)

    def train(self, no_champion: s3_assets.Asset, sources: Sequence[Source | None]) -> iam.Role:
        """Reads data sets, or the channels that the user names, and writes models and checkpoints."""
        artifacts, algorithm = self.storage.artifacts.bucket_arn, self.project.train
        named = isinstance(algorithm, BuiltIn) and not algorithm.reads_tables
        data = (
            []
            if named
            else [
                list_objects("ListPrepared", artifacts, [PREPARED]),
                read_objects("ReadPrepared", artifacts, [PREPARED]),
            ]
        )
        if isinstance(algorithm, BuiltIn):
            data += self._channels(algorithm)
        if self.project.learn_from.warm:
            data += [
                list_objects("ListChampion", artifacts, MODELS),
                read_objects("ReadChampion", artifacts, MODELS),
                *_marker(no_champion),
            ]
        data.append(write_objects("WriteModel", artifacts, learnt(self.project)))
        if algorithm.checkpoints:
            data += [
                list_objects("ListCheckpoints", artifacts, [CHECKPOINTS]),
                read_and_write_objects("KeepCheckpoints", artifacts, [CHECKPOINTS]),
            ]
        for index, source in enumerate(sources):
            data += _source("Code" if not index else "Source", source)
        return self._role("Train", "TrainingJobs", self.images.learning, data)

    def evaluate(self, no_champion: s3_assets.Asset, code: Source | None) -> iam.Role:
        """Reads the hold-out and models, or what they predicted, and writes metrics and a report."""
        artifacts = self.storage.artifacts.bucket_arn
        own = self.project.train.family == "own"
        judged = [PREPARED, *(learnt(self.project) if own else [PREDICTED])]
        data = [
            list_objects("ListModels", artifacts, judged),
            read_objects("ReadModels", artifacts, judged),
            write_objects("WriteEvaluation", artifacts, [EVALUATED]),
            *_source("Code", code),
        ]
        if own:
            data += _marker(no_champion)
        return self._role("Evaluate", "ProcessingJobs", self.images.ours, data)

    def model(self) -> iam.Role:
        """Reads a model and the rows of the hold-out, writes predictions."""
        artifacts = self.storage.artifacts.bucket_arn
        data = [
            list_objects("ListRows", artifacts, [FEATURES]),
            read_objects("ReadModelAndRows", artifacts, [*MODELS, FEATURES]),
            write_objects("WritePredictions", artifacts, [PREDICTED]),
        ]
        return self._role("Model", "TransformJobs", self.images.serving, data)

    def _channels(self, algorithm: BuiltIn) -> Iterator[Grant]:
        """S3 addresses that the declaration names; whose buckets they are is not ours to know."""
        given = [each.uri for each in algorithm.inputs.values()]
        given += [algorithm.jumpstart.script] if algorithm.jumpstart else []
        for index, uri in enumerate(given):
            bucket, _, prefix = uri.removeprefix("s3://").partition("/")
            arn = f"arn:{self.stack.partition}:s3:::{bucket}"
            yield list_objects(f"ListChannel{index}", arn, [f"{prefix}*"])
            why = "A channel is everything below the address that the declaration names"
            yield Grant(f"ReadChannel{index}", ["s3:GetObject"], [f"{arn}/{prefix}*"], wildcard=why)

    def _role(self, id_: str, kind: str, image: Image, data: Sequence[Grant]) -> iam.Role:
        container = run_container(
            self.stack,
            repository_arns=[image.repository_arn],
            key=self.storage.key,
            network=self.network,
            log_groups=[f"/aws/sagemaker/{kind}"],
            metrics=[f"/aws/sagemaker/{kind}"],
        )
        return service_role(
            self.stack,
            f"{id_}Role",
            service=SAGEMAKER,
            description=f"{id_} jobs of the training pipeline",
            grants=[
                *container,
                # SageMaker asks for it where a job names the key of its output.
                Grant("EncryptOutput", ["kms:Encrypt"], [self.storage.key.key_arn]),
                *data,
            ],
        )


def _marker(no_champion: s3_assets.Asset) -> Iterator[Grant]:
    """What an input needs that says that there is nothing."""
    bucket, key = no_champion.bucket.bucket_arn, no_champion.s3_object_key
    yield list_objects("ListNoChampion", bucket, [key])
    yield read_objects("ReadNoChampion", bucket, [key])


def _source(name: str, source: Source | None) -> Iterator[Grant]:
    """What a channel or an input with the user's code needs."""
    if source:
        yield list_objects(f"List{name}", source.bucket_arn, [f"{source.folder}/*"])
        yield read_objects(f"Read{name}", source.bucket_arn, source.keys)
