"""Pipelines and their versions."""

from local.errors import ConflictException, ResourceNotFound, ValidationException
from local.sagemaker.context import Context, now
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.pipelines.calls import Caller, StepFailed
from local.sagemaker.pipelines.definition import parse
from local.sagemaker.pipelines.journal import ENDED, EXECUTION, STEP
from local.sagemaker.store import Record
from local.sagemaker.tags import forget_tags, set_tags

PIPELINE, VERSION, TOKEN = "pipeline", "pipeline-version", "pipeline-token"
"""Kinds of records: a pipeline by NAME, its versions by NAME/NUMBER, request tokens by NAME/TOKEN."""


def find_pipeline(context: Context, name_or_arn: str) -> Record:
    """The record of a pipeline, by name or ARN; ResourceNotFound if there is none."""
    arn = context.arn(PIPELINE, context.name(PIPELINE, name_or_arn))
    return context.find(PIPELINE, name_or_arn, ResourceNotFound(f"Pipeline '{arn}' does not exist."))


def find_version(context: Context, pipeline: str, number: int) -> Record:
    """A version of a pipeline; ResourceNotFound if there is none."""
    missing = ResourceNotFound(f"Version {number} of pipeline '{pipeline}' does not exist.")
    return context.find(VERSION, f"{pipeline}/{number}", missing)


class Pipelines:
    """Create, describe, list, update and delete pipelines."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    @operation("CreatePipeline")
    def create(self, params: Params) -> Answer:
        """Keep a definition that holds together as version 1; idempotent by ClientRequestToken."""
        name, token = params["PipelineName"], params.pop("ClientRequestToken")
        arn = self._context.arn(PIPELINE, name)
        text = self._definition(params, params["RoleArn"])
        tags = params.pop("Tags", None)
        with self._store.transaction():
            if existing := self._store.get(PIPELINE, name):
                if existing["ClientRequestToken"] == token:
                    return {"PipelineArn": arn}
                raise ValidationException(
                    "Pipeline names must be unique within an AWS account and region, pipeline with name "
                    f"({name}) already exists."
                )
            set_tags(self._context, arn, tags)
            created = now()
            record = {
                "PipelineDisplayName": name,
                **params,
                "PipelineArn": arn,
                "PipelineStatus": "Active",
                "CreationTime": created,
                "LastModifiedTime": created,
                "CreatedBy": {},
                "LastModifiedBy": {},
                "ClientRequestToken": token,
                "LastVersion": 1,
            }
            self._store.put(PIPELINE, name, record)
            self._keep_version(record, text)
        return {"PipelineArn": arn}

    @operation("DescribePipeline")
    def describe(self, params: Params) -> Answer:
        """The pipeline with its newest definition, or the one of PipelineVersionId."""
        pipeline = find_pipeline(self._context, params["PipelineName"])
        number = int(params.get("PipelineVersionId") or pipeline["LastVersion"])
        return {**pipeline, "PipelineDefinition": self._version(pipeline, number)["PipelineDefinition"]}

    @operation("ListPipelines")
    def list(self, params: Params) -> Answer:
        """Page through the pipelines."""
        prefix = params.get("PipelineNamePrefix", "")
        records = [
            {**record, "LastExecutionTime": record.get("LastRunTime")}
            for record in self._store.list(PIPELINE, prefix)
        ]
        summaries, token = page(listed(records, params, name="PipelineName"), params)
        return {"PipelineSummaries": summaries, "NextToken": token}

    @operation("UpdatePipeline")
    def update(self, params: Params) -> Answer:
        """Change a pipeline; another definition becomes its next version."""
        pipeline = find_pipeline(self._context, params.pop("PipelineName"))
        text = None
        if "PipelineDefinition" in params or "PipelineDefinitionS3Location" in params:
            text = self._definition(params, params.get("RoleArn") or pipeline["RoleArn"])
        with self._store.transaction():
            pipeline = find_pipeline(self._context, pipeline["PipelineName"])
            current = self._version(pipeline, pipeline["LastVersion"])
            pipeline.update(params, LastModifiedTime=now(), LastModifiedBy={})
            if text is not None and text != current["PipelineDefinition"]:
                pipeline["LastVersion"] += 1
                self._keep_version(pipeline, text)
            self._store.put(PIPELINE, pipeline["PipelineName"], pipeline)
        return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": pipeline["LastVersion"]}

    @operation("DeletePipeline")
    def delete(self, params: Params) -> Answer:
        """Remove a pipeline with its executions; ConflictException while one of them runs."""
        with self._store.transaction():
            pipeline = find_pipeline(self._context, params["PipelineName"])
            name, arn = pipeline["PipelineName"], pipeline["PipelineArn"]
            executions = self._store.list(EXECUTION, f"{name}/")
            if any(execution["PipelineExecutionStatus"] not in ENDED for execution in executions):
                raise ConflictException(
                    f"Pipeline '{arn}' cannot be deleted while it has running executions; stop them first."
                )
            for kind in (EXECUTION, STEP, VERSION, TOKEN):
                self._store.delete_all(kind, f"{name}/")
            self._store.delete(PIPELINE, name)
            forget_tags(self._context, arn)
        return {"PipelineArn": arn}

    @operation("ListPipelineVersions")
    def list_versions(self, params: Params) -> Answer:
        """Page through the versions of a pipeline."""
        pipeline = find_pipeline(self._context, params["PipelineName"])
        versions = self._store.list(VERSION, f"{pipeline['PipelineName']}/")
        summaries, token = page(listed(versions, params, name="PipelineVersionId"), params)
        return {"PipelineVersionSummaries": summaries, "NextToken": token}

    @operation("UpdatePipelineVersion")
    def update_version(self, params: Params) -> Answer:
        """Name and describe a version."""
        with self._store.transaction():
            pipeline = find_pipeline(self._context, params["PipelineArn"])
            version = {**self._version(pipeline, params["PipelineVersionId"]), **params}
            key = f"{pipeline['PipelineName']}/{params['PipelineVersionId']}"
            self._store.put(VERSION, key, version)
        return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": params["PipelineVersionId"]}

    def resume(self) -> None:
        """Nothing runs behind definitions."""

    def close(self) -> None:
        """Nothing runs behind definitions."""

    def _definition(self, params: Params, role: str) -> str:
        """The checked text of the definition, taken out of the request or read from S3 with the role."""
        text = params.pop("PipelineDefinition", None)
        place = params.pop("PipelineDefinitionS3Location", None)
        if (text is None) == (place is None):
            raise ValidationException(
                "Either Pipeline Definition or Pipeline Definition S3 location should be provided"
            )
        if place is not None:
            caller = Caller(self._context, role, "definition", "read")
            try:
                text = caller.text(f"s3://{place['Bucket']}/{place['ObjectKey']}")
            except StepFailed as failure:
                raise ValidationException(str(failure)) from None
        parse(str(text))
        return str(text)

    def _version(self, pipeline: Record, number: int) -> Record:
        return find_version(self._context, pipeline["PipelineName"], number)

    def _keep_version(self, pipeline: Record, text: str) -> None:
        number = pipeline["LastVersion"]
        version = {
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineVersionId": number,
            "PipelineDefinition": text,
            "CreationTime": now(),
        }
        self._store.put(VERSION, f"{pipeline['PipelineName']}/{number}", version)
