"""What must survive: buckets, key, registry; and the network around everything."""

import pytest

from tests.stacks.synthesised import Synthesised

BUCKETS = ["AccessLogs", "Incoming", "Artifacts", "Captured"]


def test_what_must_survive_is_retained(flights: Synthesised) -> None:
    kept = ["AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SageMaker::ModelPackageGroup"]
    resources = [resource for type_ in kept for resource in flights.of(type_)]
    assert len(resources) == 6
    for resource in resources:
        assert resource.body["DeletionPolicy"] == resource.body["UpdateReplacePolicy"] == "Retain"


def test_nothing_of_a_project_that_need_not_be_kept_is_retained(several: Synthesised) -> None:
    churn = [resource for resource in several.resources if resource.stack.startswith("churn-")]
    assert {resource.body.get("DeletionPolicy", "Delete") for resource in churn} == {"Delete"}


def test_a_shared_key_is_retained_while_one_project_needs_it(several: Synthesised) -> None:
    assert several.one("AWS::KMS::Key", "common-key").body["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private_versioned_and_cleaned_up(flights: Synthesised, name: str) -> None:
    (bucket,) = [bucket for bucket in flights.of("AWS::S3::Bucket") if bucket.name == name]
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket.properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket.properties["LifecycleConfiguration"]["Rules"]
    assert "BucketName" not in bucket.properties


@pytest.mark.parametrize("name", BUCKETS[1:])
def test_data_lies_under_the_customer_managed_key_and_access_is_logged(
    flights: Synthesised, name: str
) -> None:
    (bucket,) = [bucket for bucket in flights.of("AWS::S3::Bucket") if bucket.name == name]
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert "Key" in str(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])
    assert bucket.properties["LoggingConfiguration"]["LogFilePrefix"] == f"{name.lower()}/"


def test_only_incoming_data_makes_events_and_without_a_custom_resource(flights: Synthesised) -> None:
    speaking = [b.name for b in flights.of("AWS::S3::Bucket") if "NotificationConfiguration" in b.properties]
    assert speaking == ["Incoming"]
    assert not [r for r in flights.resources if r.body["Type"].startswith("Custom::")]


def test_the_key_rotates(flights: Synthesised) -> None:
    assert flights.one("AWS::KMS::Key").properties["EnableKeyRotation"] is True


def test_the_network_has_no_way_to_the_internet(app: Synthesised) -> None:
    for type_ in ("InternetGateway", "NatGateway", "EIP", "Route", "VPCGatewayAttachment"):
        assert app.of(f"AWS::EC2::{type_}") == []
    assert {s.properties["MapPublicIpOnLaunch"] for s in app.of("AWS::EC2::Subnet")} == {False}


def test_two_zones_without_a_look_at_the_account(flights: Synthesised) -> None:
    zones = [subnet.properties["AvailabilityZone"] for subnet in flights.of("AWS::EC2::Subnet")]
    assert zones == [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in range(2)]


def test_endpoints_that_cost_exist_only_for_notebooks(flights: Synthesised, several: Synthesised) -> None:
    def endpoints(app: Synthesised, stack: str) -> list[str]:
        return sorted(
            f"{e.properties['VpcEndpointType']} {e.name}" for e in app.of("AWS::EC2::VPCEndpoint", stack)
        )

    paid = ["Gateway S3", "Interface SageMakerApi", "Interface SageMakerRuntime"]
    assert endpoints(flights, "flights-network") == paid
    assert endpoints(several, "shared-network") == paid  # one of the two projects has a workbench
    assert endpoints(several, "bare-network") == ["Gateway S3"]


def test_jobs_take_nothing_in(flights: Synthesised) -> None:
    for group in flights.of("AWS::EC2::SecurityGroup"):
        ingress = group.properties.get("SecurityGroupIngress", [])
        assert [rule["CidrIp"] for rule in ingress] == (["10.0.0.0/16"] if group.name == "Endpoints" else [])


def test_all_traffic_is_recorded(app: Synthesised) -> None:
    assert len(app.of("AWS::EC2::FlowLog")) == len(app.of("AWS::EC2::VPC"))
    assert {log.properties["TrafficType"] for log in app.of("AWS::EC2::FlowLog")} == {"ALL"}
