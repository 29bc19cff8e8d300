"""A run once more: the same parameters and the same bytes, brought back where they have changed."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cli import executions, inputs, output
from cli.definition import Definition
from cli.errors import CommandError
from cli.executions import Execution
from cli.inputs import DATA, Object, Snapshot
from cli.launch import APPROVAL, DATA_TYPE, INPUT, Launch

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

MANIFEST = "ManifestFile"
# Of the copies, beside the manifest that they stand in for.
COPIES, COPIED = "data/", "again.manifest"
COPIES_AT_ONCE = 8
SHOWN = 5


def launch(session: "boto3.Session", definition: Definition, run: Execution) -> Launch:
    """What to start so that a run is repeated; raises CommandError where that is not possible.

    Its model waits for approval even where others are deployed at once, as it may be older than the one in
    service.
    """
    if run.selected:
        raise CommandError(
            f"Run {run.id} took results of another run: repeat that one, {run.source.rpartition('/')[2]}."
        )
    values = executions.parameters(session, run.arn)
    if unknown := sorted(values.keys() - definition.parameters.keys()):
        raise CommandError(
            f"Run {run.id} cannot be repeated: the pipeline has no parameter {', '.join(unknown)} any more."
        )
    _tell_of_changes(session, definition, run)
    if values.get(DATA_TYPE) == MANIFEST:
        values[INPUT] = _same_data(session, run, values[INPUT])
    else:
        output.note(f"Nobody listed what run {run.id} read: it is repeated on what lies there now.")
    if APPROVAL in definition.parameters:
        values[APPROVAL] = "PendingManualApproval"
    return Launch(values)


def _tell_of_changes(session: "boto3.Session", definition: Definition, run: Execution) -> None:
    sagemaker = session.client("sagemaker")
    then = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=run.arn)
    now = sagemaker.describe_pipeline(PipelineName=definition.pipeline)
    if json.loads(then["PipelineDefinition"]) != json.loads(now["PipelineDefinition"]):
        output.note(f"The pipeline was deployed anew since run {run.id}: its programs may be others by now.")


def _same_data(session: "boto3.Session", run: Execution, manifest: str) -> str:
    """The manifest of the same bytes: the one that the run had, or that of copies of them."""
    snapshot = inputs.read(session, manifest)
    if snapshot is None:
        raise CommandError(f"Run {run.id} cannot be repeated: the list beside {manifest} is gone.")
    with output.messages.status("Comparing the data with those of the run ..."):
        today = {each.key: each.content for each in inputs.below(session, snapshot.bucket, DATA)}
        changed = [each for each in snapshot.objects.values() if today.get(each.key) != each.content]
    if not changed:
        return manifest
    with output.messages.status(f"Bringing back {len(changed)} objects ..."):
        return _copied(session, run, manifest, snapshot, changed)


def _copied(
    session: "boto3.Session", run: Execution, manifest: str, snapshot: Snapshot, changed: Sequence[Object]
) -> str:
    """Copy all that the run read beside its manifest, as a manifest names objects of one place only.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    """
    s3 = session.client("s3")
    found = {each.key: _version(s3, snapshot.bucket, each) for each in changed}
    if lost := sorted(key for key, version in found.items() if version is None):
        raise CommandError(
            f"Run {run.id} cannot be repeated: what it read of {_some(lost)} was replaced or deleted, and is "
            "not kept any more (30 days)."
        )
    folder = inputs.folder(manifest)
    bucket, _, key = folder.removeprefix("s3://").partition("/")

    def copy(each: Object) -> None:
        version = found.get(each.key)
        s3.copy(
            CopySource=(
                {"Bucket": snapshot.bucket, "Key": each.key, "VersionId": version}
                if version
                else {"Bucket": snapshot.bucket, "Key": each.key}
            ),
            Bucket=bucket,
            Key=f"{key}{COPIES}{each.key.removeprefix(DATA)}",
            # What changes meanwhile is no more the same.
            ExtraArgs={"CopySourceIfMatch": f'"{each.etag}"'},
        )

    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        for _ in pool.map(copy, snapshot.objects.values()):
            pass
    names = sorted(each.removeprefix(DATA) for each in snapshot.objects)
    listed = json.dumps([{"prefix": f"{folder}{COPIES}"}, *names])
    s3.put_object(Bucket=bucket, Key=key + COPIED, Body=listed.encode(), ContentType="application/json")
    output.note(
        f"{len(changed)} objects have changed since run {run.id}: it is repeated on copies of the old."
    )
    return folder + COPIED


def _some(keys: Sequence[str]) -> str:
    more = len(keys) - SHOWN
    return ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _version(s3: "S3Client", bucket: str, wanted: Object) -> str | None:
    """The version of an object that has this content; None when it is gone."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=wanted.key)
    for page in pages:
        for each in page.get("Versions", []):
            if (each["Key"], each["ETag"].strip('"'), each["Size"]) == wanted.content:
                return each["VersionId"]
    return None
