"""What people are told and asked by: chats, links, two people's approvals; and nothing of it elsewhere."""

import importlib
import json
from typing import Any

import pytest

from approve.decision import COMPLETE
from declaration import Data, Endpoint, OnApproval, OnDrift, OnGate, OnQuality, Project, Webhook
from tell import messages
from tests.stacks.policies import Call, Policy, resource_policies, roles
from tests.stacks.synthesised import Resource, Synthesised, synthesise
from tests.stacks.test_stack_permissions import ACCOUNT, SAGEMAKER

STACK = "asked-retraining"
METHOD, FUNCTION = "AWS::ApiGateway::Method", "AWS::Lambda::Function"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A project whose models two people approve, also by link, and one whose models nobody does."""
    endpoint = Endpoint(calls_per_minute=60)
    return synthesise(
        tmp_path_factory.mktemp("people"),
        Project(
            name="asked",
            data=Data(target="late"),
            endpoint=endpoint,
            deploy=OnApproval(people=2, link_valid="3 days"),
            notify=["ann@example.com", "bob@example.com", Webhook("asked-chat"), Webhook("team/chat")],
            retrain=[OnDrift(retrain=False), OnQuality(at_least=0.7)],
        ),
        Project(
            name="alone",
            data=Data(target="late"),
            endpoint=endpoint,
            deploy=OnGate(),
            notify=Webhook("alone-chat"),
        ),
    )


def variables(app: Synthesised, name: str) -> dict[str, Any]:
    (found,) = [f for f in app.of(FUNCTION) if f.properties["FunctionName"] == name]
    module, _, handle = found.properties["Handler"].rpartition(".")
    assert getattr(importlib.import_module(module), handle).__module__ == module
    environment: dict[str, Any] = dict(found.properties["Environment"]["Variables"])
    return environment


def named(app: Synthesised, type_: str, stack: str) -> dict[str, Resource]:
    return {each.name: each for each in app.of(type_, stack)}


def test_nothing_is_found_in_them(people: Synthesised) -> None:
    assert people.findings == []


def test_without_a_word_the_registry_is_all_that_there_is(flights: Synthesised) -> None:
    functions = {f.properties["FunctionName"] for f in flights.of(FUNCTION)}
    assert "flights-approve" not in functions
    assert {t.properties["TableName"] for t in flights.of("AWS::DynamoDB::Table")} == {
        "flights-retraining",
        "flights-news",
    }
    told = variables(flights, "flights-tell")
    assert (told["PEOPLE"], told["WEBHOOKS"], told["SERVES"]) == ("1", "", "yes")
    assert "LINK_KEY" not in told
    assert "APPROVALS_TABLE" not in variables(flights, "flights-promote")


def test_every_mail_address_and_every_chat_hears(people: Synthesised) -> None:
    found = people.of("AWS::SNS::Subscription", "asked-observability")
    assert {s.properties["Endpoint"] for s in found} == {"ann@example.com", "bob@example.com"}
    (chats,) = people.of("AWS::SNS::Subscription", STACK)
    assert chats.properties["Protocol"] == "sqs"
    assert "TellQueue" in str(chats.properties["Endpoint"])
    assert variables(people, "asked-tell")["WEBHOOKS"] == "asked-chat team/chat"


def test_the_rules_send_what_tell_reads(people: Synthesised) -> None:
    rules = {r.properties["Name"]: r.properties for r in people.of("AWS::Events::Rule", STACK)}
    assert tuple(rules["asked-told"]["EventPattern"]["detail-type"]) == messages.OURS
    assert rules["asked-told"]["EventPattern"]["detail"] == {"project": ["asked"]}
    made = rules["asked-model-made"]["EventPattern"]
    assert made["detail"]["ModelApprovalStatus"] == ["PendingManualApproval"]
    assert made["detail-type"] == [messages.PACKAGE]
    assert rules["asked-tell-failed"]["EventPattern"]["detail-type"] == [messages.EXECUTION]
    assert rules["asked-remind"]["ScheduleExpression"] == "rate(1 day)"
    others = {r.properties["Name"]: r.properties for r in people.of("AWS::Events::Rule", "alone-retraining")}
    assert others["alone-model-made"]["EventPattern"]["detail"]["ModelApprovalStatus"] == ["Approved"]
    assert "alone-remind" not in others
    assert variables(people, "alone-tell")["PEOPLE"] == "0"


def test_promotion_hears_when_the_last_of_two_has_approved(people: Synthesised) -> None:
    rules = {r.properties["Name"]: r.properties for r in people.of("AWS::Events::Rule")}
    complete = rules["asked-approved"]
    assert complete["EventPattern"] == {
        "source": ["sageloop"],
        "detail-type": [COMPLETE],
        "detail": {"project": ["asked"]},
    }
    assert "PromoteQueue" in str(complete["Targets"])
    assert "alone-approved" not in rules


def test_a_person_signs_with_iam_and_a_link_is_throttled(people: Synthesised) -> None:
    methods = {
        (m.properties["HttpMethod"], m.properties["AuthorizationType"], _last(people, m))
        for m in people.of(METHOD, STACK)
    }
    assert methods == {
        ("POST", "AWS_IAM", "{version}"),
        ("GET", "NONE", "link"),
        ("POST", "NONE", "link"),
    }
    (stage,) = people.of("AWS::ApiGateway::Stage", STACK)
    limits = {
        s["ResourcePath"]: (s["ThrottlingRateLimit"], s["ThrottlingBurstLimit"])
        for s in stage.properties["MethodSettings"]
    }
    assert limits["/~1link"] == (1, 5)
    assert not people.of(METHOD, "alone-retraining")


def _last(app: Synthesised, method: Resource) -> Any:
    ((_, logical_id),) = method.properties["ResourceId"].items()
    return app.templates[method.stack]["Resources"][logical_id]["Properties"]["PathPart"]


def test_links_are_signed_by_a_key_that_does_nothing_else(people: Synthesised) -> None:
    key = named(people, "AWS::KMS::Key", STACK)["LinkKey"]
    assert (key.properties["KeySpec"], key.properties["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")
    told, asked = variables(people, "asked-tell"), variables(people, "asked-approve")
    assert told["LINK_KEY"] == asked["LINK_KEY"] == {"Fn::GetAtt": [key.logical_id, "Arn"]}
    assert told["LINK_SECONDS"] == str(3 * 86_400)
    assert asked["PEOPLE"] == told["PEOPLE"] == "2"


def test_promotion_reads_who_has_approved(people: Synthesised) -> None:
    promote = variables(people, "asked-promote")
    table = named(people, "AWS::DynamoDB::Table", STACK)["Approvals"]
    assert (promote["PEOPLE"], promote["APPROVALS_TABLE"]) == ("2", {"Ref": table.logical_id})
    assert table.body["DeletionPolicy"] == "Retain"
    outputs = people.templates[STACK]["Outputs"]
    assert outputs["PeopleToApprove"]["Value"] == "2"
    assert {"ApprovalsApiUrl", "ApprovalsTable", "ApproveFunction", "TellFunction"} <= outputs.keys()


@pytest.fixture(scope="module")
def policies(people: Synthesised) -> dict[str, Policy]:
    return {policy.name: policy for policy in (*roles(people), *resource_policies(people))}


PACKAGE = f"{SAGEMAKER}:model-package/asked/1"
ALLOWED = {
    f"{STACK}/Tell/Role": [
        Call("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{ACCOUNT}:secret:team/chat-AbCdEf"),
        Call("kms:GenerateMac", "LinkKey.Arn"),
    ],
    f"{STACK}/ApproveRole": [
        Call("dynamodb:PutItem", "Approvals.Arn"),
        Call("sagemaker:UpdateModelPackage", PACKAGE),
        Call("kms:VerifyMac", "LinkKey.Arn"),
        Call("events:PutEvents", f"arn:aws:events:{ACCOUNT}:event-bus/default"),
    ],
    f"{STACK}/Promote/Role": [Call("dynamodb:GetItem", "Approvals.Arn")],
    f"{STACK}/TellQueue": [
        Call("sqs:SendMessage", "TellQueue.Arn", {"aws:SourceArn": "Notifications"}, "sns.amazonaws.com")
    ],
}
REFUSED = [
    (f"{STACK}/Tell/Role", Call("kms:VerifyMac", "LinkKey.Arn")),
    (f"{STACK}/Tell/Role", Call("sagemaker:UpdateModelPackage", PACKAGE)),
    (f"{STACK}/Tell/Role", Call("dynamodb:GetItem", "Approvals.Arn")),
    (
        f"{STACK}/Tell/Role",
        Call("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{ACCOUNT}:secret:other-AbCdEf"),
    ),
    (f"{STACK}/ApproveRole", Call("kms:GenerateMac", "LinkKey.Arn")),
    (f"{STACK}/ApproveRole", Call("sagemaker:UpdateModelPackage", f"{SAGEMAKER}:model-package/alone/1")),
    (f"{STACK}/Promote/Role", Call("dynamodb:PutItem", "Approvals.Arn")),
    ("alone-retraining/Tell/Role", Call("kms:GenerateMac", "LinkKey.Arn")),
    (
        f"{STACK}/TellQueue",
        Call("sqs:SendMessage", "TellQueue.Arn", {"aws:SourceArn": "x"}, "sns.amazonaws.com"),
    ),
]


@pytest.mark.parametrize("name", ALLOWED)
def test_each_function_may_do_its_part(policies: dict[str, Policy], name: str) -> None:
    assert [call for call in ALLOWED[name] if policies[name].decide(call) != "Allow"] == []


@pytest.mark.parametrize(("name", "call"), REFUSED)
def test_no_function_may_do_anothers(policies: dict[str, Policy], name: str, call: Call) -> None:
    assert policies[name].decide(call) != "Allow"


def test_the_template_holds_no_address_of_a_chat(people: Synthesised) -> None:
    content = json.dumps(people.templates)
    assert "hooks." not in content
    assert "SecretString" not in content
