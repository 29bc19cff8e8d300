"""Endpoint configurations: immutable, and resolved to a plan when an endpoint is made of one."""

from typing import Any

from local.errors import ValidationException
from local.sagemaker import events
from local.sagemaker.context import Context, now
from local.sagemaker.hosting import config_rules
from local.sagemaker.hosting.models import Models, host
from local.sagemaker.hosting.plan import AsyncPlan, CapturePlan, FleetPlan, VariantPlan
from local.sagemaker.operations import Answer, Params
from local.sagemaker.pagination import listed, page
from local.sagemaker.store import Record
from local.sagemaker.tags import forget_tags, set_tags, tags_of

_CONCURRENCY = 4
"""Requests that an instance gets at a time where the configuration leaves it to SageMaker."""


class EndpointConfigs:
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs and DeleteEndpointConfig."""

    def __init__(self, context: Context, models: Models) -> None:
        self._context = context
        self._models = models

    def create_config(self, params: Params) -> Answer:
        """Keep a configuration whose models exist."""
        context, name = self._context, params["EndpointConfigName"]
        arn = context.arn("endpoint-config", name)
        self._check(params)
        record = {**params, "EndpointConfigArn": arn, "CreationTime": now()}
        with context.store.transaction():
            if context.store.get("endpoint-config", name):
                raise ValidationException(f'Cannot create already existing endpoint configuration "{arn}".')
            context.store.put("endpoint-config", name, record)
            set_tags(context, arn, params.get("Tags"))
            detail = events.detail("DescribeEndpointConfig", record, events.milliseconds)
            tags = {tag["Key"]: tag["Value"] for tag in tags_of(context, arn)}
            context.emit("SageMaker Endpoint Config State Change", {**detail, "Tags": tags}, [arn])
        return {"EndpointConfigArn": arn}

    def describe_config(self, params: Params) -> Answer:
        """Show a configuration."""
        return self.find(params["EndpointConfigName"])

    def list_configs(self, params: Params) -> Answer:
        """Page through the configurations."""
        records = listed(self._context.store.list("endpoint-config"), params, name="EndpointConfigName")
        configs, token = page(records, params)
        return {"EndpointConfigs": configs, "NextToken": token}

    def delete_config(self, params: Params) -> Answer:
        """Forget a configuration; endpoints that were made from it go on."""
        record = self.find(params["EndpointConfigName"])
        with self._context.store.transaction():
            self._context.store.delete("endpoint-config", record["EndpointConfigName"])
            forget_tags(self._context, record["EndpointConfigArn"])
        return {}

    def find(self, name: str) -> Record:
        """The record of a configuration; ValidationException if there is none."""
        arn = self._context.arn("endpoint-config", name)
        missing = ValidationException(f'Could not find endpoint configuration "{arn}".')
        return self._context.find("endpoint-config", name, missing)

    def plan(self, name: str) -> FleetPlan:
        """Everything that a fleet of this configuration needs; ValidationException if a part is missing."""
        record = self.find(name)
        return FleetPlan(
            name,
            self._variants(record, "ProductionVariants"),
            _capture(record.get("DataCaptureConfig")),
            _asynchronous(record.get("AsyncInferenceConfig")),
            self._variants(record, "ShadowProductionVariants"),
        )

    def _variants(self, record: Record, member: str) -> tuple[VariantPlan, ...]:
        return tuple(
            self._models.variant(variant, record.get("KmsKeyId"))
            if "ModelName" in variant
            else host(variant, record)
            for variant in record.get(member, ())
        )

    def _check(self, params: Params) -> None:
        config_rules.check(params)
        for variant in (*params["ProductionVariants"], *params.get("ShadowProductionVariants", ())):
            if "ModelName" in variant:
                self._models.find(variant["ModelName"])


def _asynchronous(config: dict[str, Any] | None) -> AsyncPlan | None:
    if not config:
        return None
    output, notices = config["OutputConfig"], config["OutputConfig"].get("NotificationConfig", {})
    return AsyncPlan(
        output=output["S3OutputPath"],
        failure=output.get("S3FailurePath"),
        kms_key=output.get("KmsKeyId"),
        success_topic=notices.get("SuccessTopic"),
        error_topic=notices.get("ErrorTopic"),
        response_in=tuple(notices.get("IncludeInferenceResponseIn", ())),
        concurrency=config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", _CONCURRENCY),
    )


def _capture(config: dict[str, Any] | None) -> CapturePlan | None:
    if not config or not config.get("EnableCapture", True):
        return None
    headers = config.get("CaptureContentTypeHeader", {})
    return CapturePlan(
        destination=config["DestinationS3Uri"],
        percent=config["InitialSamplingPercentage"],
        kms_key=config.get("KmsKeyId"),
        modes=tuple(sorted(_modes(config["CaptureOptions"]))),
        csv_types=tuple(headers.get("CsvContentTypes", ())),
        json_types=tuple(headers.get("JsonContentTypes", ())),
    )


def _modes(options: list[dict[str, str]]) -> set[str]:
    named = {option["CaptureMode"] for option in options}
    return {"Input", "Output"} if "InputAndOutput" in named else named
