"""One asynchronous request from S3 to a container and back to S3, and the notice of how it ended."""

import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import ApiError
from local.host import AccessDenied, Host
from local.sagemaker.hosting.async_metrics import AsyncMeter
from local.sagemaker.hosting.backlog import AsyncRequest, Queued
from local.sagemaker.hosting.instance import Instance, Reply
from local.sagemaker.hosting.notices import notice
from local.sagemaker.hosting.plan import AsyncPlan, VariantPlan
from local.sagemaker.s3 import location

_S3_ERRORS = (ClientError, BotoCoreError, AccessDenied, ApiError)


class InstanceLost(Exception):
    """The instance ended before it had answered."""


@dataclass(frozen=True)
class Delivery:
    """Carries requests of one endpoint out; blocks, never raises but InstanceLost."""

    host: Host
    plan: AsyncPlan
    variant: VariantPlan
    meter: AsyncMeter

    def carry_out(self, queued: Queued, instance: Instance) -> None:
        """Get the payload, ask the container, keep the answer and tell of it."""
        request, begun = queued.request, time.time()
        self._count(request, "TimeInBacklog", (begun - request.received) * 1e3, "Milliseconds")
        try:
            payload = self._payload(queued)
        except _S3_ERRORS as error:
            self._count(request, "RequestDownloadFailures", 1)
            self.fail(request, f"ClientError: Failed to download the payload {request.input}: {error}")
            return
        try:
            reply = self._ask(request, payload, instance)
        except TimeoutError:
            self._count(request, "Invocation5XXErrors", 1)
            self.fail(request, f"ClientError: The model did not answer in {request.timeout:.0f} seconds.")
            return
        except OSError as error:
            raise InstanceLost from error
        if reply.status >= 300:
            side = "client" if reply.status < 500 else "server"
            why = (
                f"ClientError: Received {side} error ({reply.status}) from model. See the SageMaker Endpoint "
                "logs in your account for more information."
            )
            self.fail(request, why, reply)
        else:
            self._succeed(request, reply)
        self._count(request, "TotalProcessingTime", (time.time() - request.received) * 1e3, "Milliseconds")

    def fail(self, request: AsyncRequest, why: str, reply: Reply | None = None) -> None:
        """Keep what the model said, if it said something, and tell the error topic."""
        self._count(request, "InvocationFailures", 1)
        place = request.failure if reply else None
        if reply and place:
            try:
                self._put(place, reply)
            except _S3_ERRORS:
                self._count(request, "ResponseUploadFailures", 1)
                place = None
        included = reply.body if reply and "ERROR_NOTIFICATION_TOPIC" in self.plan.response_in else None
        self._tell(self.plan.error_topic, request, place, reply, included, why)

    def _succeed(self, request: AsyncRequest, reply: Reply) -> None:
        begun = time.time()
        try:
            self._put(request.output, reply)
        except _S3_ERRORS as error:
            self._count(request, "ResponseUploadFailures", 1)
            self.fail(request, f"ClientError: Failed to upload the response to {request.output}: {error}")
            return
        self._count(request, "ResponseUploadLatency", (time.time() - begun) * 1e6, "Microseconds")
        # AWS's own spelling.
        self._count(request, "InvocationsProcesssed", 1)
        included = reply.body if "SUCCESS_NOTIFICATION_TOPIC" in self.plan.response_in else None
        self._tell(self.plan.success_topic, request, request.output, reply, included, None)

    def _payload(self, queued: Queued) -> bytes:
        if queued.request.input is None:
            return queued.body or b""
        begun = time.time()
        place = location(queued.request.input)
        with self._client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"] as body:
            payload: bytes = body.read()
        self._count(queued.request, "RequestDownloadLatency", (time.time() - begun) * 1e6, "Microseconds")
        return payload

    def _ask(self, request: AsyncRequest, payload: bytes, instance: Instance) -> Reply:
        begun = time.time()
        reply = instance.post(payload, request.headers, request.timeout)
        self._count(request, "ModelLatency", (time.time() - begun) * 1e6, "Microseconds")
        self._count(request, "Invocation4XXErrors", float(400 <= reply.status < 500))
        self._count(request, "Invocation5XXErrors", float(reply.status >= 500))
        return reply

    def _put(self, uri: str, reply: Reply) -> None:
        place = location(uri)
        key = self.plan.kms_key
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        self._client("s3").put_object(
            Bucket=place.bucket,
            Key=place.key,
            Body=reply.body,
            ContentType=reply.content_type,
            **encryption,
        )

    def _tell(
        self,
        topic: str | None,
        request: AsyncRequest,
        place: str | None,
        reply: Reply | None,
        included: bytes | None,
        why: str | None,
    ) -> None:
        if not topic:
            return
        content_type = reply.content_type if reply else None
        message = notice(
            request,
            self.host.region,
            time.time(),
            place=place,
            content_type=content_type,
            failure=why,
            included=included,
        )
        try:
            self._client("sns").publish(TopicArn=topic, Message=message)
        except (ClientError, BotoCoreError, AccessDenied) as error:
            self._count(request, "NotificationFailures", 1)
            group = f"/aws/sagemaker/Endpoints/{request.endpoint}"
            self.host.write_log(group, f"{self.variant.name}/data-log", [f"No notice to {topic}: {error}"])

    def _client(self, service: str) -> Any:
        return self.host.client(service, self.variant.role)

    def _count(self, request: AsyncRequest, name: str, value: float, unit: str = "Count") -> None:
        self.meter.record(request.endpoint, self.variant.name, name, value, unit)
