"""The model registry: model package groups, and the packages in them with version and approval."""

from collections.abc import Sequence

from local.errors import ConflictException, ValidationException
from local.images import UnknownImage
from local.sagemaker.context import Context, now
from local.sagemaker.events import detail, iso
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.store import Record
from local.sagemaker.tags import forget_tags, set_tags

_GROUP, _PACKAGE = "model-package-group", "model-package"


class Registry:
    """Model packages. A versioned one is kept as `GROUP/VERSION`; numbers are never given twice."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    @operation("CreateModelPackageGroup")
    def create_group(self, params: Params) -> Answer:
        """Make an empty group."""
        name = params["ModelPackageGroupName"]
        arn = self._context.arn(_GROUP, name)
        with self._store.transaction():
            if self._store.get(_GROUP, name):
                raise ValidationException(f"Model Package Group already exists: {arn}")
            set_tags(self._context, arn, params.pop("Tags", None))
            record = {
                **params,
                "ModelPackageGroupArn": arn,
                "ModelPackageGroupStatus": "Completed",
                "CreationTime": now(),
                "CreatedBy": {},
                "LastVersion": 0,
            }
            self._store.put(_GROUP, name, record)
        return {"ModelPackageGroupArn": arn}

    @operation("DescribeModelPackageGroup")
    def describe_group(self, params: Params) -> Answer:
        """The group, by name or ARN."""
        return self._group(params["ModelPackageGroupName"])

    @operation("ListModelPackageGroups")
    def list_groups(self, params: Params) -> Answer:
        """Page through the groups."""
        groups = listed(self._store.list(_GROUP), params, name="ModelPackageGroupName", order="Ascending")
        summaries, token = page(groups, params)
        return {"ModelPackageGroupSummaryList": summaries, "NextToken": token}

    @operation("DeleteModelPackageGroup")
    def delete_group(self, params: Params) -> Answer:
        """Remove an empty group; ConflictException while it holds packages."""
        with self._store.transaction():
            group = self._group(params["ModelPackageGroupName"])
            name, arn = group["ModelPackageGroupName"], group["ModelPackageGroupArn"]
            if self._store.list(_PACKAGE, f"{name}/"):
                raise ConflictException(
                    f"Model Package Group {arn} cannot be deleted because it still contains Model Packages."
                )
            self._store.delete(_GROUP, name)
            forget_tags(self._context, arn)
        return {}

    @operation("CreateModelPackage")
    def create(self, params: Params) -> Answer:
        """Register a version in a group, or a package with a name of its own; idempotent by ClientToken."""
        token = params.pop("ClientToken", None)
        tags = params.pop("Tags", None)
        with self._store.transaction():
            if token and (earlier := self._store.get("model-package-token", token)):
                return {"ModelPackageArn": earlier["ModelPackageArn"]}
            record = self._versioned(params) if "ModelPackageGroupName" in params else self._named(params)
            arn = record["ModelPackageArn"]
            if tags and "ModelPackageGroupName" in params:
                raise ValidationException("Tags are set on the model package group of a versioned model.")
            set_tags(self._context, arn, tags)
            if token:
                self._store.put("model-package-token", token, {"ModelPackageArn": arn})
            self._save(record)
        return {"ModelPackageArn": arn}

    @operation("DescribeModelPackage")
    def describe(self, params: Params) -> Answer:
        """The package, by ARN or name."""
        return self._package(params["ModelPackageName"])

    @operation("BatchDescribeModelPackage")
    def describe_batch(self, params: Params) -> Answer:
        """Several packages by ARN, and an error for each that is missing."""
        found, missing = {}, {}
        for arn in params["ModelPackageArnList"]:
            if record := self._store.get(_PACKAGE, self._context.name(_PACKAGE, arn)):
                found[arn] = record
            else:
                missing[arn] = {
                    "ErrorCode": "ValidationException",
                    "ErrorResponse": f"ModelPackage {arn} does not exist.",
                }
        return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": missing}

    @operation("ListModelPackages")
    def list(self, params: Params) -> Answer:
        """Page through the versions of a group, or through the packages with names of their own."""
        if group := params.get("ModelPackageGroupName"):
            name = self._group(group)["ModelPackageGroupName"]
            records = self._store.list(_PACKAGE, f"{name}/")
        else:
            kind = params.get("ModelPackageType", "Unversioned")
            records = [
                record
                for record in self._store.list(_PACKAGE)
                if kind == "Both" or ("ModelPackageVersion" in record) == (kind == "Versioned")
            ]
        if approval := params.get("ModelApprovalStatus"):
            records = [record for record in records if record.get("ModelApprovalStatus") == approval]
        records.sort(key=lambda record: int(record.get("ModelPackageVersion", 0)))
        named = [
            {**record, "Name": record.get("ModelPackageName", record["ModelPackageArn"])}
            for record in records
        ]
        summaries, token = page(listed(named, params, name="Name", order="Ascending"), params)
        return {"ModelPackageSummaryList": summaries, "NextToken": token}

    @operation("UpdateModelPackage")
    def update(self, params: Params) -> Answer:
        """Change approval, metadata or what AWS lets be changed of a package."""
        with self._store.transaction():
            record = self._package(params.pop("ModelPackageArn"))
            params.pop("ClientToken", None)
            metadata = {
                **record.get("CustomerMetadataProperties", {}),
                **params.pop("CustomerMetadataProperties", {}),
            }
            for key in params.pop("CustomerMetadataPropertiesToRemove", []):
                metadata.pop(key, None)
            if metadata or "CustomerMetadataProperties" in record:
                params["CustomerMetadataProperties"] = metadata
            added = params.pop("AdditionalInferenceSpecificationsToAdd", [])
            if added:
                params["AdditionalInferenceSpecifications"] = [
                    *record.get("AdditionalInferenceSpecifications", []),
                    *added,
                ]
            changed = sorted(key for key, value in params.items() if record.get(key) != value)
            record.update(params, LastModifiedTime=now(), LastModifiedBy={})
            self._save(record, changed)
        return {"ModelPackageArn": record["ModelPackageArn"]}

    @operation("DeleteModelPackage")
    def delete(self, params: Params) -> Answer:
        """Remove a package; its version is not given again."""
        with self._store.transaction():
            record = self._package(params["ModelPackageName"])
            arn = record["ModelPackageArn"]
            self._store.delete(_PACKAGE, self._context.name(_PACKAGE, arn))
            forget_tags(self._context, arn)
            self._emit({**record, "ModelPackageStatus": "Deleting"}, [])
        return {}

    def _group(self, name_or_arn: str) -> Record:
        arn = self._context.arn(_GROUP, self._context.name(_GROUP, name_or_arn))
        missing = ValidationException(f"ModelPackageGroup {arn} does not exist.")
        return self._context.find(_GROUP, name_or_arn, missing)

    def _package(self, name_or_arn: str) -> Record:
        arn = self._context.arn(_PACKAGE, self._context.name(_PACKAGE, name_or_arn))
        missing = ValidationException(f"ModelPackage {arn} does not exist.")
        return self._context.find(_PACKAGE, name_or_arn, missing)

    def _versioned(self, params: Params) -> Record:
        if "ModelPackageName" in params:
            raise ValidationException("Give either ModelPackageName or ModelPackageGroupName, not both.")
        group = self._group(params["ModelPackageGroupName"])
        name, version = group["ModelPackageGroupName"], group["LastVersion"] + 1
        self._store.update(_GROUP, name, LastVersion=version)
        return {
            # AWS's default for versioned packages (API_CreateModelPackage, ModelApprovalStatus).
            "ModelApprovalStatus": "PendingManualApproval",
            **self._common(params, f"{name}/{version}"),
            "ModelPackageGroupName": name,
            "ModelPackageVersion": version,
        }

    def _named(self, params: Params) -> Record:
        if "ModelPackageName" not in params:
            raise ValidationException("Give either ModelPackageName or ModelPackageGroupName.")
        arn = self._context.arn(_PACKAGE, params["ModelPackageName"])
        if self._store.get(_PACKAGE, params["ModelPackageName"]):
            raise ValidationException(f"ModelPackage already exists: {arn}")
        return self._common(params, params["ModelPackageName"])

    def _common(self, params: Params, name: str) -> Record:
        for container in params.get("InferenceSpecification", {}).get("Containers", []):
            try:
                container.setdefault("ImageDigest", self._context.images.resolve(container["Image"]).digest)
            except UnknownImage as unknown:
                raise ValidationException(str(unknown)) from None
        return {
            "CertifyForMarketplace": False,
            **params,
            "ModelPackageArn": self._context.arn(_PACKAGE, name),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CreationTime": now(),
            "CreatedBy": {},
        }

    def _save(self, record: Record, changed: Sequence[str] | None = None) -> None:
        self._store.put(_PACKAGE, self._context.name(_PACKAGE, record["ModelPackageArn"]), record)
        self._emit(record, changed)

    def _emit(self, record: Record, changed: Sequence[str] | None) -> None:
        content = detail("DescribeModelPackage", record, iso)
        if changed is not None:
            content["UpdatedModelPackageFields"] = changed
        self._context.emit("SageMaker Model Package State Change", content, [record["ModelPackageArn"]])

    def resume(self) -> None:
        """Nothing runs behind the registry."""

    def close(self) -> None:
        """Nothing runs behind the registry."""
