"""How models are made: the training pipeline, with one role for each kind of job."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from declaration import Project
from pipelines.training import TrainingBindings, definition
from pipelines.validation import validate
from stacks.network import Network
from stacks.parts.image import job_image
from stacks.parts.paths import ROOT
from stacks.parts.roles import Grant, service_role
from stacks.parts.sagemaker_grants import (
    SAGEMAKER,
    list_objects,
    read_objects,
    run_container,
    write_objects,
)
from stacks.storage import Storage

# Where each step writes, whatever the execution; the pipeline's definition says the same.
PREPARED, TRAINED, EVALUATED = (f"executions/*/{step}/*" for step in ("prepare", "train", "evaluate"))


class Training(cdk.Stack):
    """The SageMaker Pipeline `<project>-training` and everything that its jobs may touch."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        network: Network,
        storage: Storage,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id_, env=env, description=f"Sageloop: training pipeline of {project.name}")
        self._network, self._storage = network, storage
        self.image = job_image(self)
        no_champion = s3_assets.Asset(
            self, "NoChampion", path=str(ROOT / "stacks/parts/assets/no-champion.txt")
        )
        prepare, train, evaluate = self._prepare(), self._train(), self._evaluate(no_champion)
        body = definition(
            project,
            TrainingBindings(
                region=self.region,
                image_uri=self.image.image_uri,
                incoming_bucket=storage.incoming.bucket_name,
                artifacts_bucket=storage.artifacts.bucket_name,
                no_champion_uri=no_champion.s3_object_url,
                kms_key_arn=storage.key.key_arn,
                subnets=network.subnet_ids,
                security_groups=[network.jobs.security_group_id],
                prepare_role_arn=prepare.role_arn,
                train_role_arn=train.role_arn,
                evaluate_role_arn=evaluate.role_arn,
                model_package_group=project.name,
            ),
        )
        validate(body)
        pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=f"{project.name}-training",
            pipeline_description=f"Prepares, trains, evaluates and registers models of {project.name}",
            pipeline_definition={"PipelineDefinitionBody": body},
            role_arn=self._run(project.name, [prepare, train, evaluate]).role_arn,
        )
        # The group is named in the definition, so nothing else says that it comes first.
        self.add_stack_dependency(storage)
        cdk.CfnOutput(self, "PipelineName", value=pipeline.pipeline_name)
        cdk.CfnOutput(self, "ModelPackageGroup", value=project.name)
        cdk.CfnOutput(self, "ImageUri", value=self.image.image_uri)

    def _prepare(self) -> iam.Role:
        incoming, artifacts = self._storage.incoming.bucket_arn, self._storage.artifacts.bucket_arn
        return self._job_role(
            "Prepare",
            "ProcessingJobs",
            [
                list_objects("ListData", incoming, ["data/*"]),
                read_objects("ReadData", incoming, ["data/*"]),
                write_objects("WritePrepared", artifacts, [PREPARED]),
            ],
        )

    def _train(self) -> iam.Role:
        artifacts = self._storage.artifacts.bucket_arn
        return self._job_role(
            "Train",
            "TrainingJobs",
            [
                list_objects("ListPrepared", artifacts, [PREPARED]),
                read_objects("ReadPrepared", artifacts, [PREPARED]),
                write_objects("WriteModel", artifacts, [TRAINED]),
            ],
        )

    def _evaluate(self, no_champion: s3_assets.Asset) -> iam.Role:
        artifacts, marker = self._storage.artifacts.bucket_arn, no_champion.s3_object_key
        return self._job_role(
            "Evaluate",
            "ProcessingJobs",
            [
                list_objects("ListModels", artifacts, [PREPARED, TRAINED]),
                read_objects("ReadModels", artifacts, [PREPARED, TRAINED]),
                list_objects("ListNoChampion", no_champion.bucket.bucket_arn, [marker]),
                read_objects("ReadNoChampion", no_champion.bucket.bucket_arn, [marker]),
                write_objects("WriteEvaluation", artifacts, [EVALUATED]),
            ],
        )

    def _job_role(self, id_: str, kind: str, data: Sequence[Grant]) -> iam.Role:
        container = run_container(
            self,
            repository_arn=self.image.repository.repository_arn,
            key=self._storage.key,
            network=self._network,
            log_group=f"/aws/sagemaker/{kind}",
            metrics=f"/aws/sagemaker/{kind}",
        )
        return service_role(
            self,
            f"{id_}Role",
            service=SAGEMAKER,
            description=f"{id_} jobs of the training pipeline",
            grants=[
                *container,
                # SageMaker asks for it where a job names the key of its output.
                # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
                Grant("EncryptOutput", ["kms:Encrypt"], [self._storage.key.key_arn]),
                *data,
            ],
        )

    def _run(self, project: str, jobs: Sequence[iam.Role]) -> iam.Role:
        """The role of the pipeline itself, which starts the jobs and registers the model.

        https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html
        """
        sagemaker_arn = f"arn:{self.partition}:sagemaker:{self.region}:{self.account}"
        # SageMaker Pipelines names its jobs pipelines-<execution id>-<step>-<random>.
        processing = f"{sagemaker_arn}:processing-job/pipelines-*"
        training = f"{sagemaker_arn}:training-job/pipelines-*"
        packages = f"{sagemaker_arn}:model-package/{project}/*"
        named = "SageMaker Pipelines names its jobs and packages when it makes them"
        grants = [
            Grant(
                "RunProcessingJobs",
                [f"sagemaker:{verb}ProcessingJob" for verb in ("Create", "Describe", "Stop")],
                [processing],
                wildcard=named,
            ),
            Grant(
                "RunTrainingJobs",
                [f"sagemaker:{verb}TrainingJob" for verb in ("Create", "Describe", "Stop")],
                [training],
                wildcard=named,
            ),
            Grant(
                "RegisterModels",
                ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
                [f"{sagemaker_arn}:model-package-group/{project}", packages],
                wildcard=named,
            ),
            Grant("TagWhatItMakes", ["sagemaker:AddTags"], [processing, training, packages], wildcard=named),
            Grant(
                "PassJobRoles",
                ["iam:PassRole"],
                [role.role_arn for role in jobs],
                {"StringEquals": {"iam:PassedToService": SAGEMAKER}},
            ),
            # The model too: whoever registers a package must be able to read what it names.
            read_objects("ReadResults", self._storage.artifacts.bucket_arn, [TRAINED, EVALUATED]),
            Grant("DecryptResults", ["kms:Decrypt"], [self._storage.key.key_arn]),
        ]
        return service_role(
            self,
            "PipelineRole",
            service=SAGEMAKER,
            description="Runs the training pipeline",
            grants=grants,
        )
