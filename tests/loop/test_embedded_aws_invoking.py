"""InvokeEndpoint: who may call is checked for every call, and every call is counted and captured."""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import pytest
import urllib3
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.cloud import Cloud
from tests.loop.raw_stacks import (
    Json,
    allow,
    assume,
    att,
    client_of,
    create_role,
    eventually,
    put_policy,
    role,
    stack,
)
from tests.loop.tiny_cloud import BUCKET, IMAGE, tiny_cloud

ENDPOINT = "flights-x"
ARN = f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{ENDPOINT}"
ACCOUNT = "arn:aws:iam::000000000000"
ROOT = {"AWS": f"{ACCOUNT}:root"}
INVOKE = allow("sagemaker:InvokeEndpoint", ARN)
pool = urllib3.PoolManager(maxsize=8)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An embedded AWS of its own, with one endpoint that answers "one" and captures everything."""
    with tiny_cloud(tmp_path_factory.mktemp("invoking")) as cloud:
        begin_serving(cloud)
        yield cloud


def begin_serving(cloud: Cloud) -> None:
    iam = client_of(cloud, "iam")
    create_role(iam, "model", {"Service": "sagemaker.amazonaws.com"}, allow("*", "*"))
    create_role(iam, "caller", ROOT, INVOKE)
    sagemaker = client_of(cloud, "sagemaker")
    sagemaker.create_model(
        ModelName="one",
        ExecutionRoleArn=f"{ACCOUNT}:role/model",
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/one.tar.gz"},
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="one",
        ProductionVariants=[
            {
                "VariantName": "primary",
                "ModelName": "one",
                "InstanceType": "ml.c5.large",
                "InitialInstanceCount": 2,
            }
        ],
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        },
    )
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="one")
    shown = eventually(lambda: status(sagemaker) != "Creating", 30)
    assert shown
    assert status(sagemaker) == "InService"


def status(sagemaker: Any) -> str:
    return str(sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"])


def session_of(cloud: Cloud, name: str = "caller") -> dict[str, str]:
    return assume(lambda service: client_of(cloud, service), f"{ACCOUNT}:role/{name}")


def call(
    cloud: Cloud,
    session: dict[str, str] | None,
    *,
    body: bytes = b"1,2\n",
    sent: bytes | None = None,
    ago: float = 0.0,
    change: dict[str, str] | None = None,
    extra: dict[str, str] | None = None,
) -> tuple[int, str, str]:
    """Status, error code and text of a call; `sent` instead of the signed body, `change` after signing."""
    url = f"{cloud.url}/endpoints/{ENDPOINT}/invocations"
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "text/csv", **(extra or {})})
    if session:
        keys = Credentials(
            session["AccessKeyId"], session["SecretAccessKey"], session.get("SessionToken") or None
        )
        moment = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=ago)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
            botocore.auth.SigV4Auth(keys, "sagemaker", cloud.region).add_auth(request)
    headers = {**dict(request.headers.items()), **(change or {})}
    answer = pool.request("POST", url, body=body if sent is None else sent, headers=headers, redirect=False)
    return answer.status, answer.headers.get("x-amzn-ErrorType", ""), answer.data.decode()


OK = (200, "", "one")


@pytest.mark.parametrize("known", [False, True], ids=["first", "after a good call"])
def test_a_call_that_is_not_signed_right_is_refused(cloud: Cloud, known: bool) -> None:
    session = session_of(cloud)
    if known:
        assert call(cloud, session) == OK
    wrong = {**session, "SecretAccessKey": "x" * 40}
    hashed = {"X-Amz-Content-SHA256": "12a3ca0bcab9da72a1c5b1d7d5c3c1f3d64d5ff6ab54ff6d2f7f1bbf8f0a3e11"}
    refused = [
        (call(cloud, wrong), "InvalidSignatureException"),
        (call(cloud, session, sent=b"6,6,6\n"), "InvalidSignatureException"),
        (call(cloud, session, sent=b"6,6,6\n", extra=hashed), "InvalidSignatureException"),
        (call(cloud, session, change={"Content-Type": "application/json"}), "InvalidSignatureException"),
        (call(cloud, session, ago=310), "InvalidSignatureException"),
        (call(cloud, session, ago=-310), "InvalidSignatureException"),
        (call(cloud, {**session, "SessionToken": ""}), "UnrecognizedClientException"),
        (call(cloud, {**session, "SessionToken": "another"}), "UnrecognizedClientException"),
        (call(cloud, {**session, "AccessKeyId": "ASIAUNKNOWN000000000"}), "UnrecognizedClientException"),
        (call(cloud, None), "MissingAuthenticationTokenException"),
    ]
    assert [(answer[0], answer[1]) for answer, _ in refused] == [(403, code) for _, code in refused]
    assert "Signature expired" in refused[4][0][2]
    assert "not yet current" in refused[5][0][2]
    assert call(cloud, session, ago=240) == OK


def test_a_change_of_policy_counts_for_the_next_call(cloud: Cloud) -> None:
    iam = client_of(cloud, "iam")
    session = session_of(cloud)
    try:
        assert [call(cloud, session) for _ in range(3)] == [OK] * 3
        put_policy(iam, "caller", [INVOKE, {**INVOKE, "Effect": "Deny"}])
        code, kind, text = call(cloud, session)
        assert (code, kind) == (403, "AccessDeniedException")
        assert "with an explicit deny in an identity-based policy" in text
        put_policy(iam, "caller", [INVOKE])
        assert [call(cloud, session) for _ in range(2)] == [OK] * 2
        put_policy(iam, "caller", [allow("sagemaker:InvokeEndpoint", ARN + "-other")])
        code, kind, text = call(cloud, session)
        assert (code, kind) == (403, "AccessDeniedException")
        assert f"perform: sagemaker:InvokeEndpoint on resource: {ARN} because no identity-based" in text
    finally:
        put_policy(iam, "caller", [INVOKE])


def test_a_permission_ends_with_its_time(cloud: Cloud) -> None:
    iam = client_of(cloud, "iam")
    end = datetime.now(UTC) + timedelta(seconds=4)
    until = {"DateLessThan": {"aws:CurrentTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    create_role(iam, "hasty", ROOT, {**INVOKE, "Condition": until})
    session = session_of(cloud, "hasty")
    assert [call(cloud, session) for _ in range(2)] == [OK] * 2
    assert eventually(lambda: call(cloud, session)[:2] == (403, "AccessDeniedException"), 10)


def test_an_access_key_is_good_until_it_is_deactivated_or_deleted(cloud: Cloud) -> None:
    iam = client_of(cloud, "iam")
    iam.create_user(UserName="ann")
    document = json.dumps({"Version": "2012-10-17", "Statement": [INVOKE]})
    iam.put_user_policy(UserName="ann", PolicyName="invoke", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert [call(cloud, key) for _ in range(2)] == [OK] * 2
    named = {"UserName": "ann", "AccessKeyId": key["AccessKeyId"]}
    iam.update_access_key(**named, Status="Inactive")
    assert call(cloud, key)[:2] == (403, "UnrecognizedClientException")
    iam.update_access_key(**named, Status="Active")
    assert [call(cloud, key) for _ in range(2)] == [OK] * 2
    iam.delete_access_key(**named)
    assert call(cloud, key)[:2] == (403, "UnrecognizedClientException")


def test_a_stack_that_takes_a_permission_away_takes_it_at_once(cloud: Cloud) -> None:
    def client(service: str, credentials: dict[str, str] | None = None) -> Any:
        return client_of(cloud, service, credentials)

    caller = role("ec2.amazonaws.com")
    caller["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = ROOT
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "invoke",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [INVOKE]},
            "Roles": [{"Ref": "Caller"}],
        },
    }
    template = {
        "Resources": {"Caller": caller, "Policy": policy},
        "Outputs": {"Arn": {"Value": att("Caller", "Arn")}},
    }
    with stack(client, "callers", template["Resources"], Outputs=template["Outputs"]) as outputs:
        session = assume(client, outputs["Arn"])
        assert [call(cloud, session) for _ in range(2)] == [OK] * 2
        del template["Resources"]["Policy"]
        cloudformation = client("cloudformation")
        cloudformation.update_stack(
            StackName="callers", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )
        cloudformation.get_waiter("stack_update_complete").wait(
            StackName="callers", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        assert call(cloud, session)[:2] == (403, "AccessDeniedException")


def test_every_call_is_counted_and_captured(cloud: Cloud) -> None:
    session = session_of(cloud)
    begun = datetime.now(UTC) - timedelta(minutes=5)
    before, captured_before = eventually_still(lambda: (counted(cloud, begun), len(captured(cloud))))
    bodies = [b"garbage" if number % 50 == 0 else b"%d,1\n" % number for number in range(400)]
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda body: call(cloud, session, body=body)[0], bodies))
    assert Counter(answers) == {200: 392, 424: 8}

    def since() -> dict[str, float]:
        return {name: value - before[name] for name, value in counted(cloud, begun).items()}

    assert eventually(lambda: since()["Invocations"] >= 400, 10)
    assert since() == {"Invocations": 400, "InvocationsPerInstance": 200, "Invocation4XXErrors": 8}
    assert eventually(lambda: len(captured(cloud)) - captured_before >= 392, 15)
    wanted = {body.decode() for body in bodies if body != b"garbage"}
    shown = [line["captureData"]["endpointInput"]["data"] for line in captured(cloud)]
    assert {text: count for text, count in Counter(shown).items() if text in wanted} == dict.fromkeys(
        wanted, 1
    )


def test_a_request_that_breaks_off_is_not_sent_on(cloud: Cloud) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=5)
    before = eventually_still(lambda: counted(cloud, begun))
    scope = f"test/{begun:%Y%m%d}/us-east-1/sagemaker/aws4_request"
    head = (
        f"POST /endpoints/{ENDPOINT}/invocations HTTP/1.1\r\nHost: here\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n"
        "Content-Length: 100\r\n\r\n"
    )
    host, _, port = cloud.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b"1,2")
    assert eventually_still(lambda: counted(cloud, begun)) == before


def counted(cloud: Cloud, begun: datetime) -> dict[str, float]:
    """The sums of the endpoint's metrics."""
    cloudwatch = client_of(cloud, "cloudwatch")
    sums = {}
    for name in ("Invocations", "InvocationsPerInstance", "Invocation4XXErrors"):
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[
                {"Name": "EndpointName", "Value": ENDPOINT},
                {"Name": "VariantName", "Value": "primary"},
            ],
            StartTime=begun,
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        sums[name] = sum(point["Sum"] for point in found["Datapoints"])
    return sums


def captured(cloud: Cloud) -> list[Json]:
    """Every line that was captured."""
    s3 = client_of(cloud, "s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="captured/")
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def eventually_still(look: Any) -> Any:
    """What `look` sees once it has seen the same for two seconds."""
    seen = look()
    since = time.monotonic()
    while time.monotonic() - since < 2:
        time.sleep(0.2)
        if (now := look()) != seen:
            seen, since = now, time.monotonic()
    return seen
