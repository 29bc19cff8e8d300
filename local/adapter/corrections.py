"""Small places where ministack answers other than AWS, and our templates or the CDK notice."""

import asyncio
import contextvars
import json
import time
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from local.adapter import seams

_DEPLOYMENT_SECONDS = 3.0
_LONGEST_DELAY_S = 900
_SSE = "x-amz-server-side-encryption"
_SSE_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def install() -> None:
    """Put the corrections in."""
    _encrypt_with_the_service_key()
    _name_repositories()
    _miss_images()
    _trust_the_network_of_aws()
    _answer_after_short_deployments()
    _show_endpoint_policies()
    _tell_policies_of_namespaces()
    _refuse_long_delays()


def _encrypt_with_the_service_key() -> None:
    """A write that asks for aws:kms and names no key is encrypted with AWS's own key for S3.

    docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html, x-amz-server-side-encryption-aws-kms-key-id
    """
    before = seams.s3._resolve_sse_write_headers

    def resolve(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(_SSE) == "aws:kms" and not headers.get(_SSE_KEY):
            region, account = seams.responses.get_region(), seams.responses.get_account_id()
            headers = {**headers, _SSE_KEY: f"arn:aws:kms:{region}:{account}:alias/aws/s3"}
        return before(headers, bucket)

    seams.s3._resolve_sse_write_headers = resolve


def _name_repositories() -> None:
    """ecr:DescribeRepositories is about the repositories that it names."""
    before = seams.iam_actions.extract_resource_arn

    def extract(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        arn: str = before(service, method, path, headers, body, query_params, region, account_id)
        if service == "ecr" and arn == "*" and b"repositoryNames" in body:
            names = json.loads(body).get("repositoryNames") or [""]
            return f"arn:aws:ecr:{region}:{account_id}:repository/{names[0]}"
        return arn

    seams.iam_actions.extract_resource_arn = extract


def _miss_images() -> None:
    """ecr:DescribeImages refuses an image that is not there, by which the CDK sees that it must publish it.

    docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html, ImageNotFoundException
    """
    before = seams.ecr._describe_images

    def describe(data: dict[str, Any]) -> Any:
        name = data.get("repositoryName", "")
        for wanted in data.get("imageIds") or []:
            if name in seams.ecr._repositories and not seams.ecr._find_image(name, wanted):
                shown = ", ".join(f"{key}:'{value}'" for key, value in sorted(wanted.items()))
                return seams.responses.error_response_json(
                    "ImageNotFoundException",
                    f"The image with imageId {{{shown}}} does not exist within the repository with name "
                    f"'{name}' in the registry with id '{seams.responses.get_account_id()}'",
                    400,
                )
        return before(data)

    seams.ecr._describe_images = describe


def _trust_the_network_of_aws() -> None:
    """What comes with no request is a call between services, which policies see as aws:SecureTransport."""
    own = contextvars.ContextVar("request_origin", default=("127.0.0.1", True))
    seams.iam_evaluator._request_origin = own


def _show_endpoint_policies() -> None:
    """ec2:DescribeVpcEndpoints tells the policies of endpoints."""
    before = seams.ec2._vpce_fields_xml

    def fields(endpoint: dict[str, Any], tag: str = "item") -> str:
        shown: str = before(endpoint, tag)
        policy = endpoint.get("PolicyDocument")
        if not policy:
            return shown
        text = escape(policy if isinstance(policy, str) else json.dumps(policy))
        return f"{shown.removesuffix(f'</{tag}>')}<policyDocument>{text}</policyDocument></{tag}>"

    seams.ec2._vpce_fields_xml = fields


def _tell_policies_of_namespaces() -> None:
    """Policies about cloudwatch:PutMetricData see the condition key cloudwatch:namespace.

    docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
    """
    before = seams.iam_actions.request_tag_context

    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = before(service, iam_action, body, params)
        if iam_action == "cloudwatch:PutMetricData" and (namespace := _namespace(body, params)):
            found["cloudwatch:namespace"] = namespace
        return found

    seams.iam_actions.request_tag_context = context


def _namespace(body: bytes, params: dict[str, Any]) -> str:
    """The namespace that a request names as a query or in JSON."""
    given = params.get("Namespace")
    if given is None and body[:1] == b"{":
        try:
            given = json.loads(body).get("Namespace")
        except ValueError:
            return ""
    given = given[0] if isinstance(given, list) and given else given
    return given if isinstance(given, str) else ""


def _refuse_long_delays() -> None:
    """sqs:SendMessage takes delays of 15 minutes at most.

    docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, DelaySeconds
    """
    before = seams.sqs._act_send_message

    def send(data: dict[str, Any], qurl: str) -> Any:
        delay = int(data.get("DelaySeconds") or 0)
        if not 0 <= delay <= _LONGEST_DELAY_S:
            raise seams.sqs._Err(
                "InvalidParameterValue",
                f"Value {delay} for parameter DelaySeconds is invalid. "
                "Reason: DelaySeconds must be >= 0 and <= 900.",
            )
        return before(data, qurl)

    seams.sqs._act_send_message = send
    seams.sqs._HANDLERS["SendMessage"] = send


def _answer_after_short_deployments() -> None:
    """The answer to ExecuteChangeSet waits a moment for the stack, which is quick here.

    The CDK looks at once when it has the answer, and then only every five seconds.
    """
    before = seams.app.SERVICE_HANDLERS["cloudformation"]

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        answer = await before(method, path, headers, body, query)
        asked = parse_qs(body.decode(errors="replace")) if b"ExecuteChangeSet" in body else {}
        stack = asked.get("StackName") or asked.get("ChangeSetName") or [""]
        deadline = time.monotonic() + _DEPLOYMENT_SECONDS
        while asked and _deploys(stack[0]) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return answer

    seams.app.SERVICE_HANDLERS["cloudformation"] = handle


def _deploys(name_or_id: str) -> bool:
    return any(
        stack["StackStatus"].endswith("_IN_PROGRESS")
        for stack in seams.cloudformation._stacks.values()
        if name_or_id in (stack["StackName"], stack["StackId"])
    )
