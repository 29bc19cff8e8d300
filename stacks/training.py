"""How models are made: the training pipeline, with one role for each kind of job."""

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from declaration import BuiltIn, Container, Project, Script
from pipelines.images import Scope
from pipelines.training import TrainingBindings, definition
from pipelines.validation import validate
from pipelines.validation.steps import all_steps
from stacks.network import Network
from stacks.parts.aws_image import aws_image
from stacks.parts.image import Image, built_image, gpu_image, job_image
from stacks.parts.paths import ROOT
from stacks.parts.pipeline_role import pipeline_role
from stacks.parts.places import EVALUATED, INTAKE, learnt
from stacks.parts.source import Source, functions, script_archive
from stacks.parts.training_roles import Images, JobRoles
from stacks.storage import Storage


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
        self._project, self._network, self._storage = project, network, storage
        self.images = self._images()
        code = functions(self, project.code) if project.code else None
        source = script_archive(self, project.train) if isinstance(project.train, Script) else None
        body, roles = self._definition(code, source)
        validate(body)
        pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=f"{project.name}-training",
            pipeline_description=f"Prepares, trains, evaluates and registers models of {project.name}",
            pipeline_definition={"PipelineDefinitionBody": body},
            role_arn=pipeline_role(
                self,
                group=project.name,
                kinds=sorted({step.kind for step in all_steps(json.loads(body))}),
                roles=roles,
                storage=storage,
                results=[*learnt(project), INTAKE, EVALUATED],
            ).role_arn,
        )
        # The group is named in the definition, so nothing else says that it comes first.
        self.add_stack_dependency(storage)
        cdk.CfnOutput(self, "PipelineName", value=pipeline.pipeline_name)
        cdk.CfnOutput(self, "ModelPackageGroup", value=project.name)
        cdk.CfnOutput(self, "ImageUri", value=self.images.ours.uri)

    def _images(self) -> Images:
        ours, algorithm = job_image(self), self._project.train
        if isinstance(algorithm, Container):
            built = built_image(self, "UserImage", str(algorithm.path))
            return Images(ours, built, built)
        if algorithm.family == "own" and algorithm.on == "gpu":
            return Images(ours, gpu_image(self), ours)
        return Images(ours, self._of_aws("training", ours), self._of_aws("inference", ours))

    def _of_aws(self, used_for: Scope, ours: Image) -> Image:
        return aws_image(self, self._project.train, used_for) or ours

    def _definition(self, code: Source | None, source: Source | None) -> tuple[str, list[iam.Role]]:
        """The definition, and the roles that its jobs take."""
        project, storage, images = self._project, self._storage, self.images
        no_champion = s3_assets.Asset(
            self, "NoChampion", path=str(ROOT / "stacks/parts/assets/no-champion.txt")
        )
        make = JobRoles(self, project, self._network, storage, images)
        tables = not isinstance(project.train, BuiltIn) or project.train.reads_tables
        own = project.train.family == "own"
        served = code if project.code and project.code.served else None
        roles = {
            "prepare": make.prepare(no_champion, served) if tables else None,
            "train": make.train(no_champion, [served if own else None, source]),
            "evaluate": make.evaluate(no_champion, code) if tables else None,
            "model": make.model() if tables and not own else None,
        }
        arns = {f"{kind}_role_arn": role.role_arn for kind, role in roles.items() if role}
        sources = [each for each in (code, source) if each]
        bindings = TrainingBindings(
            region=self.region,
            image_uri=images.ours.uri,
            training_image_uri=images.learning.uri,
            serving_image_uri=images.serving.uri,
            version=" ".join([images.learning.version, *(each.version for each in sources)]),
            incoming_bucket=storage.incoming.bucket_name,
            artifacts_bucket=storage.artifacts.bucket_name,
            no_champion_uri=no_champion.s3_object_url,
            kms_key_arn=storage.key.key_arn,
            subnets=self._network.subnet_ids,
            security_groups=[self._network.jobs.security_group_id],
            model_package_group=project.name,
            code_uri=code.uri if code else None,
            source_uri=source.uri if source else None,
            **arns,
        )
        return definition(project, bindings), [role for role in roles.values() if role]
