"""The function behind the API of approvals: a command signed by a person, or a link out of a message.

IAM actions, and what they are needed on:
- sagemaker:DescribeModelPackage, sagemaker:UpdateModelPackage: the group's packages (model-package/<group>/*)
- dynamodb:GetItem, dynamodb:PutItem: the table of approvals
- events:PutEvents: the default event bus
- kms:VerifyMac: the key of the links, where links are sent
- logs:CreateLogStream, logs:PutLogEvents: its log group
"""

import json
import os
import re
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

import awsclients
from approve import page
from approve.decision import Approvals, NotTold, Outcome, Wish
from approve.evidence import Contended, Records, Used
from approve.links import Links
from approve.registry import PENDING, Package, Registry
from approve.tokens import BadToken, Claim

WISHES = ("approve", "reject")
VERSION = re.compile(r"[1-9]\d{0,8}")
# All links of all messages count as one person: who has the mail is not known.
BY_LINK = "whoever has the message"
REASON_LENGTH = 300
# An answer to API Gateway:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
Answer = dict[str, Any]

logger = Logger(service="approve")


class BadRequest(ValueError):
    """The call is not one that this API takes; the text says what is wrong."""


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> Answer:  # noqa: ARG001
    """Answer a call of the API."""
    asked = (event["httpMethod"], event["resource"])
    try:
        if asked == ("POST", "/versions/{version}"):
            return _decide(event)
        if asked == ("GET", "/link"):
            return _show(event)
        if asked == ("POST", "/link"):
            return _follow(event)
    except BadRequest as error:
        return _told(400, str(error))
    except (Contended, NotTold) as error:
        logger.warning("Not decided", reason=str(error))
        return _told(503, "others decide at the same time: try again")
    return _told(404, "there is nothing here")


def _decide(event: Mapping[str, Any]) -> Answer:
    """A person's decision; who that is, API Gateway says, which has checked the signature."""
    who = event["requestContext"]["identity"]["userArn"]
    version = str((event.get("pathParameters") or {}).get("version", ""))
    if not VERSION.fullmatch(version):
        raise BadRequest("the version must be a number")
    wish, reason = _wish(_body(event))
    package = _registry().package(int(version))
    if package is None:
        return _told(404, f"there is no version {version}")
    outcome = _approvals().decide(package, who, wish, reason)
    logger.info("Decided", version=outcome.version, who=who, wish=wish, status=outcome.status)
    answer = {"version": outcome.version, "status": outcome.status}
    told = {**answer, "approvers": outcome.approvers, "needed": outcome.needed}
    return _json(202 if wish == "approve" and outcome.needed else 200, told)


def _show(event: Mapping[str, Any]) -> Answer:
    """The page behind a link; it changes nothing."""
    token = str((event.get("queryStringParameters") or {}).get("t", ""))
    try:
        _, package = _linked(token)
    except BadToken:
        return _html(404, page.invalid())
    return _html(200, page.question(os.environ["PROJECT"], package, token, int(os.environ["PEOPLE"])))


def _follow(event: Mapping[str, Any]) -> Answer:
    """The decision of whoever followed a link."""
    form = parse_qs(_body(event))
    token, wish = (form.get(name, [""])[0] for name in ("t", "decision"))
    if wish not in WISHES:
        return _html(404, page.invalid())
    try:
        claim = _links().claim(token)
        package = _registry().package(claim.version)
        if package and package.approval != PENDING and _records().used(claim) == wish:
            # Whoever got no answer presses again, and is told what became of it.
            return _html(200, page.answer(os.environ["PROJECT"], Outcome(claim.version, package.approval)))
        package = _undecided(package)
        _records().use(claim, wish)
    except (BadToken, Used):
        return _html(404, page.invalid())
    outcome = _approvals().decide(package, BY_LINK, cast(Wish, wish))
    logger.info("Decided", version=outcome.version, who=BY_LINK, wish=wish, status=outcome.status)
    return _html(200, page.answer(os.environ["PROJECT"], outcome))


def _linked(token: str) -> tuple[Claim, Package]:
    """What a link is for, as long as nobody has decided on it; raises BadToken."""
    claim = _links().claim(token)
    return claim, _undecided(_registry().package(claim.version))


def _undecided(package: Package | None) -> Package:
    if package is None or package.approval != PENDING:
        raise BadToken("it was decided otherwise")
    return package


def _wish(body: str) -> tuple[Wish, str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body must be JSON") from error
    match found:
        case {"decision": "approve" | "reject" as wish, **more}:
            reason = more.get("reason", "")
            if isinstance(reason, str):
                return cast(Wish, wish), " ".join(reason.split())[:REASON_LENGTH]
    raise BadRequest('the body must be {"decision": "approve" or "reject", "reason": a text}')


def _body(event: Mapping[str, Any]) -> str:
    body = event.get("body") or ""
    return b64decode(body).decode(errors="replace") if event.get("isBase64Encoded") else str(body)


def _told(status: int, message: str) -> Answer:
    return _json(status, {"message": message})


def _json(status: int, content: Mapping[str, Any]) -> Answer:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(content)}


def _html(status: int, content: str) -> Answer:
    return {"statusCode": status, "headers": dict(page.HEADERS), "body": content}


@cache
def _registry() -> Registry:
    return Registry(awsclients.client("sagemaker"), os.environ["PACKAGE_PREFIX"])


@cache
def _records() -> Records:
    return Records(awsclients.client("dynamodb"), os.environ["TABLE_NAME"])


@cache
def _approvals() -> Approvals:
    return Approvals(
        os.environ["PROJECT"],
        int(os.environ["PEOPLE"]),
        records=_records(),
        registry=_registry(),
        events=awsclients.client("events"),
    )


@cache
def _links() -> Links:
    return Links(awsclients.client("kms"), os.environ["LINK_KEY"], os.environ["PROJECT"])
